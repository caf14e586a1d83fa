//! Applies the rules to a function: a flat list, with one function for each rule.

pub mod control;
mod escape;
mod given;
mod judgement;
pub mod lost;
mod marks;
mod question;
mod signature;
mod sql;
pub mod swallowed;
mod texts;
mod values;
mod waiting;

use proc_macro2::TokenStream;
use syn::{Block, Expr, ExprClosure, Stmt, parse_quote};

use self::control::Judgement;
use self::question::{Found, Lost};
use self::signature::check_signature;
use self::texts::{Finding, On};
use crate::args::Args;
use crate::body::names::{Names, Tie};
use crate::body::walk::{self, Step};
use crate::errors::Errors;
use crate::kind::Kind;
use crate::rule;
use crate::syntax::function::Function;

pub use self::texts::{Doubtful, question};

/// A body to which the rules were applied.
pub struct Checked {
    /// Its statements, as [`Function::block`] gives them. To read them takes longer than all else that is done with them.
    pub block: Block,
    /// Whether the compiler must be asked about something in it: [`control::each`] would find more than a
    /// [`Judgement::Refused`] or a [`Judgement::Wrong`].
    pub asks: bool,
    /// The texts in it that a session of some database must not send.
    pub doubtful: Vec<Doubtful>,
    /// Whether the compiler must be asked about a value that is thrown away: [`lost::each`] would find one.
    pub asks_of_lost: bool,
}

/// Applies every rule that needs only the tokens, and returns the body, if it can be read.
pub fn check(kind: Kind, args: &Args, function: &Function, errors: &mut Errors) -> Option<Checked> {
    errors.under(args.allowed().collect(), args.denied().collect());
    check_signature(kind, args, function, errors);
    let checked = function.block().map(|mut body| {
        let names = function.names(kind, args);
        let mut doubtful = check_texts(kind, args, function, &mut body, &names, errors);
        doubtful.retain(|text| !args.allows(text.rule));
        Checked {
            doubtful,
            ..check_body(kind, body, &names, errors)
        }
    });
    errors.sort();
    checked
}

/// Applies the rules about bodies to a function without an attribute: as a service where it was lent a session, else as a plain
/// function whose boundaries are held to them. `factories` are the names of fields, functions and parameters that are, or
/// return, a session factory: what something else does with a closure is not judged.
#[must_use]
pub fn check_unmarked(kind: Kind, function: &Function, factories: &[String]) -> Errors {
    let mut errors = Errors::default();
    if let Some(mut body) = function.block() {
        let args = Args::default();
        let mut names = function.names(kind, &args);
        names.factories_by_name = Some(factories.into());
        // What depends on the database is left to the compiler and to the guard.
        check_texts(kind, &args, function, &mut body, &names, &mut errors);
        let checked = check_body(kind, body, &names, &mut errors);
        if checked.asks_of_lost {
            warn_of_lost(kind, checked.block, &names, &mut errors);
        }
    }
    errors.sort();
    errors
}

/// D030 and D032 where no compiler is asked: what a call gave that was given the session itself is most likely a result.
fn warn_of_lost(kind: Kind, mut block: Block, names: &Names, errors: &mut Errors) {
    lost::each(&mut block, names, &mut |question, _| {
        // Of a result that is left where it stands the compiler warns.
        if question.tie != Tie::Lent
            || question.part == lost::Part::Whole
            || question.asked.is_by_type()
        {
            return;
        }
        let (rule, done) = match question.asked.is_swallowed() {
            true => (&rule::ERROR_SWALLOWED, "swallowed"),
            false => (&rule::RESULT_DISCARDED, "discarded"),
        };
        if let Some((_, at)) = question.at.first() {
            let (code, attribute) = (rule.code, kind.attribute());
            let text = format!(
                "{code}: an error of the database may be {done} here; return it with `?`, or write `{attribute}`, and the \
                 compiler tells by the type"
            );
            errors.warning(syn::Error::new_spanned(at, text));
        }
    });
}

/// Shows every closure in a body that is run in a boundary of its own: `db.transaction(async |tx| ..)`. It may be changed.
pub fn each_boundary(body: &mut Block, names: &Names, shown: &mut dyn FnMut(&mut ExprClosure)) {
    walk::boundaries(body, names, &mut |closure, _| shown(closure));
}

