//! The closure over a session that the body of a router or a job becomes.

use demarcate_rules::{Lent, introduced};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Ident;

use crate::lifted;
use crate::marked::Marked;
use crate::span::{located, outer};

impl Marked<'_> {
    // Input:
    //     async fn post_order(tx: &mut Session, ..) -> Ret { body }
    //
    // Output:
    //     async move |tx: &mut ::demarcate::__private::SessionOf<Session>| {
    //         if false {
    //             let __returned: Ret = ::demarcate::__private::unreached();
    //             return __returned;
    //         }
    //         body
    //     }
    //
    // The first `return` fixes the return type: a wrong tail, a wrong early return and a foreign error in `?` are each
    // reported on the user's own expression. The compiler checks a return type on the closure only at its end.
    //
    // For a type that is no session, `SessionOf` reports that once, and suppresses the errors that would follow.
    //
    // A body that may run again (`rerun.rs`) borrows the arguments, without `move`, and begins by cloning them.
    pub(crate) fn closure(&self) -> TokenStream {
        let parameter = match self.lent() {
            Some((Lent::Session { ty, .. }, pat)) => {
                let private = self.private();
                let open = located(quote!(#private::SessionOf<), &ty);
                let close = located(quote!(>), &ty);
                quote!(#pat: &mut #open #ty #close)
            }
            Some((Lent::Factory { ty, .. }, pat)) => quote!(#pat: &#ty),
            None => introduced().into_token_stream(),
        };
        let private = self.private();
        let ty = self.returned();
        let returned = Ident::new("__returned", outer(&ty).1);
        let leave = self.leave();
        let clones = self.clones();
        let body = self.body.with(&quote! {
            if false {
                let #returned: #ty = #private::unreached();
                return #returned;
            }
            #leave
            #clones
        });
        let mode = (!self.is_run_again()).then(|| quote!(move));
        quote!(async #mode |#parameter| #body)
    }

    /// Lifts the rules of the statement guard that the attribute allows.
    pub(crate) fn leave(&self) -> TokenStream {
        let more = self.function.more_lent(self.kind, self.args);
        let more = more
            .iter()
            .filter_map(|lent| self.function.named(lent.index()));
        let sessions = self.session().into_iter().chain(more.cloned());
        let (function, private) = (&self.function.sig.ident, self.private());
        sessions
            .map(|session| lifted::lift(&session, &self.args.allow, function, &private))
            .collect()
    }

    /// A body that the compiler checks and that never runs.
    pub(crate) fn quiet_body(&self) -> TokenStream {
        let private = self.private();
        let closure = self.closure();
        quote! {
            {
                let _ = #closure;
                #private::unreached()
            }
        }
    }
}
