use proc_macro2::TokenStream;
use quote::ToTokens;

use crate::kind::Kind;
use crate::rule::Rule;

/// All mistakes of one function, in the order in which they were found.
#[derive(Debug, Default)]
pub struct Errors {
    mistakes: Vec<Mistake>,
}

/// One mistake, on the tokens that are wrong.
#[derive(Debug)]
pub struct Mistake {
    /// The rule that was broken; `None` where the attribute itself is written wrongly.
    pub rule: Option<&'static Rule>,
    /// Message and place.
    pub error: syn::Error,
}

impl Errors {
    /// A rule was broken. `what` fills the `{what}` of its message.
    pub(crate) fn rule(&mut self, rule: &'static Rule, kind: Kind, what: &str, on: impl ToTokens) {
        self.mistakes.push(Mistake {
            rule: Some(rule),
            error: syn::Error::new_spanned(on, rule.text(kind, what)),
        });
    }

    /// The attribute itself is written wrongly.
    pub(crate) fn argument(&mut self, on: impl ToTokens, message: impl std::fmt::Display) {
        self.syntax(syn::Error::new_spanned(on, message));
    }

    /// Tokens could not be read.
    pub(crate) fn syntax(&mut self, error: syn::Error) {
        self.mistakes.push(Mistake { rule: None, error });
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// The item could not be read.
    pub fn unreadable(&mut self, error: syn::Error) {
        self.syntax(error);
    }

    /// Whether a rule was broken that an expansion counts on: what it would emit would be refused a second time.
    #[must_use]
    pub fn spoil_signature(&self) -> bool {
        self.iter()
            .filter_map(|mistake| mistake.rule)
            .any(|rule| rule.is_of_the_signature())
    }

    /// The mistakes, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.mistakes.iter()
    }

    /// One `compile_error!` for each mistake.
    #[must_use]
    pub fn to_compile_errors(&self) -> TokenStream {
        self.iter()
            .map(|mistake| mistake.error.to_compile_error())
            .collect()
    }
}
