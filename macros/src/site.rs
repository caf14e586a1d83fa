use demarcate_rules::{Args, Kind};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;

use crate::expand::Marked;

impl Marked<'_> {
    // Output:
    //     ::demarcate::__private::Site::new("post_order", ::demarcate::__private::Kind::Router, file!(), line!())
    //
    // The line is the function's, since `line!()` stands where its name does.
    pub(crate) fn site(&self) -> TokenStream {
        let private = self.private();
        let ident = &self.function.sig.ident;
        let name = match &self.args.name {
            Some(name) => name.to_token_stream(),
            None => ident.unraw().to_string().to_token_stream(),
        };
        let kind = match self.kind {
            Kind::Router => quote!(Router),
            Kind::Service => quote!(Service),
            Kind::Job => quote!(Job),
        };
        let line = quote_spanned!(ident.span()=> ::core::line!());
        quote!(#private::Site::new(#name, #private::Kind::#kind, ::core::file!(), #line))
    }

    // Output:
    //     ::demarcate::TxOptions::new().isolation(::demarcate::Isolation::Serializable).read_only()
    pub(crate) fn options(&self) -> TokenStream {
        let krate = &self.krate;
        let Args {
            isolation,
            read_only,
            deferrable,
            independent,
            timeout,
            ..
        } = self.args;
        let isolation = isolation.iter().map(|level| {
            let level = &level.0;
            quote!(.isolation(#krate::Isolation::#level))
        });
        let timeout = timeout.iter().map(|timeout| {
            let (secs, nanos) = (timeout.after.as_secs(), timeout.after.subsec_nanos());
            quote!(.timeout(::core::time::Duration::new(#secs, #nanos)))
        });
        let flags = [read_only, deferrable, independent]
            .into_iter()
            .flatten()
            .map(|flag| quote!(.#flag()));
        quote!(#krate::TxOptions::new() #(#isolation)* #(#flags)* #(#timeout)*)
    }
}
