//! The meaning of the names in a body.

use std::rc::Rc;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Expr, ExprMethodCall, Ident, Pat};

use crate::rule::Rule;
use crate::syntax::expr::{any_word, called, plain_place};
use crate::syntax::pattern::{bindings, binds};
use crate::syntax::session::is_lent_session;

/// The meaning of the names in a part of a body.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Names of the session.
    pub sessions: Vec<Ident>,
    /// The name of a job's session factory.
    pub factory: Option<Ident>,
    /// Further names of session factories: what `let other = db.clone();` binds.
    pub(crate) factories: Vec<Ident>,
    /// Whether this is a part of a plain function (`#[boundary]`) outside of the boundaries that it opens, where no rule holds.
    pub(crate) is_plain: bool,
    /// Whether a transaction is open here: not in a job that was given a factory, outside of the boundaries that it opens,
    /// nor in code that is registered to run after the commit.
    pub inside: bool,
    /// Whether `allow(nested_boundary, ..)` lets the body open boundaries inside its own.
    pub(crate) may_open: bool,
    /// The names of fields, functions and parameters that are or return a session factory, where they are known for a whole
    /// package.
    pub(crate) factories_by_name: Option<Rc<[String]>>,
    /// Other names that matter to a rule.
    pub(crate) known: Vec<(Ident, Known)>,
    /// Names that have to do with the session.
    pub(crate) tied: Vec<(Ident, Tied)>,
    /// Of the statement that is looked at: names that it binds and that nothing uses after it.
    pub(crate) unused: Vec<Ident>,
    /// Names of results that statements after this one use as well.
    pub(crate) later: Vec<Ident>,
    /// Names of results that are used otherwise than by asking whether they have failed.
    pub(crate) kept: Vec<Ident>,
    /// Names of which later statements make an error: `if !saved { return Err(..) }`.
    pub(crate) answered: Vec<Ident>,
    /// Whether it leads to an error, here, if a result is asked whether it has failed.
    pub(crate) is_answered: bool,
    /// In a loop, where a list may be taken apart step by step.
    pub(crate) is_repeated: bool,
    /// Of the assignment that is looked at: whether it is a branch of `select!`, `saved = f(tx)`, whose right side is awaited.
    pub(crate) is_branch: bool,
    /// Inside a macro call whose arguments may be anything, so that nothing is put in their place.
    pub(crate) is_opaque: bool,
}

