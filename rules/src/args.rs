//! The arguments of the three attributes.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Path, Token, token};

use crate::errors::Errors;
use crate::kind::Kind;
use crate::rule::{Level, RULES, Rule};
use crate::{suggest, timeout};

/// What an attribute was given, each with the tokens that gave it.
#[derive(Default)]
pub struct Args {
    /// `crate = my_demarcate`: where the runtime is, if not at `::demarcate`.
    pub krate: Option<Path>,
    /// `isolation = Serializable`.
    pub isolation: Option<Isolation>,
    /// `read_only`.
    pub read_only: Option<Ident>,
    /// `deferrable`.
    pub deferrable: Option<Ident>,
    /// `independent`.
    pub independent: Option<Ident>,
    /// `timeout = "5s"`.
    pub timeout: Option<Timeout>,
    /// `name = "place an order"`.
    pub name: Option<LitStr>,
    /// `from = self.db`: an expression that gives the session factory.
    pub from: Option<Expr>,
    /// `on_error = mark_failed`.
    pub on_error: Option<Path>,
    /// `skip`: lets a function, an `impl`, a `trait` or a `mod` out of the `#[service]` block around it.
    pub skip: Option<Ident>,
    /// `allow(commit, reason = "..")`.
    pub allow: Vec<Allowed>,
    /// `deny(sleep)`.
    pub deny: Vec<Denied>,
}

/// A rule that is lifted.
#[derive(Clone)]
pub struct Allowed {
    /// Which.
    pub rule: &'static Rule,
    /// Its code or name, as it was written.
    pub word: Ident,
    /// Why. `None` where the reason is missing, which was reported.
    pub reason: Option<LitStr>,
}

/// A rule that warns elsewhere and is an error here.
#[derive(Clone, Debug)]
pub struct Denied {
    /// Which.
    pub rule: &'static Rule,
    /// Its code or name, as it was written.
    pub word: Ident,
}

/// An isolation level that exists. The identifier is the user's.
#[derive(Debug)]
pub struct Isolation(pub Ident);

/// A duration that makes sense, and the option that gave it.
#[derive(Debug)]
pub struct Timeout {
    /// `timeout`
    pub option: Ident,
    /// How long.
    pub after: Duration,
}

const LEVELS: [&str; 3] = ["ReadCommitted", "RepeatableRead", "Serializable"];

/// An option and the attributes that take it.
struct Known {
    name: &'static str,
    /// How it is written.
    form: &'static str,
    on: &'static [Kind],
    /// Whether this version can honour it. One that it cannot is refused, never ignored.
    available: bool,
}

const BOUNDARIES: &[Kind] = &[Kind::Router, Kind::Job];
const ALL: &[Kind] = &[Kind::Router, Kind::Service, Kind::Job];

const fn known(name: &'static str, form: &'static str, on: &'static [Kind]) -> Known {
    Known {
        name,
        form,
        on,
        available: true,
    }
}

const fn later(name: &'static str, form: &'static str, on: &'static [Kind]) -> Known {
    Known {
        name,
        form,
        on,
        available: false,
    }
}

const ALLOW_FORM: &str = "allow(D010, reason = \"..\")";

const OPTIONS: &[Known] = &[
    known("isolation", "isolation = Serializable", BOUNDARIES),
    known("read_only", "read_only", BOUNDARIES),
    known("deferrable", "deferrable", BOUNDARIES),
    known("timeout", "timeout = \"5s\"", BOUNDARIES),
    known("independent", "independent", BOUNDARIES),
    known("name", "name = \"..\"", BOUNDARIES),
    known("from", "from = self.db", &[Kind::Router]),
    known("on_error", "on_error = mark_failed", &[Kind::Job]),
    known("crate", "crate = my_demarcate", ALL),
    later("retry", "retry = 3", BOUNDARIES),
    later(
        "statement_timeout",
        "statement_timeout = \"1s\"",
        BOUNDARIES,
    ),
    later("lock_timeout", "lock_timeout = \"1s\"", BOUNDARIES),
    later("idle_timeout", "idle_timeout = \"1s\"", BOUNDARIES),
    later(
        "no_rollback_for",
        "no_rollback_for = MyError::Expected",
        BOUNDARIES,
    ),
    later("confirm_commit", "confirm_commit", BOUNDARIES),
    known("allow", ALLOW_FORM, ALL),
    known("deny", "deny(D050)", ALL),
    known("skip", "skip", &[Kind::Service]),
];

