//! Finds errors that a `match`, an `if let` or a `let .. else` passes over.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Arm, BinOp, Expr, ExprIf, ExprMatch, ExprWhile, Ident, Pat, Stmt};

use crate::body::names::{Names, Tie};
use crate::body::ties::{outcome, wraps};
use crate::check::question::{Asked, Found, Lost, Part, Question, result};
use crate::rule;
use crate::syntax::expr::{called, conditions, without_parens};
use crate::syntax::pattern::names_word;

/// `match`, `if let` and `while let` over a result.
pub(crate) fn in_expression(expr: &Expr, names: &Names) -> Option<Found> {
    match expr {
        Expr::Match(expr) => in_match(expr, names),
        Expr::If(expr) => in_if(expr, names),
        Expr::While(expr) => in_while(expr, names),
        _ => None,
    }
}

/// `let Ok(a) = f(tx).await else { return Ok(()) };`
pub(crate) fn in_let_else(pat: &Pat, value: &Expr, instead: &Expr, names: &Names) -> Option<Found> {
    let Over::Success { on, inside } = over(pat, &|_| true)? else {
        return None;
    };
    if ends_in_error(instead) {
        return None;
    }
    found(value, inside, Part::Else, on, names)
}

/// `let (Ok(_) | Err(_)) = f(tx).await;`
pub(crate) fn in_let(pat: &Pat, value: &Expr, names: &Names) -> Option<Found> {
    let mut on = None;
    each_case(pat, &mut |pat| {
        if let Some(Over::Failure { on: ignored, .. }) = over(pat, &|_| false) {
            on = Some(ignored);
        }
    });
    found(value, false, Part::Init, on?, names)
}

fn in_match(expr: &ExprMatch, names: &Names) -> Option<Found> {
    let mut inside = None;
    for arm in &expr.arms {
        each_case(&arm.pat, &mut |pat| {
            if let Some(is_inside) = is_of_result(pat) {
                inside = Some(inside.unwrap_or(false) || is_inside);
            }
        });
    }
    let inside = inside?;
    let mut first = None;
    for (n, arm) in expr.arms.iter().enumerate() {
        match covered(arm, inside) {
            Covered::No => {}
            // Somebody looks at the error.
            Covered::Looked => return None,
            Covered::Ignored(on) if first.is_none() && !ends_in_error(&arm.body) => {
                first = Some((n, on));
            }
            Covered::Ignored(_) => {}
        }
    }
    let (n, on) = first?;
    found(&expr.expr, inside, Part::Scrutinee(n), on, names)
}

fn in_if(expr: &ExprIf, names: &Names) -> Option<Found> {
    for (n, condition) in conditions(&expr.cond).into_iter().enumerate() {
        let Expr::Let(condition) = condition else {
            continue;
        };
        let is_used = |name: &Ident| {
            names_word(&expr.then_branch.to_token_stream(), name)
                || names_word(&expr.cond.to_token_stream(), name) && {
                    // Once in its own pattern.
                    count(&expr.cond.to_token_stream(), name) > 1
                }
        };
        let (on, inside) = match over(&condition.pat, &is_used) {
            Some(Over::Success { on, inside }) => {
                match &expr.else_branch {
                    Some((_, instead)) if ends_in_error(instead) => continue,
                    _ => {}
                }
                (on, inside)
            }
            Some(Over::Failure { on, inside }) => {
                if block_ends_in_error(&expr.then_branch.stmts) {
                    continue;
                }
                (on, inside)
            }
            None => continue,
        };
        if let Some(found) = found(&condition.expr, inside, Part::Condition(n), on, names) {
            return Some(found);
        }
    }
    None
}

fn in_while(expr: &ExprWhile, names: &Names) -> Option<Found> {
    for (n, condition) in conditions(&expr.cond).into_iter().enumerate() {
        if let Expr::Let(condition) = condition
            && let Some(Over::Success { on, inside }) = over(&condition.pat, &|_| true)
            && let Some(found) = found(&condition.expr, inside, Part::Condition(n), on, names)
        {
            return Some(found);
        }
    }
    None
}

