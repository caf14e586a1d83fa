//! Finds errors that a `match`, an `if let`, a `let .. else` or a question like `is_ok()` passes over.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Arm, BinOp, Expr, ExprIf, ExprMatch, ExprMethodCall, ExprWhile, Ident, Pat};

use crate::body::ends::{block_ends_in_error, ends_in_error};
use crate::body::names::{Names, Tie};
use crate::body::ties::{Joined, joins, made_of, of_macro, outcome, wraps};
use crate::check::question::{Asked, Found, Lost, Part, Question, result};
use crate::rule;
use crate::syntax::expr::{conditions, plain_place, without_parens};
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
    if ends_in_error(instead) {
        return None;
    }
    each_field(pat, value, names, &mut |pat, field| {
        let Over::Success { on, inside } = over(pat, &|_| true)? else {
            return None;
        };
        found(&field, inside, Part::Else, on, names)
    })
}

/// `let (Ok(_) | Err(_)) = f(tx).await;`
pub(crate) fn in_let(pat: &Pat, value: &Expr, names: &Names) -> Option<Found> {
    let mut on = None;
    each_case(pat, &mut |pat| {
        if let Some(Over::Failure { on: ignored, .. }) = over(pat, &|_| false) {
            on = Some(ignored);
        }
    });
    found(&Field::whole(value), Inside::No, Part::Init, on?, names)
}

/// `f(tx).await.is_ok()`, from which nobody learns what failed.
pub(crate) fn in_question(call: &ExprMethodCall, names: &Names) -> Option<Found> {
    let is_borrowed = match (call.method.to_string().as_str(), call.args.first()) {
        ("is_ok" | "is_err", None) => true,
        ("is_ok_and", Some(_)) => false,
        ("is_err_and", Some(Expr::Closure(closure))) => match closure.inputs.first() {
            Some(Pat::Wild(_)) => false,
            _ => return None,
        },
        _ => return None,
    };
    let value = &call.receiver;
    if names.is_answered || names.is_kept(value) {
        return None;
    }
    let part = match is_borrowed && plain_place(value).is_some() {
        true => Part::Borrowed,
        false => Part::Receiver,
    };
    let on = call.method.to_token_stream();
    let found = found(
        &Field::whole(value),
        Inside::Ignored,
        part,
        on.clone(),
        names,
    );
    let found = found.or_else(|| {
        let tie = made_of(value, names)?;
        Some(Found::Ask(Question::new(
            Asked::Swallowed,
            tie,
            part,
            value,
            &on,
        )))
    });
    match found? {
        // Of other calls the error is not the session's.
        Found::Ask(question) if question.tie == Tie::Open => None,
        // Who asks whether a service has refused has looked at its error: an error of the database alone is a mistake.
        Found::Ask(question) => Some(Found::Ask(Question {
            tie: Tie::Open,
            ..question
        })),
        lost => Some(lost),
    }
}

fn in_match(expr: &ExprMatch, names: &Names) -> Option<Found> {
    let mut fields = 0;
    for arm in &expr.arms {
        each_case(&arm.pat, &mut |pat| {
            if let Pat::Tuple(tuple) = pat {
                fields = fields.max(tuple.elems.len());
            }
        });
    }
    if fields == 0 {
        return in_arms(expr, &Field::whole(&expr.expr), names);
    }
    (0..fields).find_map(|n| in_arms(expr, &Field::of(&expr.expr, n, names)?, names))
}

