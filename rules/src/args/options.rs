//! The arguments of an attribute, as they were read.

use std::time::Duration;

use syn::{Expr, Ident, LitStr, Pat, Path, Token};

use crate::errors::Errors;
use crate::rule::Rule;

/// The arguments of an attribute, each with its tokens.
#[derive(Default)]
pub struct Args {
    /// `crate = my_demarcate`: where the runtime is, if not at `::demarcate`.
    pub krate: Option<Path>,
    /// `isolation = Serializable`.
    pub isolation: Option<Isolation>,
    /// `replica = Prefer`.
    pub replica: Option<Ident>,
    /// `read_only`.
    pub read_only: Option<Ident>,
    /// `read_write`.
    pub read_write: Option<Ident>,
    /// `deferrable`.
    pub deferrable: Option<Ident>,
    /// `independent`.
    pub independent: Option<Ident>,
    /// `confirm_commit`.
    pub confirm_commit: Option<Ident>,
    /// `single_statement`.
    pub single_statement: Option<Ident>,
    /// `timeout = "5s"`.
    pub timeout: Option<Timeout>,
    /// `statement_timeout = "1s"`.
    pub statement_timeout: Option<Timeout>,
    /// `lock_timeout = "1s"`.
    pub lock_timeout: Option<Timeout>,
    /// `idle_timeout = "1s"`.
    pub idle_timeout: Option<Timeout>,
    /// `retry = 3`.
    pub retry: Option<Retry>,
    /// `no_rollback_for = ApiError::NotFound(_)`.
    pub no_rollback_for: Option<Kept>,
    /// `name = "place an order"`.
    pub name: Option<LitStr>,
    /// `from = self.db`: an expression that gives the session factory.
    pub from: Option<Expr>,
    /// `on_error = mark_failed`.
    pub on_error: Option<Path>,
    /// `requires(isolation = Serializable)`.
    pub requires: Option<Requires>,
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
#[derive(Clone, Debug)]
pub struct Isolation(pub Ident);

/// A duration that makes sense, and the option that gave it.
#[derive(Debug)]
pub struct Timeout {
    /// `timeout`
    pub option: Ident,
    /// How long.
    pub after: Duration,
}

/// How often a boundary is run again.
#[derive(Debug)]
pub struct Retry {
    /// `retry`
    pub option: Ident,
    /// At most so many times, after the first run.
    pub repeats: u32,
}

/// The errors that commit.
pub struct Kept {
    /// `no_rollback_for`
    pub option: Ident,
    /// `ApiError::NotFound(_) | ApiError::Gone`
    pub pattern: Pat,
    /// `if error.is_expected()`
    pub guard: Option<(Token![if], Box<Expr>)>,
}

/// The options that a service needs of its caller's boundary.
#[derive(Clone)]
pub struct Requires {
    /// `requires`
    pub option: Ident,
    /// `isolation = Serializable`
    pub isolation: Option<Isolation>,
    /// `read_write`
    pub read_write: Option<Ident>,
    /// Whether it comes from the block around the function.
    pub(crate) is_of_block: bool,
}

impl Args {
    /// Merges a function's arguments with those of the `#[service]` block around it.
    #[must_use]
    pub fn within(mut self, block: &Self) -> Self {
        self.krate = self.krate.or_else(|| block.krate.clone());
        self.requires = Requires::within(self.requires, block.requires.as_ref());
        self.allow.extend(block.allow.iter().cloned());
        self.deny.extend(block.deny.iter().cloned());
        self
    }

    /// Rejects `skip` outside a block.
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

    /// The rules that the attribute makes errors.
    pub fn denied(&self) -> impl Iterator<Item = &'static Rule> {
        self.deny.iter().map(|denied| denied.rule)
    }

    /// The timeouts, in the order in which they are documented.
    pub fn timeouts(&self) -> impl Iterator<Item = &Timeout> {
        [
            &self.timeout,
            &self.statement_timeout,
            &self.lock_timeout,
            &self.idle_timeout,
        ]
        .into_iter()
        .flatten()
    }

    /// The options of one transaction that are bare words.
    pub fn flags(&self) -> impl Iterator<Item = &Ident> {
        [
            &self.read_only,
            &self.read_write,
            &self.deferrable,
            &self.independent,
            &self.confirm_commit,
            &self.single_statement,
        ]
        .into_iter()
        .flatten()
    }

    /// The options that shape one transaction, which a job that opens several gives to each of them.
    pub(crate) fn of_one_transaction(&self) -> impl Iterator<Item = &Ident> {
        let isolation = self.isolation.iter().map(|level| &level.0);
        let timeouts = self.timeouts().map(|timeout| &timeout.option);
        let retry = self.retry.iter().map(|retry| &retry.option);
        let kept = self.no_rollback_for.iter().map(|kept| &kept.option);
        let given = isolation.chain(&self.replica).chain(self.flags());
        let given = given.chain(timeouts);
        given.chain(retry).chain(kept)
    }
}

impl Requires {
    /// Merges the requirements of a function with those of its block; the function's own come first.
    fn within(own: Option<Self>, block: Option<&Self>) -> Option<Self> {
        let of_block = block.map(|block| Self {
            is_of_block: true,
            ..block.clone()
        });
        match (own, of_block) {
            (Some(own), Some(block)) => Some(Self {
                isolation: own.isolation.or(block.isolation),
                read_write: own.read_write.or(block.read_write),
                ..own
            }),
            (own, block) => own.or(block),
        }
    }
}
