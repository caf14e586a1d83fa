//! How a value came from the session.

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{
    Block, Expr, ExprAssign, ExprAsync, ExprBreak, ExprClosure, ExprForLoop, ExprLoop,
    ExprMethodCall, ExprWhile, Ident, Item, Macro, Member, Pat, Stmt,
};

use crate::body::idioms::{begins, connects, is_query_macro, runs_query};
use crate::body::names::{Names, Tie, Tied, is_boundary};
use crate::body::typed::{is_known, passes_through};
use crate::syntax::expr::{called, chain, owner, plain_place, tail, without_parens};
use crate::syntax::mac::{Arguments, is_list};
use crate::syntax::pattern::{names_word, plain_name, without_type};

impl Names {
    fn tied(&self, expr: &Expr) -> Option<Tied> {
        let name = plain_place(expr)?;
        self.tied
            .iter()
            .rev()
            .find(|(tied, _)| tied == name)
            .map(|(_, what)| *what)
    }

    /// Whether a name has to do with the session.
    pub(crate) fn is_tied(&self, expr: &Expr) -> bool {
        self.tied(expr).is_some()
    }

    /// Returns how a name came from the session that holds it.
    fn holding(&self, expr: &Expr) -> Option<Tie> {
        match self.tied(expr)? {
            Tied::Holds(tie) => Some(tie),
            Tied::Outcome(_) => None,
        }
    }

    /// Returns what a `let` binds: something that holds the session, or what an awaited call gave.
    pub(crate) fn tied_by(&self, init: &Expr) -> Option<Tied> {
        if let Some(tie) = outcome(init, self) {
            return Some(Tied::Outcome(tie));
        }
        match given(init, self) {
            Tie::Open => None,
            tie => Some(Tied::Holds(tie)),
        }
    }
}

/// Returns how the value of an awaited call came from the session; `None` for another expression, and for the result of a
/// scope, which has done its work.
pub(crate) fn outcome(expr: &Expr, names: &Names) -> Option<Tie> {
    match without_parens(expr) {
        Expr::Await(wait) => of_future(&wait.base, names),
        Expr::MethodCall(call) if keeps(call, names) => outcome(&call.receiver, names),
        // In something around it.
        Expr::Call(call) if passes_through(call) => outcome(call.args.first()?, names),
        Expr::Reference(inner) if plain_place(&inner.expr).is_none() => outcome(&inner.expr, names),
        Expr::Array(array) => one_of(array.elems.iter(), names),
        Expr::Tuple(tuple) => one_of(tuple.elems.iter(), names),
        Expr::Macro(mac) if is_list(&mac.mac) => {
            one_of(Arguments::of(&mac.mac)?.expressions(), names)
        }
        Expr::Field(field) => match &field.member {
            Member::Unnamed(number) => match joined(&field.base, names) {
                Some(ties) => *ties.get(usize::try_from(number.index).ok()?)?,
                None => outcome(&field.base, names),
            },
            Member::Named(_) => None,
        },
        Expr::Index(index) => outcome(&index.expr, names),
        // One of several.
        Expr::Block(block) => outcome(tail(&block.block)?, names),
        Expr::If(choice) => {
            let other = choice.else_branch.as_ref().map(|(_, other)| &**other);
            let values = [tail(&choice.then_branch), other];
            one_of(values.into_iter().flatten(), names)
        }
        Expr::Loop(repeated) => one_of(breaks(&repeated.body).into_iter(), names),
        Expr::Match(choice) => {
            let values = choice.arms.iter().map(|arm| &*arm.body);
            // The names that an arm binds are not known here.
            one_of(
                values.filter(|value| !matches!(value, Expr::Path(_))),
                names,
            )
        }
        expr => match names.tied(expr)? {
            Tied::Outcome(tie) => Some(tie),
            Tied::Holds(_) => None,
        },
    }
}

/// How the closest of several values came from the session.
fn one_of<'a>(values: impl Iterator<Item = &'a Expr>, names: &Names) -> Option<Tie> {
    values
        .filter_map(|value| outcome(value, names))
        .reduce(Tie::or)
}