/// The meaning of a name that is not a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// A parameter, whose type is judged.
    Parameter,
    /// A parameter that was already reported, such as `db` in `job(tx: &mut Session, db: &SessionFactory)`. Its uses are
    /// not reported.
    Refused,
    /// A value whose type the compiler knows where it is bound, and which was not judged: `let pool = app.pool.clone()`.
    Typed,
    /// A value whose type the compiler may learn later: `let mut ids = Vec::new()`.
    Unsure,
    /// What a function gave that was awaited: `let mut connection = open(url).await?`.
    Awaited,
    /// What `begin` gave, which is judged where it begins.
    Begun,
    /// The scope of `thread::scope(|s| ..)`, which waits for what is spawned on it.
    Scope,
    /// A parameter that is visibly a session factory, where none should be. The compiler judges its type.
    Factory,
    /// A parameter of a plain function whose type is no session factory's, and is otherwise not known.
    Foreign,
    /// `sqlx::query(..)`
    Query,
    /// The raw connection of a session.
    Raw,
    /// An HTTP client, or a request of one.
    Http,
    /// What is called a client, and may be one of HTTP.
    Client,
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
            factories: self
                .factories
                .iter()
                .filter(|name| stays(name))
                .cloned()
                .collect(),
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
            unused: Vec::new(),
            later: self
                .later
                .iter()
                .filter(|name| stays(name))
                .cloned()
                .collect(),
            kept: self
                .kept
                .iter()
                .filter(|name| stays(name))
                .cloned()
                .collect(),
            answered: self.answered.clone(),
            factories_by_name: self.factories_by_name.clone(),
            ..*self
        }
    }

    /// Whether a call registers its argument to run after the transaction: `tx.after_commit(..)`.
    pub(crate) fn is_after_the_end(&self, call: &ExprMethodCall) -> bool {
        (call.method == "after_commit" || call.method == "after_rollback")
            && self.is_session(&call.receiver)
    }

    /// Whether what a call is given runs after the transaction, on the session or on something that may hold it:
    /// `self.work.after_commit(async move { .. })`.
    pub(crate) fn runs_after_the_end(&self, call: &ExprMethodCall) -> bool {
        let is_hook = call.method == "after_commit" || call.method == "after_rollback";
        let is_code = matches!(call.args.first(), Some(Expr::Async(_) | Expr::Closure(_)));
        self.is_after_the_end(call) || is_hook && is_code && call.args.len() == 1
    }

    /// Whether an expression is the session: `tx`, `&mut *tx`, `(tx)`.
    pub(crate) fn is_session(&self, expr: &Expr) -> bool {
        plain_place(expr).is_some_and(|name| self.sessions.contains(name))
    }

    /// Binds what a pattern takes out of a value whose type the compiler knows.
    pub(crate) fn bind_typed(&mut self, pat: &Pat) {
        let names = bindings(pat).into_iter();
        let names = names.map(|binding| (binding.name.clone(), Known::Typed));
        self.known.extend(names);
    }

    /// Binds an item of a list of results, which may be looked at later in the list itself.
    pub(crate) fn tie_item(&mut self, name: &Ident, tie: Tie, is_later: bool) {
        self.tied.push((name.clone(), Tied::Outcome(tie)));
        self.later.extend(is_later.then(|| name.clone()));
    }

    /// Whether an expression is a local variable that statements after this one use as well.
    pub(crate) fn is_used_later(&self, expr: &Expr) -> bool {
        plain_place(expr).is_some_and(|name| self.later.contains(name))
    }

    /// Whether an expression is a local variable whose result is looked at somewhere else.
    pub(crate) fn is_kept(&self, expr: &Expr) -> bool {
        plain_place(expr).is_some_and(|name| self.kept.contains(name) || self.later.contains(name))
    }

    /// Whether a session is named anywhere in tokens.
    pub fn is_mentioned(&self, tokens: &TokenStream) -> bool {
        any_word(tokens.clone(), &|word| self.sessions.contains(word))
    }

    /// Whether an expression is a session factory that is known by name: `db`, `&db`, `db.clone()`, `Arc::clone(&db)`.
    pub(crate) fn is_factory(&self, expr: &Expr) -> bool {
        match expr {
            Expr::MethodCall(call) => {
                call.args.is_empty() && is_same(&call.method) && self.is_factory(&call.receiver)
            }
            Expr::Call(call) => {
                call.args.len() == 1
                    && called(&call.func).is_some_and(is_same)
                    && call
                        .args
                        .first()
                        .is_some_and(|value| self.is_factory(value))
            }
            expr => plain_place(expr).is_some_and(|name| {
                self.factory.as_ref() == Some(name) || self.factories.contains(name)
            }),
        }
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

    /// Whether a receiver of which nothing is known may be a factory.
    fn may_be_factory(&self, receiver: &Expr) -> bool {
        self.factories_by_name
            .as_ref()
            .is_none_or(|names| last_name(receiver).is_some_and(|name| names.contains(&name)))
    }

    /// Returns the place of the closure among the arguments of a call that runs it in a boundary:
    /// `db.transaction(async |tx| ..)`.
    ///
    /// Where nothing tells what the receiver is, as in `self.db.transaction(..)`, an async closure with as many parameters as a
    /// boundary lends is taken for one, in a function that opens boundaries. In the body of one, what another type does with
    /// the closure is nobody's concern: a factory is refused there by its type.
    pub(crate) fn boundary(&self, call: &ExprMethodCall) -> Option<usize> {
        let lends = lends(&call.method)?;
        let at = call.args.len().checked_sub(1)?;
        let Some(Expr::Closure(closure)) = call.args.last() else {
            return None;
        };
        let fits = closure.inputs.len() == lends
            && (call.method == "transaction" || at > 0)
            && closure.asyncness.is_some();
        let is_lent = closure.inputs.first().is_some_and(is_typed_session);
        let known = self.known(same(&call.receiver));
        let is_unknown = (!self.inside || self.may_open)
            && fits
            && matches!(
                known,
                None | Some(Known::Typed | Known::Unsure | Known::Awaited)
            )
            && self.may_be_factory(&call.receiver);
        let is_factory = known == Some(Known::Factory) || self.is_factory(&call.receiver);
        (is_lent || is_unknown || is_factory).then_some(at)
    }
}

/// The last name in `state.db`, `self.db()`, `db`, `db.clone()`.
fn last_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::MethodCall(call) if is_same(&call.method) => last_name(&call.receiver),
        Expr::MethodCall(call) => Some(call.method.to_string()),
        Expr::Call(call) => called(&call.func).map(ToString::to_string),
        Expr::Field(field) => Some(field.member.to_token_stream().to_string()),
        Expr::Await(inner) => last_name(&inner.base),
        Expr::Try(inner) => last_name(&inner.expr),
        expr => plain_place(expr).map(ToString::to_string),
    }
}

/// The number of parameters of the closure that a method of a factory runs in a boundary.
fn lends(method: &Ident) -> Option<usize> {
    match method.to_string().as_str() {
        "transaction" | "transaction_with" => Some(1),
        "stream" => Some(2),
        _ => None,
    }
}

/// `tx: &mut Session`
pub(crate) fn is_typed_session(pat: &Pat) -> bool {
    match pat {
        Pat::Type(typed) => is_lent_session(&typed.ty),
        Pat::Paren(inner) => is_typed_session(&inner.pat),
        _ => false,
    }
}

/// `db` in `db.clone()`, and an expression itself otherwise.
pub(crate) fn same(expr: &Expr) -> &Expr {
    match expr {
        Expr::MethodCall(call) if call.args.is_empty() && is_same(&call.method) => {
            same(&call.receiver)
        }
        expr => expr,
    }
}

/// The calls that give the same factory again.
fn is_same(method: &Ident) -> bool {
    matches!(
        method.to_string().as_str(),
        "clone" | "to_owned" | "as_ref" | "borrow" | "deref"
    )
}

/// The methods of a factory that open a boundary.
pub(crate) fn is_boundary(method: &Ident) -> bool {
    method == "transaction" || method == "transaction_with"
}
