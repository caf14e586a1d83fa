//! Finds discarded results and futures that are never awaited.
//!
//! Where tokens tell what a value is, it is refused here. Elsewhere the compiler is asked, and a [`Question`] says about
//! what.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{
    Block, Expr, ExprAssign, ExprCall, ExprField, ExprMethodCall, Ident, Local, Member, Pat, Stmt,
};

use crate::body::ends::{ends_in_error, is_ok};
use crate::body::names::{Names, Tie};
use crate::body::ties::{
    Joined, given, is_borrowed, is_scope, items, joined, joins, made_of, of_future, of_macro,
    of_type, outcome, wraps,
};
use crate::body::walk::{self, Step};
use crate::check::question::{Found, Lost, ran, result, statement};
use crate::check::swallowed;
use crate::rule;
use crate::syntax::expr::{any_word, called, plain_place, without_parens};
use crate::syntax::mac::is_list;
use crate::syntax::pattern::{plain_name, without_type};

pub use crate::check::question::{Asked, Part, Question};

/// An expression or a statement that holds a value that is asked about.
pub enum Around<'a> {
    /// An expression.
    Expr(&'a mut Expr),
    /// A statement.
    Stmt(&'a mut Stmt),
}

/// Shows `asked` every value whose type decides whether it may be thrown away.
pub fn each(body: &mut Block, names: &Names, asked: &mut dyn FnMut(&Question, Around<'_>)) {
    // It is judged before its parts are replaced, and shown afterwards.
    let (mut exprs, mut stmts) = (Vec::new(), Vec::new());
    walk::walk(body, names, &mut |step, names| match step {
        Step::Enter(expr) => exprs.push(in_expression(expr, names)),
        Step::Leave(expr) => {
            if let Some(Some(Found::Ask(question))) = exprs.pop() {
                asked(&question, Around::Expr(expr));
            }
        }
        Step::Statement(stmt) => stmts.push(in_statement(stmt, names)),
        Step::LeaveStatement(stmt) => {
            if let Some(Some(Found::Ask(question))) = stmts.pop() {
                asked(&question, Around::Stmt(stmt));
            }
        }
        Step::Tokens(_) => {}
    });
}

/// `let _ = ..`, a bare call, and `let Ok(a) = .. else { .. }`.
pub(crate) fn in_statement(stmt: &Stmt, names: &Names) -> Option<Found> {
    let found = match stmt {
        Stmt::Local(local) => of_local(local, names),
        Stmt::Expr(expr, Some(_)) => bare(without_parens(expr), names),
        _ => None,
    };
    found.filter(|found| counts(found, names))
}

/// Whether it counts: in the transaction, and where the compiler can be asked.
fn counts(found: &Found, names: &Names) -> bool {
    names.inside && !(names.is_opaque && matches!(found, Found::Ask(_)))
}

fn of_local(local: &Local, names: &Names) -> Option<Found> {
    let init = local.init.as_ref()?;
    if let Some((_, instead)) = &init.diverge {
        return swallowed::in_let_else(&local.pat, &init.expr, instead, names);
    }
    let pat = without_type(&local.pat);
    let is_typed = matches!(local.pat, Pat::Type(_));
    let discards = |pat: &Pat| match pat {
        Pat::Wild(wild) => Some(wild.to_token_stream()),
        Pat::Ident(bound) if bound.by_ref.is_none() && names.unused.contains(&bound.ident) => {
            Some(bound.ident.to_token_stream())
        }
        _ => None,
    };
    if let Some(found) = of_partition(pat, &init.expr, names) {
        return Some(found);
    }
    if let Pat::Or(_) = pat {
        return swallowed::in_let(pat, &init.expr, names);
    }
    if let Pat::Tuple(tuple) = pat {
        let fields = tuple
            .elems
            .iter()
            .take_while(|pat| !matches!(pat, Pat::Rest(_)));
        let at: Vec<_> = fields
            .enumerate()
            .filter_map(|(n, pat)| Some((Some(n), discards(pat)?)))
            .collect();
        return (!at.is_empty())
            .then(|| of_tuple(&init.expr, at, Part::Init, is_typed, names))
            .flatten();
    }
    thrown_away(
        &init.expr,
        vec![(None, discards(pat)?)],
        Part::Init,
        is_typed,
        names,
    )
}

/// `let (good, _) = all.into_iter().partition(Result::is_ok);`
fn of_partition(pat: &Pat, init: &Expr, names: &Names) -> Option<Found> {
    let Expr::MethodCall(call) = without_parens(init) else {
        return None;
    };
    let failed = match (looks(call, "is_ok"), looks(call, "is_err")) {
        (true, false) => 1,
        (false, true) => 0,
        _ => return None,
    };
    let Pat::Tuple(halves) = pat else {
        return None;
    };
    let is_lost = match without_type(halves.elems.iter().nth(failed)?) {
        Pat::Wild(_) => true,
        half => plain_name(half).is_some_and(|name| names.unused.contains(name)),
    };
    if call.method != "partition" || !is_lost || is_borrowed(&call.receiver, names) {
        return None;
    }
    let tie = tied(items(&call.receiver, names)?)?;
    let (asked, part) = (Asked::Items, Part::InitReceiver);
    let question = Question::new(asked, tie, part, &call.receiver, &call.method);
    Some(Found::Ask(question))
}

/// `let (_, n) = join!(f(tx), g());`
fn of_tuple(
    init: &Expr,
    at: Vec<(Option<usize>, TokenStream)>,
    part: Part,
    is_typed: bool,
    names: &Names,
) -> Option<Found> {
    if plain_place(init).is_some() {
        return None;
    }
    let tie = match (joins(init), without_parens(init)) {
        (Some(Joined::Tuple(_)), Expr::Macro(mac)) => of_macro(&mac.mac, names),
        (Some(Joined::Result), _) => return None,
        (_, Expr::Try(inner)) if !is_typed => tied(wrapped_outcome(&inner.expr, names)?)?,
        _ => tied(outcome(init, names)?)?,
    };
    Some(Found::Ask(Question {
        asked: Asked::Dropped,
        tie,
        part,
        is_name: false,
        at,
    }))
}

/// `join!(f(tx), g()).1`
fn in_field(field: &ExprField, names: &Names) -> Option<Found> {
    let Member::Unnamed(taken) = &field.member else {
        return None;
    };
    let ties = joined(&field.base, names)?.into_iter().enumerate();
    let left: Vec<_> = ties
        .filter(|(n, _)| usize::try_from(taken.index) != Ok(*n))
        .filter_map(|(n, tie)| Some((n, tie?)))
        .collect();
    let (_, tie) = *left.first()?;
    let at = left.iter().filter(|(_, other)| *other == tie);
    Some(Found::Ask(Question {
        asked: Asked::Dropped,
        tie,
        part: Part::Base,
        is_name: false,
        at: at
            .map(|(n, _)| (Some(*n), taken.to_token_stream()))
            .collect(),
    }))
}

fn tied(tie: Tie) -> Option<Tie> {
    (tie != Tie::Open).then_some(tie)
}

/// The outcome of a future around another one, which was given the session: `timeout(d, f(tx)).await`.
fn wrapped_outcome(expr: &Expr, names: &Names) -> Option<Tie> {
    match without_parens(expr) {
        Expr::Await(wait) if wraps(&wait.base, names) => outcome(expr, names),
        Expr::Macro(mac) if matches!(joins(expr), Some(Joined::Result)) => {
            Some(of_macro(&mac.mac, names))
        }
        _ => None,
    }
}

/// Returns the result or the future that `at` discards.
fn thrown_away(
    expr: &Expr,
    at: Vec<(Option<usize>, TokenStream)>,
    part: Part,
    is_typed: bool,
    names: &Names,
) -> Option<Found> {
    let (_, on) = at.first()?;
    if let Some(what) = certain(expr, names) {
        return Some(Found::Lost(Lost {
            rule: &rule::RESULT_DISCARDED,
            what,
            on: on.clone(),
        }));
    }
    let dropped = |tie: Tie, at| {
        Some(Found::Ask(Question {
            asked: Asked::Dropped,
            tie,
            part,
            is_name: plain_place(expr).is_some(),
            at,
        }))
    };
    let inner = without_parens(expr);
    if let (Some(joined), Expr::Macro(mac)) = (joins(expr), inner) {
        let on = on.clone();
        return dropped(
            of_macro(&mac.mac, names),
            match joined {
                Joined::Tuple(count) => (0..count).map(|n| (Some(n), on.clone())).collect(),
                Joined::Result => at,
            },
        );
    }
    if let Expr::Tuple(tuple) = inner {
        let on = on.clone();
        let fields: Vec<_> = tuple.elems.iter().enumerate().collect();
        let ties = |(n, value): &(usize, &Expr)| match plain_place(value) {
            Some(_) => None,
            None => Some((*n, outcome(value, names)?)),
        };
        let (n, tie) = fields.iter().find_map(ties)?;
        return dropped(tie, vec![(Some(n), on)]);
    }
    if let Some(tie) = outcome(expr, names) {
        return dropped(tie, at);
    }
    match inner {
        Expr::Try(inner) if !is_typed => {
            tied(wrapped_outcome(&inner.expr, names)?).and_then(|tie| dropped(tie, at))
        }
        Expr::MethodCall(call)
            if !is_typed && (call.method == "unwrap" || call.method == "expect") =>
        {
            tied(wrapped_outcome(&call.receiver, names)?).and_then(|tie| dropped(tie, at))
        }
        Expr::Call(call) if is_adapter(call) => None,
        Expr::Array(_) => tied(given(expr, names)).and_then(|tie| dropped(tie, at)),
        Expr::Macro(mac) if is_list(&mac.mac) => {
            tied(given(expr, names)).and_then(|tie| dropped(tie, at))
        }
        Expr::Call(_) | Expr::MethodCall(_) | Expr::Async(_) => {
            if let Some(on) = statement(expr, names) {
                return Some(Found::Lost(never_awaited(on)));
            }
            tied(given(expr, names)).and_then(|tie| dropped(tie, at))
        }
        _ => None,
    }
}

/// The name of the call, if tokens tell that a value is the result of a statement, or the results of `tx.each(..)`.
fn certain(expr: &Expr, names: &Names) -> Option<String> {
    match without_parens(expr) {
        Expr::Await(wait) => ran(&wait.base, names).map(ToString::to_string),
        Expr::Try(inner) => match without_parens(&inner.expr) {
            Expr::Await(wait) => match without_parens(&wait.base) {
                Expr::MethodCall(call) if call.method == "each" && is_scope(call, names) => {
                    Some(call.method.to_string())
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn never_awaited(on: &Ident) -> Lost {
    Lost {
        rule: &rule::NEVER_AWAITED,
        what: on.to_string(),
        on: on.to_token_stream(),
    }
}

/// `Some(tx)`, `drop(tx)` and the like, which are no calls of a service.
fn is_adapter(call: &ExprCall) -> bool {
    called(&call.func).is_some_and(|name| {
        name == "drop"
            || name == "forget"
            || name.to_string().starts_with(|c: char| c.is_uppercase())
    })
}

/// A statement that is nothing but a call.
fn bare(expr: &Expr, names: &Names) -> Option<Found> {
    if let Some(on) = statement(expr, names) {
        return Some(Found::Lost(never_awaited(on)));
    }
    let whole = |tie: Tie, on: &Ident| {
        let question = Question::new(Asked::Dropped, tie, Part::Whole, expr, on);
        Some(Found::Ask(question))
    };
    match expr {
        Expr::Await(wait) => {
            if let Some(on) = ran(&wait.base, names) {
                return Some(Found::Lost(Lost {
                    rule: &rule::RESULT_DISCARDED,
                    what: on.to_string(),
                    on: on.to_token_stream(),
                }));
            }
            // Of other results the compiler warns.
            whole(tied(outcome(expr, names)?)?, name_of(&wait.base)?)
        }
        Expr::Try(inner) => match (certain(expr, names), without_parens(&inner.expr)) {
            (Some(what), Expr::Await(wait)) => Some(Found::Lost(Lost {
                rule: &rule::RESULT_DISCARDED,
                what,
                on: name_of(&wait.base)?.to_token_stream(),
            })),
            (None, Expr::Await(wait)) => whole(
                tied(wrapped_outcome(&inner.expr, names)?)?,
                name_of(&wait.base)?,
            ),
            _ => None,
        },
        Expr::MethodCall(call)
            if call.method == "is_ok" || call.method == "is_err" || call.method == "err" =>
        {
            discarded_by(&call.method, &call.receiver, Part::Borrowed, names)
        }
        Expr::MethodCall(call) if outcome(expr, names).is_some() => {
            whole(tied(outcome(expr, names)?)?, &call.method)
        }
        Expr::Call(call) if is_adapter(call) => None,
        Expr::MethodCall(call) if makes_future(call, names) => {
            let (asked, part) = (Asked::Made, Part::Whole);
            let question = Question::new(asked, Tie::Held, part, expr, &call.method);
            Some(Found::Ask(question))
        }
        // Of a future of something else the compiler warns.
        Expr::Call(_) | Expr::MethodCall(_) if given(expr, names) == Tie::Lent => {
            whole(Tie::Lent, name_of(expr)?)
        }
        _ => None,
    }
}

/// Whether a closure that works with the session may have made a future, in an `Option`: `sku.map(|sku| save(tx, sku));`.
fn makes_future(call: &ExprMethodCall, names: &Names) -> bool {
    ["and_then", "map", "then"]
        .iter()
        .any(|name| call.method == name)
        && given(&call.receiver, names) == Tie::Open
        && matches!(call.args.first(), Some(closure @ Expr::Closure(_)) if given(closure, names) != Tie::Open)
}

/// `_ = ..`, `drop(..)`, `.ok()`, `.unwrap_or(..)`, and `match` and `if let`, wherever they stand.
pub(crate) fn in_expression(expr: &Expr, names: &Names) -> Option<Found> {
    let found = match expr {
        // `f(tx).await.ok().ok_or(Gone)?`
        Expr::MethodCall(call) if call.method == "ok" && names.is_answered => None,
        Expr::MethodCall(call) if swallows(&call.method, call.args.iter()) => {
            let part = match call.method.to_string().as_str() {
                "iter" | "iter_mut" if names.is_used_later(&call.receiver) => return None,
                "iter" | "iter_mut" => Part::Borrowed,
                _ => Part::Receiver,
            };
            match discarded_by(&call.method, &call.receiver, part, names) {
                None if is_of_futures(&call.method) => later(call, names),
                found => found,
            }
        }
        Expr::MethodCall(call)
            if leaves_out(call)
                && !is_borrowed(&call.receiver, names)
                && !is_count(call, names) =>
        {
            let tie = tied(items(&call.receiver, names)?)?;
            Some(Found::Ask(Question::new(
                Asked::Items,
                tie,
                Part::Receiver,
                &call.receiver,
                &call.method,
            )))
        }
        Expr::MethodCall(call) if takes_up(call) => {
            discarded_by(&call.method, call.args.first()?, Part::Argument, names)
        }
        Expr::MethodCall(call) if swallows_later(call) => later(call, names),
        Expr::MethodCall(call) if counts_only(call) => of_list(call, names),
        Expr::MethodCall(call) => swallowed::in_question(call, names),
        Expr::Field(field) => in_field(field, names),
        Expr::Call(call) => in_call(call, names),
        Expr::ForLoop(repeated) => {
            let tie = tied(outcome(&repeated.expr, names)?)?;
            let (asked, part) = (Asked::Discarded, Part::Iterated);
            let on = &repeated.for_token;
            let question = Question::new(asked, tie, part, &repeated.expr, on);
            Some(Found::Ask(question))
        }
        Expr::Assign(branch) if names.is_branch => in_branch(branch, names),
        Expr::Assign(assign) => in_assignment(assign, names),
        expr => swallowed::in_expression(expr, names),
    };
    found.filter(|found| counts(found, names))
}

/// `_ = f(tx).await`, `(_, n) = join!(f(tx), g())`
fn in_assignment(assign: &ExprAssign, names: &Names) -> Option<Found> {
    match &*assign.left {
        Expr::Infer(wild) => {
            let at = vec![(None, wild.to_token_stream())];
            thrown_away(&assign.right, at, Part::Right, false, names)
        }
        Expr::Tuple(tuple) => {
            let fields = tuple.elems.iter().enumerate();
            let at: Vec<_> = fields
                .filter(|(_, field)| matches!(field, Expr::Infer(_)))
                .map(|(n, wild)| (Some(n), wild.to_token_stream()))
                .collect();
            (!at.is_empty())
                .then(|| of_tuple(&assign.right, at, Part::Right, false, names))
                .flatten()
        }
        _ => None,
    }
}

/// `all.len()`, `all.pop()`
fn counts_only(call: &ExprMethodCall) -> bool {
    call.args.is_empty()
        && ["is_empty", "len", "pop"]
            .iter()
            .any(|name| call.method == name)
}

/// A list of results that is thrown away when they have been counted, or when one has been taken out.
fn of_list(call: &ExprMethodCall, names: &Names) -> Option<Found> {
    let list = &call.receiver;
    let is_name = plain_place(list).is_some();
    let is_looked_at = match call.method == "pop" {
        true => names.is_used_later(list) || names.is_repeated || !is_name,
        false => names.is_kept(list) || names.is_answered,
    };
    if is_looked_at {
        return None;
    }
    let tie = tied(outcome(list, names)?)?;
    let part = match is_name {
        true => Part::Beside,
        false => Part::Receiver,
    };
    Some(Found::Ask(Question::new(
        Asked::Counted,
        tie,
        part,
        list,
        &call.method,
    )))
}

/// Whether those that have failed are counted, and lead to an error.
fn is_count(call: &ExprMethodCall, names: &Names) -> bool {
    call.method == "count" && names.is_answered
}

fn in_call(call: &ExprCall, names: &Names) -> Option<Found> {
    let (name, value) = (called(&call.func)?, call.args.first()?);
    if (name == "drop" || name == "forget") && call.args.len() == 1 {
        let at = vec![(None, name.to_token_stream())];
        return thrown_away(value, at, Part::Argument, true, names);
    }
    let is_swallowed = of_type(&call.func).is_some() && swallows(name, call.args.iter().skip(1));
    is_swallowed
        .then(|| discarded_by(name, value, Part::Argument, names))
        .flatten()
}

fn discarded_by(on: &Ident, value: &Expr, part: Part, names: &Names) -> Option<Found> {
    if let Some(what) = result(value, names) {
        return Some(Found::Lost(Lost {
            rule: &rule::RESULT_DISCARDED,
            what: what.to_string(),
            on: on.to_token_stream(),
        }));
    }
    let tie = made_of(value, names)?;
    Some(Found::Ask(Question::new(
        Asked::Discarded,
        tie,
        part,
        value,
        on,
    )))
}

/// `select! { _ = f(tx) => {} }`
fn in_branch(branch: &ExprAssign, names: &Names) -> Option<Found> {
    let tie = tied(of_future(&branch.right, names)?)?;
    let asked = match &*branch.left {
        Expr::Infer(_) => Asked::Later,
        Expr::Call(call) if called(&call.func).is_some_and(|name| name == "Ok") => {
            Asked::SwallowedLater
        }
        _ => return None,
    };
    let question = Question::new(asked, tie, Part::Right, &branch.right, &branch.left);
    Some(Found::Ask(question))
}

/// Whether a method takes in what is in a `Result`, and nothing of one that has failed: `all.extend(f(tx).await)`.
fn takes_up(call: &ExprMethodCall) -> bool {
    let takes = ["chain", "extend", "zip"].iter();
    call.args.len() == 1 && takes.into_iter().any(|name| call.method == name)
}

/// Whether a method throws away the error that a future will give: `f(tx).map(drop)`.
fn swallows_later(call: &ExprMethodCall) -> bool {
    match (call.method.to_string().as_str(), call.args.first()) {
        ("map", Some(adapter)) => ignores_argument(adapter, 0) || of_ok(call.args.first()),
        _ => false,
    }
}

/// Whether futures have a method of that name as well.
fn is_of_futures(method: &Ident) -> bool {
    method == "unwrap_or_else" || method == "or_else"
}

fn later(call: &ExprMethodCall, names: &Names) -> Option<Found> {
    if outcome(&call.receiver, names).is_some() {
        return None;
    }
    let tie = tied(of_future(&call.receiver, names)?)?;
    let receiver = &call.receiver;
    let question = Question::new(Asked::Later, tie, Part::Receiver, receiver, &call.method);
    Some(Found::Ask(question))
}

fn of_ok(adapter: Option<&Expr>) -> bool {
    adapter.and_then(of_type).is_some_and(|name| {
        ["ok", "unwrap_or_default"]
            .iter()
            .any(|known| name == known)
    })
}

/// Whether a method of `Result` throws its error away.
fn swallows<'a>(method: &Ident, mut arguments: impl Iterator<Item = &'a Expr>) -> bool {
    let (first, second) = (arguments.next(), arguments.next());
    match (method.to_string().as_str(), first, second) {
        ("ok" | "unwrap_or_default" | "into_iter" | "iter" | "iter_mut", None, None) => true,
        ("unwrap_or", Some(_), None) | ("map_or", Some(_), Some(_)) => true,
        ("unwrap_or_else", Some(instead), None) | ("map_or_else", Some(instead), Some(_)) => {
            !fails(instead)
        }
        ("or", Some(instead), None) => !ends_in_error(instead),
        ("or_else", Some(Expr::Closure(closure)), None) => is_ok(&closure.body),
        _ => false,
    }
}

/// Whether a closure only panics.
fn fails(instead: &Expr) -> bool {
    match instead {
        Expr::Closure(closure) => ends_in_error(&closure.body),
        _ => false,
    }
}

/// Whether a method leaves out what has failed: `.flatten()`, `.filter_map(Result::ok)`, `.filter(|row| row.is_ok())`.
fn leaves_out(call: &ExprMethodCall) -> bool {
    match (call.method.to_string().as_str(), call.args.first()) {
        ("flatten", None) => true,
        // Failed rows are counted as well, unless they were left out before.
        ("count" | "last", None) => {
            !matches!(&*call.receiver, Expr::MethodCall(before) if leaves_out(before))
        }
        // The others go with the iterator.
        ("next", None) => is_of_list(&call.receiver),
        ("for_each", Some(each)) => ignores_argument(each, 0),
        ("fold", Some(_)) => {
            matches!(call.args.iter().nth(1), Some(each) if ignores_argument(each, 1))
        }
        ("flat_map", Some(adapter)) if gives_back(adapter) => true,
        ("filter_map" | "find_map" | "flat_map" | "map" | "map_while", Some(Expr::Path(_))) => {
            of_ok(call.args.first())
        }
        ("filter" | "find" | "take_while", Some(_)) => looks(call, "is_ok"),
        ("skip_while", Some(_)) => looks(call, "is_err"),
        _ => false,
    }
}

/// Whether a predicate asks the one or the other: `|row| row.is_ok()`, `Result::is_ok`.
fn looks(call: &ExprMethodCall, word: &str) -> bool {
    match call.args.first() {
        Some(Expr::Closure(closure)) => {
            any_word(closure.body.to_token_stream(), &|name| name == word)
        }
        Some(adapter) => of_type(adapter).is_some_and(|name| name == word),
        None => false,
    }
}

/// `all.into_iter()`, `all.into_iter().rev()`, of a local variable.
fn is_of_list(iterator: &Expr) -> bool {
    match without_parens(iterator) {
        Expr::MethodCall(call) if call.method == "rev" => is_of_list(&call.receiver),
        Expr::MethodCall(call) => {
            (call.method == "into_iter" || call.method == "into_values")
                && plain_place(&call.receiver).is_some()
        }
        _ => false,
    }
}

/// Whether a closure does not look at its `n`th argument: `|_| ..`, `drop`.
fn ignores_argument(each: &Expr, n: usize) -> bool {
    match each {
        Expr::Closure(closure) => matches!(closure.inputs.iter().nth(n), Some(Pat::Wild(_))),
        Expr::Path(path) => path.path.is_ident("drop"),
        _ => false,
    }
}

/// Whether an adapter gives back what it is given: `|row| row`, `identity`.
fn gives_back(adapter: &Expr) -> bool {
    match adapter {
        Expr::Closure(closure) => {
            let item = closure.inputs.first().and_then(plain_name);
            item.is_some() && item == plain_place(&closure.body)
        }
        adapter => called(adapter).is_some_and(|name| name == "identity"),
    }
}

/// Returns the name of the call that made a future.
fn name_of(future: &Expr) -> Option<&Ident> {
    match without_parens(future) {
        Expr::MethodCall(call) => Some(&call.method),
        Expr::Call(call) => called(&call.func),
        Expr::Macro(mac) => mac.mac.path.segments.last().map(|last| &last.ident),
        Expr::Path(_) => plain_place(future),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;
    use crate::tests::codes;

    /// What the compiler is asked about the values in a body.
    fn questions(body: &str) -> Vec<(Asked, Tie)> {
        let mut block: Block = syn::parse_str(&format!("{{ {body} }}")).expect("a block");
        let names = Names {
            sessions: vec![Ident::new("tx", Span::call_site())],
            inside: true,
            ..Names::default()
        };
        let mut found = Vec::new();
        each(&mut block, &names, &mut |question, _| {
            found.push((question.asked, question.tie));
        });
        found
    }

    #[test]
    fn results_of_statements_that_are_thrown_away_are_seen() {
        for body in [
            "let _ = sqlx::query(a).execute(&mut *tx).await;",
            "let _updated = sqlx::query(a).execute(&mut *tx).await;",
            "let _: Result<_, _> = sqlx::query(a).fetch_one(tx).await;",
            "_ = sqlx::query(a).execute(&mut *tx).await;",
            "drop(sqlx::query(a).execute(&mut *tx).await);",
            "std::mem::forget((sqlx::query(a).execute(&mut *tx)).await);",
            "let order = sqlx::query(a).fetch_one(&mut *tx).await.ok();",
            "sqlx::query(a).execute(&mut *tx).await.map(f).unwrap_or_default();",
            "Result::ok(sqlx::query(a).execute(&mut *tx).await);",
            "sqlx::query(a).execute(&mut *tx).await.is_err();",
            "sqlx::query(a).execute(&mut *tx).await;",
            "let q = sqlx::query!(\"a\"); let _ = q.execute(tx).await;",
            "let s = &mut *tx; let _ = sqlx::query(a).execute(s).await;",
            "tx.savepoint(async |sp| { sqlx::query(a).execute(sp).await.ok(); Ok(()) }).await?;",
            "tx.each(a, async |sp, n| { sqlx::query(a).execute(sp).await.ok(); Ok(()) }).await",
            "let a = tokio::join!(async { sqlx::query(a).execute(tx).await.ok() }); f(a);",
            "async fn f(tx: &mut Session) -> A { let _ = sqlx::query(a).execute(&mut *tx).await; }",
            "let f = async |s: &mut Session| { let _ = sqlx::query(a).execute(&mut *s).await; };",
            "tx.each(a, f).await?;",
            "let _ = tx.each(a, f).await?;",
        ] {
            assert_eq!(codes(body), ["D030"], "{body}");
            assert_eq!(questions(body), [], "{body}");
        }
    }

    #[test]
    fn errors_of_statements_that_are_passed_over_are_seen() {
        for body in [
            "match sqlx::query(a).execute(&mut *tx).await { Ok(_) => {} Err(_) => {} }",
            "match tx.execute(a).await { Ok(1) => {} _ => {} }",
            "match tx.execute(a).await { Ok(0) | Err(_) => {} Ok(_) => {} }",
            "match tx.execute(a).await { Ok(_) => {} Err(_error) => return Ok(()) }",
            "if let Ok(done) = tx.execute(a).await { f(done); }",
            "if let Ok(done) = tx.execute(a).await && done > 1 { f(done); }",
            "if let Ok(done) = tx.execute(a).await { f(done); } else { g(); }",
            "if let Err(_) = tx.execute(a).await { g(); }",
            "let Ok(done) = tx.execute(a).await else { return Ok(()) };",
            "let Ok(done) = tx.execute(a).await else { continue };",
            "while let Ok(done) = tx.execute(a).await { f(done); }",
        ] {
            assert_eq!(codes(body), ["D032"], "{body}");
            assert_eq!(questions(body), [], "{body}");
        }
    }

    #[test]
    fn the_compiler_is_asked_about_other_results() {
        use Asked::{Discarded, Dropped, Items, Swallowed, SwallowedInside};
        use Tie::{Held, Lent, Open};
        for (body, expected) in [
            ("let _ = create_order(tx).await;", (Dropped, Lent)),
            ("let _done = create_order(tx).await;", (Dropped, Lent)),
            ("let (_, n) = join!(f(tx), g());", (Dropped, Lent)),
            ("let _ = timeout(d, f(tx)).await?;", (Dropped, Lent)),
            ("timeout(d, f(tx)).await?;", (Dropped, Lent)),
            ("f(tx).await;", (Dropped, Lent)),
            ("let _ = Box::pin(recursive(tx, 1)).await;", (Dropped, Lent)),
            ("let r = f(tx).await; drop(r);", (Dropped, Lent)),
            ("let _ = f(tx);", (Dropped, Lent)),
            ("f(tx);", (Dropped, Lent)),
            (
                "let mut repo = Orders { tx }; let _ = repo.save(a).await;",
                (Dropped, Held),
            ),
            (
                "let fut = async { f(tx).await }; let _ = fut.await;",
                (Dropped, Held),
            ),
            (
                "let _ = cache.get(tx.boundary().name()).await;",
                (Dropped, Open),
            ),
            ("let _ = index.update(tx.now()).await;", (Dropped, Open)),
            ("f(tx).await.ok();", (Discarded, Lent)),
            (
                "f(tx).await.map_err(A::from).unwrap_or_default()",
                (Discarded, Lent),
            ),
            ("f(tx).await.map_or(0, |n| n)", (Discarded, Lent)),
            ("f(tx).await.or(Ok(0))?;", (Discarded, Lent)),
            ("f(tx).await.is_ok();", (Discarded, Lent)),
            ("f(tx).await.map(g);", (Dropped, Lent)),
            ("let _ = (f(tx).await, 1);", (Dropped, Lent)),
            ("let (Ok(_) | Err(_)) = f(tx).await;", (Swallowed, Lent)),
            ("Result::ok(f(tx).await);", (Discarded, Lent)),
            ("let r = f(tx).await; r.ok();", (Discarded, Lent)),
            ("g().await.ok();", (Discarded, Open)),
            (
                "let rows = q.fetch(&mut *tx); rows.filter_map(|r| r.ok());",
                (Discarded, Lent),
            ),
            (
                "let all = join_all([f(tx)]).await; all.flatten();",
                (Items, Lent),
            ),
            (
                "let rows = q.fetch(&mut *tx); rows.filter_map(Result::ok);",
                (Items, Lent),
            ),
            (
                "match f(tx).await { Ok(a) => a, Err(_) => 0 };",
                (Swallowed, Lent),
            ),
            (
                "let r = f(tx).await; if let Ok(a) = r { }",
                (Swallowed, Lent),
            ),
            (
                "while let Some(Ok(a)) = rows.next().await { }",
                (SwallowedInside, Open),
            ),
            (
                "match a { 0 => b(), _ => _ = f(tx).await }",
                (Dropped, Lent),
            ),
            ("(_, n) = join!(f(tx), g());", (Dropped, Lent)),
            ("let done = f(tx).await; g();", (Dropped, Lent)),
            ("if f(tx).await.is_ok() { }", (Swallowed, Open)),
            ("Ok(Json(f(tx).await.is_ok()))", (Swallowed, Open)),
            (
                "if f(tx).await.is_err() { return Ok(false); }",
                (Swallowed, Open),
            ),
            ("f(tx).await.is_ok_and(|n| n > 0)", (Swallowed, Open)),
            ("f(tx).await.is_err_and(|_| all)", (Swallowed, Open)),
            (
                "let done = f(tx).await; if done.is_ok() { tx.after_commit(g()); }",
                (Swallowed, Open),
            ),
            (
                "let done = f(tx).await.is_ok(); store(tx, done).await?;",
                (Swallowed, Open),
            ),
            (
                "let done = async { f(tx).await?; Ok(()) }.await; Ok(done.is_ok())",
                (Swallowed, Open),
            ),
            ("timeout(d, f(tx)).await.is_ok()", (SwallowedInside, Open)),
            ("f(tx).await.or(g(tx).await)", (Discarded, Lent)),
            (
                "f(tx).await.or_else(|e| match e { A::B => Ok(0), A::C => Ok(1) })",
                (Discarded, Lent),
            ),
            ("f(tx).await.transpose().unwrap_or(None)", (Discarded, Lent)),
            (
                "f(tx).await.context(a).unwrap_or_default()",
                (Discarded, Lent),
            ),
            (
                "f(tx).await.logged(a).unwrap_or_default()",
                (Discarded, Held),
            ),
            (
                "let rows: Vec<_> = q.fetch(&mut *tx).collect().await; rows.len()",
                (Asked::Counted, Lent),
            ),
            (
                "let mut all = vec![]; all.push(f(tx).await); match all.pop() { Some(a) => a, None => Ok(0) }",
                (Asked::Counted, Lent),
            ),
            (
                "let all = vec![f(tx).await]; let (a, b): (A, B) = all.drain(..).partition(|r| r.is_ok()); a",
                (Items, Lent),
            ),
            ("join(f(tx), g()).await.1", (Dropped, Lent)),
            ("join!(f(tx), g()).1", (Dropped, Lent)),
            (
                "match timeout(d, f(tx)).await { Ok(a) => a?, Err(_) => 0 }",
                (Asked::CutOff, Lent),
            ),
            ("sku.map(|sku| f(tx, sku));", (Asked::Made, Held)),
        ] {
            assert_eq!(codes(body), [""; 0], "{body}");
            assert_eq!(questions(body), [expected], "{body}");
        }
    }

    #[test]
    fn what_is_looked_at_or_was_a_scope_needs_no_question() {
        for body in [
            "f(tx).await?; let a = f(tx).await; a",
            "if let Err(e) = f(tx).await { log(e); }",
            "if f(tx).await.is_err() { return Err(A); }",
            "if f(tx).await.is_ok() { g(); } else { return Err(A); }",
            "let done = f(tx).await; if done.is_err() { log(&done); } done",
            "let done = f(tx).await.is_ok(); g(); if !done { return Err(A); }",
            "let mut failed = 0; for a in b { if f(tx).await.is_err() { failed += 1; } } if failed > 0 { bail!(a) }",
            "let mut done = true; for a in b { done &= f(tx).await.is_ok(); } done.then_some(1).ok_or(A)",
            "assert!(f(tx).await.is_ok()); check(f(tx).await.is_ok())?;",
            "match f(tx).await.is_ok() { true => Ok(1), false => Err(A) }",
            "let done = f(tx).await; if let Err(e) = &done { log(e); } Ok(done.is_ok())",
            "if matches!(f(tx).await, Err(A::Gone)) { }",
            "if f(tx).await.is_err_and(|e| e.is_gone()) { }",
            "cache.get(a).await.is_ok()",
            "tx.savepoint(async |tx| f(tx).await).await.is_ok()",
            "let mut all = vec![]; all.push(f(tx).await); let n = all.len(); all",
            "let mut all = vec![]; all.push(f(tx).await); while let Some(a) = all.pop() { a?; }",
            "let all = join_all(b).await; for a in &all { n += a.is_ok() as u8; } all",
            "let (a, b) = all.into_iter().partition(Result::is_ok); b",
            "f(tx).await.or(Err(A))",
            "f(tx).await.or_else(|e| match e { A::Gone => Ok(0), e => Err(e) })",
            "let done = pool.begin().await; if let Ok(c) = pool.acquire().await { }",
            "join!(f(tx), g()).0?; join(g(), f(tx)).await.1?;",
            "return f(tx).await.map_err(A::from);",
            "let _ = f(tx).await?;",
            "f(tx).await?.ok(); f(tx).await?.unwrap_or_default();",
            "let _ = f(tx).await?.notify().await?;",
            "f(tx).await",
            "f(tx).await.unwrap();",
            "f(tx).await.unwrap_or_else(|_| panic!())",
            "let _done = f(tx).await; _done",
            "let _ = tx.savepoint(async |tx| f(tx).await).await;",
            "tx.savepoint(async |tx| f(tx).await).await.ok();",
            "let saved = tx.savepoint(f).await; if let Ok(a) = saved { }",
            "for row in tx.each(a, f).await? { if let Ok(row) = row { } }",
            "match f(tx).await { Ok(a) => a, Err(_) => return Err(A) }",
            "match f(tx).await { Ok(a) => Ok(a), Err(_) => Err(A) }",
            "match f(tx).await { Ok(a) => a, Err(A::Gone) => 0, Err(_) => 1 }",
            "match f(tx).await { Ok(a) => a, Err(e) if e.is_gone() => 0, _ => 1 }",
            "match f(tx).await { Ok(a) => a, Err(e) => { log(e); 0 } }",
            "let Ok(a) = f(tx).await else { return Err(A) };",
            "let Ok(a) = f(tx).await else { bail!(a) };",
            "match f(tx).await { Ok(a) => a, Err(_) => return Ok(StatusCode::NOT_FOUND) }",
            "if let Ok(a) = f(tx).await { } else { return Err(A) }",
            "if let Some(a) = f(tx).await? { }",
            "tx.after_commit(f());",
            "tx.after_commit(async { let _ = g().await; let _ = db.transaction(async |tx| f(tx).await).await; });",
            "let _ = index.all(async |tx| tx.id()).await?;",
            "let a = create_order(tx); a.await?;",
            "drop(tx);",
            "create_order(tx)",
            "let _ = Some(tx);",
            "fn f(tx: A) { let _ = tx.await; }",
        ] {
            assert_eq!(codes(body), [""; 0], "{body}");
            assert_eq!(questions(body), [], "{body}");
        }
    }

    #[test]
    fn statements_that_are_never_awaited_are_seen() {
        for body in [
            "sqlx::query(a).execute(&mut *tx);",
            "tx.savepoint(async |tx| f(tx).await);",
            "let _ = sqlx::query(a).fetch_one(&mut *tx);",
            "let _later = sqlx::query(a).fetch(&mut *tx);",
            "drop(sqlx::query(a).fetch_one(&mut *tx));",
        ] {
            assert_eq!(codes(body), ["D031"], "{body}");
        }
    }
}