/// The values with which a loop ends: `break f(tx).await`.
fn breaks(body: &Block) -> Vec<&Expr> {
    struct Search<'a>(Vec<&'a Expr>);
    impl<'ast> Visit<'ast> for Search<'ast> {
        fn visit_expr_break(&mut self, ends: &'ast ExprBreak) {
            self.0.extend(ends.expr.as_deref());
        }

        // A `break` inside of one of these does not end the loop.
        fn visit_expr_loop(&mut self, _: &'ast ExprLoop) {}
        fn visit_expr_while(&mut self, _: &'ast ExprWhile) {}
        fn visit_expr_for_loop(&mut self, _: &'ast ExprForLoop) {}
        fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
        fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut search = Search(Vec::new());
    search.visit_block(body);
    search.0
}

/// Whether a method makes of a `Result` another one that holds the same error, or what became of it. A variable that is used
/// later keeps a result that is looked at by reference.
fn keeps(call: &ExprMethodCall, names: &Names) -> bool {
    match call.method.to_string().as_str() {
        "map" | "map_err" | "and" | "and_then" | "inspect" | "inspect_err" | "err" | "copied"
        | "cloned" | "transpose" => true,
        // Of anyhow, eyre and error-stack.
        "context" | "with_context" | "wrap_err" | "wrap_err_with" | "change_context" => true,
        "as_ref" | "as_deref" => !names.is_used_later(&call.receiver),
        _ => false,
    }
}

/// The same of what any other method made of a result, of which only the type tells whether it is one still:
/// `f(tx).await.logged()`.
pub(crate) fn made_of(expr: &Expr, names: &Names) -> Option<Tie> {
    if let Some(tie) = outcome(expr, names) {
        return Some(tie);
    }
    match without_parens(expr) {
        Expr::MethodCall(call)
            if plain_place(&call.receiver).is_none()
                && !handles(&call.method)
                && arguments(call.args.iter(), names) == Tie::Open =>
        {
            let tie = made_of(&call.receiver, names)?;
            (tie != Tie::Open).then(|| tie.held())
        }
        _ => None,
    }
}

/// Whether a method takes a result apart, or gives what depends on where it is used.
fn handles(method: &Ident) -> bool {
    const HANDLE: [&str; 25] = [
        "collect",
        "expect",
        "expect_err",
        "from",
        "into",
        "into_iter",
        "is_err",
        "is_none",
        "is_ok",
        "is_some",
        "iter",
        "iter_mut",
        "map_or",
        "map_or_else",
        "ok",
        "ok_or",
        "ok_or_else",
        "or_else",
        "parse",
        "product",
        "sum",
        "try_into",
        "unwrap",
        "unwrap_err",
        "unwrap_or",
    ];
    HANDLE.iter().any(|word| method == word) || method.to_string().starts_with("unwrap_or")
}

/// Returns how a future came from the session; `None` for that of a scope, such as a savepoint, and for one that leads past
/// the session, which is refused as that.
pub(crate) fn of_future(future: &Expr, names: &Names) -> Option<Tie> {
    if let Expr::MethodCall(call) = without_parens(future)
        && is_scope(call, names)
    {
        return None;
    }
    let tie = given(future, names);
    (tie != Tie::Open || !leads_past(future)).then_some(tie)
}

/// `pool.begin()`, `PgConnection::connect(url)`
fn leads_past(future: &Expr) -> bool {
    let name = match without_parens(future) {
        Expr::MethodCall(call) => Some(&call.method),
        Expr::Call(call) => called(&call.func),
        _ => None,
    };
    name.is_some_and(|name| begins(name) || connects(name))
}

/// `tx.savepoint(..)`, and `tx.each(..)`, which has a savepoint for each item; and a boundary of a factory.
pub(crate) fn is_scope(call: &ExprMethodCall, names: &Names) -> bool {
    let is_on_session = || {
        names.is_session(&call.receiver)
            || matches!(&*call.receiver, Expr::Field(field) if is_session_field(&field.member))
    };
    is_boundary(&call.method)
        || (call.method == "savepoint" || call.method == "each") && is_on_session()
}

/// Returns how a value that was not awaited was given the session.
pub(crate) fn given(expr: &Expr, names: &Names) -> Tie {
    let mut tie = Tie::Open;
    for link in chain(expr) {
        tie = tie.or(match link {
            // An inner `.await` or `?` has already handled its own result.
            Expr::Await(_) | Expr::Try(_) => return tie,
            Expr::MethodCall(call) => {
                if names.is_session(&call.receiver) && !only_asks(&call.method) {
                    Tie::Lent
                } else {
                    arguments(call.args.iter(), names)
                }
            }
            Expr::Call(call) => {
                let held = names.holding(&call.func).map_or(Tie::Open, Tie::held);
                held.or(arguments(call.args.iter(), names))
            }
            Expr::Macro(mac) if !is_query_macro(&mac.mac) => of_macro(&mac.mac, names),
            Expr::Struct(literal) => {
                arguments(literal.fields.iter().map(|field| &field.expr), names).held()
            }
            Expr::Array(array) => arguments(array.elems.iter(), names),
            Expr::Tuple(tuple) => arguments(tuple.elems.iter(), names),
            Expr::Reference(inner) => given(&inner.expr, names),
            Expr::Unary(inner) => given(&inner.expr, names),
            Expr::Async(_) | Expr::Closure(_) => mentioned(link, names),
            Expr::Field(field) if is_session_field(&field.member) => {
                names.holding(&field.base).map_or(Tie::Open, Tie::held)
            }
            // Its other fields need not have to do with the session: `self.mailer.send(..)`.
            Expr::Field(field) if plain_place(&field.base).is_some_and(|name| name == "self") => {
                return tie;
            }
            Expr::Path(_) => match names.holding(link) {
                // `save.await`, and not `repo.save().await`.
                Some(tie) if std::ptr::eq(link, without_parens(expr)) => tie,
                Some(tie) => tie.held(),
                None => Tie::Open,
            },
            _ => Tie::Open,
        });
        if tie == Tie::Lent {
            return tie;
        }
    }
    tie
}

impl Tie {
    /// The closer of two.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Lent, _) | (_, Self::Lent) => Self::Lent,
            (Self::Held, _) | (_, Self::Held) => Self::Held,
            _ => Self::Open,
        }
    }

    /// At most that of something that holds the session.
    fn held(self) -> Self {
        match self {
            Self::Lent => Self::Held,
            tie => tie,
        }
    }
}

