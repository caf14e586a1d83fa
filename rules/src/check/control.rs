//! Judges calls that begin, commit or roll back, and calls that bypass the session.
//!
//! Many things have a method `commit`, a search index and a git repository among them, so the name alone
//! decides nothing. Where the receiver is visibly the session the call is refused; where it is anything
//! else the compiler is asked what type it has.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::{Block, Expr, ExprCall, ExprMethodCall, ExprPath, Ident, Stmt};

use crate::body::idioms::{connects, is_query, runs_query};
use crate::body::names::{Known, is_boundary};
use crate::body::walk::{self, Step};
use crate::check::marks::{Marks, Stands};
use crate::check::{escape, given};
use crate::syntax::expr::{called, owner, plain_place, without_parens};

pub use crate::body::names::Names;
pub use crate::check::judgement::{Control, Judgement, is_lasting};
pub use crate::syntax::expr::chain;
pub use crate::syntax::mac::each_argument;

/// Shows `judged` everything in a body that may begin, commit or roll back, or go past the session. It may replace the
/// expression.
pub fn each(body: &mut Block, names: &Names, judged: &mut dyn FnMut(Judgement, &mut Expr)) {
    // An expression is judged before its parts are replaced, and shown afterwards.
    let mut open: Vec<Vec<Judgement>> = Vec::new();
    let mut marks = Marks::default();
    walk::walk(body, names, &mut |step, names| match step {
        Step::Enter(expr) => {
            let handed = marks.handed(expr, names);
            let is_judged = marks.is_judged(expr);
            let own = judge(expr, names);
            let task = marks
                .collected(expr, names)
                .or_else(|| spawned(expr, names, marks.stands(expr)));
            let stored = marks.stored(expr, names).filter(|_| task.is_none());
            let elsewhere = marks.elsewhere(expr, own.as_ref(), names);
            marks.enter(expr, own.as_ref(), names);
            let own = own.filter(|_| !is_judged);
            let others = task
                .into_iter()
                .chain(stored)
                .chain(handed)
                .chain(elsewhere);
            open.push(own.into_iter().chain(others).collect());
            if matches!(expr, Expr::Closure(_)) {
                marks.go_apart();
            }
        }
        Step::Leave(expr) => {
            if matches!(expr, Expr::Closure(_)) {
                marks.come_back();
            }
            for judgement in open.pop().into_iter().flatten() {
                judged(judgement, expr);
            }
            written_out(expr);
        }
        Step::Statement(stmt) => {
            marks.statement(stmt, names);
            if matches!(stmt, Stmt::Item(_)) {
                marks.go_apart();
            }
        }
        Step::LeaveStatement(stmt) => {
            if matches!(stmt, Stmt::Item(_)) {
                marks.come_back();
            }
        }
        Step::Tokens(_) => {}
    });
}

/// `Repo { pool }`, if the value was replaced, as `Repo { pool: .. }`.
fn written_out(expr: &mut Expr) {
    if let Expr::Struct(literal) = expr {
        for field in &mut literal.fields {
            if field.colon_token.is_none() && !matches!(field.expr, Expr::Path(_)) {
                field.colon_token = Some(syn::token::Colon::default());
            }
        }
    }
}

/// Whether [`each`] finds a question about an expression beside that of [`judge`].
pub(crate) fn asks(expr: &Expr, names: &Names) -> bool {
    let is_set_of_tasks = || match expr {
        Expr::MethodCall(call) => escape::adapter(call).is_some(),
        _ => false,
    } || escape::collects(expr, false).is_some();
    !given::handed(expr, names, true).is_empty()
        || spawned(expr, names, Stands::Elsewhere).is_some()
        || names.inside && is_set_of_tasks()
        || matches!(expr, Expr::MethodCall(call) if names.inside && escape::pushed(call, names).next().is_some())
        || matches!(expr, Expr::Await(wait) if names.inside && given::elsewhere(&wait.base, names).is_some())
}

