//! The tokens of a function's body, and where statements can be inserted into them.

use demarcate_rules::{Body, Checked, Function};
use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Block, Stmt};

/// A body in two parts, between which tokens can be inserted.
pub(crate) struct BodyTokens {
    /// The items that the body begins with. They stay in front: clippy reports items after statements.
    items: TokenStream,
    /// The rest.
    rest: TokenStream,
    /// The span of the braces, or `None` if `rest` contains them.
    braces: Option<Span>,
}

impl BodyTokens {
    /// The body of a function, as it stands in the source.
    pub(crate) fn of_function(function: &Function, checked: Option<&Checked>) -> Self {
        match (&function.body, checked) {
            (_, Some(Checked { block, .. })) if begins_with_item(block) => Self::of_block(block),
            // Cheaper than printing the parsed block.
            (Body::Braced(group), Some(_)) if group.delimiter() == Delimiter::Brace => Self {
                items: TokenStream::new(),
                rest: group.stream(),
                braces: Some(group.span()),
            },
            (_, Some(Checked { block, .. })) => Self::of_block(block),
            // Half-typed, or written in a newer Rust than the parser knows. It keeps its braces: rustc would otherwise
            // report its mistakes a second time and in another place.
            (body, None) => Self {
                items: TokenStream::new(),
                rest: body.to_token_stream(),
                braces: None,
            },
        }
    }

    /// A body that was parsed, and perhaps rewritten.
    pub(crate) fn of_block(block: &Block) -> Self {
        let count = block
            .stmts
            .iter()
            .take_while(|stmt| matches!(stmt, Stmt::Item(_)))
            .count();
        let (items, rest) = block.stmts.split_at(count);
        Self {
            items: quote!(#(#items)*),
            rest: quote!(#(#rest)*),
            braces: Some(block.brace_token.span.join()),
        }
    }

    // Input:
    //     { const SQL: &str = ".."; statements }
    //
    // Output:
    //     { const SQL: &str = ".."; first statements }
    pub(crate) fn with(&self, first: &TokenStream) -> TokenStream {
        let Self {
            items,
            rest,
            braces,
        } = self;
        let mut group = Group::new(Delimiter::Brace, quote!(#items #first #rest));
        if let Some(span) = braces {
            group.set_span(*span);
        }
        group.into_token_stream()
    }

    /// The body as it is.
    pub(crate) fn plain(&self) -> TokenStream {
        match self.braces {
            Some(_) => self.with(&TokenStream::new()),
            None => self.rest.clone(),
        }
    }
}

fn begins_with_item(block: &Block) -> bool {
    matches!(block.stmts.first(), Some(Stmt::Item(_)))
}