/// The methods of a session that tell something, or register something, and lend it to nobody.
fn only_asks(method: &Ident) -> bool {
    matches!(
        method.to_string().as_str(),
        "boundary"
            | "transaction_id"
            | "after_commit"
            | "after_rollback"
            | "before_commit"
            | "rollback_only"
    )
}

/// The methods of a session whose value works with it.
fn lends(method: &Ident) -> bool {
    runs_query(method)
        || matches!(
            method.to_string().as_str(),
            "savepoint" | "each" | "pages" | "lent" | "copy_in" | "copy_out" | "unguarded"
        )
}

/// How the arguments of a call came from the session.
fn arguments<'a>(arguments: impl Iterator<Item = &'a Expr>, names: &Names) -> Tie {
    arguments
        .map(|argument| argument_tie(argument, names))
        .fold(Tie::Open, Tie::or)
}

fn argument_tie(argument: &Expr, names: &Names) -> Tie {
    if names.is_session(argument) {
        return Tie::Lent;
    }
    match without_parens(argument) {
        // Of what a method of somebody else's makes of the session nothing is known: `index.update(tx.now())`.
        Expr::MethodCall(call) if names.is_session(&call.receiver) && !lends(&call.method) => {
            arguments(call.args.iter(), names)
        }
        Expr::MethodCall(call)
            if chain(&call.receiver).any(|link| match link {
                Expr::MethodCall(inner) => {
                    names.is_session(&inner.receiver) && !lends(&inner.method)
                }
                _ => false,
            }) =>
        {
            arguments(call.args.iter(), names)
        }
        Expr::Unary(inner) => argument_tie(&inner.expr, names),
        argument => given(argument, names),
    }
}

/// `join!(f(tx), g())`, `vec![f(tx)]`
pub(crate) fn of_macro(mac: &Macro, names: &Names) -> Tie {
    Arguments::of(mac).map_or(Tie::Open, |read| arguments(read.expressions(), names))
}

