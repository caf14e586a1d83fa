//! What a call does to a transaction, and the verdict on it: refused, or a question to the compiler.

use syn::{Expr, Ident};

use crate::body::typed::is_static;
use crate::rule::{self, Rule};
use crate::syntax::expr::chain;

/// The effect of a call on a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `commit`
    Commit,
    /// `rollback`
    Rollback,
    /// `begin`, and what else opens a transaction.
    Begin,
    /// `execute`, `fetch` and the like.
    Send,
    /// Anything that is done with a pool or a connection: it is handed on, or asked for a connection.
    Use,
    /// `run` and `spawn` of a session factory.
    Start,
    /// `transaction`, of what may be a session factory.
    Open,
    /// `unguarded`
    Unguard,
    /// `recv` and the like, of what may be the end of a channel.
    Receive,
    /// `tokio::spawn`
    Spawn,
    /// `tx.after_commit(async { tx })`
    After,
}

impl Control {
    pub(crate) fn named(method: &Ident) -> Option<Self> {
        match method.to_string().as_str() {
            "commit" => Some(Self::Commit),
            "rollback" => Some(Self::Rollback),
            "begin" | "begin_with" | "try_begin" | "try_begin_with" | "transaction"
            | "transaction_with" => Some(Self::Begin),
            _ => None,
        }
    }

    /// The rule against it.
    #[must_use]
    pub const fn rule(self) -> &'static Rule {
        match self {
            Self::Commit => &rule::COMMIT,
            Self::Rollback => &rule::ROLLBACK,
            Self::Begin => &rule::BEGIN,
            Self::Send | Self::Use => &rule::OTHER_EXECUTOR,
            Self::Start => &rule::JOB_STARTED,
            Self::Open => &rule::NESTED_BOUNDARY,
            Self::Unguard => &rule::UNGUARDED,
            Self::Receive => &rule::CHANNEL_RECEIVE,
            Self::Spawn => &rule::SPAWN,
            Self::After => &rule::SESSION_AFTER_THE_END,
        }
    }
}

/// The verdict on a call.
pub enum Judgement {
    /// It is not allowed, and the compiler would refuse it as well. Holds the name that was called.
    Refused(Control, Ident),
    /// A call that is not allowed, although the compiler accepts it. Holds the name, and the text of the receiver.
    Wrong(Control, Ident, String),
    /// It depends on the type of the receiver. Holds the name that was called, and the receiver as it stands in the
    /// source.
    Ask(Control, Ident, Box<Expr>),
    /// It depends on the type of the first argument, which it holds as it stands in the source.
    AskArgument(Control, Box<Expr>),
    /// It depends on the type of what the call gives. Holds the name that was called, and the receiver, if there is one.
    AskGiven(Control, Ident, Option<Box<Expr>>),
    /// The same of a call that is a statement of its own.
    AskBare(Control, Ident),
    /// The same of a call whose value has its type from where it goes, and of a function that is called later:
    /// `tasks.collect::<JoinSet<_>>()`, `.map(spawn)`.
    AskTask(Ident),
    /// The same of a call whose value a variable or a list keeps: `let mail = start(1);`, `running.push(start(1))`.
    AskTaskLate(Ident),
    /// It depends on the type of a value that is handed on. Holds the part of it that decides.
    /// And whether the same tokens are the same place wherever they stand in the body; a local variable of that name may be
    /// another one.
    AskHanded(Box<Expr>, bool),
    /// The same of a value whose type the compiler may learn later.
    AskLate(Box<Expr>),
    /// It depends on what an awaited call gives that was given nothing of the session: an error of the database comes of a
    /// statement elsewhere. Holds the name that was called, and what it was called on or given, which may have been reported.
    AskElsewhere(Ident, Vec<Expr>),
}

/// The first name of a place: `app` in `app.pools()[0].clone()`.
pub(crate) fn root(place: &Expr) -> &Expr {
    match chain(place).last() {
        Some(Expr::Index(index)) => root(&index.expr),
        Some(Expr::Unary(inner)) => root(&inner.expr),
        Some(Expr::Reference(inner)) => root(&inner.expr),
        Some(first) => first,
        None => place,
    }
}

/// Whether the same tokens are the same place wherever they stand in the body: of a local variable, another one may have the
/// same name.
#[must_use]
pub fn is_lasting(place: &Expr) -> bool {
    match root(place) {
        Expr::Path(path) => {
            is_static(path) || path.path.get_ident().is_none_or(|name| name == "self")
        }
        _ => true,
    }
}
