//! Values that leave a body: arguments, fields of a literal, and receivers of calls that nothing is known about.
//!
//! A pool in a field, a static or behind a call is given away under any name, so the compiler is asked what type it has.

use quote::ToTokens;
use syn::{Expr, ExprMethodCall, ExprReference, Ident, UnOp};

use crate::body::idioms::is_query;
use crate::body::names::{Known, Names, Tie};
use crate::body::ties::{given, mentioned, of_future};
use crate::body::typed::{is_inferred, is_known, is_static, passes_through};
use crate::syntax::expr::{any_word, called, chain, owner, tail, without_parens};
use crate::syntax::mac::{Arguments, is_list};

/// Returns the values that an expression gives away and about which the compiler must be asked.
pub(crate) fn handed<'a>(expr: &'a Expr, names: &Names, is_awaited: bool) -> Vec<&'a Expr> {
    if !names.inside || names.is_opaque {
        return Vec::new();
    }
    let mut found = Vec::new();
    match expr {
        // What is spawned is judged as that.
        Expr::Call(call)
            if called(&call.func).is_some_and(|name| name.to_string().starts_with("spawn")) => {}
        Expr::Call(call)
            if !passes_through(call) && !is_query(expr, names) && !is_ours(&call.func) =>
        {
            call.args.iter().for_each(|value| parts(value, &mut found));
        }
        // A map's `insert` is not awaited, and a repository's is.
        Expr::MethodCall(call)
            if !names.is_after_the_end(call) && (is_awaited || !is_of_std(call)) =>
        {
            call.args.iter().for_each(|value| parts(value, &mut found));
        }
        Expr::Struct(literal) => {
            let values = literal.fields.iter().map(|field| &field.expr);
            values.for_each(|value| parts(value, &mut found));
        }
        _ => {}
    }
    found.retain(|value| asked(value, names).is_some() || asked_late(value, names).is_some());
    found
}

/// The values that a value is made of, or chosen from: `(&a.pool, 1)`, `if b { &a.pool } else { &b.pool }`.
fn parts<'a>(value: &'a Expr, into: &mut Vec<&'a Expr>) {
    match value {
        Expr::Tuple(tuple) => tuple.elems.iter().for_each(|value| parts(value, into)),
        Expr::Array(array) => array.elems.iter().for_each(|value| parts(value, into)),
        Expr::Reference(inner) if matches!(*inner.expr, Expr::Tuple(_) | Expr::Array(_)) => {
            parts(&inner.expr, into);
        }
        Expr::Paren(inner) => parts(&inner.expr, into),
        Expr::Group(inner) => parts(&inner.expr, into),
        Expr::Block(block) => tail(&block.block)
            .into_iter()
            .for_each(|value| parts(value, into)),
        Expr::If(choice) => {
            tail(&choice.then_branch)
                .into_iter()
                .for_each(|value| parts(value, into));
            if let Some((_, other)) = &choice.else_branch {
                parts(other, into);
            }
        }
        Expr::Match(choice) => choice.arms.iter().for_each(|arm| parts(&arm.body, into)),
        // The closure hands its value on when it is called.
        Expr::Closure(closure) if closure.inputs.is_empty() && closure.asyncness.is_none() => {
            parts(&closure.body, into);
        }
        value => into.push(value),
    }
}

/// Returns the part of a value that the compiler is asked about.
pub(crate) fn asked<'a>(value: &'a Expr, names: &Names) -> Option<&'a Expr> {
    let place = unwrapped(value);
    let is_judged = matches!(
        names.known(place),
        Some(Known::Parameter | Known::Begun | Known::Raw | Known::Query | Known::Refused)
    );
    let is_asked = match place {
        // What the session itself gives is part of its transaction: `tx.unguarded().await?`.
        _ if chain(place).any(|link| names.is_session(link)) || is_judged => false,
        Expr::Path(path) => {
            is_static(path)
                || match names.known(place) {
                    Some(Known::Typed) => true,
                    Some(Known::Awaited) => return is_lent_mutably(value).then_some(place),
                    _ => false,
                }
        }
        Expr::Unary(_) | Expr::Field(_) | Expr::Index(_) | Expr::Try(_) | Expr::Await(_) => true,
        Expr::Call(call) if !call.args.is_empty() => {
            let mut names = [owner(&call.func), called(&call.func)].into_iter();
            return names.find_map(|name| of_pools(name?, place));
        }
        Expr::Call(_) => true,
        Expr::MethodCall(call) if !call.args.is_empty() && !is_known(place, names) => {
            return of_pools(&call.method, place);
        }
        Expr::MethodCall(call) => !says_its_type(call),
        Expr::Macro(mac) if is_list(&mac.mac) => {
            let read = Arguments::of(&mac.mac)?;
            let is_asked = read
                .expressions()
                .any(|value| asked(value, names).is_some());
            return is_asked.then_some(place);
        }
        Expr::Cast(cast) => return asked(&cast.expr, names).map(|_| place),
        _ => false,
    };
    (is_asked && is_known(place, names)).then_some(place)
}

