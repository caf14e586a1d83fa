//! Applies the rules about a function's signature, and checks that it fits the attribute's arguments.

use syn::{FnArg, PatType, ReceiverKind, ReturnType, Type, TypeReference};

use crate::args::Args;
use crate::errors::Errors;
use crate::kind::Kind;
use crate::rule;
use crate::syntax::function::{Body, Function};
use crate::syntax::pattern::plain_name;
use crate::syntax::session::{Found, Lent, mutable};
use crate::syntax::types::{self, Borrow};

/// Applies the rules to a function's signature.
pub(crate) fn check_signature(kind: Kind, args: &Args, function: &Function, errors: &mut Errors) {
    if kind == Kind::Boundary {
        check_has_body(kind, function, errors);
        check_has_no_session(kind, function, errors);
        return;
    }
    check_requires(kind, args, function, errors);
    if function.is_helper(kind) {
        return;
    }
    let found = function.found(kind);
    check_has_body(kind, function, errors);
    check_session(kind, args, function, &found, errors);
    check_second_session(kind, function, &found, errors);
    check_session_is_lent(kind, args, function, &found, errors);
    check_session_or_factory(kind, function, &found, errors);
    check_async(kind, function, errors);
    check_result(kind, function, errors);
    check_owned_arguments(kind, function, &found, errors);
    check_past_the_session(kind, function, &found, errors);
    check_returned(kind, args, function, errors);
    check_arguments_for_handler(kind, args, function, &found, errors);
    check_options_of_several(kind, args, &found, errors);
    check_run_again(kind, args, function, errors);
}

/// Rejects a router or a job without a body.
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

/// Rejects a session on a function that opens boundaries of its own.
fn check_has_no_session(kind: Kind, function: &Function, errors: &mut Errors) {
    let lent = function.lent(kind);
    if let Some(parameter) = lent.and_then(|lent| function.parameter(lent.index())) {
        errors.argument(
            parameter,
            "`#[boundary]` is for a function that opens its own transactions, and this one works on a session that it \
             was lent; write `#[service]`",
        );
    }
}

/// D000 and D001. `from = ..` introduces a session, and then there is no parameter for it.
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
    let renamed;
    let help = match (perhaps_session(function, found), kind) {
        (Some((_, parameter)), _) => {
            renamed = format!(
                "where this is the session under another name, mark it: `#[session] {}`",
                types::text(parameter)
            );
            &renamed
        }
        (None, Kind::Job) => {
            "a job that opens several transactions takes `db: &SessionFactory` instead"
        }
        (None, Kind::Router | Kind::Service | Kind::Boundary) => {
            "where the signature is fixed from outside, write `#[router_tx(from = self.db)]`, with an expression for \
             the session factory"
        }
    };
    // Where a transaction or a connection stands in its place, that is the token to replace.
    match function
        .parameters()
        .find(|(_, parameter)| types::is_of_sqlx(&parameter.ty))
    {
        Some((_, parameter)) => errors.rule(
            &rule::SESSION_REPLACED,
            kind,
            &types::text(&parameter.ty),
            &parameter.ty,
        ),
        None => errors.rule(&rule::SESSION_MISSING, kind, help, &function.sig.ident),
    }
}

/// The parameter that may be the session under another name, as tokens do not tell: `tx: &mut Tx`, where there is no session.
fn perhaps_session<'a>(function: &'a Function, found: &Found) -> Option<(usize, &'a PatType)> {
    if found.lent.is_some() || found.unlent.is_some() {
        return None;
    }
    function
        .parameters()
        .find(|(_, parameter)| match mutable(&parameter.ty) {
            Some(TypeReference { elem, .. }) => match types::bare(elem) {
                Type::Path(path) => path
                    .path
                    .segments
                    .iter()
                    .all(|segment| segment.arguments.is_none()),
                _ => false,
            },
            None => false,
        })
}

/// D002. A database that one of the types names and the other does not is another one, as far as tokens tell.
fn check_second_session(kind: Kind, function: &Function, found: &Found, errors: &mut Errors) {
    let first = found
        .lent
        .as_ref()
        .and_then(|lent| types::database_of(lent.ty()));
    for parameter in found
        .more
        .iter()
        .filter_map(|index| function.parameter(*index))
    {
        let rule = match types::database_of(&parameter.ty) == first {
            true => &rule::SECOND_SESSION,
            false => &rule::SECOND_DATABASE,
        };
        errors.rule(rule, kind, &types::text(&parameter), parameter);
    }
}

