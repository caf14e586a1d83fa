//! The rules, one function each.

use quote::ToTokens;
use syn::{FnArg, ReturnType};

use crate::args::Args;
use crate::control::{self, Judgement};
use crate::errors::Errors;
use crate::function::{Body, Function};
use crate::kind::Kind;
use crate::session::{self, Found, Lent, plain_name};
use crate::types::{self, Borrow};
use crate::{rule, sql};

/// Holds a function to every rule that its tokens can tell.
pub fn check(kind: Kind, args: &Args, function: &Function, errors: &mut Errors) {
    errors.under(args);
    check_signature(kind, args, function, errors);
    check_control(kind, args, function, errors);
    check_sql(kind, function, errors);
}

/// Holds a function's signature to the rules.
fn check_signature(kind: Kind, args: &Args, function: &Function, errors: &mut Errors) {
    if function.is_helper(kind) {
        return;
    }
    let found = session::find(function, kind);
    check_has_body(kind, function, errors);
    check_session(kind, args, function, &found, errors);
    check_second_session(kind, function, &found, errors);
    check_session_is_lent(kind, function, &found, errors);
    check_session_or_factory(kind, function, &found, errors);
    check_async(kind, function, errors);
    check_result(kind, function, errors);
    check_owned_arguments(kind, function, &found, errors);
    check_past_the_session(kind, function, &found, errors);
    check_arguments_for_handler(kind, args, function, &found, errors);
    check_options_of_several(kind, args, &found, errors);
}

/// A router and a job are what the macro makes of the body.
fn check_has_body(kind: Kind, function: &Function, errors: &mut Errors) {
    if kind != Kind::Service
        && let Body::None(semi) = &function.body
    {
        errors.argument(
            semi,
            format!(
                "a {} needs a body; put `{}` on the implementation",
                kind.noun(),
                kind.attribute()
            ),
        );
    }
}

/// D001. `from = ..` introduces a session, and then there is no parameter for it.
fn check_session(kind: Kind, args: &Args, function: &Function, found: &Found, errors: &mut Errors) {
    if args.from.is_some() {
        if let Some(parameter) = found
            .lent
            .as_ref()
            .and_then(|lent| function.parameter(lent.index()))
        {
            errors.argument(
                parameter,
                "`from = ..` introduces the session `tx` itself; remove this parameter, or `from`",
            );
        }
        return;
    }
    if found.lent.is_some() || found.unlent.is_some() {
        return;
    }
    let help = match kind {
        Kind::Job => "a job that opens several transactions takes `db: &SessionFactory` instead",
        Kind::Router | Kind::Service => {
            "where the signature is fixed from outside, write `#[router_tx(from = self.db)]`, with an expression for \
             the session factory"
        }
    };
    errors.rule(&rule::SESSION_MISSING, kind, help, &function.sig.ident);
}

/// D002.
fn check_second_session(kind: Kind, function: &Function, found: &Found, errors: &mut Errors) {
    for parameter in found
        .more
        .iter()
        .filter_map(|index| function.parameter(*index))
    {
        errors.rule(
            &rule::SECOND_SESSION,
            kind,
            &types::text(&parameter),
            parameter,
        );
    }
}

/// D003.
fn check_session_is_lent(kind: Kind, function: &Function, found: &Found, errors: &mut Errors) {
    let Some(parameter) = found.unlent.and_then(|index| function.parameter(index)) else {
        return;
    };
    let name = plain_name(&parameter.pat).map_or_else(|| "tx".to_owned(), ToString::to_string);
    let written = if types::is_named(&parameter.ty, "SessionFactory") {
        format!("{name}: &SessionFactory")
    } else {
        format!("{name}: &mut Session")
    };
    errors.rule(&rule::SESSION_NOT_LENT, kind, &written, &parameter.ty);
}

/// D007.
fn check_session_or_factory(kind: Kind, function: &Function, found: &Found, errors: &mut Errors) {
    if let Some(parameter) = found.factory.and_then(|index| function.parameter(index)) {
        errors.rule(
            &rule::SESSION_AND_FACTORY,
            kind,
            &types::text(&parameter),
            parameter,
        );
    }
}

/// D004.
fn check_async(kind: Kind, function: &Function, errors: &mut Errors) {
    if kind != Kind::Service && function.sig.asyncness.is_none() {
        errors.rule(
            &rule::NOT_ASYNC,
            kind,
            &function.sig.ident.to_string(),
            function.sig.fn_token,
        );
    }
}

