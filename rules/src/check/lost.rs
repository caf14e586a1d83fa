//! Finds discarded results and futures that are never awaited.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Expr, ExprCall, ExprMethodCall, Ident, Pat, Stmt};

use crate::body::idioms::{is_query, is_query_macro, runs_query};
use crate::body::names::Names;
use crate::rule::{self, Rule};
use crate::syntax::expr::{called, chain, without_parens};
use crate::syntax::mac::Arguments;

/// A discarded result, or a future that is never awaited.
pub(crate) struct Lost {
    pub(crate) rule: &'static Rule,
    /// The name of the call.
    pub(crate) what: String,
    pub(crate) on: TokenStream,
}

/// `let _ = ..`, `_ = ..` and a bare call.
pub(crate) fn in_statement(stmt: &Stmt, names: &Names) -> Option<Lost> {
    match stmt {
        Stmt::Local(local) => {
            let init = local.init.as_ref().filter(|init| init.diverge.is_none())?;
            let Pat::Wild(wild) = wildcard(&local.pat)? else {
                return None;
            };
            thrown_away(&init.expr, wild, names)
        }
        Stmt::Expr(Expr::Assign(assign), _) => match &*assign.left {
            Expr::Infer(wild) => thrown_away(&assign.right, wild, names),
            _ => None,
        },
        Stmt::Expr(expr, Some(_)) => bare(without_parens(expr), names),
        _ => None,
    }
}

fn wildcard(pat: &Pat) -> Option<&Pat> {
    match pat {
        Pat::Wild(_) => Some(pat),
        Pat::Type(typed) => wildcard(&typed.pat),
        Pat::Paren(inner) => wildcard(&inner.pat),
        _ => None,
    }
}

/// Returns the result or the future that `on` discards.
fn thrown_away(expr: &Expr, on: &impl ToTokens, names: &Names) -> Option<Lost> {
    if let Some(what) = result(expr, names) {
        return Some(Lost {
            rule: &rule::RESULT_DISCARDED,
            what,
            on: on.to_token_stream(),
        });
    }
    let what = match without_parens(expr) {
        Expr::Call(call) if is_given(expr, names) && !is_adapter(call) => called(&call.func)?,
        expr => statement(expr, names)?,
    };
    Some(Lost {
        rule: &rule::NEVER_AWAITED,
        what: what.to_string(),
        on: what.to_token_stream(),
    })
}

/// `Some(tx)`, `drop(tx)` and the like, which are no calls of a service.
fn is_adapter(call: &ExprCall) -> bool {
    called(&call.func).is_some_and(|name| {
        name == "drop" || name.to_string().starts_with(|c: char| c.is_uppercase())
    })
}

/// A statement that is nothing but a call.
fn bare(expr: &Expr, names: &Names) -> Option<Lost> {
    if let Some(on) = statement(expr, names) {
        return Some(Lost {
            rule: &rule::NEVER_AWAITED,
            what: on.to_string(),
            on: on.to_token_stream(),
        });
    }
    match expr {
        // Whether another future returns a `Result` is not known here; the compiler warns about it.
        Expr::Await(wait) => {
            let on = statement(&wait.base, names)?;
            Some(Lost {
                rule: &rule::RESULT_DISCARDED,
                what: on.to_string(),
                on: on.to_token_stream(),
            })
        }
        Expr::MethodCall(call) if call.method == "is_ok" || call.method == "is_err" => {
            discarded_by(&call.method, &call.receiver, names)
        }
        _ => None,
    }
}

/// `drop(..)`, `.ok()`, `.unwrap_or(..)`, wherever they stand.
pub(crate) fn in_expression(expr: &Expr, names: &Names) -> Option<Lost> {
    match expr {
        Expr::MethodCall(call) if swallows(call) => {
            discarded_by(&call.method, &call.receiver, names)
        }
        Expr::Call(call) => {
            let name = called(&call.func).filter(|name| *name == "drop")?;
            thrown_away(call.args.first()?, name, names)
        }
        _ => None,
    }
}

fn discarded_by(on: &Ident, expr: &Expr, names: &Names) -> Option<Lost> {
    Some(Lost {
        rule: &rule::RESULT_DISCARDED,
        what: result(expr, names)?,
        on: on.to_token_stream(),
    })
}

fn swallows(call: &ExprMethodCall) -> bool {
    matches!(
        (call.method.to_string().as_str(), call.args.len()),
        ("ok" | "unwrap_or_default", 0) | ("unwrap_or" | "unwrap_or_else", 1)
    )
}

/// Whether a method makes of a `Result` another one that holds the same error, or what became of it.
fn keeps(call: &ExprMethodCall) -> bool {
    matches!(
        call.method.to_string().as_str(),
        "map" | "map_err" | "and" | "and_then" | "inspect" | "inspect_err" | "as_ref" | "err"
    )
}

/// Returns the name of the awaited call, if an expression is the `Result` of a future that was given the session.
fn result(expr: &Expr, names: &Names) -> Option<String> {
    match without_parens(expr) {
        Expr::Await(wait) if is_given(&wait.base, names) => name_of(&wait.base),
        Expr::MethodCall(call) if keeps(call) => result(&call.receiver, names),
        _ => None,
    }
}

