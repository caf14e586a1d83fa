//! Collects the mistakes of one function.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::PatType;

use crate::kind::Kind;
use crate::rule::{Level, Rule};

/// The mistakes of one function, in the order in which they were found.
#[derive(Debug, Default)]
pub struct Errors {
    mistakes: Vec<Mistake>,
    /// The `#[cfg(..)]` of the parameter that is looked at.
    cfgs: TokenStream,
    /// Rules that do not apply to the function.
    allowed: Vec<&'static Rule>,
    /// Rules that are errors here, whatever their level.
    denied: Vec<&'static Rule>,
}

/// One mistake, on the tokens that are wrong.
#[derive(Debug)]
pub struct Mistake {
    /// The rule that was broken; `None` where the attribute itself is written wrongly.
    pub rule: Option<&'static Rule>,
    /// Whether it stops the build.
    pub level: Level,
    /// The `#[cfg(..)]` of the parameter that it is about.
    pub cfgs: TokenStream,
    /// Message and place.
    pub error: syn::Error,
}

impl Errors {
    /// Sets the rules that do not count from here on, and those that are errors whatever their level.
    pub(crate) fn under(&mut self, allowed: Vec<&'static Rule>, denied: Vec<&'static Rule>) {
        self.allowed = allowed;
        self.denied = denied;
    }

    /// Runs `look`, and marks its mistakes with the `#[cfg(..)]` of a parameter.
    pub(crate) fn about(&mut self, parameter: &PatType, look: impl FnOnce(&mut Self)) {
        self.cfgs = parameter
            .attrs
            .iter()
            .filter(|attr| attr.path().is_ident("cfg"))
            .map(ToTokens::to_token_stream)
            .collect();
        look(self);
        self.cfgs = TokenStream::new();
    }

    /// Records a broken rule, unless it is allowed. `what` fills the `{what}` of its message.
    pub(crate) fn rule(&mut self, rule: &'static Rule, kind: Kind, what: &str, on: impl ToTokens) {
        self.rule_as(rule, &rule.text(kind, what), on);
    }

    /// Records a broken rule in other words than its own, unless it is allowed.
    pub(crate) fn rule_as(&mut self, rule: &'static Rule, text: &str, on: impl ToTokens) {
        let is = |other: &&Rule| other.code == rule.code;
        if self.allowed.iter().any(is) {
            return;
        }
        let level = match rule.level {
            Level::Warn if self.denied.iter().any(is) => Level::Deny,
            level => level,
        };
        self.mistakes.push(Mistake {
            rule: Some(rule),
            level,
            cfgs: self.cfgs.clone(),
            error: syn::Error::new_spanned(on, text),
        });
    }

    /// Records a mistake in the attribute itself.
    pub(crate) fn argument(&mut self, on: impl ToTokens, message: impl std::fmt::Display) {
        self.syntax(syn::Error::new_spanned(on, message));
    }

    /// Records tokens that could not be read.
    pub(crate) fn syntax(&mut self, error: syn::Error) {
        self.mistakes.push(Mistake {
            rule: None,
            level: Level::Deny,
            cfgs: self.cfgs.clone(),
            error,
        });
    }

    /// Sorts the mistakes by their place in the source.
    ///
    /// Tokens from a `macro_rules!` macro may come from another place; a mistake without a place keeps its order.
    pub(crate) fn sort(&mut self) {
        self.mistakes.sort_by_key(|mistake| {
            let start = mistake.error.span().start();
            (start.line, start.column)
        });
    }

    /// Whether the rule was broken.
    pub(crate) fn broke(&self, rule: &Rule) -> bool {
        self.iter()
            .filter_map(|mistake| mistake.rule)
            .any(|broken| broken.code == rule.code)
    }

    /// Whether a broken rule stops the build.
    #[must_use]
    pub fn stop(&self) -> bool {
        self.iter()
            .any(|mistake| mistake.rule.is_some() && mistake.level == Level::Deny)
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// Records what is no mistake by itself, and about which there is no rule.
    pub fn warning(&mut self, error: syn::Error) {
        self.mistakes.push(Mistake {
            rule: None,
            level: Level::Warn,
            cfgs: TokenStream::new(),
            error,
        });
    }

    /// Records an item that could not be read.
    pub fn unreadable(&mut self, error: syn::Error) {
        self.syntax(error);
    }

    /// Whether a broken rule makes the expansion impossible: its code would only cause a second error.
    #[must_use]
    pub fn spoil_signature(&self, kind: Kind) -> bool {
        self.iter()
            .filter(|mistake| mistake.cfgs.is_empty())
            .filter_map(|mistake| mistake.rule)
            .any(|rule| rule.is_of_the_signature(kind))
    }

    /// The mistakes, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.mistakes.iter()
    }

    /// Returns one `compile_error!` for each mistake that stops the build.
    pub fn compile_errors(&self) -> impl Iterator<Item = TokenStream> {
        self.iter()
            .filter(|mistake| mistake.level == Level::Deny)
            .map(|Mistake { cfgs, error, .. }| {
                let error = error.to_compile_error();
                quote!(#cfgs #error)
            })
    }

    /// Iterates over the warnings, each with its rule.
    pub fn warnings(&self) -> impl Iterator<Item = (&'static Rule, &syn::Error)> {
        self.iter()
            .filter(|mistake| mistake.level == Level::Warn)
            .filter_map(|mistake| Some((mistake.rule?, &mistake.error)))
    }
}
