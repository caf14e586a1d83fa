//! Work that leaves the transaction: spawned tasks, and a session in what runs after the end. Statements and jobs that do are judged with
//! [`control`](crate::check::control), since it takes a type to tell.

use quote::ToTokens;
use syn::{Block, Expr, ExprCall, ExprMethodCall, ExprPath, Ident, Member, Pat, Stmt, token};

use crate::body::idioms::is_query;
use crate::body::names::{Known, Names};
use crate::body::typed::{is_inferred, is_known, passes_through};
use crate::body::walk::{self, Step};
use crate::check::given;
use crate::syntax::expr::{any_word, called, owner, plain_place, without_parens};

/// Returns the name of a call that spawns a task, and the call as it is written.
pub(crate) fn spawn<'a>(expr: &'a Expr, names: &Names) -> Option<(&'a Ident, String)> {
    match expr {
        _ if !names.inside => None,
        Expr::Path(path) => spawn_path(path),
        Expr::Call(call) => spawn_call(call).or_else(|| {
            spawn_of_session(
                called(&call.func)?,
                &call.args.iter().collect::<Vec<_>>(),
                names,
            )
        }),
        Expr::MethodCall(call) if names.known(&call.receiver) != Some(Known::Scope) => {
            spawn_of_session(&call.method, &call.args.iter().collect::<Vec<_>>(), names)
        }
        _ => None,
    }
}

/// Returns the session, if code that runs after the transaction uses it: `tx.after_commit(async { create_order(tx).await })`.
pub(crate) fn used_after_the_end(call: &ExprMethodCall, names: &Names) -> Option<Ident> {
    if !names.is_after_the_end(call) {
        return None;
    }
    let task = call.args.first()?;
    if !matches!(task, Expr::Async(_) | Expr::Closure(_)) {
        return None;
    }
    let mut block = Block {
        brace_token: token::Brace::default(),
        stmts: vec![Stmt::Expr(task.clone(), None)],
    };
    let outside = Names {
        inside: false,
        ..names.clone()
    };
    let mut used = None;
    walk::each(&mut block, &outside, &mut |step, names| {
        if let Step::Enter(expr) = step
            && !names.inside
            && names.is_session(expr)
        {
            used = used.take().or_else(|| plain_place(expr).cloned());
        }
    });
    used
}

/// `tokio::spawn(..)`, `std::thread::spawn(..)`. Of a shorter path only the compiler knows what it calls.
fn spawn_call(call: &ExprCall) -> Option<(&Ident, String)> {
    match &*call.func {
        Expr::Path(path) => spawn_path(path),
        _ => None,
    }
}

/// The same of a path alone: `.map(tokio::spawn)`.
fn spawn_path(path: &ExprPath) -> Option<(&Ident, String)> {
    const CRATES: [&str; 8] = [
        "tokio",
        "std",
        "actix_web",
        "actix_rt",
        "async_std",
        "smol",
        "rayon",
        "async_global_executor",
    ];
    let segments = &path.path.segments;
    let name = &segments.last()?.ident;
    let owner = &segments.iter().rev().nth(1)?.ident;
    let is_of_crate = segments
        .first()
        .is_some_and(|first| CRATES.iter().any(|word| first.ident == word));
    (is_spawn(name) && is_of_crate).then(|| (name, format!("{owner}::{name}")))
}

/// `set.spawn(async move { create(tx).await })`: no task of any kind can have the session.
fn spawn_of_session<'a>(
    name: &'a Ident,
    args: &[&Expr],
    names: &Names,
) -> Option<(&'a Ident, String)> {
    let has_session = args.iter().any(|task| {
        matches!(task, Expr::Async(_) | Expr::Closure(_))
            && names.is_mentioned(&task.to_token_stream())
    });
    (is_spawn(name) && has_session).then(|| (name, name.to_string()))
}

/// Whether a call is named as those that start a task are.
fn is_spawn(name: &Ident) -> bool {
    let name = name.to_string();
    name == "spawn" || name.starts_with("spawn_")
}

