//! Reads an attribute and its item, and applies the rules: for the macros and for the audit.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Meta;

use crate::args::Args;
use crate::check::{Checked, check};
use crate::errors::Errors;
use crate::kind::Kind;
use crate::syntax::block::{Block, Member};
use crate::syntax::function::Function;
use crate::syntax::item::Item;

/// One attribute and its item.
pub struct Attributed {
    /// The attribute's arguments.
    pub args: Args,
    /// The item.
    pub on: On,
    /// The mistakes in the arguments and the item. Those inside a block are returned by [`Member::held`].
    pub errors: Errors,
}

/// The item of an attribute.
pub enum On {
    /// A function to which the rules were applied, and its body.
    Function(Box<Function>, Option<Checked>),
    /// A block. The rules are applied to its members with [`Member::held`].
    Block(Block),
    /// An item that the attribute does not support, or that cannot be read. It was reported.
    Other,
}

impl Attributed {
    /// Reads an attribute's arguments and its item.
    #[must_use]
    pub fn read(kind: Kind, args: TokenStream, item: TokenStream) -> Self {
        let mut errors = Errors::default();
        let args = Args::parse(kind, args, &mut errors);
        args.check_skip(&mut errors);
        let on = match Item::parse(item) {
            Ok(Item::Function(function)) => {
                let function = match kind {
                    Kind::Router | Kind::Job => Box::new(function.unboxed()),
                    Kind::Service | Kind::Boundary => function,
                };
                let checked = check(kind, &args, &function, &mut errors);
                On::Function(function, checked)
            }
            Ok(Item::Block(block, _)) if kind == Kind::Service => On::Block(block),
            Ok(Item::Block(_, other) | Item::Other(other)) => {
                other.refuse(kind, &mut errors);
                On::Other
            }
            Err(error) => {
                errors.unreadable(error);
                On::Other
            }
        };
        Self { args, on, errors }
    }
}

impl Member {
    /// Returns the arguments that apply to this member of a block with the arguments `block`, and the mistakes in its own.
    #[must_use]
    pub fn under(&self, block: &Args) -> (Args, Errors) {
        let mut errors = Errors::default();
        let own = Args::parse(Kind::Service, self.given(), &mut errors);
        own.check_skip(&mut errors);
        (own.within(block), errors)
    }

    /// Applies the rules to a function of a block, and returns the arguments that apply to it, its body and its mistakes.
    #[must_use]
    pub fn held(&self, function: &Function, block: &Args) -> (Args, Option<Checked>, Errors) {
        let (args, mut errors) = self.under(block);
        let checked = check(Kind::Service, &args, function, &mut errors);
        (args, checked, errors)
    }

    /// Returns the arguments of its own `#[service(..)]`.
    #[must_use]
    pub fn given(&self) -> TokenStream {
        let lists = self.marks.iter().filter_map(|mark| match &mark.meta {
            Meta::List(list) => Some(list.tokens.to_token_stream()),
            _ => None,
        });
        quote!(#(#lists),*)
    }
}