/// D005, for what cannot be a `Result` under any alias. Of other types the compiler is asked.
fn check_result(kind: Kind, function: &Function, errors: &mut Errors) {
    // A service may return a boxed future instead of being async.
    if kind == Kind::Service && function.sig.asyncness.is_none() {
        return;
    }
    match &function.sig.output {
        ReturnType::Default => errors.rule(&rule::NO_RESULT, kind, "()", &function.sig.ident),
        ReturnType::Type(_, ty) if types::is_no_result(ty) => {
            errors.rule(&rule::NO_RESULT, kind, &types::text(ty), ty);
        }
        ReturnType::Type(..) => {}
    }
}

/// D006.
fn check_owned_arguments(kind: Kind, function: &Function, found: &Found, errors: &mut Errors) {
    if kind != Kind::Job {
        return;
    }
    if let Some(FnArg::Receiver(receiver)) = function.sig.inputs.first()
        && matches!(receiver.kind, syn::ReceiverKind::Reference(..))
    {
        errors.rule(
            &rule::BORROWED_ARGUMENT,
            kind,
            "what it needs of `self` by value, or `self: Arc<Self>`",
            receiver,
        );
    }
    for (index, parameter) in function.parameters() {
        if found.mentions(index) {
            continue;
        }
        match types::borrow(&parameter.ty) {
            Some(Borrow::Reference(reference)) => {
                errors.rule(
                    &rule::BORROWED_ARGUMENT,
                    kind,
                    &types::owned(reference),
                    reference,
                );
            }
            Some(Borrow::Lifetime(lifetime)) => {
                let what = format!("a type without `{lifetime}`");
                errors.rule(&rule::BORROWED_ARGUMENT, kind, &what, lifetime);
            }
            None => {}
        }
    }
}

/// D008, for `impl PgExecutor<'_>`, which has no name that the compiler could be asked about.
fn check_past_the_session(kind: Kind, function: &Function, found: &Found, errors: &mut Errors) {
    let lent = found.lent.as_ref().map(Lent::index);
    for (_, parameter) in function
        .parameters()
        .filter(|(index, _)| Some(*index) != lent)
    {
        for bound in types::executor_bounds(&parameter.ty) {
            let what = format!("impl {}", types::text(bound));
            errors.rule(&rule::PAST_THE_SESSION, kind, &what, bound);
        }
    }
}

/// `on_error = f` calls `f(tx, error, a, b)` with the job's own arguments, by their names.
fn check_arguments_for_handler(
    kind: Kind,
    args: &Args,
    function: &Function,
    found: &Found,
    errors: &mut Errors,
) {
    if kind != Kind::Job || args.on_error.is_none() {
        return;
    }
    let lent = found.lent.as_ref().map(Lent::index);
    for (_, parameter) in function
        .parameters()
        .filter(|(index, _)| Some(*index) != lent)
    {
        if plain_name(&parameter.pat).is_none() {
            errors.argument(
                &parameter.pat,
                "`on_error` hands this argument on, so it needs a name; take it apart in the body",
            );
        }
    }
}

/// A job that opens several transactions gives each its own options.
fn check_options_of_several(kind: Kind, args: &Args, found: &Found, errors: &mut Errors) {
    if kind == Kind::Job && matches!(found.lent, Some(Lent::Factory { .. })) {
        for (option, on) in args.of_one_transaction() {
            errors.argument(
                on,
                format!(
                    "`{option}` is for a job with a session; this one opens its own transactions, with \
                     `db.transaction_with(options, ..)`"
                ),
            );
        }
    }
}

/// D010, D011, D012, where the receiver is visibly the session. Of other receivers the compiler is asked.
fn check_control(kind: Kind, args: &Args, function: &Function, errors: &mut Errors) {
    let Some(mut body) = function.block() else {
        return;
    };
    control::each(
        &mut body,
        &function.names(kind, args),
        &mut |judgement, _| {
            if let Judgement::Refused(control, name) = judgement {
                errors.rule(control.rule(), kind, "", name);
            }
        },
    );
}

/// D013.
fn check_sql(kind: Kind, function: &Function, errors: &mut Errors) {
    let Some(body) = function.block() else {
        return;
    };
    for refused in sql::refused(&body) {
        errors.rule(
            &rule::TRANSACTION_SQL,
            kind,
            &refused.words,
            refused.on.to_token_stream(),
        );
    }
}