/// Returns the name of a call whose value says whether it has spawned a task.
pub(crate) fn called_to_spawn<'a>(
    expr: &'a Expr,
    names: &Names,
    is_bare: bool,
) -> Option<&'a Ident> {
    let name = match expr {
        Expr::Call(call) => match without_parens(&call.func) {
            // `(mailer.start)(1)`
            Expr::Field(field) => match &field.member {
                Member::Named(name) => name,
                Member::Unnamed(_) => return None,
            },
            func => called(func)?,
        },
        Expr::MethodCall(call) if names.known(&call.receiver) != Some(Known::Scope) => &call.method,
        _ => return None,
    };
    (is_bare || is_spawn(name)).then_some(name)
}

/// Whether a call whose value is thrown away may spawn a task, so that it is worth a question: each function, and those
/// methods that belong to what a body is given or that say by their name that something begins.
pub(crate) fn may_spawn(expr: &Expr, names: &Names) -> bool {
    match expr {
        _ if is_query(expr, names) => false,
        Expr::Call(call) => is_function(call),
        Expr::MethodCall(call) => {
            let is_plain = given::is_of_std(call)
                || call
                    .args
                    .iter()
                    .any(|value| matches!(value, Expr::Closure(_)));
            !names.is_session(&call.receiver)
                && (begins_work(&call.method)
                    || (is_of_service(&call.receiver, names) && !is_plain))
        }
        _ => false,
    }
}

/// Whether a method says by its name that something begins.
fn begins_work(name: &Ident) -> bool {
    const BEGIN: [&str; 11] = [
        "background",
        "defer",
        "detach",
        "dispatch",
        "enqueue",
        "fire",
        "go",
        "launch",
        "schedule",
        "start",
        "submit",
    ];
    let name = name.to_string();
    BEGIN.contains(&name.split('_').next().unwrap_or_default())
}

/// Returns the function that a method calls with each item and that is named as those that start a task are: `.map(spawn)`.
pub(crate) fn adapter(call: &ExprMethodCall) -> Option<&Expr> {
    const EACH: [&str; 7] = [
        "and_then",
        "filter_map",
        "flat_map",
        "for_each",
        "inspect",
        "map",
        "then",
    ];
    let is_each = EACH.iter().any(|word| call.method == word) && call.args.len() == 1;
    let given = call.args.first().filter(|_| is_each)?;
    (matches!(given, Expr::Path(_)) && called(given).is_some_and(is_spawn)).then_some(given)
}

/// The name of a call that makes a set of tasks, by the name of that type: `JoinSet::from_iter(..)`,
/// `tasks.collect::<JoinSet<_>>()`.
pub(crate) fn collects(expr: &Expr, is_bound: bool) -> Option<&Ident> {
    match expr {
        Expr::MethodCall(call) => {
            let is_set = call.turbofish.as_ref().is_some_and(is_set_of_tasks);
            (call.method == "collect" && (is_bound || is_set)).then_some(&call.method)
        }
        Expr::Call(call) => {
            let is_set = owner(&call.func).is_some_and(|owner| owner == "JoinSet");
            called(&call.func).filter(|name| *name == "from_iter" && is_set)
        }
        _ => None,
    }
}

/// The call whose value a `let` binds as a set of tasks: `let set: JoinSet<()> = tasks.collect();`
pub(crate) fn collected(stmt: &Stmt) -> Option<&Expr> {
    let Stmt::Local(local) = stmt else {
        return None;
    };
    let init = &local.init.as_ref()?.expr;
    matches!(&local.pat, Pat::Type(typed) if is_set_of_tasks(&typed.ty)).then_some(init)
}

/// The call whose value a `let` gives to a variable: `let mail = start(1);`
pub(crate) fn stored<'a>(stmt: &'a Stmt, names: &Names) -> Option<&'a Expr> {
    let Stmt::Local(local) = stmt else {
        return None;
    };
    let init = &local.init.as_ref()?.expr;
    (matches!(local.pat, Pat::Ident(_)) && may_be_task(init, names)).then_some(init)
}

/// The calls whose values a list takes in: `running.push(start(1))`.
pub(crate) fn pushed<'a>(
    call: &'a ExprMethodCall,
    names: &Names,
) -> impl Iterator<Item = &'a Expr> {
    let takes = ["insert", "push", "push_back"].iter();
    let is_list = takes.into_iter().any(|word| call.method == word);
    call.args
        .iter()
        .filter(move |value| is_list && may_be_task(value, names))
}

