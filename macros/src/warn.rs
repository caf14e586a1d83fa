//! Rules that warn.

use demarcate_rules::Errors;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

// Output:
//     {
//         #[deprecated(note = "a router does not sleep; ..")]
//         macro_rules! D050 { () => {} }
//         D050!();
//     }
//
// A proc macro cannot warn on stable. Of what is deprecated, a macro is what rustc says least about: `use of deprecated
// macro `D050`: a router does not sleep; ..`, on the token that is wrong, and `#[allow(deprecated)]` and `-D warnings`
// mean what they always do.
pub(crate) fn all(errors: &Errors) -> TokenStream {
    errors
        .warnings()
        .map(|(rule, error)| {
            let span = error.span();
            // The compiler says the code itself, being the macro's name.
            let text = error.to_string();
            let note = text
                .strip_prefix(rule.code)
                .map_or(text.as_str(), |rest| rest.trim_start_matches([':', ' ']));
            let defined = Ident::new(rule.code, Span::call_site());
            let called = Ident::new(rule.code, span.resolved_at(Span::call_site()));
            quote!({
                #[deprecated(note = #note)]
                macro_rules! #defined { () => {} }
                #called!();
            })
        })
        .collect()
}
