//! Recognizes the calls that matter to a rule: queries, spawners, HTTP clients, and futures that wait.

use syn::{Expr, ExprCall, ExprMethodCall, Ident, Macro, Type};

use crate::body::names::{Known, Names};
use crate::rule::{self, Rule};
use crate::syntax::expr::{called, chain, names_crate, plain_place, without_parens};

/// Returns the meaning of a value of this type.
pub(crate) fn of_type(ty: &Type) -> Option<Known> {
    let ty = match ty {
        Type::Reference(reference) => &*reference.elem,
        ty => ty,
    };
    let Type::Path(path) = ty else {
        return None;
    };
    let last = path.path.segments.last()?.ident.to_string();
    match last.as_str() {
        // An own type may be called so too, and then the compiler is asked where it is awaited.
        "Receiver" if path.path.segments.len() > 1 => Some(Known::Receiver),
        "UnboundedReceiver" => Some(Known::Receiver),
        "RequestBuilder" => Some(Known::Http),
        "Client" if names_crate(&path.path, "reqwest") || names_crate(&path.path, "http") => {
            Some(Known::Http)
        }
        // Perhaps one of another kind, which its methods tell.
        "Client" if path.path.segments.len() == 1 => Some(Known::Client),
        _ => None,
    }
}

/// `tx.begin().await?`, `tx.begin().await.unwrap()` and so on.
pub(crate) fn begins_on_session(expr: &Expr, names: &Names) -> bool {
    chain(expr).any(|link| match link {
        Expr::MethodCall(call) => begins(&call.method) && names.is_session(&call.receiver),
        _ => false,
    })
}

/// The methods that begin a transaction.
pub(crate) fn begins(method: &Ident) -> bool {
    matches!(
        method.to_string().as_str(),
        "begin" | "begin_with" | "try_begin" | "try_begin_with"
    )
}

/// Whether a name is that of a method or a function that may give a connection or a pool.
pub(crate) fn connects(name: &Ident) -> bool {
    let name = name.to_string();
    ["acquire", "checkout", "conn", "establish", "pool"]
        .iter()
        .any(|word| name.contains(word))
}

/// `tx.unguarded()`
pub(crate) fn is_unguarded(expr: &Expr, names: &Names) -> bool {
    match expr {
        Expr::MethodCall(call) => call.method == "unguarded" && names.is_session(&call.receiver),
        _ => false,
    }
}

/// Whether an expression is visibly a query of sqlx: `sqlx::query(..).bind(..)`, `builder.build()`, or a name of one.
pub(crate) fn is_query(expr: &Expr, names: &Names) -> bool {
    for link in chain(expr) {
        match link {
            Expr::Await(_) | Expr::Try(_) => return false,
            Expr::Call(call) => {
                return matches!(&*call.func, Expr::Path(path) if is_query_function(&path.path));
            }
            Expr::Macro(mac) => return is_query_macro(&mac.mac),
            Expr::MethodCall(call)
                if matches!(
                    call.method.to_string().as_str(),
                    "build" | "build_query_as" | "build_query_scalar" | "query"
                ) =>
            {
                return true;
            }
            Expr::MethodCall(call) if runs_query(&call.method) => return false,
            link if names.known(link) == Some(Known::Query) => return true,
            _ => {}
        }
    }
    false
}

/// Whether a path is named as a function of sqlx that takes a text: `query`, `raw_sql` and their like.
pub(crate) fn is_query_function(path: &syn::Path) -> bool {
    path.segments.last().is_some_and(|last| {
        matches!(
            last.ident.to_string().as_str(),
            "query"
                | "query_as"
                | "query_scalar"
                | "query_with"
                | "query_as_with"
                | "query_scalar_with"
                | "raw_sql"
        )
    })
}

/// `query!`, `query_as!`, `query_file!` and their like.
pub(crate) fn is_query_macro(mac: &Macro) -> bool {
    mac.path.segments.last().is_some_and(|last| {
        let name = last.ident.to_string();
        matches!(
            name.strip_suffix("_unchecked").unwrap_or(&name),
            "query"
                | "query_as"
                | "query_scalar"
                | "query_file"
                | "query_file_as"
                | "query_file_scalar"
        )
    })
}

