//! Work that leaves the transaction: spawned tasks, and a session in what runs after the end. Statements and jobs that do are judged with
//! [`control`](crate::check::control), since it takes a type to tell.

use syn::{Block, Expr, ExprCall, ExprMethodCall, Ident, Stmt, token};

use crate::body::idioms::is_spawner;
use crate::body::names::{Known, Names};
use crate::body::walk::{self, Step};
use crate::syntax::expr::{chain, plain_place};

/// Returns the name of a call that spawns a task, and the call as it is written.
pub(crate) fn spawn<'a>(expr: &'a Expr, names: &Names) -> Option<(&'a Ident, String)> {
    match expr {
        _ if !names.inside => None,
        Expr::Call(call) => spawn_call(call),
        Expr::MethodCall(call) => spawn_method(call, names),
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

/// `tokio::spawn(..)`, `task::spawn_blocking(..)`, `thread::spawn(..)`.
fn spawn_call(call: &ExprCall) -> Option<(&Ident, String)> {
    const OWNERS: [&str; 10] = [
        "tokio",
        "task",
        "thread",
        "rt",
        "actix_rt",
        "async_std",
        "smol",
        "rayon",
        "executor",
        "async_global_executor",
    ];
    let Expr::Path(path) = &*call.func else {
        return None;
    };
    let mut segments = path.path.segments.iter().rev();
    let name = &segments.next()?.ident;
    let owner = segments.next().map(|owner| owner.ident.to_string());
    let spawns = match (name.to_string().as_str(), &owner) {
        ("spawn" | "spawn_local" | "spawn_blocking", Some(owner)) => {
            OWNERS.contains(&owner.as_str())
        }
        ("spawn_local" | "spawn_blocking", None) => true,
        // Imported, and nothing else takes a task.
        ("spawn", None) => matches!(call.args.first(), Some(Expr::Async(_))),
        _ => false,
    };
    spawns.then(|| match owner {
        Some(owner) => (name, format!("{owner}::{name}")),
        None => (name, name.to_string()),
    })
}

/// `set.spawn(..)` of a `JoinSet`, `Handle::current().spawn(..)`, `thread::Builder::new().spawn(..)`.
fn spawn_method<'a>(call: &'a ExprMethodCall, names: &Names) -> Option<(&'a Ident, String)> {
    let is_spawn = matches!(
        call.method.to_string().as_str(),
        "spawn"
            | "spawn_on"
            | "spawn_local"
            | "spawn_local_on"
            | "spawn_blocking"
            | "spawn_blocking_on"
    );
    let is_spawner = is_spawn
        && (names.known(&call.receiver) == Some(Known::Spawner)
            || is_spawner(&call.receiver)
            || is_thread_builder(&call.receiver));
    is_spawner.then(|| (&call.method, call.method.to_string()))
}

fn is_thread_builder(expr: &Expr) -> bool {
    chain(expr).any(|link| match link {
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                let mut segments = path.path.segments.iter().rev().skip(1);
                segments
                    .next()
                    .is_some_and(|owner| owner.ident == "Builder")
                    && segments.next().is_some_and(|owner| owner.ident == "thread")
            }
            _ => false,
        },
        _ => false,
    })
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
            "thread::spawn(work);",
            "spawn(async { 1 });",
            "spawn_blocking(f);",
            "task::spawn_local(f());",
            "actix_web::rt::spawn(f());",
            "let mut set = JoinSet::new(); set.spawn(f());",
            "let mut set: JoinSet<i64> = Default::default(); set.spawn_blocking(f);",
            "tokio::runtime::Handle::current().spawn(f());",
            "std::thread::Builder::new().name(n).spawn(f)?;",
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
