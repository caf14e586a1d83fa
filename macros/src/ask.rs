//! Questions about types: what may a parameter, or the receiver of `.commit()`, do to a transaction?

use demarcate_rules::Kind;
use demarcate_rules::control::{self, Control, Judgement, Names};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Block, Expr, ExprMethodCall, Ident, PatType, Path, Type, parse_quote};

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
    let of_parameter = |(parameter, types): (_, Vec<_>)| {
        let asked = types.into_iter().map(ask);
        let mut cfgs = cfgs(parameter).peekable();
        match cfgs.peek() {
            Some(_) => quote!(#(#cfgs)* { #(#asked)* }),
            None => quote!(#(#asked)*),
        }
    };
    marked
        .function
        .foreign_parameters(marked.kind)
        .into_iter()
        .map(of_parameter)
        .collect()
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
//             match ::demarcate::__private::Probe::of_value(&self.index) {
//                 __probe => ::demarcate::__private::commits(__probe.verdict()),
//             }
//             loop {}
//         },
//         self.index.commit(),
//     ).1
//
// A tuple, since a block would drop the temporaries of the receiver at its end, and a `match`, since `let` would drop
// those of the question. The branch that is never taken ends in a loop, so that nothing is moved twice.
pub(crate) fn rewrite(block: &mut Block, names: &Names, krate: &Path) {
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
                    match #krate::__private::Probe::of_value(&#receiver) {
                        #probe => #krate::__private::#function(#probed),
                    }
                    loop {}
                },
                #expr,
            ).1
        };
    });
}

/// Puts questions where the compiler answers them and nothing runs.
pub(crate) fn never(asked: &TokenStream) -> TokenStream {
    if asked.is_empty() {
        return TokenStream::new();
    }
    quote!(if false { #asked })
}

/// The conditions under which a parameter is there.
pub(crate) fn cfgs(parameter: &PatType) -> impl Iterator<Item = &Attribute> {
    parameter
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
}

/// Where the first and the last token of something are.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.to_token_stream().into_iter();
    let start = tokens
        .next()
        .map_or_else(Span::call_site, |token| token.span());
    let end = tokens.last().map_or(start, |token| token.span());
    (start, end)
}