/// Returns the `n`th of the conditions in `a && b && c`.
pub fn condition_mut(cond: &mut Expr, mut n: usize) -> Option<&mut Expr> {
    fn find<'a>(cond: &'a mut Expr, n: &mut usize) -> Option<&'a mut Expr> {
        let is_and = matches!(cond, Expr::Binary(both) if matches!(both.op, BinOp::And(_)));
        if !is_and {
            let is_it = *n == 0;
            *n = n.saturating_sub(1);
            return is_it.then_some(cond);
        }
        let Expr::Binary(both) = cond else {
            return None;
        };
        match find(&mut both.left, n) {
            Some(found) => Some(found),
            None => find(&mut both.right, n),
        }
    }
    find(cond, &mut n)
}

fn found(value: &Expr, inside: bool, part: Part, on: TokenStream, names: &Names) -> Option<Found> {
    if !inside && let Some(what) = result(value, names) {
        return Some(Found::Lost(Lost {
            rule: &rule::ERROR_SWALLOWED,
            what: what.to_string(),
            on,
        }));
    }
    let tie = match without_parens(value) {
        // `match timeout(d, f(tx)).await? { .. }`
        Expr::Try(inner) => match without_parens(&inner.expr) {
            Expr::Await(wait) if wraps(&wait.base, names) => {
                outcome(&inner.expr, names).filter(|tie| *tie != Tie::Open)?
            }
            _ => return None,
        },
        value => outcome(value, names)?,
    };
    let asked = match inside {
        true => Asked::SwallowedInside,
        false => Asked::Swallowed,
    };
    Some(Found::Ask(Question::new(asked, tie, part, value, &on)))
}

/// The side of a result that a pattern is about.
enum Over {
    /// `Ok(a)`, `Some(Ok(a))`
    Success { on: TokenStream, inside: bool },
    /// `Err(_)`
    Failure { on: TokenStream, inside: bool },
}

/// Returns the side that a pattern is about, if the error is not looked at in it.
fn over(pat: &Pat, is_used: &dyn Fn(&Ident) -> bool) -> Option<Over> {
    let (name, inner) = variant(pat)?;
    if name == "Err" {
        let on = ignored(inner, is_used)?;
        return Some(Over::Failure { on, inside: false });
    }
    if name != "Ok" && name != "Some" {
        return None;
    }
    match (variant(inner), over(inner, is_used)) {
        (Some((inner_name, _)), Some(Over::Success { on, .. })) if inner_name != "Some" => {
            Some(Over::Success { on, inside: true })
        }
        (_, Some(Over::Failure { on, .. })) => Some(Over::Failure { on, inside: true }),
        // `Ok(Err(error))` looks at one.
        (Some((inner_name, _)), None) if inner_name == "Err" => None,
        _ if name == "Ok" => Some(Over::Success {
            on: name.to_token_stream(),
            inside: false,
        }),
        _ => None,
    }
}

/// `Ok(a)` as its name and its field.
fn variant(pat: &Pat) -> Option<(&Ident, &Pat)> {
    match pat {
        Pat::TupleStruct(tuple) if tuple.elems.len() == 1 => {
            Some((&tuple.path.segments.last()?.ident, tuple.elems.first()?))
        }
        Pat::Paren(inner) => variant(&inner.pat),
        Pat::Reference(inner) => variant(&inner.pat),
        _ => None,
    }
}

/// Returns the tokens of a pattern that looks at nothing: `_`, `..`, or a name that is not used.
fn ignored(pat: &Pat, is_used: &dyn Fn(&Ident) -> bool) -> Option<TokenStream> {
    match pat {
        Pat::Wild(_) | Pat::Rest(_) => Some(pat.to_token_stream()),
        Pat::Ident(bound)
            if bound.subpat.is_none()
                && bound
                    .ident
                    .to_string()
                    .starts_with(|c: char| c == '_' || c.is_lowercase())
                && !is_used(&bound.ident) =>
        {
            Some(bound.ident.to_token_stream())
        }
        Pat::Paren(inner) => ignored(&inner.pat, is_used),
        _ => None,
    }
}

