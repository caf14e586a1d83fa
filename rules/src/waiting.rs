//! Waiting for something else than the database, while the transaction holds a connection and its locks.

use syn::{Expr, ExprCall, ExprMethodCall, Ident};

use crate::rule::{self, Rule};
use crate::walk::{self, Known, Names, called, chain, names_crate, without_parens};

/// The rule against an expression that waits, and the name of what it waits for.
pub(crate) fn waits<'a>(expr: &'a Expr, names: &Names) -> Option<(&'static Rule, &'a Ident)> {
    match expr {
        _ if !names.inside => None,
        Expr::Await(wait) => {
            let future = without_parens(&wait.base);
            slept(future)
                .or_else(|| called_out(future, names))
                .or_else(|| received(future, names))
        }
        Expr::Call(call) => blocked(call),
        _ => None,
    }
}

/// `tokio::time::sleep(..)`
fn slept(future: &Expr) -> Option<(&'static Rule, &Ident)> {
    let Expr::Call(call) = future else {
        return None;
    };
    let Expr::Path(path) = &*call.func else {
        return None;
    };
    let mut segments = path.path.segments.iter().rev();
    let name = &segments.next()?.ident;
    let is_of_time = segments.next().is_none_or(|owner| {
        matches!(
            owner.ident.to_string().as_str(),
            "time" | "task" | "rt" | "Delay" | "tokio"
        )
    });
    ((name == "sleep" || name == "sleep_until") && is_of_time && !call.args.is_empty())
        .then_some((&rule::SLEEP, name))
}

/// `std::thread::sleep(..)`, `reqwest::blocking::get(..)`, which are not awaited.
fn blocked(call: &ExprCall) -> Option<(&'static Rule, &Ident)> {
    let Expr::Path(path) = &*call.func else {
        return None;
    };
    let mut segments = path.path.segments.iter().rev();
    let name = &segments.next()?.ident;
    let owner = &segments.next()?.ident;
    if name == "sleep" && owner == "thread" {
        return Some((&rule::SLEEP, name));
    }
    (name == "get" && owner == "blocking" && names_crate(&path.path, "reqwest"))
        .then_some((&rule::HTTP_CALL, name))
}

/// `reqwest::get(..)`, `client.post(..).json(..).send()`.
fn called_out<'a>(future: &'a Expr, names: &Names) -> Option<(&'static Rule, &'a Ident)> {
    match future {
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else {
                return None;
            };
            let name = called(&call.func)?;
            (names_crate(&path.path, "reqwest") && name == "get")
                .then_some((&rule::HTTP_CALL, name))
        }
        Expr::MethodCall(call) => {
            let sends = (call.method == "send"
                && call.args.is_empty()
                && (walk::is_http(&call.receiver, names) || is_request(call)))
                || (call.method == "execute" && names.known(&call.receiver) == Some(Known::Http));
            sends.then_some((&rule::HTTP_CALL, &call.method))
        }
        _ => None,
    }
}

/// Whether a request is built in the same expression: `.get(url)` .. `.send()`.
fn is_request(send: &ExprMethodCall) -> bool {
    chain(&send.receiver)
        .take_while(|link| !matches!(link, Expr::Await(_)))
        .any(|link| match link {
            Expr::MethodCall(call) => matches!(
                (call.method.to_string().as_str(), call.args.len()),
                ("get" | "post" | "put" | "patch" | "delete" | "head", 1) | ("request", 2)
            ),
            _ => false,
        })
}

/// `rx.recv()`, `rx.changed()`, and a oneshot's receiver itself.
fn received<'a>(future: &'a Expr, names: &Names) -> Option<(&'static Rule, &'a Ident)> {
    let name = match future {
        // A socket's takes a buffer.
        Expr::MethodCall(call) if call.method == "recv" && call.args.is_empty() => &call.method,
        Expr::MethodCall(call)
            if (call.method == "recv_many" || call.method == "changed")
                && names.known(&call.receiver) == Some(Known::Receiver) =>
        {
            &call.method
        }
        future if names.known(future) == Some(Known::Receiver) => walk::plain_place(future)?,
        _ => return None,
    };
    Some((&rule::CHANNEL_RECEIVE, name))
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
            ("while let Some(m) = rx.recv().await { }", "D052"),
            ("let (a, b) = oneshot::channel(); b.await?;", "D052"),
            (
                "let (a, mut b) = watch::channel(1); b.changed().await?;",
                "D052",
            ),
        ] {
            assert_eq!(codes(body), [code], "{body}");
        }
    }

    #[test]
    fn near_misses_pass() {
        for body in [
            "let nap = tokio::time::sleep(d);",
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
