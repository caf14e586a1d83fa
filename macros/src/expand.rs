//! Expands an attribute on whatever it stands on.

use demarcate_rules::{Attributed, Kind, On};
use proc_macro2::TokenStream;

use crate::block;
use crate::function::{expand_function, told};

/// Expands one attribute. Whatever is wrong, the user's item is emitted, and then the errors.
pub(crate) fn expand(kind: Kind, args: TokenStream, item: TokenStream) -> TokenStream {
    let Attributed { args, on, errors } = Attributed::read(kind, args, item.clone());
    let (mut tokens, told) = match on {
        On::Function(function, checked) => (
            expand_function(kind, &args, &function, checked, &errors),
            told(&errors, function.cfgs()),
        ),
        On::Block(block) => (block::expand(&args, &block), told(&errors, [])),
        On::Other => (item, told(&errors, [])),
    };
    tokens.extend(told);
    tokens
}