/// Returns the part of a value that the compiler is asked about at the end of the body, where it knows the type of everything.
pub(crate) fn asked_late<'a>(value: &'a Expr, names: &Names) -> Option<&'a Expr> {
    let place = unwrapped(value);
    let is_judged = !matches!(
        names.known(place),
        None | Some(Known::Unsure | Known::Awaited)
    );
    let is_asked = match place {
        _ if is_judged => false,
        // A value that came from the session is part of its transaction.
        _ if chain(place).any(|link| names.is_session(link) || names.is_tied(link)) => false,
        _ if given(place, names) != Tie::Open => false,
        Expr::Path(path) => path.path.get_ident().is_some_and(is_lower),
        Expr::Call(call) => {
            !passes_through(call)
                && !is_query(place, names)
                && called(&call.func).is_none_or(|name| is_lower(name) && !is_inferred(name))
        }
        Expr::MethodCall(call) => !says_its_type(call) && !is_query(place, names),
        Expr::Field(_) | Expr::Index(_) | Expr::Try(_) | Expr::Await(_) => true,
        Expr::Unary(inner) => matches!(inner.op, UnOp::Deref(_)),
        _ => false,
    };
    is_asked.then_some(place)
}

/// A call that is awaited and was given nothing of the session. Returns its name, and what it is called on and given, of which
/// the compiler may have said something already.
pub(crate) fn elsewhere<'a>(future: &'a Expr, names: &Names) -> Option<(&'a Ident, Vec<&'a Expr>)> {
    let future = without_parens(future);
    let is_open = of_future(future, names) == Some(Tie::Open)
        && mentioned(future, names) == Tie::Open
        && !chain(future).any(|link| names.is_tied(link));
    if !is_open {
        return None;
    }
    let (name, receiver, arguments) = match future {
        Expr::MethodCall(call) if may_send(call, names) => {
            (&call.method, Some(&*call.receiver), &call.args)
        }
        Expr::Call(call)
            if !is_query(future, names) && !is_ours(&call.func) && !is_made_up(&call.func) =>
        {
            (called(&call.func)?, None, &call.args)
        }
        _ => return None,
    };
    let mut values = Vec::new();
    let all = receiver.into_iter().chain(arguments);
    all.for_each(|value| parts(value, &mut values));
    let places = values.into_iter().map(unwrapped);
    Some((name, places.filter(|place| is_told(place, names)).collect()))
}

/// Whether a place has a type that something may have been said about, and can be named once more.
fn is_told(place: &Expr, names: &Names) -> bool {
    let is_local = match place {
        Expr::Path(path) => path.path.get_ident().is_some_and(is_lower),
        _ => false,
    };
    let waits = any_word(place.to_token_stream(), &|word| word == "await")
        || chain(place).any(|link| matches!(link, Expr::Try(_)));
    (is_local || is_known(place, names) || asked(place, names).is_some()) && !waits
}

/// `std::future::pending()` and the like, which give what is wanted of them.
fn is_made_up(func: &Expr) -> bool {
    let made = ["err", "ok", "pending", "ready"].iter();
    called(func).is_some_and(|name| made.into_iter().any(|word| name == word))
}

/// Whether a call is one that an attribute has written.
fn is_ours(func: &Expr) -> bool {
    owner(func).is_some_and(|owner| owner.to_string().starts_with("__private"))
}

/// Whether a method may send a statement. What a stream gives was sent before, and a local variable may hold the session
/// in a way that tokens do not show: `let mut rows = repo.rows(tx).await?`.
fn may_send(call: &ExprMethodCall, names: &Names) -> bool {
    const OF_STREAMS: [&str; 8] = [
        "collect",
        "for_each",
        "fold",
        "next",
        "try_collect",
        "try_fold",
        "try_for_each",
        "try_next",
    ];
    let is_of_stream = OF_STREAMS.iter().any(|word| call.method == word);
    let root = chain(&call.receiver).last().unwrap_or(&call.receiver);
    let is_local = match root {
        Expr::Path(path) => {
            path.path.get_ident().is_some_and(|name| name != "self")
                && !is_static(path)
                && names.known(root) != Some(Known::Parameter)
        }
        _ => false,
    };
    !is_of_stream && !is_local && !is_query(&call.receiver, names)
}

fn is_lower(name: &Ident) -> bool {
    name.to_string()
        .starts_with(|c: char| c.is_lowercase() || c == '_')
}

/// A call that says by its name that it may give a pool or a connection, and takes arguments.
fn of_pools<'a>(name: &Ident, call: &'a Expr) -> Option<&'a Expr> {
    let name = name.to_string().to_lowercase();
    ["pool", "conn", "executor", "database"]
        .iter()
        .any(|word| name.contains(word))
        .then_some(call)
}

/// `&mut connection`: what is lent so is rarely of a type that is found out by it.
fn is_lent_mutably(value: &Expr) -> bool {
    matches!(
        value,
        Expr::Reference(ExprReference {
            mutability: Some(_),
            ..
        })
    )
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
    let is_plain = HARMLESS.iter().any(|word| call.method == word)
        && (call.args.is_empty()
            || call
                .args
                .iter()
                .any(|value| matches!(value, Expr::Closure(_))));
    (names.inside && !names.is_opaque && !is_plain)
        .then(|| asked(&call.receiver, names))
        .flatten()
}

/// Returns the receiver of a call with arguments, of which nothing is known either, and which may be awaited later:
/// `join!(app.pool.insert_order(id), ..)`. Whoever is given the session works with it.
pub(crate) fn receiver_of_arguments<'a>(
    call: &'a ExprMethodCall,
    names: &Names,
) -> Option<&'a Expr> {
    let is_asked = !call.args.is_empty()
        && !is_of_std(call)
        && call
            .args
            .iter()
            .all(|value| !matches!(value, Expr::Closure(_)) && !names.is_session(value));
    is_asked.then(|| receiver(call, names)).flatten()
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
pub(crate) fn is_of_std(call: &ExprMethodCall) -> bool {
    const KEEP: [&str; 25] = [
        "expect",
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
