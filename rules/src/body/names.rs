//! The meaning of the names in a body.

use syn::{Expr, ExprMethodCall, Ident, Pat};

use crate::rule::Rule;
use crate::syntax::expr::plain_place;
use crate::syntax::pattern::binds;

/// The meaning of the names in a part of a body.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Names of the session.
    pub sessions: Vec<Ident>,
    /// The name of a job's session factory.
    pub factory: Option<Ident>,
    /// Whether a transaction is open here: not in a job that was given a factory, outside of the boundaries that it opens,
    /// nor in code that is registered to run after the commit.
    pub inside: bool,
    /// Other names that matter to a rule.
    pub(crate) known: Vec<(Ident, Known)>,
    /// Names that have to do with the session.
    pub(crate) tied: Vec<(Ident, Tied)>,
    /// Of the statement that is looked at: names that it binds and that nothing uses after it, `_name` each.
    pub(crate) idle: Vec<Ident>,
    /// Inside a macro call whose arguments may be anything, so that nothing is put in their place.
    pub(crate) is_opaque: bool,
}

/// The meaning of a name that is not a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// A parameter, whose type is judged, or a transaction, which is judged where it begins.
    Parameter,
    /// A parameter that was already reported, such as `db` in `job(tx: &mut Session, db: &SessionFactory)`. Its uses are
    /// not reported.
    Refused,
    /// `sqlx::query(..)`
    Query,
    /// The raw connection of a session.
    Raw,
    /// A `JoinSet`, a runtime's `Handle` and the like.
    Spawner,
    /// An HTTP client, or a request of one.
    Http,
    /// The receiving end of a channel.
    Receiver,
    /// A future that waits for something else than the database once it is awaited, and the rule against that.
    Waiting(&'static Rule),
}

/// How a value came from the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// A call was given the session itself.
    Lent,
    /// A call was made on something that holds the session, or was given that.
    Held,
    /// Nothing of the session is to be seen.
    Open,
}

/// A name that has to do with the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tied {
    /// It holds the session: `let repo = Orders { tx };`
    Holds(Tie),
    /// What an awaited call gave: `let saved = repo.save().await;`
    Outcome(Tie),
}

impl Names {
    /// Returns the names without those that a pattern binds anew.
    pub(crate) fn without(&self, pats: &[&Pat]) -> Self {
        let stays = |name: &Ident| !pats.iter().any(|pat| binds(pat, name));
        Self {
            sessions: self
                .sessions
                .iter()
                .filter(|name| stays(name))
                .cloned()
                .collect(),
            factory: self.factory.clone().filter(stays),
            known: self
                .known
                .iter()
                .filter(|(name, _)| stays(name))
                .cloned()
                .collect(),
            tied: self
                .tied
                .iter()
                .filter(|(name, _)| stays(name))
                .cloned()
                .collect(),
            idle: Vec::new(),
            ..*self
        }
    }

    /// Whether a call registers its argument to run after the transaction: `tx.after_commit(..)`.
    pub(crate) fn is_after_the_end(&self, call: &ExprMethodCall) -> bool {
        (call.method == "after_commit" || call.method == "after_rollback")
            && self.is_session(&call.receiver)
    }

    /// Whether an expression is the session: `tx`, `&mut *tx`, `(tx)`.
    pub(crate) fn is_session(&self, expr: &Expr) -> bool {
        plain_place(expr).is_some_and(|name| self.sessions.contains(name))
    }

    /// Whether an expression is the session factory of a job.
    pub(crate) fn is_factory(&self, expr: &Expr) -> bool {
        plain_place(expr).is_some_and(|name| self.factory.as_ref() == Some(name))
    }

    /// Returns the meaning of a name, or of a reference to it.
    pub(crate) fn known(&self, expr: &Expr) -> Option<Known> {
        let name = plain_place(expr)?;
        self.known
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, what)| *what)
    }

    /// Whether a call opens a boundary in a job that has a session factory: `db.transaction(async |tx| ..)`.
    pub(crate) fn opens_boundary(&self, call: &ExprMethodCall) -> bool {
        !self.inside && self.is_factory(&call.receiver) && is_boundary(&call.method)
    }
}

/// The methods of a factory that open a boundary.
pub(crate) fn is_boundary(method: &Ident) -> bool {
    method == "transaction" || method == "transaction_with"
}