/// Whether a call gives a task must be asked of the compiler.
fn spawned(expr: &Expr, names: &Names, stands: Stands) -> Option<Judgement> {
    if !names.inside || names.is_opaque || escape::spawn(expr, names).is_some() {
        return None;
    }
    let name = escape::called_to_spawn(expr, names, stands != Stands::Elsewhere)?.clone();
    Some(match stands {
        Stands::Bare => Judgement::AskBare(Control::Spawn, name),
        Stands::Kept | Stands::Elsewhere => Judgement::AskGiven(Control::Spawn, name, None),
    })
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
        Expr::Await(wait) => awaited(&wait.base, names),
        Expr::MethodCall(call) => judge_method(call, names),
        Expr::Call(call) => judge_call(call, names),
        Expr::Path(path) => judge_reference(path),
        _ => None,
    }?;
    match &judgement {
        Judgement::AskGiven(..)
        | Judgement::AskBare(..)
        | Judgement::AskTask(_)
        | Judgement::AskTaskLate(_)
        | Judgement::AskElsewhere(..) => (!names.is_opaque).then_some(judgement),
        Judgement::Ask(_, _, asked)
        | Judgement::AskArgument(_, asked)
        | Judgement::AskLate(asked)
        | Judgement::AskHanded(asked, _) => {
            let was_refused = names.known(asked) == Some(Known::Refused);
            (!names.is_opaque && !was_refused).then_some(judgement)
        }
        Judgement::Refused(..) | Judgement::Wrong(..) => Some(judgement),
    }
}

/// `pool.begin().await`, `PgConnection::connect(url).await`: what the call gives says what it did.
fn awaited(future: &Expr, names: &Names) -> Option<Judgement> {
    let future = without_parens(future);
    let name = match future {
        Expr::MethodCall(call) => &call.method,
        Expr::Call(call) => called(&call.func)?,
        _ => return None,
    };
    let control = match (Control::named(name), future) {
        // They are judged as calls.
        (_, Expr::MethodCall(call)) if opens_beside(call) => return None,
        (Some(Control::Begin), _) if !is_boundary(name) => Control::Begin,
        (Some(_), _) => return None,
        (None, _) if names.inside && connects(name) => Control::Use,
        (None, Expr::MethodCall(call)) if receives(call, names) => {
            let receiver = call.receiver.clone();
            return Some(Judgement::Ask(Control::Receive, name.clone(), receiver));
        }
        (None, Expr::MethodCall(call)) if names.inside => return judge_use(call, names),
        (None, _) => return None,
    };
    // The session is refused by its name, and a name that is refused is not asked about.
    let was_refused = |expr| names.known(expr) == Some(Known::Refused);
    let (is_settled, receiver) = match future {
        Expr::MethodCall(call) => {
            let receiver = &*call.receiver;
            let is_settled = names.is_session(receiver) || was_refused(receiver);
            (is_settled, Some(receiver))
        }
        // `Acquire::begin(&pool)` is about its argument.
        Expr::Call(call) => match call.args.first() {
            Some(first) if names.is_session(first) => (is_of_sqlx(&call.func), None),
            Some(first) => {
                let is_settled = names.is_factory(first) || was_refused(first);
                (
                    is_settled,
                    Some(first).filter(|_| control == Control::Begin),
                )
            }
            None => (control == Control::Begin, None),
        },
        _ => return None,
    };
    (!is_settled).then(|| {
        let receiver = receiver.map(|receiver| Box::new(receiver.clone()));
        Judgement::AskGiven(control, name.clone(), receiver)
    })
}

/// Whether the end of a channel may be waited for; where tokens tell, they have told.
fn receives(call: &ExprMethodCall, names: &Names) -> bool {
    names.inside
        && names.known(&call.receiver) != Some(Known::Receiver)
        && matches!(
            (call.method.to_string().as_str(), call.args.len()),
            ("recv" | "changed", 0) | ("recv_many", 2)
        )
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
    // A boundary of another kind, and a connection beside the session's.
    if names.inside && opens_beside(call) {
        return (!names.is_session(&call.receiver))
            .then(|| Judgement::Ask(Control::Open, call.method.clone(), call.receiver.clone()));
    }
    if let Some(control) = Control::named(&call.method) {
        return judge_receiver(control, &call.method, &call.receiver, names);
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
        return (!names.is_session(&call.receiver))
            .then(|| Judgement::Ask(Control::Start, call.method.clone(), call.receiver.clone()));
    }
    judge_statement(call, names).or_else(|| {
        let is_of_pool = call.method == "try_acquire" && !is_judged(&call.receiver, names);
        let receiver = match is_of_pool {
            true => Some(&*call.receiver),
            false => given::receiver_of_arguments(call, names),
        }?;
        Some(Judgement::Ask(
            Control::Use,
            call.method.clone(),
            Box::new(receiver.clone()),
        ))
    })
}