/// Whether a value is what a function of the application's own gave, which may be a task.
fn may_be_task(value: &Expr, names: &Names) -> bool {
    match value {
        Expr::Call(call) => {
            is_function(call)
                && !is_query(value, names)
                && !passes_through(call)
                && called(&call.func).is_some_and(|name| !is_inferred(name))
                && owner(&call.func)
                    .is_none_or(|owner| owner.to_string().starts_with(char::is_lowercase))
        }
        Expr::MethodCall(call) => begins_work(&call.method) && !names.is_session(&call.receiver),
        _ => false,
    }
}

fn is_set_of_tasks(ty: &impl ToTokens) -> bool {
    any_word(ty.to_token_stream(), &|word| word == "JoinSet")
}

/// Whether the value of a call may be a task, which a name keeps that nobody uses.
pub(crate) fn may_give_task(expr: &Expr, names: &Names) -> bool {
    match expr {
        _ if is_query(expr, names) => false,
        Expr::Call(call) => is_function(call),
        Expr::MethodCall(call) => {
            !names.is_session(&call.receiver) && is_known(&call.receiver, names)
        }
        _ => false,
    }
}

/// Whether what is called is a function, or a field that holds one: `start(1)`, `(mailer.start)(1)`.
fn is_function(call: &ExprCall) -> bool {
    match without_parens(&call.func) {
        Expr::Field(_) => true,
        func => called(func).is_some_and(|name| {
            name != "drop" && !name.to_string().starts_with(char::is_uppercase)
        }),
    }
}

/// Whether a receiver is a parameter, or a field of one or of `self`, whose methods may be anything.
fn is_of_service(receiver: &Expr, names: &Names) -> bool {
    match without_parens(receiver) {
        Expr::Field(field) => is_of_service(&field.base, names),
        Expr::Path(path) => {
            path.path.is_ident("self") || names.known(receiver) == Some(Known::Parameter)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::codes;

    #[test]
    fn a_session_in_what_runs_after_the_end_is_seen_once() {
        for body in [
            "tx.after_commit(async move { add(tx).await; add(tx).await; });",
            "tx.after_rollback(async { query.execute(&mut *tx).await; });",
            "tx.after_commit(async move { let inner = async { add(tx).await }; inner.await });",
        ] {
            assert_eq!(codes(body), ["D025"], "{body}");
        }
        for body in [
            "tx.after_commit(ship(id));",
            "tx.after_commit(async move { db.transaction(async |tx| add(tx).await).await; });",
            "tx.after_commit(async move { let tx = channel; tx.send(1); });",
            "cache.after_commit(async move { add(tx).await?; });",
        ] {
            assert!(!codes(body).contains(&"D025"), "{body}");
        }
    }

    #[test]
    fn every_way_to_spawn_is_seen() {
        for body in [
            "tokio::spawn(f());",
            "::tokio::task::spawn(async move {});",
            "let h = tokio::task::spawn_blocking(|| 1).await?;",
            "std::thread::spawn(move || 1);",
            "actix_web::rt::spawn(f());",
            "set.spawn(async { add(tx).await });",
            "task::spawn(async move { add(&mut *tx).await });",
            "tokio::join!(tokio::spawn(f()), g());",
            "tx.savepoint(async |tx| { tokio::spawn(f()); Ok(()) }).await?;",
        ] {
            assert_eq!(codes(body), ["D021"], "{body}");
        }
    }

    #[test]
    fn other_things_that_are_called_so_are_not() {
        for body in [
            "let child = Command::new(a).spawn()?;",
            "self.game.spawn(enemy);",
            "world::spawn(enemy);",
            "spawn(enemy);",
            "thread::scope(|s| { s.spawn(f); });",
            "tx.after_commit(async move { tokio::spawn(f()); });",
            "fn other() { tokio::spawn(f()); }",
        ] {
            assert_eq!(codes(body), [""; 0], "{body}");
        }
    }

    #[test]
    fn what_is_spawned_is_not_judged_again() {
        assert_eq!(
            codes("tokio::spawn(async move { tokio::time::sleep(d).await; tokio::spawn(f()); });"),
            ["D021"]
        );
    }
}
