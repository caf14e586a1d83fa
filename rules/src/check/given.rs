//! Values that leave a body: arguments, fields of a literal, and receivers of calls that nothing is known about.
//!
//! A pool in a field, a static or behind a call is given away under any name, so the compiler is asked what type it has.

use syn::{Expr, ExprMethodCall};

use crate::body::idioms::is_query;
use crate::body::names::{Known, Names};
use crate::body::typed::{is_known, is_static, passes_through};

/// Returns the values that an expression gives away and about which the compiler must be asked.
pub(crate) fn given<'a>(expr: &'a Expr, names: &Names) -> Vec<&'a Expr> {
    if !names.inside || names.is_opaque {
        return Vec::new();
    }
    let mut found: Vec<&Expr> = match expr {
        Expr::Call(call) if !passes_through(call) && !is_query(expr, names) => {
            call.args.iter().collect()
        }
        Expr::MethodCall(call) if !names.is_after_the_end(call) && !is_of_std(call) => {
            call.args.iter().collect()
        }
        Expr::Struct(literal) => literal.fields.iter().map(|field| &field.expr).collect(),
        _ => Vec::new(),
    };
    found.retain(|value| asked(value, names).is_some());
    found
}

/// Returns the part of a value that the compiler is asked about.
pub(crate) fn asked<'a>(value: &'a Expr, names: &Names) -> Option<&'a Expr> {
    let place = unwrapped(value);
    let is_judged = matches!(
        names.known(place),
        Some(Known::Parameter | Known::Begun | Known::Raw | Known::Query | Known::Refused)
    );
    let is_asked = match place {
        _ if names.is_session(place) || is_judged => false,
        Expr::Path(path) => is_static(path) || matches!(names.known(place), Some(Known::Typed)),
        Expr::Unary(_) | Expr::Field(_) | Expr::Index(_) | Expr::Try(_) | Expr::Await(_) => true,
        Expr::Call(call) => call.args.is_empty(),
        Expr::MethodCall(call) => !says_its_type(call),
        _ => false,
    };
    (is_asked && is_known(place, names)).then_some(place)
}

/// Returns the receiver of an awaited call, if nothing but its type says what the call does: `app.pool.insert_order(id)`,
/// with a trait of the user's own.
pub(crate) fn receiver<'a>(call: &'a ExprMethodCall, names: &Names) -> Option<&'a Expr> {
    const HARMLESS: [&str; 14] = [
        "close",
        "close_event",
        "get",
        "get_mut_or_init",
        "get_or_init",
        "get_or_try_init",
        "lock",
        "lock_owned",
        "read",
        "read_owned",
        "savepoint",
        "wait",
        "write",
        "write_owned",
    ];
    let is_plain = HARMLESS.iter().any(|word| call.method == word);
    (names.inside && !names.is_opaque && !is_plain)
        .then(|| asked(&call.receiver, names))
        .flatten()
}

/// The value without what leaves it what it is: `&`, `.clone()`, `Some(..)`, `Arc::clone(..)`.
fn unwrapped(value: &Expr) -> &Expr {
    match value {
        Expr::Reference(inner) => unwrapped(&inner.expr),
        Expr::Paren(inner) => unwrapped(&inner.expr),
        Expr::Group(inner) => unwrapped(&inner.expr),
        Expr::MethodCall(call) if call.args.is_empty() && leaves_as_it_is(call) => {
            unwrapped(&call.receiver)
        }
        Expr::Call(call) if passes_through(call) && call.args.len() == 1 => {
            call.args.first().map_or(value, unwrapped)
        }
        value => value,
    }
}

fn leaves_as_it_is(call: &ExprMethodCall) -> bool {
    const SAME: [&str; 10] = [
        "clone",
        "to_owned",
        "as_ref",
        "as_mut",
        "as_deref",
        "as_deref_mut",
        "borrow",
        "borrow_mut",
        "deref",
        "deref_mut",
    ];
    SAME.iter().any(|word| call.method == word)
}

/// Whether a method is one of the standard library's or of a query, which keeps a value and does nothing with it.
fn is_of_std(call: &ExprMethodCall) -> bool {
    const KEEP: [&str; 24] = [
        "bind",
        "push_bind",
        "push",
        "push_str",
        "push_back",
        "push_front",
        "eq",
        "ne",
        "cmp",
        "partial_cmp",
        "contains",
        "contains_key",
        "starts_with",
        "ends_with",
        "extend",
        "extend_from_slice",
        "get",
        "insert",
        "max",
        "min",
        "remove",
        "replace",
        "split",
        "unwrap_or",
    ];
    KEEP.iter().any(|word| call.method == word)
}

/// Whether a method without arguments says by its name what it gives.
fn says_its_type(call: &ExprMethodCall) -> bool {
    const PLAIN: [&str; 22] = [
        "as_bytes",
        "as_slice",
        "as_str",
        "chars",
        "count",
        "elapsed",
        "floor",
        "id",
        "into_iter",
        "is_empty",
        "is_none",
        "is_some",
        "iter",
        "iter_mut",
        "keys",
        "len",
        "lines",
        "name",
        "to_string",
        "trim",
        "to_vec",
        "values",
    ];
    PLAIN.iter().any(|word| call.method == word)
}
