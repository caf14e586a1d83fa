//! Judges calls that begin, commit or roll back, and calls that bypass the session.
//!
//! Many things have a method `commit`, a search index and a git repository among them, so the name alone
//! decides nothing. Where the receiver is visibly the session the call is refused; where it is anything
//! else the compiler is asked what type it has.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::{Block, Expr, ExprCall, ExprMethodCall, ExprPath, Ident};

use crate::body::idioms::{is_query, is_spawner, runs_query};
use crate::body::names::{Known, is_boundary};
use crate::body::walk::{self, Step};
use crate::check::escape;
use crate::rule::{self, Rule};
use crate::syntax::expr::plain_place;

pub use crate::body::names::Names;
pub use crate::syntax::expr::chain;
pub use crate::syntax::mac::each_argument;

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
    /// `run` and `spawn` of a session factory.
    Start,
    /// `transaction`, of what may be a session factory.
    Open,
    /// `unguarded`
    Unguard,
    /// `tokio::spawn`
    Spawn,
    /// `tx.after_commit(async { tx })`
    After,
}

impl Control {
    fn named(method: &Ident) -> Option<Self> {
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
            Self::Send => &rule::OTHER_EXECUTOR,
            Self::Start => &rule::JOB_STARTED,
            Self::Open => &rule::NESTED_BOUNDARY,
            Self::Unguard => &rule::UNGUARDED,
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
}

/// Shows `judged` every call in a body that may begin, commit or roll back, or go past the session. It may replace the
/// call.
pub fn each(body: &mut Block, names: &Names, judged: &mut dyn FnMut(Judgement, &mut Expr)) {
    // A call is judged before its parts are replaced, and shown afterwards.
    let mut open = Vec::new();
    walk::walk(body, names, &mut |step, names| match step {
        Step::Enter(expr) => open.push(judge(expr, names)),
        Step::Leave(expr) => {
            if let Some(Some(judgement)) = open.pop() {
                judged(judgement, expr);
            }
        }
        Step::Statement(_) | Step::Tokens(_) => {}
    });
}

/// The calls in a macro call whose arguments are no expressions, where only the tokens can tell.
pub(crate) fn in_tokens(tokens: &TokenStream, names: &Names) -> Vec<(Control, Ident)> {
    let mut found = Vec::new();
    search(tokens, names, &mut found);
    found
}

/// Looks for `tx . commit (`.
fn search(tokens: &TokenStream, names: &Names, found: &mut Vec<(Control, Ident)>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for window in tokens.windows(4) {
        found.extend(call_in_tokens(window, names));
    }
    for token in &tokens {
        if let TokenTree::Group(group) = token {
            search(&group.stream(), names, found);
        }
    }
}

fn call_in_tokens(tokens: &[TokenTree], names: &Names) -> Option<(Control, Ident)> {
    let [
        TokenTree::Ident(receiver),
        TokenTree::Punct(dot),
        TokenTree::Ident(method),
        TokenTree::Group(arguments),
        ..,
    ] = tokens
    else {
        return None;
    };
    let is_call = names.sessions.contains(receiver)
        && dot.as_char() == '.'
        && arguments.delimiter() == Delimiter::Parenthesis;
    let control = Control::named(method).filter(|_| is_call)?;
    Some((control, method.clone()))
}

/// The tokens with something else in place of each `tx.commit()`.
#[must_use]
pub fn without_calls(
    tokens: &TokenStream,
    names: &Names,
    instead: &dyn Fn(Control) -> Option<TokenStream>,
) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut output = TokenStream::new();
    let mut rest = tokens.as_slice();
    while let [first, after @ ..] = rest {
        if let Some((control, _)) = call_in_tokens(rest, names)
            && let Some(instead) = instead(control)
        {
            output.extend(instead);
            rest = rest.get(4..).unwrap_or_default();
            continue;
        }
        output.extend([match first {
            TokenTree::Group(group) => {
                let inner = without_calls(&group.stream(), names, instead);
                let mut inner = Group::new(group.delimiter(), inner);
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            token => token.clone(),
        }]);
        rest = after;
    }
    output
}

/// Judges an expression itself, but not its parts.
pub(crate) fn judge(expr: &Expr, names: &Names) -> Option<Judgement> {
    if let Some((name, what)) = escape::spawn(expr, names) {
        return Some(Judgement::Wrong(Control::Spawn, name.clone(), what));
    }
    let judgement = match expr {
        Expr::MethodCall(call) => judge_method(call, names),
        Expr::Call(call) => judge_call(call, names),
        Expr::Path(path) => judge_reference(path),
        _ => None,
    }?;
    match &judgement {
        Judgement::Ask(_, _, asked) | Judgement::AskArgument(_, asked) => {
            let was_refused = names.known(asked) == Some(Known::Refused);
            (!names.is_opaque && !was_refused).then_some(judgement)
        }
        Judgement::Refused(..) | Judgement::Wrong(..) => Some(judgement),
    }
}

fn judge_method(call: &ExprMethodCall, names: &Names) -> Option<Judgement> {
    if let Some(used) = escape::used_after_the_end(call, names) {
        return Some(Judgement::Wrong(
            Control::After,
            used,
            call.method.to_string(),
        ));
    }
    if call.method == "unguarded" && names.is_session(&call.receiver) {
        return Some(Judgement::Refused(Control::Unguard, call.method.clone()));
    }
    if is_boundary(&call.method) && names.is_factory(&call.receiver) {
        return names
            .inside
            .then(|| wrong_on_factory(Control::Open, &call.method, &call.receiver));
    }
    if let Some(control) = Control::named(&call.method) {
        return Some(judge_receiver(control, &call.method, &call.receiver, names));
    }
    if !names.inside {
        return None;
    }
    if starts(&call.method) && call.args.len() == 1 {
        if names.is_factory(&call.receiver) {
            return Some(wrong_on_factory(
                Control::Start,
                &call.method,
                &call.receiver,
            ));
        }
        return (!names.is_session(&call.receiver)
            && names.known(&call.receiver) != Some(Known::Spawner)
            && !is_spawner(&call.receiver))
        .then(|| Judgement::Ask(Control::Start, call.method.clone(), call.receiver.clone()));
    }
    judge_statement(call, names)
}

/// `sqlx::query(..).execute(&self.pool)`, `self.pool.execute("..")`.
fn judge_statement(call: &ExprMethodCall, names: &Names) -> Option<Judgement> {
    let argument = call.args.first()?;
    if runs_query(&call.method) && is_query(&call.receiver, names) {
        return (call.args.len() == 1 && !is_judged(argument, names))
            .then(|| Judgement::AskArgument(Control::Send, Box::new(argument.clone())));
    }
    let is_of_executor =
        runs_query(&call.method) || call.method == "prepare" || call.method == "prepare_with";
    (is_of_executor && is_text(argument, names) && !is_judged(&call.receiver, names))
        .then(|| Judgement::Ask(Control::Send, call.method.clone(), call.receiver.clone()))
}

/// Whether an argument may be what `Executor::execute` takes: a text or a query.
fn is_text(expr: &Expr, names: &Names) -> bool {
    match expr {
        Expr::Lit(_) | Expr::Path(_) | Expr::Macro(_) => true,
        Expr::Reference(inner) => is_text(&inner.expr, names),
        expr => is_query(expr, names) || matches!(expr, Expr::Call(_) | Expr::MethodCall(_)),
    }
}

/// Whether an executor needs no question to the compiler: the session, a parameter, or the connection from `unguarded`.
fn is_judged(expr: &Expr, names: &Names) -> bool {
    names.is_session(expr)
        || matches!(
            names.known(expr),
            Some(Known::Parameter | Known::Factory | Known::Raw | Known::Query)
        )
        || matches!(expr, Expr::Closure(_) | Expr::Lit(_))
}

fn starts(method: &Ident) -> bool {
    method == "spawn" || method == "run"
}

fn wrong_on_factory(control: Control, method: &Ident, factory: &Expr) -> Judgement {
    let factory = chain(factory)
        .filter_map(plain_place)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default();
    Judgement::Wrong(control, method.clone(), factory)
}

/// `Transaction::commit(t)`, `<PgPool as Acquire>::begin(&pool)`: the first argument is the receiver.
fn judge_call(call: &ExprCall, names: &Names) -> Option<Judgement> {
    let Expr::Path(ExprPath { qself, path, .. }) = &*call.func else {
        return None;
    };
    let mut segments = path.segments.iter().rev();
    let method = &segments.next()?.ident;
    let receiver = call.args.first()?;
    let owner = segments.next().map(|owner| owner.ident.to_string());
    let is_of_a_type = match &owner {
        Some(owner) => owner.starts_with(|c: char| c.is_uppercase()),
        None => qself.is_some(),
    };
    let Some(control) = Control::named(method) else {
        return judge_call_past(method, owner.as_deref(), receiver, names);
    };
    if names.is_factory(receiver) {
        return (names.inside && is_boundary(method))
            .then(|| wrong_on_factory(Control::Open, method, receiver));
    }
    // `orders::begin(tx)` is a service with an unlucky name.
    if names.is_session(receiver) && !is_of_a_type {
        return None;
    }
    Some(judge_receiver(control, method, receiver, names))
}

/// `Executor::execute(&pool, "..")`, `SessionFactory::run(&db, job)`, `Session::unguarded(tx)`.
fn judge_call_past(
    method: &Ident,
    owner: Option<&str>,
    receiver: &Expr,
    names: &Names,
) -> Option<Judgement> {
    let owner = owner?;
    if owner == "Session" && method == "unguarded" && names.is_session(receiver) {
        return Some(Judgement::Refused(Control::Unguard, method.clone()));
    }
    if !names.inside {
        return None;
    }
    if owner == "Executor" && runs_query(method) && !is_judged(receiver, names) {
        return Some(Judgement::AskArgument(
            Control::Send,
            Box::new(receiver.clone()),
        ));
    }
    (owner == "SessionFactory" && starts(method))
        .then(|| Judgement::Ask(Control::Start, method.clone(), Box::new(receiver.clone())))
}

fn judge_receiver(control: Control, name: &Ident, receiver: &Expr, names: &Names) -> Judgement {
    if names.is_session(receiver) {
        return Judgement::Refused(control, name.clone());
    }
    let control = if names.inside && is_boundary(name) {
        Control::Open
    } else {
        control
    };
    Judgement::Ask(control, name.clone(), Box::new(receiver.clone()))
}

/// `.then(Transaction::commit)`: there is no receiver to ask about, so the names must do.
fn judge_reference(path: &ExprPath) -> Option<Judgement> {
    let mut segments = path.path.segments.iter().rev();
    let method = &segments.next()?.ident;
    let control = Control::named(method)?;
    let owner = segments.next()?.ident.to_string();
    let is_of_sqlx = ["", "Pg", "MySql", "Sqlite", "Any"].iter().any(|database| {
        owner.strip_prefix(database).is_some_and(|owner| {
            matches!(
                owner,
                "Transaction"
                    | "Connection"
                    | "PoolConnection"
                    | "Acquire"
                    | "Pool"
                    | "TransactionManager"
            )
        })
    });
    is_of_sqlx.then(|| Judgement::Wrong(control, method.clone(), owner))
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use quote::ToTokens;

    use super::*;

    /// The calls of a body, refused ones with a `!`.
    fn calls(body: &str) -> Vec<String> {
        let mut block: Block = syn::parse_str(&format!("{{ {body} }}")).expect("a block");
        let mut found = Vec::new();
        let names = Names {
            sessions: vec![Ident::new("tx", Span::call_site())],
            factory: Some(Ident::new("db", Span::call_site())),
            ..Names::default()
        };
        each(&mut block, &names, &mut |judgement, expr| {
            found.push(match judgement {
                Judgement::Refused(_, name) => format!("{name}!"),
                Judgement::Wrong(_, name, on) => format!("{on}.{name}!"),
                Judgement::Ask(_, _, receiver) => receiver.to_token_stream().to_string(),
                Judgement::AskArgument(_, argument) => format!("({})", argument.to_token_stream()),
            });
            *expr = syn::parse_quote!(());
        });
        found
    }

    #[test]
    fn the_session_is_refused_and_others_are_asked_about() {
        assert_eq!(
            calls("tx.commit().await?; (&mut *tx).rollback(); index.commit();"),
            ["commit!", "rollback!", "index"]
        );
        assert_eq!(calls("self.pool.begin().await?"), ["self . pool"]);
        assert_eq!(
            calls("if a { tx.begin() } else { move || tx.commit() }"),
            ["begin!", "commit!"]
        );
    }

    #[test]
    fn a_path_is_judged_by_its_first_argument() {
        assert_eq!(
            calls(
                "Transaction::commit(t); Pool::<A>::begin(&p); <A as Acquire>::begin(p); <A>::begin(tx);"
            ),
            ["t", "& p", "p", "begin!"]
        );
        assert_eq!(
            calls("orders::begin(tx); commit(tx); Session::commit(&mut *tx); index::commit(w);"),
            ["commit!", "w"]
        );
        assert_eq!(
            calls("SessionFactory::transaction(db, f); A::commit()"),
            [""; 0]
        );
    }

    #[test]
    fn a_name_that_no_longer_is_the_session_is_asked_about() {
        assert_eq!(
            calls("let tx = repo.transaction()?; tx.commit();"),
            ["repo", "tx"]
        );
        assert_eq!(calls("{ let tx = other; } tx.commit();"), ["commit!"]);
        assert_eq!(calls("f(|tx| tx.commit());"), ["tx"]);
        assert_eq!(
            calls("match a { Some(tx) => tx.commit(), None => tx.rollback() }"),
            ["tx", "rollback!"]
        );
        assert_eq!(calls("fn f(tx: A) { tx.commit() }"), ["tx"]);
    }

    #[test]
    fn what_was_begun_on_the_session_and_a_savepoint_are_sessions() {
        assert_eq!(
            calls("let mut t = tx.begin().await?; t.commit().await?;"),
            ["begin!", "commit!"]
        );
        assert_eq!(
            calls("tx.savepoint(async |s| { s.commit() }).await?;"),
            ["commit!"]
        );
        assert_eq!(
            calls("tx.savepoint(async |tx: &mut Session| tx.commit());"),
            ["commit!"]
        );
    }

    #[test]
    fn a_boundary_is_opened_on_the_factory_and_not_inside_another() {
        assert_eq!(
            calls("db.transaction(async |s| { s.commit() }).await?; db.begin();"),
            ["commit!", "db"]
        );
        assert_eq!(
            calls("db.transaction(async |s| { db.transaction(async |t| t.commit()) });"),
            ["commit!", "db.transaction!"]
        );
        assert_eq!(calls("let db = other; db.transaction(f);"), ["db"]);
    }

    /// The calls of a service's body, inside its transaction.
    fn inside(body: &str) -> Vec<String> {
        let mut block: Block = syn::parse_str(&format!("{{ {body} }}")).expect("a block");
        let mut found = Vec::new();
        let names = Names {
            sessions: vec![Ident::new("tx", Span::call_site())],
            inside: true,
            known: vec![(Ident::new("pool", Span::call_site()), Known::Parameter)],
            ..Names::default()
        };
        each(&mut block, &names, &mut |judgement, _| {
            found.push(match judgement {
                Judgement::Refused(control, _) => format!("{control:?}!"),
                Judgement::Wrong(control, ..) => format!("{control:?}!!"),
                Judgement::Ask(control, _, on) => format!("{control:?} {}", on.to_token_stream()),
                Judgement::AskArgument(control, argument) => {
                    format!("{control:?} ({})", argument.to_token_stream())
                }
            });
        });
        found
    }

    #[test]
    fn what_a_statement_is_sent_to_is_asked_about() {
        for (body, asked) in [
            (
                "sqlx::query(a).bind(1).execute(&self.pool)",
                "Send (& self . pool)",
            ),
            (
                "query_as!(A, \"..\").fetch_one(&mut *other)",
                "Send (& mut * other)",
            ),
            ("let q = sqlx::query(a); q.fetch_all(e)", "Send (e)"),
            ("builder.build_query_as().fetch(&p)", "Send (& p)"),
            ("self.pool.execute(\"select 1\")", "Send self . pool"),
            ("Executor::fetch_one(&p, a)", "Send (& p)"),
            ("tokio::join!(query(a).execute(&p))", "Send (& p)"),
            ("self.db.spawn(ship(1))", "Start self . db"),
            ("state.db.run(job)", "Start state . db"),
            ("SessionFactory::run(&db, job)", "Start & db"),
            ("self.db.transaction(f)", "Open self . db"),
            ("tx.unguarded()", "Unguard!"),
            ("Session::unguarded(tx)", "Unguard!"),
            ("a.then(Transaction::commit)", "Commit!!"),
            ("let f = sqlx::PgTransaction::rollback;", "Rollback!!"),
            ("my!(tx.commit())", "Commit!"),
        ] {
            assert_eq!(inside(body), [asked], "{body}");
        }
    }

    #[test]
    fn what_needs_no_question_is_not_asked_about() {
        for body in [
            "sqlx::query(a).execute(&mut *tx); query(a).execute(pool); query(a).fetch_one(&mut **pool);",
            "let c = tx; query(a).execute(c);",
            "self.execute(|a| a + 1); task.run(); Command::new(a).spawn(); set.run(1, 2);",
            "my!(self.pool.begin()); Ledger::commit; commit;",
            "fn f(e: A) { query(a).execute(e); }",
        ] {
            assert_eq!(inside(body), [""; 0], "{body}");
        }
    }

    #[test]
    fn tokens_are_searched_where_there_are_no_expressions() {
        let names = Names {
            sessions: vec![Ident::new("tx", Span::call_site())],
            ..Names::default()
        };
        let tokens: TokenStream = "do { tx.commit().await } a.commit() tx.rollback"
            .parse()
            .expect("tokens");
        assert_eq!(in_tokens(&tokens, &names).len(), 1);
        let rest = without_calls(&tokens, &names, &|_| Some(TokenStream::new()));
        assert_eq!(
            rest.to_string(),
            "do { . await } a . commit () tx . rollback"
        );
    }

    #[test]
    fn the_receiver_is_shown_as_it_stands_in_the_source() {
        assert_eq!(
            calls("pool.begin().await?.commit()"),
            ["pool", "pool . begin () . await ?"]
        );
    }
}
