//! The site and the options of a function, as expressions.

use demarcate_rules::{Kind, Retry, Timeout};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;

use crate::marked::Marked;
use crate::span::behind;

impl Marked<'_> {
    // Output:
    //     ::demarcate::__private::Site::new("post_order", ::demarcate::__private::SiteKind::Router, file!(), line!())
    //
    // The line is the function's, since `line!()` stands directly behind its name: on the name an editor would show what is
    // known of `core`.
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
            // It has no site: its boundaries have their own.
            Kind::Boundary => quote!(Closure),
        };
        let line = quote_spanned!(behind(ident.span())=> ::core::line!());
        quote!(#private::Site::new(#name, #private::SiteKind::#kind, ::core::file!(), #line))
    }

    // Output:
    //     ::demarcate::TxOptions::new().isolation(::demarcate::Isolation::Serializable).read_only()
    pub(crate) fn options(&self) -> TokenStream {
        let krate = &self.krate;
        let isolation = self.args.isolation.iter().map(|level| {
            let level = &level.0;
            quote!(.isolation(#krate::Isolation::#level))
        });
        let replica = self.args.replica.iter();
        let replica = replica.map(|replica| quote!(.replica(#krate::ReadPreference::#replica)));
        let flags = self.args.flags().map(|flag| quote!(.#flag()));
        let timeouts = self.args.timeouts().map(|Timeout { option, after }| {
            let (secs, nanos) = (after.as_secs(), after.subsec_nanos());
            quote!(.#option(::core::time::Duration::new(#secs, #nanos)))
        });
        let retry = self
            .args
            .retry
            .iter()
            .map(|Retry { option, repeats }| quote!(.#option(#repeats)));
        quote!(#krate::TxOptions::new() #(#isolation)* #(#replica)* #(#flags)* #(#timeouts)* #(#retry)*)
    }
}
