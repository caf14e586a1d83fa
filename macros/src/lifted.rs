//! Rules of the statement guard that an attribute lifts.

use demarcate_rules::Allowed;
use proc_macro2::TokenStream;
use quote::quote;
use syn::Ident;
use syn::ext::IdentExt;

// Input:
//     #[service(allow(D044, reason = "a cache of its own"))]
//     async fn warm_up(tx: &mut Session) -> Result<(), sqlx::Error> { body }
//
// Output, at the beginning of the body:
//     {
//         static LIFTED: ::demarcate::__private::Lifted =
//             ::demarcate::__private::Lifted::by_attribute("D044", "a cache of its own", "warm_up", 0x4c5c..);
//         ::demarcate::__private::allow(tx, &LIFTED);
//     }
//
// Tells the statement guard, which works at run time, which rules the attribute lifts. The runtime compares the number, which
// is computed from the other parts: nobody lifts a rule by hand and without a reason.
pub(crate) fn lift<'a>(
    session: &Ident,
    allowed: impl IntoIterator<Item = &'a Allowed>,
    function: &Ident,
    private: &TokenStream,
) -> TokenStream {
    let function = function.unraw().to_string();
    let mut lifted: Vec<&str> = Vec::new();
    let mut output = TokenStream::new();
    for Allowed { rule, reason, .. } in allowed {
        // A rule may be lifted by the function and by the block around it.
        if !rule.is_guarded() || lifted.contains(&rule.code) {
            continue;
        }
        lifted.push(rule.code);
        let code = rule.code;
        let reason = reason.as_ref().map(syn::LitStr::value).unwrap_or_default();
        let seal = sealed(code, &reason, &function);
        output.extend(quote!({
            static LIFTED: #private::Lifted =
                #private::Lifted::by_attribute(#code, #reason, #function, #seal);
            #private::allow(#session, &LIFTED);
        }));
    }
    output
}

/// FNV-1a over the parts and the release, as the runtime computes it (`runtime/src/macro_support/lifted.rs`).
fn sealed(rule: &str, reason: &str, function: &str) -> u64 {
    let parts = [env!("CARGO_PKG_VERSION"), rule, reason, function];
    parts.iter().fold(0xcbf2_9ce4_8422_2325, |hash, part| {
        let hash = part.bytes().fold(hash, step);
        step(hash, 0xff)
    })
}

fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}