/// Judges the arms by one field of the matched tuple, or by the whole value.
fn in_arms(expr: &ExprMatch, field: &Field<'_>, names: &Names) -> Option<Found> {
    let mut inside = None;
    for arm in &expr.arms {
        each_case(&arm.pat, &mut |pat| {
            if let Some(is_inside) = field.in_pattern(pat).and_then(is_of_result) {
                inside = Some(inside.unwrap_or(false) || is_inside);
            }
        });
    }
    // `match f(tx).await { _ => {} }`
    let is_one = || {
        expr.arms.len() == 1
            && matches!(expr.arms.first(), Some(arm) if matches!(arm.pat, Pat::Wild(_)))
    };
    let inside = inside.or_else(|| is_one().then_some(false))?;
    let mut first = None;
    for (n, arm) in expr.arms.iter().enumerate() {
        match covered(arm, field, inside) {
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
    let inside = match inside {
        true => Inside::Yes,
        false => Inside::No,
    };
    found(field, inside, Part::Scrutinee(n), on, names)
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
        let found = each_field(&condition.pat, &condition.expr, names, &mut |pat, field| {
            let (on, inside) = match over(pat, &is_used) {
                Some(Over::Success { on, inside }) => match &expr.else_branch {
                    Some((_, instead)) if ends_in_error(instead) => return None,
                    _ => (on, inside),
                },
                Some(Over::Failure { .. }) if block_ends_in_error(&expr.then_branch.stmts) => {
                    return None;
                }
                Some(Over::Failure { on, inside }) => (on, inside),
                // `if let _ = f(tx).await { .. }`
                None if matches!(pat, Pat::Wild(_)) && field.number.is_none() => {
                    (pat.to_token_stream(), Inside::No)
                }
                None => return None,
            };
            found(&field, inside, Part::Condition(n), on, names)
        });
        if found.is_some() {
            return found;
        }
    }
    None
}

fn in_while(expr: &ExprWhile, names: &Names) -> Option<Found> {
    for (n, condition) in conditions(&expr.cond).into_iter().enumerate() {
        if let Expr::Let(condition) = condition
            && let Some(Over::Success { on, inside }) = over(&condition.pat, &|_| true)
            && let field = Field::whole(&condition.expr)
            && let Some(found) = found(&field, inside, Part::Condition(n), on, names)
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

/// A value that is matched, or one field of it: `f(tx).await` in `(f(tx).await, g(tx).await)`.
struct Field<'a> {
    whole: &'a Expr,
    number: Option<usize>,
    /// The field, where it is written out.
    value: Option<&'a Expr>,
    /// How the field came from the session, where it is not.
    tie: Tie,
}

impl<'a> Field<'a> {
    fn whole(value: &'a Expr) -> Self {
        Self {
            whole: value,
            number: None,
            value: Some(value),
            tie: Tie::Open,
        }
    }

    fn of(whole: &'a Expr, number: usize, names: &Names) -> Option<Self> {
        let (value, tie) = match (without_parens(whole), joins(whole)) {
            (Expr::Tuple(tuple), _) => (tuple.elems.iter().nth(number), Tie::Open),
            (Expr::Macro(mac), Some(Joined::Tuple(_))) => (None, of_macro(&mac.mac, names)),
            _ => (None, outcome(whole, names)?),
        };
        (value.is_some() || tie != Tie::Open).then_some(Self {
            whole,
            number: Some(number),
            value,
            tie,
        })
    }

    /// The part of a pattern that is about it; `_` is about all.
    fn in_pattern<'p>(&self, pat: &'p Pat) -> Option<&'p Pat> {
        match (self.number, pat) {
            (Some(number), Pat::Tuple(tuple)) => {
                let rest = tuple
                    .elems
                    .iter()
                    .position(|pat| matches!(pat, Pat::Rest(_)));
                match rest {
                    Some(rest) if rest <= number => tuple.elems.iter().nth(rest),
                    _ => tuple.elems.iter().nth(number),
                }
            }
            _ => Some(pat),
        }
    }
}

