//! Warnings of rules that do not fail the build.

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
// A proc macro cannot warn on stable, so a deprecated macro is called. Its message has the fewest words of rustc's own,
// ``use of deprecated macro `D050`: a router does not sleep; ..``, it points at the wrong token, and
// `#[allow(deprecated)]` and `-D warnings` apply as usual.
pub(crate) fn all(errors: &Errors) -> TokenStream {
    errors
        .warnings()
        .map(|(rule, error)| {
            let span = error.span();
            // The code is the name of the macro, which the compiler prints.
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