/// Whether a future was given the session, as its receiver or as an argument.
fn is_given(future: &Expr, names: &Names) -> bool {
    let is_given = |expr: &Expr| {
        names.is_session(expr)
            || matches!(
                without_parens(expr),
                Expr::Call(_) | Expr::MethodCall(_) | Expr::Macro(_)
            ) && is_given(expr, names)
    };
    for link in chain(future) {
        let given = match link {
            Expr::Call(call) => return call.args.iter().any(is_given),
            Expr::MethodCall(call) => {
                names.is_session(&call.receiver) || call.args.iter().any(is_given)
            }
            Expr::Macro(mac) => {
                return !is_query_macro(&mac.mac)
                    && Arguments::of(&mac.mac)
                        .is_some_and(|arguments| arguments.expressions().any(is_given));
            }
            // An inner `.await` or `?` has already handled its own result.
            Expr::Await(_) | Expr::Try(_) => return false,
            _ => false,
        };
        if given {
            return true;
        }
    }
    false
}

/// Returns the name of the call that made a future.
fn name_of(future: &Expr) -> Option<String> {
    match without_parens(future) {
        Expr::MethodCall(call) => Some(call.method.to_string()),
        Expr::Call(call) => called(&call.func).map(ToString::to_string),
        Expr::Macro(mac) => mac
            .mac
            .path
            .segments
            .last()
            .map(|last| format!("{}!", last.ident)),
        _ => None,
    }
}

/// Returns the called name, if an expression is visibly the future of a statement on the session, or of a savepoint.
fn statement<'a>(expr: &'a Expr, names: &Names) -> Option<&'a Ident> {
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

#[cfg(test)]
mod tests {
    use crate::tests::codes;

    #[test]
    fn results_that_are_thrown_away_are_seen() {
        for body in [
            "let _ = sqlx::query(a).execute(&mut *tx).await;",
            "let _: Result<_, _> = create_order(tx, &o).await;",
            "_ = self.orders.create(&mut *tx, 1).await;",
            "drop(create_order(tx).await);",
            "std::mem::drop((create_order(tx)).await);",
            "create_order(tx).await.ok();",
            "let order = create_order(tx).await.ok();",
            "let order = create_order(tx).await.map_err(A::from).unwrap_or_default();",
            "create_order(tx).await.unwrap_or(1)",
            "if create_order(tx).await.unwrap_or_else(|_| false) { }",
            "create_order(tx).await.is_ok();",
            "sqlx::query(a).execute(&mut *tx).await.is_err();",
            "sqlx::query(a).execute(&mut *tx).await;",
            "let _ = tx.savepoint(async |tx| f(tx).await).await;",
            "let _ = Box::pin(recursive(tx, 1)).await;",
            "let _ = tokio::time::timeout(d, f(tx)).await;",
            "let _ = f(tx).await.ok();",
            "let q = sqlx::query!(\"a\"); let _ = q.execute(tx).await;",
            "let s = &mut *tx; let _ = f(s).await;",
            "tx.savepoint(async |sp| { f(sp).await.ok(); Ok(()) }).await?;",
            "let a = tokio::join!(async { f(tx).await.ok() });",
        ] {
            assert_eq!(codes(body), ["D030"], "{body}");
        }
    }

    #[test]
    fn results_that_are_looked_at_pass() {
        for body in [
            "f(tx).await?; let a = f(tx).await; match f(tx).await { _ => {} }",
            "if let Err(e) = f(tx).await { log(e); }",
            "if f(tx).await.is_ok() { }",
            "return f(tx).await.map_err(A::from);",
            "let _ = f(tx).await?;",
            "let Ok(a) = f(tx).await else { return Ok(()) };",
            "f(tx).await?.ok(); f(tx).await?.unwrap_or_default();",
            "let _ = g().await; g().await.ok(); drop(g().await);",
            "let _ = f(tx).await?.notify().await;",
            "f(tx).await",
            "let _ = other.execute(a).await;",
            "fn f(tx: A) { let _ = tx.await; }",
            "f(tx).await.unwrap();",
            "helper(tx).await;",
        ] {
            assert_eq!(codes(body), [""; 0], "{body}");
        }
    }

    #[test]
    fn futures_that_are_never_awaited_are_seen() {
        for body in [
            "sqlx::query(a).execute(&mut *tx);",
            "tx.savepoint(async |tx| f(tx).await);",
            "let _ = create_order(tx, &o);",
            "let _ = sqlx::query(a).fetch_one(&mut *tx);",
            "_ = create_order(tx);",
            "drop(create_order(tx));",
        ] {
            assert_eq!(codes(body), ["D031"], "{body}");
        }
    }

    #[test]
    fn helpers_that_are_no_futures_pass() {
        for body in [
            "log_session(tx); self.note(tx);",
            "tx.after_commit(f());",
            "let _ = tx.id();",
            "let a = create_order(tx); a.await?;",
            "drop(tx);",
            "create_order(tx)",
            "let _ = Some(tx);",
        ] {
            assert_eq!(codes(body), [""; 0], "{body}");
        }
    }
}
