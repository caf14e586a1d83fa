//! Expands an attribute on one function.

use demarcate_rules::{
    Args, Body, Checked, Errors, Function, Kind, Lent, Rule, each_boundary, plain_name,
};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Block, Expr, Path, parse_quote};

use crate::body::BodyTokens;
use crate::marked::{self, Marked};
use crate::{
    boundary, discarded, fallback, job, lifted, paths, questions, refused, returned, router,
    service, warn,
};

/// Expands a function, without its errors.
pub(crate) fn expand_function(
    kind: Kind,
    args: &Args,
    function: &Function,
    checked: Option<Checked>,
    errors: &Errors,
) -> TokenStream {
    if let Body::None(_) = &function.body {
        return fallback::without_body(function);
    }
    let krate = args
        .krate
        .clone()
        .unwrap_or_else(|| parse_quote!(::demarcate));
    let returned = returned::replaced(kind, args, function, &krate);
    let is_returned = returned.is_some();
    let function = returned.as_ref().unwrap_or(function);
    let mut checked = match &returned {
        Some(function) => function.block().map(|block| Checked {
            block,
            asks: false,
            doubtful: Vec::new(),
            asks_of_lost: false,
        }),
        None => checked,
    };
    // A constant function cannot ask for types.
    let doubtful = checked
        .as_mut()
        .filter(|_| function.sig.constness.is_none())
        .map(|checked| std::mem::take(&mut checked.doubtful))
        .unwrap_or_default();
    let is_quiet = errors.spoil_signature(kind) || is_returned;
    let (mut body, mut refused) = (BodyTokens::of_function(function, checked.as_ref()), false);
    if let Some(Checked {
        mut block,
        asks,
        asks_of_lost,
        ..
    }) = checked
        && (asks || asks_of_lost || errors.stop() || lifts_in_boundaries(kind, args, function))
    {
        let names = function.names(kind, args);
        refused = errors.stop() && refused::rewrite(&mut block, &names, args, &krate);
        // A constant function cannot ask for types.
        if function.sig.constness.is_none() {
            if asks_of_lost && !is_quiet {
                discarded::rewrite(&mut block, &names, args, &krate);
            }
            let database = marked::database(kind, function, &krate);
            questions::rewrite(&mut block, &names, args, &krate, database.as_ref());
        }
        lift_in_boundaries(&mut block, kind, args, function, &krate);
        body = BodyTokens::of_block(&block);
    }
    let marked = Marked {
        kind,
        args,
        function,
        krate,
        body,
        doubtful,
        warnings: warn::all(errors),
        is_changed: refused || is_quiet || errors.stop(),
        is_quiet,
    };
    match kind {
        Kind::Router => router::expand(&marked),
        Kind::Service => service::expand(&marked),
        Kind::Job => job::expand(&marked),
        Kind::Boundary => boundary::expand(&marked),
    }
}

/// Whether rules of the statement guard are lifted in boundaries that the function opens, which has no session itself.
fn lifts_in_boundaries(kind: Kind, args: &Args, function: &Function) -> bool {
    let opens = match kind {
        Kind::Boundary => true,
        Kind::Job => matches!(function.lent(kind), Some(Lent::Factory { .. })),
        Kind::Router | Kind::Service => false,
    };
    opens && function.sig.constness.is_none() && args.allowed().any(Rule::is_guarded)
}

// Input:
//     #[boundary(allow(D044, reason = ".."))]
//     async fn warm_up(db: &SessionFactory) -> Result<(), Error> { db.transaction(async |tx| body).await }
//
// Output:
//     async fn warm_up(db: &SessionFactory) -> Result<(), Error> { db.transaction(async |tx| { lifted; body }).await }
fn lift_in_boundaries(
    block: &mut Block,
    kind: Kind,
    args: &Args,
    function: &Function,
    krate: &Path,
) {
    if !lifts_in_boundaries(kind, args, function) {
        return;
    }
    let private = paths::private(krate);
    each_boundary(block, &function.names(kind, args), &mut |closure| {
        let Some(session) = closure.inputs.first().and_then(plain_name) else {
            return;
        };
        let lifted = lifted::lift(session, &args.allow, &function.sig.ident, &private);
        let body = &closure.body;
        *closure.body = Expr::Verbatim(quote!({ #lifted #body }));
    });
}

/// The errors of a function, under its own `#[cfg(..)]`.
pub(crate) fn compile_errors<'a>(
    errors: &Errors,
    cfgs: impl IntoIterator<Item = &'a Attribute>,
) -> TokenStream {
    let cfgs: Vec<_> = cfgs.into_iter().collect();
    errors
        .compile_errors()
        .map(|error| quote!(#(#cfgs)* #error))
        .collect()
}
