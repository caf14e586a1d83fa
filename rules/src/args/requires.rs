//! Reads `requires(..)`, the options that a service needs of its caller's boundary.

use syn::Token;
use syn::parse::{ParseStream, Parser};

use super::argument::{Argument, Read, Value, skip_to_comma};
use super::options::Requires;
use super::values;
use crate::suggest;

impl Read<'_> {
    /// `requires(isolation = Serializable, read_write)`
    pub(super) fn requires(&mut self, slot: &mut Option<Requires>) {
        let option = self.argument.name.clone();
        let form = self.form;
        let missing = format!(
            "`requires` says what the service needs; write `{form}`, `read_write`, or both"
        );
        let tokens = match &self.argument.value {
            Value::Other(tokens) => tokens.clone(),
            Value::Given(value) => return self.errors.argument(value, missing),
            Value::None | Value::Pattern(..) => return self.errors.argument(option, missing),
        };
        let mut requires = Requires {
            option: option.clone(),
            isolation: None,
            read_write: None,
            is_of_block: false,
        };
        let mut is_wrong = false;
        let list = |input: ParseStream<'_>| {
            let content;
            syn::parenthesized!(content in input);
            while !content.is_empty() {
                let before = self.errors.iter().count();
                match content.call(Argument::parse) {
                    Ok(argument) => self.need(argument, &mut requires),
                    Err(error) => self.errors.syntax(error),
                }
                is_wrong |= self.errors.iter().count() > before;
                skip_to_comma(&content)?;
                content.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        if let Err(error) = list.parse2(tokens) {
            self.errors.syntax(error);
            return;
        }
        if requires.isolation.is_none() && requires.read_write.is_none() {
            if !is_wrong {
                self.errors.argument(option, missing);
            }
            return;
        }
        self.set(slot, requires);
    }

    fn need(&mut self, argument: Argument, requires: &mut Requires) {
        const NEEDS: [&str; 2] = ["isolation", "read_write"];
        let word = argument.name.to_string();
        let mut read = Read {
            form: "isolation = Serializable",
            argument,
            errors: self.errors,
        };
        match word.as_str() {
            "isolation" => read.value(&mut requires.isolation, values::level),
            "read_write" => read.flag(&mut requires.read_write),
            _ => {
                let instead = match suggest::nearest(&word, NEEDS) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => "it takes `isolation = ..` and `read_write`".to_owned(),
                };
                read.errors.argument(
                    &read.argument.name,
                    format!("a service cannot require `{word}`; {instead}"),
                );
            }
        }
    }
}