/// What an arm does with an error.
enum Covered {
    /// It is about something else.
    No,
    /// It passes over it.
    Ignored(TokenStream),
    /// It looks at it.
    Looked,
}

/// Shows `look` each alternative of a pattern, without its guard.
fn each_case(pat: &Pat, look: &mut dyn FnMut(&Pat)) {
    match pat {
        Pat::Or(cases) => cases.cases.iter().for_each(|case| each_case(case, look)),
        Pat::Guard(guarded) => each_case(&guarded.pat, look),
        Pat::Paren(inner) => each_case(&inner.pat, look),
        pat => look(pat),
    }
}

/// Whether a pattern is one of a result, and whether that is inside of another value.
fn is_of_result(pat: &Pat) -> Option<bool> {
    let (name, inner) = variant(pat)?;
    let is_inside = || {
        let mut found = false;
        each_case(inner, &mut |pat| {
            found |= variant(pat).is_some_and(|(name, _)| name == "Ok" || name == "Err");
        });
        found
    };
    match name.to_string().as_str() {
        "Some" => is_inside().then_some(true),
        "Ok" => Some(is_inside()),
        "Err" => Some(false),
        _ => None,
    }
}

fn covered(arm: &Arm, inside: bool) -> Covered {
    let is_used = |name: &Ident| names_word(&arm.body.to_token_stream(), name);
    let mut covered = Covered::No;
    each_case(&arm.pat, &mut |pat| {
        covered = match (
            std::mem::replace(&mut covered, Covered::No),
            case(pat, inside, &is_used),
        ) {
            // Of `Err(RowNotFound) | Err(_)` the others are passed over.
            (Covered::Ignored(on), _) | (_, Covered::Ignored(on)) => Covered::Ignored(on),
            (Covered::Looked, _) | (_, Covered::Looked) => Covered::Looked,
            (Covered::No, Covered::No) => Covered::No,
        };
    });
    match (covered, &arm.pat) {
        (Covered::Ignored(_), Pat::Guard(_)) => Covered::Looked,
        (covered, _) => covered,
    }
}

fn case(pat: &Pat, inside: bool, is_used: &dyn Fn(&Ident) -> bool) -> Covered {
    // The whole value.
    if let Some(on) = ignored(pat, is_used) {
        return Covered::Ignored(on);
    }
    if is_name(pat) {
        return Covered::Looked;
    }
    let Some((name, inner)) = variant(pat) else {
        return Covered::No;
    };
    match name.to_string().as_str() {
        "Err" => match ignored(inner, is_used) {
            // Of `Ok(Ok(a))` and `Err(_)`, the inner error is the database's.
            Some(on) => Covered::Ignored(on),
            None => Covered::Looked,
        },
        "Ok" | "Some" if inside => {
            let mut covered = Covered::No;
            each_case(inner, &mut |pat| {
                if matches!(variant(pat), Some((name, _)) if name == "Err")
                    || ignored(pat, is_used).is_some()
                {
                    covered = case(pat, false, is_used);
                }
            });
            covered
        }
        _ => Covered::No,
    }
}

/// A name for the whole: `other => ..`.
fn is_name(pat: &Pat) -> bool {
    matches!(pat, Pat::Ident(bound) if !bound.ident.to_string().starts_with(char::is_uppercase))
}

fn count(tokens: &TokenStream, name: &Ident) -> usize {
    tokens
        .clone()
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(word) => usize::from(word == *name),
            TokenTree::Group(group) => count(&group.stream(), name),
            _ => 0,
        })
        .sum()
}

