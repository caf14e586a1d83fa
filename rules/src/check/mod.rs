//! Applies the rules to a function: a flat list, with one function for each rule.

pub mod control;
mod escape;
mod leaks;
pub mod lost;
mod question;
mod signature;
mod sql;
pub mod swallowed;
mod waiting;

use proc_macro2::TokenStream;
use syn::{Block, Expr, Stmt};

use self::control::Judgement;
use self::question::{Found, Lost};
use self::signature::check_signature;
use crate::args::Args;
use crate::body::names::Names;
use crate::body::walk::{self, Step};
use crate::errors::Errors;
use crate::kind::Kind;
use crate::rule;
use crate::syntax::function::Function;

/// A body to which the rules were applied.
pub struct Checked {
    /// Its statements, as [`Function::block`] gives them. To read them takes longer than all else that is done with them.
    pub block: Block,
    /// Whether the compiler must be asked about a call in it: [`control::each`] would find a [`Judgement::Ask`] or a
    /// [`Judgement::AskArgument`].
    pub asks: bool,
    /// Whether the compiler must be asked about a value that is thrown away: [`lost::each`] would find one.
    pub asks_of_lost: bool,
}

/// Applies every rule that needs only the tokens, and returns the body, if it can be read.
pub fn check(kind: Kind, args: &Args, function: &Function, errors: &mut Errors) -> Option<Checked> {
    errors.under(args.allowed().collect(), args.denied().collect());
    check_signature(kind, args, function, errors);
    let checked = function
        .block()
        .map(|body| check_body(kind, body, &function.names(kind, args), errors));
    errors.sort();
    checked
}

/// Applies the rules to a function's body.
fn check_body(kind: Kind, mut block: Block, names: &Names, errors: &mut Errors) -> Checked {
    let (mut asks, mut asks_of_lost) = (false, false);
    check_sql(kind, &block, names, errors);
    walk::each(&mut block, names, &mut |step, names| match step {
        Step::Enter(expr) => {
            asks |= check_control(kind, expr, names, errors);
            asks_of_lost |= check_lost(kind, lost::in_expression(expr, names), errors);
            check_waiting(kind, expr, names, errors);
        }
        Step::Statement(stmt) => {
            asks_of_lost |= check_lost(kind, lost::in_statement(stmt, names), errors);
            check_waiting_statement(kind, stmt, names, errors);
        }
        Step::Tokens(tokens) => check_control_in_tokens(kind, tokens, names, errors),
        Step::Leave(_) | Step::LeaveStatement(_) => {}
    });
    Checked {
        block,
        asks,
        asks_of_lost,
    }
}

/// D013 and D040 to D045.
fn check_sql(kind: Kind, body: &Block, names: &Names, errors: &mut Errors) {
    for refused in sql::refused(body, names) {
        errors.rule(refused.rule, kind, &refused.words, refused.on);
    }
}

/// D010 to D012 and D021 to D024, where the receiver is visibly the session or the factory. Of other receivers, and for
/// D020, the compiler is asked, and this says so.
fn check_control(kind: Kind, expr: &Expr, names: &Names, errors: &mut Errors) -> bool {
    match control::judge(expr, names) {
        Some(Judgement::Refused(control, name)) => errors.rule(control.rule(), kind, "", name),
        Some(Judgement::Wrong(control, name, on)) => errors.rule(control.rule(), kind, &on, name),
        Some(Judgement::Ask(..) | Judgement::AskArgument(..)) => return true,
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
