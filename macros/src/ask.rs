//! Questions about types: what may a parameter, or the receiver of `.commit()`, do to a transaction?

use demarcate_rules::Kind;
use demarcate_rules::control::{self, Control, Judgement, Names};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Block, Expr, ExprMethodCall, Ident, Path, Type, parse_quote};

use crate::expand::Marked;

// Input:
//     order: &NewOrder
//
// Output:
//     let __probe = ::demarcate::__private::Probe::<&NewOrder>::of();
//     ::demarcate::__private::service_takes(__probe.verdict());
//
// The expression that rustc underlines, if the answer is no, begins and ends where the type does.
pub(crate) fn parameters(marked: &Marked<'_>) -> TokenStream {
    let private = marked.private();
    let takes = Ident::new(
        match marked.kind {
            Kind::Router => "router_takes",
            Kind::Service => "service_takes",
            Kind::Job => "job_takes",
        },
        Span::mixed_site(),
    );
    let ask = |ty: &Type| {
        let (start, end) = ends(ty);
        let probe = Ident::new("__probe", start);
        let probed = quote_spanned!(end=> .verdict());
        quote! {
            let #probe = #private::Probe::<#ty>::of();
            #private::#takes(#probe #probed);
        }
    };
    marked.function.foreign_parameters(marked.kind).into_iter().map(ask).collect()
}

// Output:
//     ::demarcate::__private::is_fallible::<Result<Order, sqlx::Error>>();
//
// Not of a service that is not async: it may return a boxed future. Nor of a type that has no name.
pub(crate) fn returned(marked: &Marked<'_>) -> Option<TokenStream> {
    let is_known = marked.function.sig.asyncness.is_some() && marked.returns_named();
    is_known.then(|| {
        let private = marked.private();
        let returned = marked.returned();
        quote!(#private::is_fallible::<#returned>();)
    })
}

// Input:
//     self.index.commit()
//
// Output:
//     (
//         if false {
//             let __probe = ::demarcate::__private::Probe::of_value(&self.index);
//             ::demarcate::__private::commits(__probe.verdict());
//             ::demarcate::__private::unreached::<::core::convert::Infallible>();
//         },
//         self.index.commit(),
//     ).1
//
// A tuple, since a block would drop the temporaries of the receiver at its end. The branch that is never taken ends in a
// loop, so that the receiver is not moved twice.
pub(crate) fn rewrite(block: &mut Block, names: &Names, krate: &Path) -> bool {
    let mut any = false;
    control::each(block, names, &mut |judgement, expr| {
        let Judgement::Ask(control, receiver) = judgement else {
            return;
        };
        let Expr::MethodCall(ExprMethodCall { method, .. }) = &*expr else {
            return;
        };
        let function = Ident::new(
            match control {
                Control::Commit => "commits",
                Control::Rollback => "rolls_back",
                Control::Begin => "begins",
            },
            Span::mixed_site(),
        );
        let span = method.span();
        let probe = Ident::new("__probe", span);
        let probed = quote_spanned!(span=> #probe.verdict());
        *expr = parse_quote! {
            (
                if false {
                    let #probe = #krate::__private::Probe::of_value(&#receiver);
                    #krate::__private::#function(#probed);
                    #krate::__private::unreached::<::core::convert::Infallible>();
                },
                #expr,
            ).1
        };
        any = true;
    });
    any
}

/// Where the first and the last token of something are.
fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.to_token_stream().into_iter();
    let start = tokens.next().map_or_else(Span::call_site, |token| token.span());
    let end = tokens.last().map_or(start, |token| token.span());
    (start, end)
}