impl Args {
    /// Reads an attribute's arguments. What is wrong with them goes to `errors`; what is right is kept.
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
        args.check_deferrable(errors);
        args.check_leave(errors);
        args
    }

    /// What holds for a function in a `#[service]` block that is given these arguments.
    #[must_use]
    pub fn within(mut self, block: &Self) -> Self {
        self.krate = self.krate.or_else(|| block.krate.clone());
        self.allow.extend(block.allow.iter().cloned());
        self.deny.extend(block.deny.iter().cloned());
        self
    }

    /// `skip` is for what is in a block.
    pub fn check_skip(&self, errors: &mut Errors) {
        if let Some(skip) = &self.skip {
            errors.argument(
                skip,
                "`skip` stands alone, on something inside a `#[service]` block, and lets it out; remove it here",
            );
        }
    }

    /// Whether `allow(..)` lifts that rule.
    #[must_use]
    pub fn allows(&self, rule: &Rule) -> bool {
        self.allowed().any(|allowed| allowed.code == rule.code)
    }

    /// Whether `deny(..)` makes an error of that rule.
    #[must_use]
    pub fn denies(&self, rule: &Rule) -> bool {
        self.denied().any(|denied| denied.code == rule.code)
    }

    /// The rules that are lifted.
    pub fn allowed(&self) -> impl Iterator<Item = &'static Rule> {
        self.allow.iter().map(|allowed| allowed.rule)
    }

    pub(crate) fn denied(&self) -> impl Iterator<Item = &'static Rule> {
        self.deny.iter().map(|denied| denied.rule)
    }

    fn take(&mut self, kind: Kind, argument: Argument, errors: &mut Errors) {
        let Some(known) = find(kind, &argument.name, errors) else {
            return;
        };
        let mut read = Read {
            form: known.form,
            argument,
            errors,
        };
        match known.name {
            "isolation" => read.value(&mut self.isolation, level),
            "read_only" => read.flag(&mut self.read_only),
            "deferrable" => read.flag(&mut self.deferrable),
            "skip" => read.flag(&mut self.skip),
            "independent" => read.flag(&mut self.independent),
            "timeout" => {
                let option = read.argument.name.clone();
                read.value(&mut self.timeout, |value| {
                    Ok(Timeout {
                        option,
                        after: duration(value)?,
                    })
                });
            }
            "name" => read.value(&mut self.name, name),
            "from" => read.value(&mut self.from, Ok),
            "on_error" => read.value(&mut self.on_error, path),
            "crate" => read.value(&mut self.krate, path),
            "allow" => read.allow(&mut self.allow),
            "deny" => read.deny(&mut self.deny),
            _ => {}
        }
    }

    fn check_deferrable(&self, errors: &mut Errors) {
        let Some(deferrable) = &self.deferrable else {
            return;
        };
        let serializable = self
            .isolation
            .as_ref()
            .is_some_and(|level| level.0 == "Serializable");
        if !serializable || self.read_only.is_none() {
            errors.argument(
                deferrable,
                "`deferrable` has an effect only on a transaction that is serializable and read-only; write \
                 `isolation = Serializable, read_only, deferrable`",
            );
        }
    }

    /// One rule is allowed or denied, once.
    fn check_leave(&self, errors: &mut Errors) {
        for (n, allowed) in self.allow.iter().enumerate() {
            let word = &allowed.word;
            if self
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
            if self.denies(allowed.rule) {
                errors.argument(
                    word,
                    format!("`{word}` is both allowed and denied; remove one of them"),
                );
            }
        }
        for (n, denied) in self.deny.iter().enumerate() {
            let word = &denied.word;
            if self
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

    /// The options that shape one transaction, which a job that opens several gives to each of them.
    pub(crate) fn of_one_transaction(&self) -> Vec<(&'static str, &Ident)> {
        let given = [
            ("isolation", self.isolation.as_ref().map(|level| &level.0)),
            ("read_only", self.read_only.as_ref()),
            ("deferrable", self.deferrable.as_ref()),
            ("independent", self.independent.as_ref()),
            (
                "timeout",
                self.timeout.as_ref().map(|timeout| &timeout.option),
            ),
        ];
        given
            .into_iter()
            .filter_map(|(name, on)| Some((name, on?)))
            .collect()
    }
}

/// The option of that name, if this attribute takes it and this version has it.
fn find(kind: Kind, name: &Ident, errors: &mut Errors) -> Option<&'static Known> {
    let word = name.to_string();
    let attribute = kind.attribute();
    let Some(known) = OPTIONS.iter().find(|known| known.name == word) else {
        let mine = || {
            OPTIONS
                .iter()
                .filter(|known| known.available && known.on.contains(&kind))
        };
        let message = match suggest::nearest(&word, mine().map(|known| known.name)) {
            Some(nearest) => {
                format!("`{attribute}` has no option `{word}`; did you mean `{nearest}`?")
            }
            None => {
                let all: Vec<_> = mine().map(|known| format!("`{}`", known.name)).collect();
                format!(
                    "`{attribute}` has no option `{word}`; it takes {}",
                    all.join(", ")
                )
            }
        };
        errors.argument(name, message);
        return None;
    };
    if !known.on.contains(&kind) {
        let instead = match (kind, known.on) {
            (Kind::Service, _) => {
                "a service runs in its caller's transaction, so it belongs on the router or job"
                    .to_owned()
            }
            (_, [only]) => format!("it belongs on `{}`", only.attribute()),
            _ => "remove it".to_owned(),
        };
        errors.argument(
            name,
            format!("`{attribute}` does not take `{word}`; {instead}"),
        );
        return None;
    }
    if !known.available {
        let version = env!("CARGO_PKG_VERSION");
        errors.argument(
            name,
            format!("`{word}` is not available yet in demarcate {version}; remove it, no option is silently ignored"),
        );
        return None;
    }
    Some(known)
}

