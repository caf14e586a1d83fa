//! Reads one argument and stores it in its field.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, Ident, Pat, Token, token};

use super::options::Kept;
use crate::errors::Errors;

/// `name`, `name = expression`, `name = pattern` or `name(..)`.
pub(super) struct Argument {
    pub(super) name: Ident,
    pub(super) value: Value,
}

pub(super) enum Value {
    None,
    Given(Expr),
    /// Of `no_rollback_for`, and nothing else.
    Pattern(Pat, Option<(Token![if], Box<Expr>)>),
    /// In parentheses, or not readable.
    Other(TokenStream),
}

impl Argument {
    pub(super) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `crate` is a keyword.
        if !input.peek(Ident::peek_any) {
            return Err(input
                .error("an option is written `name` or `name = value`, as in `timeout = \"5s\"`"));
        }
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            if name == "no_rollback_for" {
                Value::pattern(input)?
            } else {
                Value::Given(input.parse()?)
            }
        } else if input.peek(token::Paren) {
            Value::Other(input.parse::<TokenTree>()?.into())
        } else {
            Value::None
        };
        Ok(Self { name, value })
    }
}

impl Value {
    /// `ApiError::NotFound(_) | ApiError::Gone if expected`
    fn pattern(input: ParseStream<'_>) -> syn::Result<Self> {
        let pattern = Pat::parse_multi_with_leading_vert(input).map_err(|error| {
            syn::Error::new(
                error.span(),
                "`no_rollback_for` takes a pattern over the function's error, as in \
                 `no_rollback_for = ApiError::NotFound(_) | ApiError::Gone`",
            )
        })?;
        let guard = match input.parse::<Option<Token![if]>>()? {
            Some(token) => Some((token, Box::new(input.parse()?))),
            None => None,
        };
        Ok(Self::Pattern(pattern, guard))
    }
}

/// One argument on its way to its field.
pub(super) struct Read<'e> {
    pub(super) form: &'static str,
    pub(super) argument: Argument,
    pub(super) errors: &'e mut Errors,
}

impl Read<'_> {
    pub(super) fn flag(&mut self, slot: &mut Option<Ident>) {
        let name = self.argument.name.clone();
        let message = format!("`{name}` takes no value; write `{name}`, or leave it out");
        match &self.argument.value {
            Value::None => self.set(slot, name),
            Value::Given(value) => self.errors.argument(value, message),
            Value::Pattern(pattern, _) => self.errors.argument(pattern, message),
            Value::Other(tokens) => self.errors.argument(tokens, message),
        }
    }

    pub(super) fn value<T>(
        &mut self,
        slot: &mut Option<T>,
        read: impl FnOnce(Expr) -> syn::Result<T>,
    ) {
        match &self.argument.value {
            Value::Given(value) => match read(value.clone()) {
                Ok(value) => self.set(slot, value),
                Err(error) => self.errors.syntax(error),
            },
            _ => self.value_is_missing(),
        }
    }

    pub(super) fn pattern(&mut self, slot: &mut Option<Kept>) {
        match &self.argument.value {
            Value::Pattern(pattern, guard) => {
                let kept = Kept {
                    option: self.argument.name.clone(),
                    pattern: pattern.clone(),
                    guard: guard.clone(),
                };
                self.set(slot, kept);
            }
            _ => self.value_is_missing(),
        }
    }

    fn value_is_missing(&mut self) {
        let form = self.form;
        let name = &self.argument.name;
        match &self.argument.value {
            Value::Other(tokens) => self.errors.argument(
                tokens,
                format!("`{name}` takes its value after `=`; write `{form}`"),
            ),
            _ => self
                .errors
                .argument(name, format!("`{name}` needs a value; write `{form}`")),
        }
    }

    /// The one place where an option can turn out to be given twice.
    pub(super) fn set<T>(&mut self, slot: &mut Option<T>, value: T) {
        let name = &self.argument.name;
        if slot.is_some() {
            self.errors
                .argument(name, format!("`{name}` is given twice; remove one of them"));
        } else {
            *slot = Some(value);
        }
    }
}

/// Goes on behind what could not be read.
pub(super) fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
