//! What is to be said, or asked, of a value that is thrown away.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Expr, Ident};

use crate::body::idioms::{is_query, runs_query};
use crate::body::names::{Names, Tie};
use crate::rule::Rule;
use crate::syntax::expr::{plain_place, without_parens};

/// A discarded result, or a future that is never awaited.
pub(crate) struct Lost {
    pub(crate) rule: &'static Rule,
    /// The name of the call.
    pub(crate) what: String,
    pub(crate) on: TokenStream,
}

/// What is to be said of a value that is thrown away.
pub(crate) enum Found {
    /// Tokens tell that it is wrong.
    Lost(Lost),
    /// It depends on its type.
    Ask(Question),
}

/// A question about the type of a value that is thrown away.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is done with it.
    pub asked: Asked,
    /// How it came from the session.
    pub tie: Tie,
    /// Where it stands in the expression or the statement.
    pub part: Part,
    /// Whether it is a local variable.
    pub is_name: bool,
    /// The tokens that throw it away, each with the field of a tuple that it is about.
    pub at: Vec<(Option<usize>, TokenStream)>,
}

/// What is done with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// D030: `.ok()` and the like are called on it.
    Discarded,
    /// D030 and D031: it is bound to `_`, dropped, or left where it stands.
    Dropped,
    /// D030: those of its items that have failed are left out.
    Items,
    /// D030: it is a list that is thrown away when its results have been counted: `rows.len()`.
    Counted,
    /// D030: the same of what a future will give: `f(tx).unwrap_or_else(|_| 0).await`.
    Later,
    /// D031: it may hold a future that a closure has made: `sku.map(|sku| save(tx, sku));`.
    Made,
    /// D032: it is matched without a look at its error.
    Swallowed,
    /// D032: the same of an `Option` or a `Result` with a result in it.
    SwallowedInside,
    /// D032: the same of what a future will give: `select! { Ok(n) = f(tx) => .. }`.
    SwallowedLater,
    /// D032: a limit of time cut the work off, and the error that says so is passed over: `timeout(d, f(tx)).await`.
    CutOff,
}

impl Asked {
    /// Whether it is about an error that is passed over (D032), and not about a value that is thrown away.
    #[must_use]
    pub fn is_swallowed(self) -> bool {
        matches!(
            self,
            Self::Swallowed | Self::SwallowedInside | Self::SwallowedLater | Self::CutOff
        )
    }

    /// Whether nothing but the type tells that something is lost.
    pub(crate) fn is_by_type(self) -> bool {
        matches!(self, Self::Counted | Self::Made | Self::CutOff)
    }
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `value.ok()`
    Receiver,
    /// The same, of a method that borrows: `value.is_ok();`
    Borrowed,
    /// `drop(value)`, `all.extend(value)`
    Argument,
    /// `for item in value { .. }`
    Iterated,
    /// `value.1`
    Base,
    /// `value.pop()`, where the value stays where it is.
    Beside,
    /// `let _ = value;`
    Init,
    /// `let (good, _) = value.partition(..);`
    InitReceiver,
    /// `_ = value`
    Right,
    /// `value;`
    Whole,
    /// `match value { .. }`, with the arm that throws it away.
    Scrutinee(usize),
    /// `if let Ok(a) = value { .. }`, with the place of the `let` among the conditions.
    Condition(usize),
    /// `let Ok(a) = value else { .. };`
    Else,
}

impl Question {
    pub(crate) fn new(
        asked: Asked,
        tie: Tie,
        part: Part,
        value: &Expr,
        on: &impl ToTokens,
    ) -> Self {
        Self {
            asked,
            tie,
            part,
            is_name: plain_place(value).is_some(),
            at: vec![(None, on.to_token_stream())],
        }
    }
}

/// The name of the call, if tokens tell that a value is the result of a statement.
pub(crate) fn result<'a>(expr: &'a Expr, names: &Names) -> Option<&'a Ident> {
    match without_parens(expr) {
        Expr::Await(wait) => ran(&wait.base, names),
        Expr::MethodCall(call)
            if matches!(
                call.method.to_string().as_str(),
                "map" | "inspect" | "inspect_err" | "as_ref"
            ) =>
        {
            result(&call.receiver, names)
        }
        _ => None,
    }
}

/// The name of the call that sends a statement on the session; a stream is none, and gives no result by itself.
pub(crate) fn ran<'a>(future: &'a Expr, names: &Names) -> Option<&'a Ident> {
    statement(future, names)
        .filter(|name| *name != "savepoint" && *name != "fetch" && *name != "fetch_many")
}

/// Returns the called name, if an expression is visibly the future of a statement on the session, or of a savepoint.
pub(crate) fn statement<'a>(expr: &'a Expr, names: &Names) -> Option<&'a Ident> {
    let Expr::MethodCall(call) = without_parens(expr) else {
        return None;
    };
    let on_session = names.is_session(&call.receiver);
    let is_statement = (runs_query(&call.method)
        && (on_session
            || (is_query(&call.receiver, names)
                && call
                    .args
                    .first()
                    .is_some_and(|executor| names.is_session(executor)))))
        || (call.method == "savepoint" && on_session);
    is_statement.then_some(&call.method)
}