/// Applies the rules to a function's body.
fn check_body(kind: Kind, mut block: Block, names: &Names, errors: &mut Errors) -> Checked {
    let (mut asks, mut asks_of_lost) = (false, false);
    walk::each(&mut block, names, &mut |step, names| match step {
        Step::Enter(expr) => {
            asks |= check_control(kind, expr, names, errors) || control::asks(expr, names);
            asks_of_lost |= check_lost(kind, lost::in_expression(expr, names), errors);
            check_waiting(kind, expr, names, errors);
        }
        Step::Statement(stmt) => {
            asks |= marks::keeps_a_task(stmt, names);
            asks_of_lost |= check_lost(kind, lost::in_statement(stmt, names), errors);
            check_waiting_statement(kind, stmt, names, errors);
        }
        Step::Tokens(tokens) => check_control_in_tokens(kind, tokens, names, errors),
        Step::Leave(_) | Step::LeaveStatement(_) => {}
    });
    Checked {
        block,
        asks,
        doubtful: Vec::new(),
        asks_of_lost,
    }
}

/// The body of a closure as a block.
fn body_of(closure: &ExprClosure) -> Block {
    match &*closure.body {
        Expr::Block(body) => body.block.clone(),
        body => parse_quote!({ #body }),
    }
}

/// The texts of a body; of a plain function those in its boundaries, whose databases are not known here.
fn check_texts(
    kind: Kind,
    args: &Args,
    function: &Function,
    body: &mut Block,
    names: &Names,
    errors: &mut Errors,
) -> Vec<Doubtful> {
    let databases = sql::Databases::of(kind, args, function);
    if !names.is_plain {
        return check_sql(kind, databases, function, body, names, errors);
    }
    walk::boundaries(body, names, &mut |closure, names| {
        check_sql(kind, databases, function, &body_of(closure), names, errors);
    });
    Vec::new()
}

/// D013, D040 to D045, D024 for COPY, and D050 for what waits. Returns the texts that only some databases refuse, where the session's is not
/// known.
fn check_sql(
    kind: Kind,
    databases: sql::Databases,
    function: &Function,
    body: &Block,
    names: &Names,
    errors: &mut Errors,
) -> Vec<Doubtful> {
    let mut doubtful = Vec::new();
    for sql::Refused {
        finding:
            Finding {
                rule,
                words,
                on: at,
                ..
            },
        on,
        session,
    } in sql::refused(body, names, databases, &function.constants)
    {
        match at {
            On::Any => errors.rule(rule, kind, &words, on),
            On::Known(breach, dialect) => {
                errors.rule_as(rule, &texts::said(breach, dialect, kind, &words), on);
            }
            On::If(breach, dialect) => doubtful.push(Doubtful::new(breach, dialect, on, session)),
        }
    }
    doubtful
}

/// D010 to D012 and D021 to D024, where the receiver is visibly the session or the factory. Of other receivers, and for
/// D020, the compiler is asked, and this says so.
fn check_control(kind: Kind, expr: &Expr, names: &Names, errors: &mut Errors) -> bool {
    match control::judge(expr, names) {
        Some(Judgement::Refused(control, name)) => errors.rule(control.rule(), kind, "", name),
        Some(Judgement::Wrong(control, name, on)) => errors.rule(control.rule(), kind, &on, name),
        Some(_) => return true,
        None => {}
    }
    false
}

/// The same in a macro call whose arguments are no expressions.
fn check_control_in_tokens(kind: Kind, tokens: &TokenStream, names: &Names, errors: &mut Errors) {
    for (control, name) in control::in_tokens(tokens, names) {
        errors.rule(control.rule(), kind, "", name);
    }
}

/// D030 to D032. Where tokens do not tell, the compiler is asked, and this says so.
fn check_lost(kind: Kind, found: Option<Found>, errors: &mut Errors) -> bool {
    match found {
        // A function that returns no `Result` could not pass it on.
        Some(Found::Lost(Lost { rule, what, on })) if !errors.broke(&rule::NO_RESULT) => {
            errors.rule(rule, kind, &what, on);
            false
        }
        Some(Found::Ask(_)) => true,
        Some(Found::Lost(_)) | None => false,
    }
}

/// D050, D051 and D052.
fn check_waiting(kind: Kind, expr: &Expr, names: &Names, errors: &mut Errors) {
    for (rule, name) in waiting::waits(expr, names) {
        errors.rule(rule, kind, "", name);
    }
}

/// The same of a macro call that is a statement.
fn check_waiting_statement(kind: Kind, stmt: &Stmt, names: &Names, errors: &mut Errors) {
    for (rule, name) in waiting::statement_waits(stmt, names) {
        errors.rule(rule, kind, "", name);
    }
}
