//! Replaces the body of a function that returns a session, which no lifetime could allow.

use demarcate_rules::{Args, Body, Function, Kind};
use proc_macro2::{Delimiter, Group};
use quote::quote;
use syn::visit_mut::{self, VisitMut};
use syn::{Path, ReturnType, TypeReference, parse_quote};

use crate::paths;

// Input:
//     #[router_tx]
//     async fn post_order(tx: &mut Session) -> Result<&mut Session, Error> { Ok(tx) }
//
// Output, in place of the function, whose error was reported:
//     #[router_tx]
//     async fn post_order(tx: &mut Session) -> Result<&'static mut Session, Error> {
//         ::demarcate::__private::unreached()
//     }
//
// Otherwise the compiler would ask for a lifetime, and then report that nothing lives long enough.
pub(crate) fn replaced(
    kind: Kind,
    args: &Args,
    function: &Function,
    krate: &Path,
) -> Option<Function> {
    let Body::Braced(body) = &function.body else {
        return None;
    };
    if function.sessions_returned(kind, args).is_empty() {
        return None;
    }
    let mut function = function.clone();
    if let ReturnType::Type(_, ty) = &mut function.sig.output {
        Static.visit_type_mut(ty);
    }
    let private = paths::private(krate);
    let unreached = quote!(#private::unreached());
    let mut braces = Group::new(Delimiter::Brace, unreached);
    braces.set_span(body.span());
    function.body = Body::Braced(braces);
    Some(function)
}

struct Static;

impl VisitMut for Static {
    fn visit_type_reference_mut(&mut self, node: &mut TypeReference) {
        node.lifetime = Some(parse_quote!('static));
        visit_mut::visit_type_reference_mut(self, node);
    }
}