/// `name`, `name = expression` or `name(..)`.
struct Argument {
    name: Ident,
    value: Value,
}

enum Value {
    None,
    Given(Expr),
    /// In parentheses, or not readable.
    Other(TokenStream),
}

impl Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `crate` is a keyword.
        if !input.peek(Ident::peek_any) {
            return Err(input
                .error("an option is written `name` or `name = value`, as in `timeout = \"5s\"`"));
        }
        let name = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Given(input.parse()?)
        } else if input.peek(token::Paren) {
            Value::Other(input.parse::<TokenTree>()?.into())
        } else {
            Value::None
        };
        Ok(Self { name, value })
    }
}

/// One argument on its way to its field.
struct Read<'e> {
    form: &'static str,
    argument: Argument,
    errors: &'e mut Errors,
}

impl Read<'_> {
    fn flag(&mut self, slot: &mut Option<Ident>) {
        let name = self.argument.name.clone();
        match &self.argument.value {
            Value::None => self.set(slot, name),
            Value::Given(value) => {
                self.errors.argument(
                    value,
                    format!("`{name}` takes no value; write `{name}`, or leave it out"),
                );
            }
            Value::Other(tokens) => {
                self.errors.argument(
                    tokens,
                    format!("`{name}` takes no value; write `{name}`, or leave it out"),
                );
            }
        }
    }

    fn value<T>(&mut self, slot: &mut Option<T>, read: impl FnOnce(Expr) -> syn::Result<T>) {
        let form = self.form;
        let name = &self.argument.name;
        match &self.argument.value {
            Value::None => self
                .errors
                .argument(name, format!("`{name}` needs a value; write `{form}`")),
            Value::Other(tokens) => {
                self.errors.argument(
                    tokens,
                    format!("`{name}` takes its value after `=`; write `{form}`"),
                );
            }
            Value::Given(value) => match read(value.clone()) {
                Ok(value) => self.set(slot, value),
                Err(error) => self.errors.syntax(error),
            },
        }
    }

    /// `allow(commit, D011, reason = "..")`
    fn allow(&mut self, into: &mut Vec<Allowed>) {
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
                    format!("`{word}` cannot be allowed; what the attribute emits is made from the signature, so change that"),
                );
            }
        }
    }

    /// `deny(sleep)`
    fn deny(&mut self, into: &mut Vec<Denied>) {
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

    /// The one place where an option can turn out to be given twice.
    fn set<T>(&mut self, slot: &mut Option<T>, value: T) {
        let name = &self.argument.name;
        if slot.is_some() {
            self.errors
                .argument(name, format!("`{name}` is given twice; remove one of them"));
        } else {
            *slot = Some(value);
        }
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
            Value::Given(_) | Value::Other(_) => {
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

fn level(value: Expr) -> syn::Result<Isolation> {
    let expected = "`isolation` is `ReadCommitted`, `RepeatableRead` or `Serializable`";
    if let Expr::Path(path) = &value
        && let Some(last) = path.path.segments.last()
    {
        let word = last.ident.to_string();
        if LEVELS.contains(&word.as_str()) {
            return Ok(Isolation(last.ident.clone()));
        }
        return Err(match suggest::nearest(&word, LEVELS) {
            Some(nearest) => syn::Error::new_spanned(
                value,
                format!("there is no isolation level `{word}`; did you mean `{nearest}`?"),
            ),
            None => syn::Error::new_spanned(
                value,
                format!("there is no isolation level `{word}`; {expected}"),
            ),
        });
    }
    Err(syn::Error::new_spanned(
        value,
        format!("an isolation level is written as a bare word; {expected}"),
    ))
}

fn duration(value: Expr) -> syn::Result<Duration> {
    let text = string(
        value,
        "a duration is written as a string, as in \"250ms\", \"5s\", \"2m\" or \"1h\"",
    )?;
    timeout::parse(&text.value()).map_err(|message| syn::Error::new_spanned(&text, message))
}

fn name(value: Expr) -> syn::Result<LitStr> {
    let text = string(
        value,
        "a name is written as a string, as in `name = \"place an order\"`",
    )?;
    if text.value().trim().is_empty() {
        let message = "a name is not empty; leave `name` out, and the function's own is used";
        return Err(syn::Error::new_spanned(text, message));
    }
    Ok(text)
}

fn path(value: Expr) -> syn::Result<Path> {
    match value {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path),
        other => Err(syn::Error::new_spanned(
            other,
            "a path is expected here, as in `jobs::mark_failed`",
        )),
    }
}

fn string(value: Expr, expected: &str) -> syn::Result<LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(text),
        other => Err(syn::Error::new_spanned(other.to_token_stream(), expected)),
    }
}

