//! Applies the rules to a function: a flat list, with one function for each rule.

pub mod control;
mod escape;
mod leaks;
mod lost;
mod signature;
mod sql;
mod waiting;

use proc_macro2::TokenStream;
use syn::{Block, Expr, ExprClosure, Stmt, parse_quote};

use self::control::Judgement;
use self::lost::Lost;
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

/// Applies the rules about bodies to a function without an attribute: as a service where it was lent a session, else as a plain
/// function whose boundaries are held to them. `factories` are the names of fields, functions and parameters that are, or
/// return, a session factory: what something else does with a closure is not judged.
#[must_use]
pub fn check_unmarked(kind: Kind, function: &Function, factories: &[String]) -> Errors {
    let mut errors = Errors::default();
    if let Some(body) = function.block() {
        let mut names = function.names(kind, &Args::default());
        names.factories_by_name = Some(factories.into());
        check_body(kind, body, &names, &mut errors);
    }
    errors.sort();
    errors
}

/// Shows every closure in a body that is run in a boundary of its own: `db.transaction(async |tx| ..)`. It may be changed.
pub fn each_boundary(body: &mut Block, names: &Names, shown: &mut dyn FnMut(&mut ExprClosure)) {
    walk::boundaries(body, names, &mut |closure, _| shown(closure));
}

/// Applies the rules to a function's body.
fn check_body(kind: Kind, mut block: Block, names: &Names, errors: &mut Errors) -> Checked {
    let mut asks = false;
    if names.is_plain {
        walk::boundaries(&mut block, names, &mut |closure, names| {
            check_sql(kind, &body_of(closure), names, errors);
        });
    } else {
        check_sql(kind, &block, names, errors);
    }
    walk::each(&mut block, names, &mut |step, names| match step {
        Step::Enter(expr) => {
            asks |= check_control(kind, expr, names, errors);
            check_lost(kind, lost::in_expression(expr, names), errors);
            check_waiting(kind, expr, names, errors);
        }
        Step::Statement(stmt) => {
            check_lost(kind, lost::in_statement(stmt, names), errors);
            check_waiting_statement(kind, stmt, names, errors);
        }
        Step::Tokens(tokens) => check_control_in_tokens(kind, tokens, names, errors),
        Step::Leave(_) => {}
    });
    Checked { block, asks }
}

/// The body of a closure as a block.
fn body_of(closure: &ExprClosure) -> Block {
    match &*closure.body {
        Expr::Block(body) => body.block.clone(),
        body => parse_quote!({ #body }),
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

/// D030 and D031.
fn check_lost(kind: Kind, found: Option<Lost>, errors: &mut Errors) {
    // A function that returns no `Result` could not pass it on.
    if let Some(Lost { rule, what, on }) = found
        && !errors.broke(&rule::NO_RESULT)
    {
        errors.rule(rule, kind, &what, on);
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