/// D003. Of a second session only where there may be one.
fn check_session_is_lent(
    kind: Kind,
    args: &Args,
    function: &Function,
    found: &Found,
    errors: &mut Errors,
) {
    let more = function.more_lent(kind, args);
    let is_lent = |index: usize| more.iter().any(|lent| lent.index() == index);
    let unlent = match args.allows(&rule::SECOND_SESSION) {
        true => found.more.iter().copied().find(|index| !is_lent(*index)),
        false => None,
    };
    let Some(parameter) = found
        .unlent
        .or(unlent)
        .and_then(|index| function.parameter(index))
    else {
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
        && matches!(receiver.kind, ReceiverKind::Reference(..))
    {
        errors.rule(
            &rule::BORROWED_ARGUMENT,
            kind,
            "what it needs of `self` by value, or `self: Arc<Self>`",
            receiver,
        );
    }
    // D001 speaks of it.
    let perhaps = perhaps_session(function, found).map(|(index, _)| index);
    for (index, parameter) in function.parameters() {
        if found.mentions(index) || perhaps == Some(index) {
            continue;
        }
        errors.about(parameter, |errors| match types::borrow(&parameter.ty) {
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
        });
    }
}

/// D008, for `impl PgExecutor<'_>`, which has no name that the compiler could be asked about.
fn check_past_the_session(kind: Kind, function: &Function, found: &Found, errors: &mut Errors) {
    let lent = found.lent.as_ref().map(Lent::index);
    for (_, parameter) in function
        .parameters()
        .filter(|(index, _)| Some(*index) != lent)
    {
        errors.about(parameter, |errors| {
            for bound in types::executor_bounds(&parameter.ty) {
                let what = format!("impl {}", types::text(bound));
                errors.rule(&rule::PAST_THE_SESSION, kind, &what, bound);
            }
        });
    }
}

/// D009, for `impl PgExecutor<'_>` likewise, and for a reference of which the compiler would only say that it lacks a
/// lifetime.
fn check_returned(kind: Kind, args: &Args, function: &Function, errors: &mut Errors) {
    if let ReturnType::Type(_, ty) = &function.sig.output {
        for bound in types::executor_bounds(ty) {
            let what = format!("impl {}", types::text(bound));
            errors.rule(&rule::SESSION_RETURNED, kind, &what, bound);
        }
    }
    for reference in function.sessions_returned(kind, args) {
        errors.rule(
            &rule::SESSION_RETURNED,
            kind,
            &types::text(reference),
            reference,
        );
    }
}

/// Rejects unnamed arguments of a job with `on_error = f`, which calls `f(tx, error, a, b)` with the job's arguments.
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

/// Rejects options of one transaction on a job that opens several.
fn check_options_of_several(kind: Kind, args: &Args, found: &Found, errors: &mut Errors) {
    if kind == Kind::Job && matches!(found.lent, Some(Lent::Factory { .. })) {
        for option in args.of_one_transaction() {
            errors.argument(
                option,
                format!(
                    "`{option}` is for a job with a session; this one opens its own transactions, with \
                     `db.transaction_with(options, ..)`"
                ),
            );
        }
    }
}

/// Rejects `retry` on a function whose receiver cannot be used twice.
fn check_run_again(kind: Kind, args: &Args, function: &Function, errors: &mut Errors) {
    if args.retry.is_none() || function.can_run_again() {
        return;
    }
    let Some(FnArg::Receiver(receiver)) = function.sig.inputs.first() else {
        return;
    };
    match &receiver.kind {
        // A job that borrows `self` was already reported.
        ReceiverKind::Reference(..) if kind == Kind::Job => {}
        ReceiverKind::Reference(..) => errors.argument(
            receiver,
            "`retry` runs the function again, and what a run that was rolled back did to `&mut self` would stay; take \
             `&self`",
        ),
        _ => errors.argument(
            receiver,
            "`retry` runs the function again, and there is one `self`; take `self: Arc<Self>`",
        ),
    }
}

/// Rejects `requires` on a function without a session to ask.
fn check_requires(kind: Kind, args: &Args, function: &Function, errors: &mut Errors) {
    let Some(requires) = &args.requires else {
        return;
    };
    if function.is_helper(kind) {
        if !requires.is_of_block {
            errors.argument(
                &requires.option,
                "`requires` is about a session, and this function has none; remove it",
            );
        }
    } else if let Body::None(_) = &function.body {
        errors.argument(
            &requires.option,
            "a method without a body asks nothing of its session; put `requires` on the implementation",
        );
    } else if let Some(parameter) = function
        .lent(kind)
        .into_iter()
        .chain(function.more_lent(kind, args))
        .filter_map(|lent| function.parameter(lent.index()))
        .find(|parameter| plain_name(&parameter.pat).is_none())
    {
        errors.argument(
            &parameter.pat,
            "`requires` asks the session, so it needs a name; write `tx`",
        );
    }
}
