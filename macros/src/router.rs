//! `#[router_tx]`: a function that takes a session factory, and one call that runs its body in a transaction.

use demarcate_rules::{Binding, bindings, control, plain_name};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, FnArg, Ident, ReceiverKind, Signature, Type};

use crate::marked::Marked;
use crate::span::{located, located_call, outer};
use crate::{fallback, questions, texts};

// Input:
//     #[router_tx(read_only)]
//     async fn get_order(tx: &mut Session, Path(id): Path<i64>) -> Result<Json<Order>, ApiError> {
//         body
//     }
//
// Output:
//     async fn get_order(
//         tx: ::demarcate::FactoryOf<Session>,
//         Path(id): Path<i64>,
//     ) -> Result<Json<Order>, ApiError> {
//         if false { /* may a router take a `Path<i64>`? */ }
//         ::demarcate::__private::router(
//             SITE,
//             &tx,
//             ::demarcate::TxOptions::new().read_only(),
//             ::demarcate::__private::keeps_nothing,
//             async move |tx: &mut Session| { body },
//             |__value| ::demarcate::__private::Answer::of(__value).is_error(),
//         )
//         .await
//     }
//
// The last closure follows the body, from which the type of `__value` is inferred.
//
// With `from = self.db` there is no parameter to replace, and `&(self.db)` stands in place of `&tx`; with `from = app.db`, where
// `app` is an argument that the closure takes, `&(app.db).clone()`.
//
// Output, with `no_rollback_for = PATTERN`, and with `retry = 3`, where the body only borrows:
//     ::demarcate::__private::router(SITE, &tx, OPTIONS, |__error: &E| .., async move |tx: &mut Session| { body }, ..)
//     ::demarcate::__private::router_again(SITE, &tx, OPTIONS, KEEPS, async |tx: &mut Session| { clones; body }, ..)
pub(crate) fn expand(marked: &Marked<'_>) -> TokenStream {
    let private = marked.private();
    let mut sig = marked.lender(marked.function.sig.clone());
    let factory = match (marked.lent(), &marked.args.from) {
        (Some((lent, pat)), None) => {
            let name = plain_name(pat)
                .cloned()
                .unwrap_or_else(|| Ident::new("__factory", Span::mixed_site()));
            let session = lent.ty();
            let krate = &marked.krate;
            let open = located(quote!(#krate::FactoryOf<), session);
            let close = located(quote!(>), session);
            let factory = Type::Verbatim(quote!(#open #session #close));
            retype(&mut sig, lent.index(), factory, &name);
            name.into_token_stream()
        }
        (_, Some(from)) if is_moved(from, marked) => quote!((#from).clone()),
        (_, Some(from)) => quote!((#from)),
        (None, None) => return fallback::unchanged(marked),
    };
    if marked.is_quiet {
        if !marked.returns_named() || sig.asyncness.is_none() {
            return fallback::unchanged(marked);
        }
        return marked.emit(&sig, &marked.quiet_body());
    }
    let (parameters, fallible) = (questions::parameters(marked), questions::returned(marked));
    let (carried, kept) = (questions::carried_out(marked), questions::kept(marked));
    let texts = texts::questions(marked);
    let asked = questions::never(&quote!(#parameters #fallible #carried #kept #texts));
    let (site, options, closure) = (marked.site(), marked.options(), marked.closure());
    let returned = marked.returned();
    let warnings = &marked.warnings;
    // The bound of the call that a user may miss is the one on the error.
    let error = match marked.function.result() {
        (_, Some(error)) => error,
        _ => &returned,
    };
    let run = if marked.is_run_again() {
        quote!(router_again)
    } else {
        quote!(router)
    };
    let keeps = marked.keeps();
    let value = Ident::new("__value", Span::mixed_site());
    let fails = quote!(|#value| #private::Answer::of(#value).is_error());
    let run = located_call(
        quote!(#private::#run),
        quote!(#site, &#factory, #options, #keeps, #closure, #fails),
        error,
    );
    let awaited = quote_spanned!(outer(error).0=> .await);
    marked.emit(
        &sig,
        &quote! {
            {
                #asked
                #warnings
                #run #awaited
            }
        },
    )
}

/// Whether the factory is a part of an argument that is moved into the closure: `from = app.db` with `State(app): State<App>`.
fn is_moved(from: &Expr, marked: &Marked<'_>) -> bool {
    let place = match from {
        Expr::Reference(inner) => &*inner.expr,
        place => place,
    };
    let Some(Expr::Path(first)) = control::chain(place).last() else {
        return false;
    };
    let sig = &marked.function.sig;
    sig.inputs.iter().any(|input| match input {
        FnArg::Receiver(receiver) => {
            first.path.is_ident("self") && !matches!(receiver.kind, ReceiverKind::Reference(..))
        }
        FnArg::Typed(parameter) => {
            let is_it = |binding: &Binding<'_>| first.path.is_ident(binding.name);
            !matches!(*parameter.ty, Type::Reference(_))
                && bindings(&parameter.pat).iter().any(is_it)
        }
    })
}

/// Gives the parameter at that index another type, and a plain name if it has none.
fn retype(sig: &mut Signature, index: usize, ty: Type, name: &Ident) {
    if let Some(FnArg::Typed(parameter)) = sig.inputs.iter_mut().nth(index) {
        *parameter.pat = syn::parse_quote!(#name);
        *parameter.ty = ty;
    }
}
