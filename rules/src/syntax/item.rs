//! Reads the item of an attribute.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Ident, Token, Visibility, token};

use crate::errors::Errors;
use crate::kind::Kind;
use crate::syntax::block::Block;
use crate::syntax::function::Function;

/// The item of an attribute.
pub enum Item {
    /// A function or a method, with a body or, in a trait, without.
    Function(Box<Function>),
    /// An `impl`, a `trait` or an inline `mod`.
    Block(Block, Other),
    /// Something else.
    Other(Other),
}

/// An item that is not a function, with its keyword.
#[derive(Debug)]
pub struct Other {
    keyword: Ident,
    /// An `impl`, a `trait` or a `mod`: a block of functions.
    block: bool,
}

impl Item {
    /// Reads an item. The body of a function is not looked at.
    ///
    /// # Errors
    ///
    /// The beginning of the item cannot be read.
    pub fn parse(tokens: TokenStream) -> syn::Result<Self> {
        let parse = |input: ParseStream<'_>| {
            if let Some(other) = parse_keyword(&input.fork())? {
                // The rest is read by `Block::parse`.
                input.parse::<TokenStream>()?;
                return Ok(Err(other));
            }
            Ok(Ok(Self::Function(Box::new(input.parse()?))))
        };
        Ok(parse.parse2(tokens.clone())?.unwrap_or_else(|other| {
            match Block::parse(tokens).filter(|_| other.block) {
                Some(block) => Self::Block(block, other),
                None => Self::Other(other),
            }
        }))
    }
}

impl Other {
    /// Reports that the attribute does not support this item.
    pub fn refuse(&self, kind: Kind, errors: &mut Errors) {
        let attribute = kind.attribute();
        let Self { keyword, block } = self;
        let message = if kind == Kind::Service && *block {
            format!(
                "`{attribute}` on a `{keyword}` holds for the functions between its braces; put it where they are"
            )
        } else {
            format!(
                "`{attribute}` goes on a function; put it on the `fn` that is a {}",
                kind.noun()
            )
        };
        errors.argument(keyword, message);
    }
}

/// The keyword of an item that is not a function.
fn parse_keyword(input: ParseStream<'_>) -> syn::Result<Option<Other>> {
    input.call(Attribute::parse_outer)?;
    input.parse::<Visibility>()?;
    let mut found = None;
    if input.peek(Token![impl])
        || input.peek(Token![trait])
        || input.peek(Token![mod])
        || (input.peek(Token![unsafe]) && !input.peek2(Token![fn]) && !input.peek2(Token![extern]))
    {
        input.parse::<Option<Token![unsafe]>>()?;
        let keyword = input.call(Ident::parse_any)?;
        found = Some(Other {
            keyword,
            block: true,
        });
    } else if input.peek(Token![struct])
        || input.peek(Token![enum])
        || input.peek(Token![static])
        || input.peek(Token![type])
        || input.peek(Token![use])
        || input.peek(Token![let])
        || (input.peek(Token![const])
            && (input.peek2(Ident) || input.peek2(Token![_]))
            && !input.peek2(Token![fn]))
        || (input.peek(Ident) && !input.peek2(Token![fn]) && !input.peek2(Token![async]))
        || (input.peek(Token![extern]) && (input.peek2(Token![crate]) || input.peek2(token::Brace)))
    {
        let keyword = input.call(Ident::parse_any)?;
        found = Some(Other {
            keyword,
            block: false,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_function(text: &str) -> bool {
        matches!(
            Item::parse(text.parse().expect("tokens")),
            Ok(Item::Function(_))
        )
    }

    fn refused(kind: Kind, text: &str) -> String {
        match Item::parse(text.parse().expect("tokens")) {
            Ok(Item::Other(other) | Item::Block(_, other)) => {
                let mut errors = Errors::default();
                other.refuse(kind, &mut errors);
                errors
                    .iter()
                    .map(|mistake| mistake.error.to_string())
                    .collect()
            }
            _ => String::new(),
        }
    }

    #[test]
    fn functions_of_every_sort_are_read() {
        for text in [
            "fn f() {}",
            "async fn f(&self) -> A;",
            "#[a] pub(crate) async unsafe fn f<T>() where T: A { #![allow(a)] half typed . }",
            "pub const fn f() {}",
            "extern \"C\" fn f() {}",
            "unsafe extern \"C\" fn f() {}",
            "default async fn f() {}",
        ] {
            assert!(is_function(text), "{text}");
        }
    }

    #[test]
    fn other_items_are_told_apart() {
        for text in [
            "struct A;",
            "pub enum A {}",
            "const A: u8 = 1;",
            "static A: u8 = 1;",
            "type A = B;",
            "use a;",
            "union A { a: u8 }",
        ] {
            assert!(
                refused(Kind::Service, text).contains("goes on a function"),
                "{text}"
            );
        }
        for text in [
            "impl A {}",
            "unsafe impl A for B {}",
            "pub trait A {}",
            "pub unsafe trait A {}",
            "mod a {}",
        ] {
            assert!(
                matches!(
                    Item::parse(text.parse().expect("tokens")),
                    Ok(Item::Block(..))
                ),
                "{text}"
            );
            assert!(
                refused(Kind::Router, text).contains("goes on a function"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_no_panic() {
        for text in [
            "",
            "5",
            "fn",
            "async",
            "fn f(",
            "pub",
            "fn f() -> ;",
            "{}",
            "#",
            "async fn (a)",
        ] {
            let Ok(tokens) = text.parse() else { continue };
            assert!(Item::parse(tokens).is_err(), "{text}");
        }
    }
}