/// Whether an expression is an `Ok(..)`, so that an error became a success.
pub(crate) fn is_ok(expr: &Expr) -> bool {
    match without_parens(expr) {
        Expr::Call(call) => {
            called(&call.func).is_some_and(|name| name == "Ok") && !answers_failure(expr)
        }
        Expr::Block(block) => match block.block.stmts.last() {
            Some(Stmt::Expr(last, None)) => is_ok(last),
            _ => false,
        },
        Expr::Async(block) => match block.block.stmts.last() {
            Some(Stmt::Expr(last, None)) => is_ok(last),
            _ => false,
        },
        _ => false,
    }
}

/// Whether an answer says that something failed, on which a router rolls back: `Ok(StatusCode::NOT_FOUND)`.
fn answers_failure(expr: &Expr) -> bool {
    fn search(tokens: TokenStream) -> bool {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        tokens.iter().enumerate().any(|(n, token)| match token {
            TokenTree::Ident(word) if *word == "StatusCode" || *word == "HttpResponse" => {
                match tokens.get(n + 3) {
                    Some(TokenTree::Ident(status)) => ![
                        "OK",
                        "CREATED",
                        "ACCEPTED",
                        "NO_CONTENT",
                        "Ok",
                        "Created",
                        "Accepted",
                        "NoContent",
                    ]
                    .iter()
                    .any(|fine| status == fine),
                    _ => false,
                }
            }
            TokenTree::Group(group) => search(group.stream()),
            _ => false,
        })
    }
    search(expr.to_token_stream())
}

/// Whether code ends with an error of its own, so that the boundary rolls back: `return Err(..)`, `Err(..)`, a panic.
pub(crate) fn ends_in_error(expr: &Expr) -> bool {
    match without_parens(expr) {
        Expr::Return(returned) => returned.expr.as_ref().is_some_and(|value| !is_ok(value)),
        Expr::Call(call) => {
            called(&call.func).is_some_and(|name| {
                ["Err", "exit", "abort", "panic_any", "resume_unwind"]
                    .iter()
                    .any(|known| name == known)
            }) || answers_failure(expr)
        }
        Expr::Macro(mac) => is_failing(mac.mac.path.segments.last().map(|last| &last.ident)),
        Expr::Try(inner) => ends_in_error(&inner.expr),
        Expr::Await(inner) => ends_in_error(&inner.base),
        Expr::Async(block) => block_ends_in_error(&block.block.stmts),
        Expr::MethodCall(call) => ends_in_error(&call.receiver) || answers_failure(expr),
        Expr::Path(_) => answers_failure(expr),
        Expr::Tuple(_) => answers_failure(expr),
        Expr::Block(block) => block_ends_in_error(&block.block.stmts),
        Expr::Unsafe(block) => block_ends_in_error(&block.block.stmts),
        Expr::If(choice) => {
            block_ends_in_error(&choice.then_branch.stmts)
                && choice
                    .else_branch
                    .as_ref()
                    .is_some_and(|(_, other)| ends_in_error(other))
        }
        Expr::Match(choice) => choice.arms.iter().all(|arm| ends_in_error(&arm.body)),
        _ => false,
    }
}

fn block_ends_in_error(stmts: &[Stmt]) -> bool {
    let ends = match stmts.last() {
        Some(Stmt::Expr(last, _)) => ends_in_error(last),
        Some(Stmt::Macro(mac)) => is_failing(mac.mac.path.segments.last().map(|last| &last.ident)),
        _ => false,
    };
    ends || stmts.iter().any(|stmt| match stmt {
        Stmt::Expr(Expr::MethodCall(call), Some(_)) => call.method == "rollback_only",
        _ => false,
    })
}

fn is_failing(name: Option<&Ident>) -> bool {
    name.is_some_and(|name| {
        [
            "panic",
            "bail",
            "unreachable",
            "todo",
            "unimplemented",
            "throw",
            "yeet",
        ]
        .iter()
        .any(|known| name == known)
    })
}