/// Goes on behind what could not be read.
fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule;

    fn read(kind: Kind, text: &str) -> (Args, Vec<String>) {
        let mut errors = Errors::default();
        let args = Args::parse(kind, text.parse().expect("tokens"), &mut errors);
        (
            args,
            errors
                .iter()
                .map(|mistake| mistake.error.to_string())
                .collect(),
        )
    }

    #[test]
    fn every_option_is_read() {
        let (args, errors) = read(
            Kind::Router,
            "isolation = Serializable, read_only, deferrable, independent, timeout = \"5s\", name = \"report\", \
             from = self.db::<A, B>(), crate = my_demarcate,",
        );
        assert_eq!(errors, [""; 0]);
        assert!(
            args.isolation
                .is_some_and(|level| level.0 == "Serializable")
        );
        assert!(
            args.read_only.is_some() && args.deferrable.is_some() && args.independent.is_some()
        );
        assert!(
            args.timeout
                .is_some_and(|timeout| timeout.after == Duration::from_secs(5))
        );
        assert!(args.name.is_some_and(|name| name.value() == "report"));
        assert!(args.from.is_some() && args.krate.is_some());

        let (args, errors) = read(
            Kind::Job,
            "on_error = Self::mark_failed, isolation = demarcate::Isolation::ReadCommitted",
        );
        assert_eq!(errors, [""; 0]);
        assert!(args.on_error.is_some() && args.isolation.is_some());
    }

    #[test]
    fn all_mistakes_are_reported_and_the_rest_is_kept() {
        let (args, errors) = read(
            Kind::Router,
            "isolaton = Serializable, timeout = \"5 parsecs\", read_only, read_only, retry = 3, read_only = true, \
             isolation = Serialisable, = 5, name, name(\"x\"), name = \"\", from, timeout = 5, independent(yes)",
        );
        assert_eq!(errors.len(), 14 - 1, "{errors:#?}");
        assert!(args.read_only.is_some());
        assert!(
            errors
                .iter()
                .any(|e| e.contains("did you mean `isolation`?"))
        );
        assert!(
            errors
                .iter()
                .any(|e| e.contains("did you mean `Serializable`?"))
        );
        assert!(
            errors
                .iter()
                .any(|e| e.contains("`read_only` is given twice"))
        );
        assert!(
            errors
                .iter()
                .any(|e| e.contains("`retry` is not available yet"))
        );
    }

    #[test]
    fn an_option_of_another_attribute_says_where_it_belongs() {
        let of = |kind, text| read(kind, text).1.join("\n");
        assert!(of(Kind::Service, "timeout = \"5s\"").contains("belongs on the router or job"));
        assert!(of(Kind::Router, "on_error = f").contains("it belongs on `#[background_job]`"));
        assert!(of(Kind::Job, "from = self.db").contains("it belongs on `#[router_tx]`"));
        assert!(of(Kind::Service, "propagation = Required").contains("it takes `crate`"));
    }

    #[test]
    fn no_option_of_a_later_version_is_ignored() {
        for known in OPTIONS.iter().filter(|known| !known.available) {
            for kind in known.on {
                let (_, errors) = read(*kind, known.form);
                assert!(
                    errors.iter().any(|e| e.contains("not available yet")),
                    "{}: {errors:?}",
                    known.form
                );
            }
        }
    }

    #[test]
    fn rules_are_allowed_by_code_and_by_name() {
        let (args, errors) = read(
            Kind::Service,
            "allow(D010, begin, reason = \"a reason\"), allow(D011, reason = \"another\",)",
        );
        assert_eq!(errors, [""; 0]);
        assert!(
            args.allows(&rule::COMMIT) && args.allows(&rule::BEGIN) && args.allows(&rule::ROLLBACK)
        );
        assert!(!args.allows(&rule::TRANSACTION_SQL));
        let reasons: Vec<_> = args
            .allow
            .iter()
            .map(|one| one.reason.as_ref().map(LitStr::value))
            .collect();
        assert_eq!(
            reasons,
            ["a reason", "a reason", "another"].map(|text| Some(text.to_owned()))
        );
    }

    #[test]
    fn one_mistake_in_an_allow_is_one_error() {
        for (text, part) in [
            ("allow(D010)", "needs a reason"),
            ("allow(D010, reason = \" \")", "a reason is not empty"),
            ("allow(D010, reason)", "`reason` needs a value"),
            ("allow(D010, reason = 5)", "a reason is written as a string"),
            (
                "allow(D010, reason = \"a\", reason = \"b\")",
                "`reason` is given twice",
            ),
            ("allow", "names the rules"),
            ("allow()", "names the rules"),
            ("allow = D010", "names the rules"),
            ("allow(reason = \"a\")", "names the rules"),
            ("allow(D10, reason = \"a\")", "did you mean `D010`?"),
            ("allow(comit, reason = \"a\")", "did you mean `commit`?"),
            (
                "allow(propagation, reason = \"a\")",
                "there is no rule `propagation`",
            ),
            ("allow(D003, reason = \"a\")", "cannot be allowed"),
            ("allow(second_session, reason = \"a\")", "cannot be allowed"),
            (
                "allow(D010 = 5, reason = \"a\")",
                "takes rules by their code or name",
            ),
            (
                "allow(\"D010\", reason = \"a\")",
                "a rule's code or name is expected",
            ),
            ("allow(D010, commit, reason = \"a\")", "is allowed twice"),
            ("deny(D010)", "is an error already"),
            ("deny()", "names the rules"),
        ] {
            for kind in ALL {
                let (_, errors) = read(*kind, text);
                assert_eq!(errors.len(), 1, "{text}: {errors:?}");
                assert!(errors.concat().contains(part), "{text}: {errors:?}");
            }
        }
    }

    #[test]
    fn deferrable_alone_is_refused() {
        for text in [
            "deferrable",
            "deferrable, read_only",
            "deferrable, isolation = Serializable",
        ] {
            let (_, errors) = read(Kind::Router, text);
            assert_eq!(errors.len(), 1, "{text}");
        }
    }
}