/// The methods that send a query to the executor that they are given.
pub(crate) fn runs_query(method: &Ident) -> bool {
    matches!(
        method.to_string().as_str(),
        "execute"
            | "execute_many"
            | "fetch"
            | "fetch_many"
            | "fetch_all"
            | "fetch_one"
            | "fetch_optional"
    )
}

/// `SessionFactory::connect(..).await?`, `SessionFactory::builder().url(..).connect().await?`.
pub(crate) fn makes_factory(expr: &Expr) -> bool {
    chain(expr).any(|link| match link {
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                let makes = called(&call.func).is_some_and(|name| {
                    let name = name.to_string();
                    name.starts_with("connect") || name.starts_with("from_") || name == "builder"
                });
                makes && names_crate(&path.path, "SessionFactory")
            }
            _ => false,
        },
        _ => false,
    })
}

/// `reqwest::Client::new()`, `client.get(..)` of such a client.
pub(crate) fn is_http(expr: &Expr, names: &Names) -> bool {
    for link in chain(expr) {
        match link {
            Expr::Await(_) => return false,
            Expr::Call(call) => {
                return matches!(&*call.func, Expr::Path(path) if names_crate(&path.path, "reqwest"));
            }
            Expr::MethodCall(call) if names.known(&call.receiver) == Some(Known::Client) => {
                return makes_request(call);
            }
            link if names.known(link) == Some(Known::Http) => return true,
            _ => {}
        }
    }
    false
}

/// Whether a `let` binds a future that will wait.
pub(crate) fn waits_later(init: &Expr, names: &Names) -> Option<&'static Rule> {
    let init = without_parens(init);
    match wrapped(init) {
        Some(inner) => waits_later(inner, names),
        None => waiting(init, names).map(|(rule, _)| rule),
    }
}

/// Returns the rule against a future that waits for something other than the database, and the name that it calls.
pub(crate) fn waiting<'a>(future: &'a Expr, names: &Names) -> Option<(&'static Rule, &'a Ident)> {
    slept(future)
        .or_else(|| called_out(future, names))
        .or_else(|| received(future, names))
}

/// The future in `timeout(limit, future)` and `Box::pin(future)`.
pub(crate) fn wrapped(future: &Expr) -> Option<&Expr> {
    let Expr::Call(call) = future else {
        return None;
    };
    let name = called(&call.func)?;
    match call.args.len() {
        2 if name == "timeout" || name == "timeout_at" => call.args.last(),
        1 if name == "pin" => call.args.first(),
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
pub(crate) fn blocked(call: &ExprCall) -> Option<(&'static Rule, &Ident)> {
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
                && (is_http(&call.receiver, names) || is_request(call)))
                || (call.method == "execute" && names.known(&call.receiver) == Some(Known::Http));
            sends.then_some((&rule::HTTP_CALL, &call.method))
        }
        // A bound request, or the future of its `send`.
        future if names.known(future) == Some(Known::Http) => {
            Some((&rule::HTTP_CALL, plain_place(future)?))
        }
        _ => None,
    }
}

/// Whether a request is built in the same expression: `.get(url)` .. `.send()`.
fn is_request(send: &ExprMethodCall) -> bool {
    chain(&send.receiver)
        .take_while(|link| !matches!(link, Expr::Await(_)))
        .any(|link| match link {
            Expr::MethodCall(call) => makes_request(call),
            _ => false,
        })
}

/// `client.get(url)`, `client.request(method, url)`
fn makes_request(call: &ExprMethodCall) -> bool {
    matches!(
        (call.method.to_string().as_str(), call.args.len()),
        ("get" | "post" | "put" | "patch" | "delete" | "head", 1) | ("request", 2)
    )
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
        future if names.known(future) == Some(Known::Receiver) => plain_place(future)?,
        _ => return None,
    };
    Some((&rule::CHANNEL_RECEIVE, name))
}