/// Whether an expression names the session or what holds it. A closure's own parameters may have the same names.
pub(crate) fn mentioned(expr: &Expr, names: &Names) -> Tie {
    let own = match expr {
        Expr::Closure(closure) => closure.inputs.iter().collect(),
        _ => Vec::new(),
    };
    let names = names.without(&own);
    let tokens = expr.to_token_stream();
    let is_named = |name: &Ident| names_word(&tokens, name);
    let holds = |(name, tied): &(Ident, Tied)| matches!(tied, Tied::Holds(_)) && is_named(name);
    if names.sessions.iter().any(is_named) || names.tied.iter().any(holds) {
        Tie::Held
    } else {
        Tie::Open
    }
}

/// `self.tx`
fn is_session_field(member: &Member) -> bool {
    matches!(member, Member::Named(name) if name == "tx" || name == "session")
}

/// `join!(a, b)` and `try_join!(a, b)`, which await their arguments. Returns the number of these.
pub(crate) fn joins(expr: &Expr) -> Option<Joined> {
    let Expr::Macro(mac) = without_parens(expr) else {
        return None;
    };
    let name = mac.mac.path.segments.last()?.ident.to_string();
    match name.as_str() {
        "join" => Arguments::of(&mac.mac).map(|read| Joined::Tuple(read.expressions().count())),
        "try_join" => Some(Joined::Result),
        _ => None,
    }
}

/// Returns how each of the results came from the session that several futures give together: `join!(a, b)`,
/// `join(a, b).await`.
pub(crate) fn joined(expr: &Expr, names: &Names) -> Option<Vec<Option<Tie>>> {
    let tie = |future| of_future(future, names).filter(|tie| *tie != Tie::Open);
    match (joins(expr), without_parens(expr)) {
        (Some(Joined::Tuple(_)), Expr::Macro(mac)) => {
            Some(Arguments::of(&mac.mac)?.expressions().map(tie).collect())
        }
        (None, Expr::Await(wait)) => match without_parens(&wait.base) {
            Expr::Call(call) if called(&call.func).is_some_and(is_join) => {
                Some(call.args.iter().map(tie).collect())
            }
            _ => None,
        },
        _ => None,
    }
}

/// The functions of futures that wait for several.
fn is_join(name: &Ident) -> bool {
    ["join", "join3", "join4", "join5"]
        .iter()
        .any(|known| name == known)
}

/// Whether what goes through a list, or is lent, is of a local variable that is used later: `&all`, `all.iter()`.
pub(crate) fn is_borrowed(iterator: &Expr, names: &Names) -> bool {
    let is_lent = matches!(iterator, Expr::Reference(_)) && names.is_used_later(iterator);
    is_lent
        || chain(iterator).any(|link| match link {
            Expr::MethodCall(call) => {
                (call.method == "iter" || call.method == "iter_mut")
                    && names.is_used_later(&call.receiver)
            }
            _ => false,
        })
}

/// What a macro gives that awaits several futures.
pub(crate) enum Joined {
    /// Their results.
    Tuple(usize),
    /// One result.
    Result,
}

/// The name of the function in `Result::ok`, and of one of another type, which may be an alias.
pub(crate) fn of_type(expr: &Expr) -> Option<&Ident> {
    let path = without_parens(expr);
    let is_type = owner(path)?.to_string().starts_with(char::is_uppercase);
    is_type.then(|| called(path)).flatten()
}

/// The values that a local variable is given after its declaration: `saved = f(tx).await`, `all.push(f(tx).await)`.
#[derive(Default)]
pub(crate) struct TakenIn {
    /// How the results of awaited calls among them came from the session.
    pub(crate) tie: Option<Tie>,
    /// Whether the compiler knows the type of one of them.
    pub(crate) is_typed: bool,
}

