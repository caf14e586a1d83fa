//! Reads `allow(..)` and `deny(..)`.

use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Token};

use super::argument::{Argument, Read, Value, skip_to_comma};
use super::known::ALLOW_FORM;
use super::options::{Allowed, Args, Denied};
use super::values::string;
use crate::errors::Errors;
use crate::kind::Kind;
use crate::rule::{Level, RULES, Rule};
use crate::suggest;

/// One rule is allowed or denied, once, and on an attribute that it can be lifted on; elsewhere it stays in force.
pub(super) fn check(kind: Kind, args: &mut Args, errors: &mut Errors) {
    args.allow.retain(|Allowed { rule, word, .. }| {
        let is_lifted = rule.can_be_allowed_on(kind);
        if !is_lifted {
            errors.argument(
                word,
                format!(
                    "`{word}` can be allowed on a service alone; a {} is one transaction, so open the other boundary in it, \
                     and lend both sessions to a service",
                    kind.noun()
                ),
            );
        }
        is_lifted
    });
    for (n, allowed) in args.allow.iter().enumerate() {
        let word = &allowed.word;
        if args
            .allow
            .iter()
            .take(n)
            .any(|other| other.rule.code == allowed.rule.code)
        {
            errors.argument(
                word,
                format!("`{word}` is allowed twice; remove one of them"),
            );
        }
        if args.denies(allowed.rule) {
            errors.argument(
                word,
                format!("`{word}` is both allowed and denied; remove one of them"),
            );
        }
    }
    for (n, denied) in args.deny.iter().enumerate() {
        let word = &denied.word;
        if args
            .deny
            .iter()
            .take(n)
            .any(|other| other.rule.code == denied.rule.code)
        {
            errors.argument(
                word,
                format!("`{word}` is denied twice; remove one of them"),
            );
        }
    }
}

impl Read<'_> {
    /// `allow(commit, D011, reason = "..")`
    pub(super) fn allow(&mut self, into: &mut Vec<Allowed>) {
        let Some(Rules {
            words,
            reason,
            is_wrong,
        }) = self.rules()
        else {
            return;
        };
        let on = &self.argument.name;
        let reason = match reason {
            Some(reason) if reason.value().trim().is_empty() => {
                self.errors.argument(
                    &reason,
                    "a reason is not empty; say why this is right here, for those who read it later",
                );
                None
            }
            Some(reason) => Some(reason),
            None if is_wrong => None,
            None => {
                self.errors
                    .argument(on, format!("`allow` needs a reason; write `{ALLOW_FORM}`"));
                None
            }
        };
        for word in words {
            let Some(rule) = find_rule(&word, self.errors) else {
                continue;
            };
            if rule.can_be_allowed() {
                into.push(Allowed {
                    rule,
                    word,
                    reason: reason.clone(),
                });
            } else {
                self.errors.argument(
                    &word,
                    format!("`{word}` cannot be allowed; the function would not compile, so do what its message says"),
                );
            }
        }
    }

    /// `deny(sleep)`
    pub(super) fn deny(&mut self, into: &mut Vec<Denied>) {
        let Some(Rules { words, reason, .. }) = self.rules() else {
            return;
        };
        if let Some(reason) = reason {
            self.errors
                .argument(reason, "`deny` takes no reason; the rule's page has one");
        }
        for word in words {
            let Some(rule) = find_rule(&word, self.errors) else {
                continue;
            };
            match rule.level {
                Level::Warn => into.push(Denied { rule, word }),
                Level::Deny if rule.warns_of_own_errors() => into.push(Denied { rule, word }),
                Level::Deny => self
                    .errors
                    .argument(&word, format!("`{word}` is an error already; remove it")),
            }
        }
    }

    /// The words between the parentheses of `allow` and `deny`, and the reason.
    fn rules(&mut self) -> Option<Rules> {
        let form = self.form;
        let name = &self.argument.name;
        let wrong = format!("`{name}` names the rules that it is about; write `{form}`");
        let Value::Other(tokens) = &self.argument.value else {
            match &self.argument.value {
                Value::Given(value) => self.errors.argument(value, wrong),
                _ => self.errors.argument(name, wrong),
            }
            return None;
        };
        let mut rules = Rules::default();
        let errors = &mut *self.errors;
        let list = |input: ParseStream<'_>| {
            let content;
            syn::parenthesized!(content in input);
            while !content.is_empty() {
                match content.call(Argument::parse) {
                    Ok(argument) => rules.take(name, argument, form, errors),
                    Err(_) => {
                        rules.is_wrong = true;
                        errors.syntax(content.error(format!(
                            "a rule's code or name is expected here, as in `{form}`"
                        )));
                    }
                }
                skip_to_comma(&content)?;
                content.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        if let Err(error) = list.parse2(tokens.clone()) {
            errors.syntax(error);
        }
        if rules.words.is_empty() && !rules.is_wrong {
            errors.argument(name, wrong);
            return None;
        }
        // Where one of them could not be read, that is what there is to say.
        (!rules.words.is_empty()).then_some(rules)
    }
}

/// What `allow` and `deny` were given.
#[derive(Default)]
struct Rules {
    words: Vec<Ident>,
    reason: Option<LitStr>,
    /// Something between the parentheses was reported.
    is_wrong: bool,
}

impl Rules {
    fn take(&mut self, of: &Ident, argument: Argument, form: &str, errors: &mut Errors) {
        let Argument { name, value } = argument;
        match value {
            Value::None if name == "reason" => {
                self.is_wrong = true;
                errors.argument(name, "`reason` needs a value; write `reason = \"..\"`");
            }
            Value::None => self.words.push(name),
            Value::Given(_) if name == "reason" && self.reason.is_some() => {
                errors.argument(name, "`reason` is given twice; remove one of them");
            }
            Value::Given(value) if name == "reason" => {
                match string(
                    value,
                    "a reason is written as a string, as in `reason = \"..\"`",
                ) {
                    Ok(text) => self.reason = Some(text),
                    Err(error) => {
                        self.is_wrong = true;
                        errors.syntax(error);
                    }
                }
            }
            Value::Given(_) | Value::Pattern(..) | Value::Other(_) => {
                self.is_wrong = true;
                errors.argument(
                    &name,
                    format!("`{of}` takes rules by their code or name; write `{form}`"),
                );
            }
        }
    }
}

/// The rule of that code or name, if there is one.
fn find_rule(word: &Ident, errors: &mut Errors) -> Option<&'static Rule> {
    let text = word.to_string();
    let found = Rule::find(&text);
    if found.is_none() {
        let known = RULES.iter().filter(|rule| rule.can_be_allowed());
        let nearest =
            of_code(&text).or_else(|| suggest::nearest(&text, known.map(|rule| rule.name)));
        errors.argument(
            word,
            match nearest {
                Some(nearest) => format!("there is no rule `{text}`; did you mean `{nearest}`?"),
                None => {
                    format!("there is no rule `{text}`; a message begins with the code of its rule, as in `D010`")
                }
            },
        );
    }
    found
}

/// The code that `d10` or `D10` stands for.
fn of_code(text: &str) -> Option<&'static str> {
    let number: u16 = text.strip_prefix(['d', 'D'])?.parse().ok()?;
    Rule::find(&format!("D{number:03}")).map(|rule| rule.code)
}