/// An awaited call of which nothing is known: `self.pool.copy_in_raw("..")`, `self.pool.insert_order(id)` with a trait of the
/// user's own. Whoever is given the session works with it.
fn judge_use(call: &ExprMethodCall, names: &Names) -> Option<Judgement> {
    let is_asked = !runs_query(&call.method)
        && !starts(&call.method)
        && !opens_beside(call)
        && !call.args.iter().any(|argument| names.is_session(argument));
    let receiver = given::receiver(call, names).filter(|_| is_asked)?;
    Some(Judgement::Ask(
        Control::Use,
        call.method.clone(),
        Box::new(receiver.clone()),
    ))
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
    (is_of_executor && !matches!(argument, Expr::Closure(_)) && !is_judged(&call.receiver, names))
        .then(|| Judgement::Ask(Control::Send, call.method.clone(), call.receiver.clone()))
}

/// Whether an executor needs no question to the compiler: the session, a parameter, or the connection from `unguarded`.
fn is_judged(expr: &Expr, names: &Names) -> bool {
    names.is_session(expr)
        || matches!(
            names.known(expr),
            Some(Known::Parameter | Known::Begun | Known::Factory | Known::Raw | Known::Query)
        )
        || matches!(expr, Expr::Closure(_) | Expr::Lit(_))
}