/// Returns the values that a local variable is given after its declaration.
pub(crate) fn taken_in(name: &Ident, after: &[Stmt], names: &Names) -> TakenIn {
    struct Search<'a> {
        name: &'a Ident,
        names: &'a Names,
        found: TakenIn,
    }
    impl Search<'_> {
        fn take(&mut self, place: &Expr, value: Option<&Expr>) {
            if matches!(place, Expr::Path(path) if path.path.is_ident(self.name))
                && let Some(value) = value
            {
                let ties = self.found.tie.into_iter().chain(outcome(value, self.names));
                self.found.tie = ties.reduce(Tie::or);
                self.found.is_typed |= is_known(value, self.names);
            }
        }
    }
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_expr_assign(&mut self, assign: &'ast ExprAssign) {
            self.take(&assign.left, Some(&assign.right));
            visit::visit_expr_assign(self, assign);
        }

        fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
            let takes = ["push", "push_back", "insert"].iter();
            if takes.into_iter().any(|method| call.method == method) {
                self.take(&call.receiver, call.args.last());
            }
            visit::visit_expr_method_call(self, call);
        }
    }
    let mut search = Search {
        name,
        names,
        found: TakenIn::default(),
    };
    after.iter().for_each(|stmt| search.visit_stmt(stmt));
    search.found
}

/// Returns the names that a `let` binds to the fields of a tuple, and how each came from the session: `let (a, b) = (f(tx).await, g(tx).await);`
pub(crate) fn in_tuple(pat: &Pat, init: &Expr, names: &Names) -> Vec<(Ident, Tied)> {
    let Pat::Tuple(pat) = without_type(pat) else {
        return Vec::new();
    };
    let ties: Vec<Option<Tied>> = match (without_parens(init), joins(init)) {
        (Expr::Tuple(tuple), _) => {
            let values = tuple.elems.iter();
            values.map(|value| names.tied_by(value)).collect()
        }
        (Expr::Macro(mac), Some(Joined::Tuple(_))) => match Arguments::of(&mac.mac) {
            Some(read) => {
                let ties = read.expressions().map(|future| of_future(future, names));
                ties.map(|tie| tie.map(Tied::Outcome)).collect()
            }
            None => Vec::new(),
        },
        _ => Vec::new(),
    };
    let fields = pat
        .elems
        .iter()
        .take_while(|pat| !matches!(pat, Pat::Rest(_)));
    let bound = fields.zip(ties);
    bound
        .filter_map(|(pat, tie)| Some((plain_name(pat)?.clone(), tie?)))
        .collect()
}

/// The name in `Some(row)`, of what comes out of `rows.next().await`, and how it came from the session.
pub(crate) fn in_some(pat: &Pat, value: &Expr, names: &Names) -> Option<(Ident, Tied)> {
    let Pat::TupleStruct(some) = pat else {
        return None;
    };
    let is_some = some
        .path
        .segments
        .last()
        .is_some_and(|last| last.ident == "Some");
    let name = plain_name(
        some.elems
            .first()
            .filter(|_| is_some && some.elems.len() == 1)?,
    )?;
    Some((name.clone(), Tied::Outcome(outcome(value, names)?)))
}

/// Whether a future is one around others that were given the session: `timeout(d, f(tx))`.
pub(crate) fn wraps(future: &Expr, names: &Names) -> bool {
    match without_parens(future) {
        Expr::Call(call) => {
            !call.args.iter().any(|argument| names.is_session(argument))
                && arguments(call.args.iter(), names) != Tie::Open
        }
        _ => false,
    }
}

/// Returns how the items of a stream or an iterator came from the session; `None` where they are not results of calls.
pub(crate) fn items(expr: &Expr, names: &Names) -> Option<Tie> {
    match without_parens(expr) {
        Expr::MethodCall(call)
            if matches!(
                call.method.to_string().as_str(),
                "into_iter"
                    | "into_values"
                    | "iter"
                    | "values"
                    | "drain"
                    | "map"
                    | "filter"
                    | "then"
                    | "enumerate"
                    | "rev"
                    | "skip"
                    | "take"
                    | "by_ref"
                    | "boxed"
                    | "fuse"
                    | "chain"
                    | "inspect"
            ) =>
        {
            items(&call.receiver, names)
        }
        Expr::Await(wait) => of_future(&wait.base, names),
        Expr::Try(_) => None,
        Expr::MethodCall(call) if is_scope(call, names) => None,
        expr => match names.tied(expr) {
            Some(Tied::Outcome(tie)) => Some(tie),
            Some(Tied::Holds(tie)) => Some(tie),
            None => outcome(expr, names).or_else(|| Some(given(expr, names))),
        },
    }
}
