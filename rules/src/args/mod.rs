//! The arguments of the three attributes.

mod argument;
mod duration;
mod known;
mod leave;
mod options;
mod requires;
mod together;
mod values;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::Token;
use syn::parse::{ParseStream, Parser};

use self::argument::{Argument, Read, skip_to_comma};
pub use self::options::{Allowed, Args, Denied, Isolation, Kept, Requires, Retry, Timeout};
use crate::errors::Errors;
use crate::kind::Kind;

impl Args {
    /// Parses an attribute's arguments. Mistakes go to `errors`; the valid arguments are kept.
    #[must_use]
    pub fn parse(kind: Kind, tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let list = |input: ParseStream<'_>| {
            while !input.is_empty() {
                match input.call(Argument::parse) {
                    Ok(argument) => args.take(kind, argument, errors),
                    Err(error) => errors.syntax(error),
                }
                skip_to_comma(input)?;
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        if let Err(error) = list.parse2(tokens) {
            errors.syntax(error);
        }
        together::check(&args, errors);
        leave::check(kind, &mut args, errors);
        args
    }

    fn take(&mut self, kind: Kind, argument: Argument, errors: &mut Errors) {
        let Some(known) = known::find(kind, &argument.name, errors) else {
            return;
        };
        let option = argument.name.clone();
        let mut read = Read {
            form: known.form,
            argument,
            errors,
        };
        let timeout = |value| {
            let after = values::duration(value)?;
            Ok(Timeout { option, after })
        };
        match known.name {
            "isolation" => read.value(&mut self.isolation, values::level),
            "replica" => read.value(&mut self.replica, values::replica),
            "read_only" => read.flag(&mut self.read_only),
            "read_write" => read.flag(&mut self.read_write),
            "deferrable" => read.flag(&mut self.deferrable),
            "independent" => read.flag(&mut self.independent),
            "single_statement" => read.flag(&mut self.single_statement),
            "confirm_commit" => read.flag(&mut self.confirm_commit),
            "timeout" => read.value(&mut self.timeout, timeout),
            "statement_timeout" => read.value(&mut self.statement_timeout, timeout),
            "lock_timeout" => read.value(&mut self.lock_timeout, timeout),
            "idle_timeout" => read.value(&mut self.idle_timeout, timeout),
            "retry" => {
                let option = read.argument.name.clone();
                read.value(&mut self.retry, |value| {
                    let repeats = values::repeats(value)?;
                    Ok(Retry { option, repeats })
                });
            }
            "no_rollback_for" => read.pattern(&mut self.no_rollback_for),
            "name" => read.value(&mut self.name, values::name),
            "from" => read.value(&mut self.from, Ok),
            "on_error" => read.value(&mut self.on_error, values::path),
            "crate" => read.value(&mut self.krate, values::path),
            "requires" => read.requires(&mut self.requires),
            "allow" => read.allow(&mut self.allow),
            "deny" => read.deny(&mut self.deny),
            "skip" => read.flag(&mut self.skip),
            _ => {}
        }
    }
}
