//! The tokens of a body, with room at its beginning.

use demarcate_rules::{Body, Checked, Function};
use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Block, Stmt};

/// A body, between whose beginning and whose statements something can be put.
pub(crate) struct BodyTokens {
    /// The items that it begins with. They stay there: code in front of them would be bad style, and be told so.
    items: TokenStream,
    /// The rest.
    rest: TokenStream,
    /// The span of the braces, if they are to be written anew.
    braces: Option<Span>,
}

impl BodyTokens {
    /// The body of a function, as it stands in the source.
    pub(crate) fn of_function(function: &Function, checked: Option<&Checked>) -> Self {
        match (&function.body, checked) {
            (_, Some(Checked { block, .. })) if begins_with_item(block) => Self::of_block(block),
            // To print a block anew takes as long as to read it.
            (Body::Braced(group), Some(_)) if group.delimiter() == Delimiter::Brace => Self {
                items: TokenStream::new(),
                rest: group.stream(),
                braces: Some(group.span()),
            },
            (_, Some(Checked { block, .. })) => Self::of_block(block),
            // Half-typed, or of a newer Rust than the parser's. As it is, braces included, or rustc would report its
            // mistakes a second time and in another place.
            (body, None) => Self {
                items: TokenStream::new(),
                rest: body.to_token_stream(),
                braces: None,
            },
        }
    }

    /// What became of a body.
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
