//! The entry point: expands an attribute on a function, a block or any other item.

use demarcate_rules::{Attributed, Kind, On};
use proc_macro2::TokenStream;

use crate::block;
use crate::function::{compile_errors, expand_function};

/// Expands one attribute. The user's item is emitted even if it has errors, and the errors follow it.
pub(crate) fn expand(kind: Kind, args: TokenStream, item: TokenStream) -> TokenStream {
    let Attributed { args, on, errors } = Attributed::read(kind, args, item.clone());
    let (mut tokens, reported) = match on {
        On::Function(function, checked) => (
            expand_function(kind, &args, &function, checked, &errors),
            compile_errors(&errors, function.cfgs()),
        ),
        On::Block(block) => (block::expand(&args, &block), compile_errors(&errors, [])),
        On::Other => (item, compile_errors(&errors, [])),
    };
    tokens.extend(reported);
    tokens
}
