//! Finds waits for something other than the database, while the transaction holds a connection and its locks.

use proc_macro2::TokenStream;
use syn::{Expr, Ident, Macro, Stmt};

use crate::body::idioms::{blocked, waiting, wrapped};
use crate::body::names::{Known, Names};
use crate::rule::Rule;
use crate::syntax::expr::{plain_place, without_parens};
use crate::syntax::mac::{Arguments, Part};

/// The rule against a wait, and the name of the call that waits.
type Waits = (&'static Rule, Ident);

/// Returns the waits of an expression.
pub(crate) fn waits(expr: &Expr, names: &Names) -> Vec<Waits> {
    match expr {
        _ if !names.inside => Vec::new(),
        // Of what is called right here the compiler knows the type.
        Expr::Await(wait) if is_asked(&wait.base, names) => Vec::new(),
        Expr::Await(wait) => waited_for(&wait.base, names).into_iter().collect(),
        Expr::Call(call) => blocked(call).map(owned).into_iter().collect(),
        Expr::Macro(call) => of_macro(&call.mac, names),
        _ => Vec::new(),
    }
}

/// `rx.recv()`, where `rx` may be anything.
fn is_asked(future: &Expr, names: &Names) -> bool {
    match without_parens(future) {
        Expr::MethodCall(call) => {
            call.method == "recv"
                && call.args.is_empty()
                && names.known(&call.receiver) != Some(Known::Receiver)
        }
        _ => false,
    }
}

/// The same of a statement that is no expression: `join!(..);`.
pub(crate) fn statement_waits(stmt: &Stmt, names: &Names) -> Vec<Waits> {
    match stmt {
        Stmt::Macro(call) if names.inside => of_macro(&call.mac, names),
        _ => Vec::new(),
    }
}

/// `join!` waits for each of its futures, and `select!` for the first: for a message only where no arm is anything else.
fn of_macro(mac: &Macro, names: &Names) -> Vec<Waits> {
    let name = mac.path.segments.last().map(|last| last.ident.to_string());
    let Some(arguments) = Arguments::of(mac) else {
        return Vec::new();
    };
    match name.as_deref() {
        Some("join" | "try_join") => arguments
            .expressions()
            .filter_map(|future| waited_for(future, names))
            .collect(),
        Some("select") => futures_of_arms(&arguments)
            .and_then(|futures| {
                let each = futures.into_iter().map(|future| waited_for(future, names));
                each.collect()
            })
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Input: `a = b() => c, else => d`, which gives `b()`; `None` where an arm cannot be read.
fn futures_of_arms(arguments: &Arguments) -> Option<Vec<&Expr>> {
    let mut futures = Vec::new();
    let mut before: Option<&Part> = None;
    for part in arguments.parts() {
        match (before, part) {
            (Some(Part::Expr(arm)), Part::Separator(mark)) if is_arrow(mark) => {
                let Expr::Assign(arm) = &**arm else {
                    return None;
                };
                futures.push(&*arm.right);
            }
            // The arm for when every pattern failed. Anything else is a condition, or cannot be read.
            (_, Part::Other(tokens)) if tokens.to_string() != "else" => return None,
            _ => {}
        }
        before = Some(part);
    }
    Some(futures)
}

fn is_arrow(mark: &TokenStream) -> bool {
    mark.to_string() == "=>"
}

/// Returns the wait of an awaited future.
fn waited_for(future: &Expr, names: &Names) -> Option<Waits> {
    let future = without_parens(future);
    if let Some(inner) = wrapped(future) {
        return waited_for(inner, names);
    }
    let by_name = |known| match known {
        Known::Waiting(rule) => Some((rule, plain_place(future)?)),
        _ => None,
    };
    names
        .known(future)
        .and_then(by_name)
        .or_else(|| waiting(future, names))
        .map(owned)
}

fn owned((rule, name): (&'static Rule, &Ident)) -> Waits {
    (rule, name.clone())
}

#[cfg(test)]
mod tests {
    use crate::tests::codes;

    #[test]
    fn waiting_is_seen() {
        for (body, code) in [
            ("tokio::time::sleep(d).await;", "D050"),
            ("sleep(Duration::from_secs(1)).await;", "D050"),
            ("tokio::time::sleep_until(t).await;", "D050"),
            ("std::thread::sleep(d);", "D050"),
            ("let r = reqwest::get(url).await?;", "D051"),
            (
                "client.post(url).json(&a).send().await?.json().await?",
                "D051",
            ),
            (
                "let client = reqwest::Client::new(); client.execute(r).await?;",
                "D051",
            ),
            (
                "let r = self.http.request(Method::GET, url).send().await?;",
                "D051",
            ),
            (
                "let r = reqwest::Client::new().get(a); r.send().await?;",
                "D051",
            ),
            ("let (a, b) = oneshot::channel(); b.await?;", "D052"),
            (
                "let (a, mut b) = watch::channel(1); b.changed().await?;",
                "D052",
            ),
            // Inside of something else, or later.
            ("tokio::time::timeout(d, rx.recv()).await;", "D052"),
            (
                "timeout(d, timeout_at(t, reqwest::get(url))).await??;",
                "D051",
            ),
            ("Box::pin(sleep(d)).await;", "D050"),
            (
                "let nap = tokio::time::sleep(d); work(); nap.await;",
                "D050",
            ),
            ("let next = rx.recv(); (next).await;", "D052"),
            (
                "let sent = reqwest::Client::new().get(a).send(); sent.await?;",
                "D051",
            ),
            ("tokio::join!(create(tx), sleep(d));", "D050"),
            (
                "let (a, b) = futures::try_join!(rx.recv(), create(tx))?;",
                "D052",
            ),
            (
                "tokio::select! { Some(a) = rx.recv() => { a } else => b };",
                "D052",
            ),
        ] {
            assert_eq!(codes(body), [code], "{body}");
        }
        assert_eq!(
            codes("tokio::select! { m = rx.recv() => m, _ = sleep(d) => {} }"),
            ["D052", "D050"]
        );
        assert_eq!(
            codes("tokio::join!(sleep(a), async { rx.recv().await });"),
            ["D050"]
        );
    }

    #[test]
    fn near_misses_pass() {
        for body in [
            "let nap = tokio::time::sleep(d);",
            "let nap = tokio::time::sleep(d); let nap = other(); nap.await;",
            // A limit, and no rest.
            "tokio::select! { r = create(tx) => r?, _ = sleep(d) => {} }",
            "tokio::select! { r = rx.recv(), if open => r, _ = sleep(d) => {} }",
            "timeout(d, create(tx)).await??;",
            "tx.after_commit(async move { tokio::join!(sleep(d), rx.recv()); });",
            "self.sleep(1).await;",
            "patient.sleep().await; bed::sleep(a).await;",
            "channel.send(1).await?;",
            "mail.send().await?;",
            "map.get(a).cloned();",
            "socket.recv(&mut buffer).await?;",
            "a.changed().await;",
            "tx.after_commit(async move { tokio::time::sleep(d).await; rx.recv().await; });",
        ] {
            assert_eq!(codes(body), [""; 0], "{body}");
        }
    }
}
