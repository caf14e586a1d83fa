//! The expressions whose type the compiler knows where they stand.
//!
//! A question about a type must be asked where the type is known. So it is of what begins at `self`, a parameter, a static or
//! a function without arguments, and goes on through fields, indices and methods without arguments. Of a local variable the
//! compiler may learn the type later.

use quote::ToTokens;
use syn::{Expr, ExprCall, ExprMethodCall, ExprPath, GenericArgument, Ident, Member, Type, UnOp};

use crate::body::names::{Known, Names};
use crate::syntax::expr::{any_word, called};

/// Whether the compiler knows the type of an expression where it stands.
pub(crate) fn is_known(expr: &Expr, names: &Names) -> bool {
    match expr {
        Expr::Path(path) => {
            path.path.is_ident("self")
                || is_static(path)
                || matches!(names.known(expr), Some(Known::Typed | Known::Parameter))
        }
        Expr::Field(field) => match (&field.member, &*field.base) {
            // Of a variable the type may not be known, and then its fields are not either.
            (Member::Named(_), Expr::Path(path)) if path.path.get_ident().is_some() => {
                names.known(&field.base) != Some(Known::Unsure)
            }
            (_, base) => is_known(base, names),
        },
        Expr::Index(index) => is_known(&index.expr, names),
        Expr::Unary(inner) => matches!(inner.op, UnOp::Deref(_)) && is_known(&inner.expr, names),
        Expr::Reference(inner) => is_known(&inner.expr, names),
        Expr::Paren(inner) => is_known(&inner.expr, names),
        Expr::Group(inner) => is_known(&inner.expr, names),
        Expr::Try(inner) => is_known(&inner.expr, names),
        Expr::Await(inner) => is_known(&inner.base, names),
        Expr::MethodCall(call) => {
            (call.args.is_empty() || takes_out(call))
                && match &call.turbofish {
                    Some(types) => types.args.iter().all(is_written_out),
                    None => !is_inferred(&call.method),
                }
                && is_known(&call.receiver, names)
        }
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) if call.args.is_empty() => {
                called(&call.func).is_some_and(|name| {
                    !is_inferred(name) && !name.to_string().starts_with(char::is_uppercase)
                }) && path.qself.is_none()
            }
            Expr::Path(_) if passes_through(call) => {
                call.args.len() == 1 && call.args.iter().all(|value| is_known(value, names))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a call with arguments gives what its receiver holds, whatever the arguments are.
fn takes_out(call: &ExprMethodCall) -> bool {
    let is_literal = matches!(call.args.first(), Some(Expr::Lit(_)));
    match call.method.to_string().as_str() {
        "expect" => is_literal,
        "unwrap_or" | "unwrap_or_else" | "get_or_init" | "get_or_try_init" => call.args.len() == 1,
        // A column of a row is asked for by a literal, and may be of any type.
        "get" | "get_mut" => call.args.len() == 1 && !is_literal,
        _ => false,
    }
}

/// Whether the type of a `let` is written out.
pub(crate) fn is_type_written_out(ty: &Type) -> bool {
    !any_word(ty.to_token_stream(), &|word| word == "_" || word == "impl")
}

fn is_written_out(argument: &GenericArgument) -> bool {
    match argument {
        GenericArgument::Type(ty) => is_type_written_out(ty),
        GenericArgument::Lifetime(_) => true,
        _ => false,
    }
}

/// Whether what a method or a function gives depends on where it is used.
pub(crate) fn is_inferred(name: &Ident) -> bool {
    const INFERRED: [&str; 17] = [
        "builder",
        "collect",
        "default",
        "empty",
        "from_env",
        "generate",
        "into",
        "new",
        "none",
        "parse",
        "product",
        "random",
        "sum",
        "try_into",
        "unwrap_or_default",
        "with_default",
        "zeroed",
    ];
    INFERRED.iter().any(|word| name == word)
}

/// Whether a call gives back what it was given: `Some(..)`, `Arc::new(..)`, `Arc::clone(..)`, `drop(..)`.
pub(crate) fn passes_through(call: &ExprCall) -> bool {
    let Expr::Path(path) = &*call.func else {
        return false;
    };
    let mut segments = path.path.segments.iter().rev();
    let Some(name) = segments.next() else {
        return false;
    };
    let owner = segments.next().map(|owner| owner.ident.to_string());
    let wraps = matches!(
        owner.as_deref(),
        Some("Arc" | "Rc" | "Box" | "Cow" | "Clone" | "Pin" | "RefCell" | "Mutex")
    );
    match name.ident.to_string().as_str() {
        "Some" | "Ok" | "Err" | "drop" | "clone" | "identity" => true,
        "new" | "from" | "pin" => wraps,
        _ => false,
    }
}

/// `POOL`, `db::POOL`
pub(crate) fn is_static(path: &ExprPath) -> bool {
    let last = path.path.segments.last();
    path.qself.is_none()
        && last.is_some_and(|last| {
            let name = last.ident.to_string();
            name.len() > 1
                && last.arguments.is_none()
                && name.starts_with(|c: char| c.is_ascii_uppercase())
                && !name.contains(|c: char| c.is_lowercase())
        })
}
