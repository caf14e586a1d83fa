//! Expands an attribute on one function.

use demarcate_rules::{Args, Body, Checked, Errors, Function, Kind};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, parse_quote};

use crate::body::BodyTokens;
use crate::marked::{self, Marked};
use crate::{discarded, fallback, job, questions, refused, returned, router, service, warn};

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
        && (asks || asks_of_lost || errors.stop())
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
    }
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