/// Shows `look` a pattern and the value that it is about; of a tuple, each field.
fn each_field(
    pat: &Pat,
    value: &Expr,
    names: &Names,
    look: &mut dyn FnMut(&Pat, Field<'_>) -> Option<Found>,
) -> Option<Found> {
    let Pat::Tuple(tuple) = pat else {
        return look(pat, Field::whole(value));
    };
    let fields = tuple
        .elems
        .iter()
        .take_while(|pat| !matches!(pat, Pat::Rest(_)));
    fields
        .enumerate()
        .find_map(|(n, pat)| look(pat, Field::of(value, n, names)?))
}

fn found(
    field: &Field<'_>,
    inside: Inside,
    part: Part,
    on: TokenStream,
    names: &Names,
) -> Option<Found> {
    let question = |tie, inside| {
        let asked = match inside {
            Inside::Yes => Asked::SwallowedInside,
            Inside::No | Inside::Ignored => Asked::Swallowed,
        };
        let mut question = Question::new(asked, tie, part, field.whole, &TokenStream::new());
        question.at = vec![(field.number, on.clone())];
        Some(Found::Ask(question))
    };
    let Some(value) = field.value else {
        return question(field.tie, inside);
    };
    // `if let Ok(n) = &counted { .. }` looks at what is handled later.
    if names.is_used_later(value) {
        return None;
    }
    if inside != Inside::Yes
        && let Some(what) = result(value, names)
    {
        return Some(Found::Lost(Lost {
            rule: &rule::ERROR_SWALLOWED,
            what: what.to_string(),
            on,
        }));
    }
    // Of `timeout(d, f(tx)).await` the error of `f` is inside.
    let is_around = |value: &Expr| matches!(value, Expr::Await(wait) if wraps(&wait.base, names));
    match without_parens(value) {
        // `match timeout(d, f(tx)).await? { .. }`
        Expr::Try(inner) if is_around(without_parens(&inner.expr)) => {
            let tie = outcome(&inner.expr, names).filter(|tie| *tie != Tie::Open)?;
            question(tie, inside)
        }
        Expr::Try(_) => None,
        value if is_around(value) => match inside {
            // The error is that of the limit, at which the work was cut off.
            Inside::No => {
                let tie = outcome(value, names).filter(|tie| *tie != Tie::Open)?;
                let mut question = Question::new(Asked::CutOff, tie, part, field.whole, &on);
                question.at = vec![(field.number, on)];
                Some(Found::Ask(question))
            }
            Inside::Ignored | Inside::Yes => question(outcome(value, names)?, Inside::Yes),
        },
        value => question(outcome(value, names)?, inside),
    }
}

/// Where the result is that a pattern is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    /// The value is the result.
    No,
    /// The value is the result, and its content, which may be a result again, is passed over: `Ok(_)`.
    Ignored,
    /// The value holds the result: `Some(Ok(a))`.
    Yes,
}

/// The side of a result that a pattern is about.
enum Over {
    /// `Ok(a)`, `Some(Ok(a))`
    Success { on: TokenStream, inside: Inside },
    /// `Err(_)`
    Failure { on: TokenStream, inside: Inside },
}

impl Over {
    /// The same of a value that holds the result.
    fn inside(self) -> Self {
        let inside = Inside::Yes;
        match self {
            Self::Success { on, .. } => Self::Success { on, inside },
            Self::Failure { on, .. } => Self::Failure { on, inside },
        }
    }
}

/// Returns the side that a pattern is about, if the error is not looked at in it.
fn over(pat: &Pat, is_used: &dyn Fn(&Ident) -> bool) -> Option<Over> {
    // `[Ok(a), Ok(b)]`
    if let Pat::Slice(slice) = pat {
        let items = slice.elems.iter();
        let mut found = items.filter_map(|item| over(item, is_used));
        return found.next().map(Over::inside);
    }
    let (name, inner) = variant(pat)?;
    if name == "Err" {
        let on = ignored(inner, is_used)?;
        return Some(Over::Failure {
            on,
            inside: Inside::No,
        });
    }
    if name != "Ok" && name != "Some" {
        return None;
    }
    match (variant(inner), over(inner, is_used)) {
        (Some((inner_name, _)), Some(success @ Over::Success { .. })) if inner_name != "Some" => {
            Some(success.inside())
        }
        (_, Some(failure @ Over::Failure { .. })) => Some(failure.inside()),
        // `Ok(Err(error))` looks at one.
        (Some((inner_name, _)), None) if inner_name == "Err" => None,
        _ if name == "Ok" => Some(Over::Success {
            on: name.to_token_stream(),
            inside: match ignored(inner, &|_| true) {
                Some(_) => Inside::Ignored,
                None => Inside::No,
            },
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
    if let Pat::Slice(slice) = pat {
        return slice.elems.iter().find_map(is_of_result).map(|_| true);
    }
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

fn covered(arm: &Arm, field: &Field<'_>, inside: bool) -> Covered {
    let is_used = |name: &Ident| names_word(&arm.body.to_token_stream(), name);
    let mut covered = Covered::No;
    each_case(&arm.pat, &mut |pat| {
        let Some(pat) = field.in_pattern(pat) else {
            return;
        };
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
    // `[Err(error), ..]`
    if let Pat::Slice(slice) = pat {
        let is_looked = |item| matches!(case(item, false, is_used), Covered::Looked);
        return match slice.elems.iter().any(is_looked) {
            true => Covered::Looked,
            false => Covered::No,
        };
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