/// Whether a call may be one of a factory's that takes a connection of its own: `db.stream(..)`, `db.connection(..)`.
fn opens_beside(call: &ExprMethodCall) -> bool {
    match call.method.to_string().as_str() {
        "stream" | "connection" => !call.args.is_empty(),
        "verify_pooler" => call.args.is_empty(),
        _ => false,
    }
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
    // `orders::begin(tx)` is a service with an unlucky name, and so is `Shift::begin(tx)`.
    if names.is_session(receiver) && !(is_of_a_type && is_of_sqlx(&call.func)) {
        return None;
    }
    judge_receiver(control, method, receiver, names)
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

fn judge_receiver(
    control: Control,
    name: &Ident,
    receiver: &Expr,
    names: &Names,
) -> Option<Judgement> {
    if names.is_session(receiver) {
        return Some(Judgement::Refused(control, name.clone()));
    }
    // It was asked about where it began.
    if matches!(control, Control::Commit | Control::Rollback)
        && names.known(receiver) == Some(Known::Begun)
    {
        return None;
    }
    let control = if names.inside && is_boundary(name) {
        Control::Open
    } else {
        control
    };
    Some(Judgement::Ask(
        control,
        name.clone(),
        Box::new(receiver.clone()),
    ))
}

/// `.then(Transaction::commit)`: there is no receiver to ask about, so the names must do. A `Transaction` without a path may
/// be the user's own.
fn judge_reference(path: &ExprPath) -> Option<Judgement> {
    let mut segments = path.path.segments.iter().rev();
    let method = &segments.next()?.ident;
    let control = Control::named(method)?;
    let owner = segments.next()?;
    let is_alone =
        owner.ident == "Transaction" && owner.arguments.is_none() && path.path.segments.len() == 2;
    let owner = owner.ident.to_string();
    (is_type_of_sqlx(&owner) && !is_alone).then(|| Judgement::Wrong(control, method.clone(), owner))
}

/// Whether a called path is one of sqlx's own types and traits, or of the session's: `Acquire::begin`.
fn is_of_sqlx(func: &Expr) -> bool {
    match owner(func) {
        Some(owner) => owner == "Session" || is_type_of_sqlx(&owner.to_string()),
        None => matches!(func, Expr::Path(path) if path.qself.is_some()),
    }
}

fn is_type_of_sqlx(owner: &str) -> bool {
    ["", "Pg", "MySql", "Sqlite", "Any"].iter().any(|database| {
        owner.strip_prefix(database).is_some_and(|owner| {
            matches!(
                owner,
                "Transaction"
                    | "Connection"
                    | "PoolConnection"
                    | "Acquire"
                    | "Executor"
                    | "Pool"
                    | "TransactionManager"
            )
        })
    })
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
                Judgement::AskGiven(_, name, _)
                | Judgement::AskBare(_, name)
                | Judgement::AskTask(name)
                | Judgement::AskTaskLate(name)
                | Judgement::AskElsewhere(name, _) => {
                    format!("{name} ..")
                }
                Judgement::AskHanded(place, _) | Judgement::AskLate(place) => {
                    format!("-> {}", place.to_token_stream())
                }
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
        assert_eq!(calls("self.pool.begin()"), ["self . pool"]);
        assert_eq!(calls("self.pool.begin().await?"), ["begin .."]);
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
                Judgement::AskGiven(control, name, _) | Judgement::AskBare(control, name) => {
                    format!("{control:?} of {name}")
                }
                Judgement::AskTask(name) | Judgement::AskTaskLate(name) => {
                    format!("task of {name}")
                }
                Judgement::AskElsewhere(name, _) => format!("error of {name}"),
                Judgement::AskHanded(place, _) | Judgement::AskLate(place) => {
                    format!("-> {}", place.to_token_stream())
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
            ("Executor::fetch_one(&p, \"select 1\")", "Send (& p)"),
            ("tokio::join!(query(a).execute(&p))", "Send (& p)"),
            ("state.db.run(1)", "Start state . db"),
            ("SessionFactory::run(&db, 1)", "Start & db"),
            ("self.db.transaction(|s| s)", "Open self . db"),
            ("tx.unguarded()", "Unguard!"),
            ("Session::unguarded(tx)", "Unguard!"),
            ("a.then(PgTransaction::commit)", "Commit!!"),
            ("let f = sqlx::PgTransaction::rollback;", "Rollback!!"),
            ("my!(tx.commit())", "Commit!"),
        ] {
            assert_eq!(inside(body), [asked], "{body}");
        }
        assert_eq!(
            inside("self.db.spawn(1)"),
            ["Start self . db", "Spawn of spawn"]
        );
    }

    #[test]
    fn what_is_handed_on_is_asked_about() {
        for (body, asked) in [
            ("add(&app.pool)", "-> app . pool"),
            ("add(app.db.clone())", "-> app . db"),
            ("add(Some(Arc::clone(&self.pool)))", "-> self . pool"),
            ("Repo { pool: &self.pool }", "-> self . pool"),
            ("add(&*POOL)", "-> * POOL"),
            ("add(db::pool())", "-> db :: pool ()"),
            ("add(self.pools[0].as_ref())", "-> self . pools [0]"),
            ("if let Some(p) = &self.pool { add(p) }", "-> p"),
            ("let p = self.pool.clone(); add(&p)", "-> p"),
            ("let App { pool, .. } = self; add(pool)", "-> pool"),
            ("for p in &self.pools { add(p) }", "-> p"),
            ("let mut ids = Vec::new(); add(&mut ids)", "-> ids"),
            ("add(self.shards.shard(1))", "-> self . shards . shard (1)"),
            ("let p = pick(&[]); add(p)", "-> p"),
            ("match &self.pool { Some(p) => add(p), None => 1 }", "-> p"),
        ] {
            let found = inside(&format!("let _ = {body};").replace("let _ = let", "let"));
            let found: Vec<_> = found
                .into_iter()
                .filter(|found| found.starts_with("->"))
                .collect();
            assert_eq!(found, [asked], "{body}");
        }
        for body in [
            "let a = add(1, \"a\", pool, &mut *tx, |a| a);",
            "let b = Batch { items: Vec::new() };",
            "let a = add(Default::default(), rand::random());",
            "tx.after_commit(ship(self.db.clone()));",
            "let p = self.pool.clone(); tx.after_commit(async move { add(&p).await });",
            "let q = sqlx::query(SQL).bind(&self.name).bind(self.id);",
            "let a = Ok(self.pool.clone());",
        ] {
            let found: Vec<_> = inside(body)
                .into_iter()
                .filter(|found| found != "task of add")
                .collect();
            assert_eq!(found, [""; 0], "{body}");
        }
    }

    #[test]
    fn what_is_kept_is_asked_about() {
        for (body, asked) in [
            ("let mail = start(1);", "task of start"),
            ("running.push(start(1));", "task of start"),
            ("by_id.insert(1, mail::start(1));", "task of start"),
            ("let mail = mailer.start(1);", "task of start"),
        ] {
            assert_eq!(inside(body), [asked], "{body}");
        }
        for body in [
            "let mail = Mail::new(1);",
            "let mail = Some(1);",
            "let name = self.name.trim();",
            "let h = tokio::spawn(a);",
            "let row = one(tx).await;",
        ] {
            assert!(
                inside(body).iter().all(|found| !found.starts_with("task")),
                "{body}"
            );
        }
    }

    #[test]
    fn what_needs_no_question_is_not_asked_about() {
        for body in [
            "sqlx::query(a).execute(&mut *tx); query(a).execute(pool); query(a).fetch_one(&mut **pool);",
            "let c = tx; query(a).execute(c);",
            "self.execute(|a| a + 1); task.run(); set.run(1, 2);",
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
            ["begin ..", "pool . begin () . await ?"]
        );
        assert_eq!(
            calls("let t = pool.begin().await?; t.commit().await?;"),
            ["begin .."]
        );
    }
}
