use demarcate_rules::Function;
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
    /// The body of a function; `block` is what was read from it, if it could be read.
    pub(crate) fn new(function: &Function, block: Option<Block>) -> Self {
        match block {
            Some(block) => Self::of_block(&block),
            // Half-typed, or of a newer Rust than the parser's. As it is, braces included, or rustc would report its
            // mistakes a second time and in another place.
            None => Self {
                items: TokenStream::new(),
                rest: function.body.to_token_stream(),
                braces: None,
            },
        }
    }

    fn of_block(block: &Block) -> Self {
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
