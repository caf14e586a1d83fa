//! `#[background_job]`: a function that makes a job.

use demarcate_rules::{Function, Lent, plain_name};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Ident, PatType, ReturnType, Token, Type};

use crate::marked::Marked;
use crate::span::{cfgs, located, located_call};
use crate::{fallback, questions, texts};

// Input:
//     #[background_job]
//     async fn ship(tx: &mut Session, order_id: i64) -> Result<(), ShipError> {
//         body
//     }
//
// Output:
//     fn ship(order_id: i64) -> ::demarcate::__private::JobOf<Session, Result<(), ShipError>> {
//         if false { /* may a job take an `i64`? */ }
//         ::demarcate::__private::job(
//             SITE,
//             ::demarcate::TxOptions::new(),
//             ::demarcate::__private::Once(::demarcate::__private::keeps_nothing),
//             async move |tx: &mut Session| { body },
//         )
//     }
//
// With `db: &SessionFactory` the type is `FactoryJobOf`, and the policy `WithFactory`.
//
// Output, with `no_rollback_for = PATTERN`:
//     ::demarcate::__private::job(SITE, OPTIONS, Once(|__error: &E| ..), async move |tx: &mut Session| { body })
//
// Output, with `retry = 3`, where the outer closure owns the arguments and lends them to each run:
//     ::demarcate::__private::job(SITE, OPTIONS, Again(KEEPS), move |__runs| async move {
//         __runs.again(async |tx: &mut Session| { clones; body }).await
//     })
pub(crate) fn expand(marked: &Marked<'_>) -> TokenStream {
    let Some((lent, _)) = marked.lent() else {
        return fallback::unchanged(marked);
    };
    let private = marked.private();
    let made_type = match lent {
        Lent::Session { .. } => "JobOf",
        Lent::Factory { .. } => "FactoryJobOf",
    };
    let plain_type = format_ident!("Plain{made_type}");
    let made_type = format_ident!("{made_type}");
    let mut sig = marked.lender(marked.function.sig.clone());
    sig.asyncness = None;
    sig.inputs = sig
        .inputs
        .into_iter()
        .enumerate()
        .filter(|(index, _)| *index != lent.index())
        .map(|(_, input)| input)
        .collect();
    let (ty, returned) = (lent.ty(), returned(marked));
    let close = located(quote!(>), ty);
    let job = match (marked.returns_named(), marked.function.result()) {
        // `impl Trait` has no place in `<Result<impl Trait, E> as Fallible>::Ok`.
        (false, (Some(given), _)) => {
            let open = located(quote!(#private::#plain_type<), ty);
            quote!(#open #ty, #given #close)
        }
        _ => {
            let open = located(quote!(#private::#made_type<), ty);
            quote!(#open #ty, #returned #close)
        }
    };
    let job = Type::Verbatim(job);
    sig.output = ReturnType::Type(<Token![->]>::default(), Box::new(job));
    if marked.is_quiet {
        return marked.emit(&sig, &marked.quiet_body());
    }
    let (parameters, carried) = (
        questions::parameters(marked),
        questions::carried_out(marked),
    );
    let texts = texts::questions(marked);
    let asked = questions::never(&quote!(#parameters #carried #texts));
    let (site, options) = (marked.site(), marked.options());
    let (policy, body) = body(marked, &lent);
    let warnings = &marked.warnings;
    let job = located_call(
        quote!(#private::job),
        quote!(#site, #options, #policy, #body),
        &marked.returned(),
    );
    let (kept, job) = on_error(marked, &lent, job);
    marked.emit(
        &sig,
        &quote! {
            {
                #asked
                #warnings
                #kept
                #job
            }
        },
    )
}

/// The policy of the job, and the closure that it calls.
fn body(marked: &Marked<'_>, lent: &Lent) -> (TokenStream, TokenStream) {
    let (private, closure) = (marked.private(), marked.closure());
    if let Lent::Factory { .. } = lent {
        return (quote!(#private::WithFactory), closure);
    }
    let keeps = marked.keeps();
    if !marked.is_run_again() {
        return (quote!(#private::Once(#keeps)), closure);
    }
    let runs = Ident::new("__runs", Span::mixed_site());
    let body = quote!(move |#runs| async move { #runs.again(#closure).await });
    (quote!(#private::Again(#keeps)), body)
}

/// The return type, wrapped in a `Result` if it is none, which was reported.
fn returned(marked: &Marked<'_>) -> TokenStream {
    let krate = &marked.krate;
    match &marked.function.sig.output {
        ReturnType::Type(_, ty) if !marked.function.returns_no_result() => quote!(#ty),
        _ => {
            let returned = marked.returned();
            quote!(::core::result::Result<#returned, #krate::Error>)
        }
    }
}

// Input:
//     #[background_job(on_error = mark_failed)]
//     async fn ship(tx: &mut Session, order_id: i64) -> Result<(), ShipError> { .. }
//
// Output, in front of the job and around it:
//     let __again_0 = ::demarcate::__private::handed_on(&order_id);
//     ..
//     ::demarcate::__private::on_error(JOB, async move |__tx: &mut _, __error: &::demarcate::JobError| {
//         mark_failed(__tx, __error, __again_0).await
//     })
fn on_error(marked: &Marked<'_>, lent: &Lent, job: TokenStream) -> (TokenStream, TokenStream) {
    let (Some(handler), Some(arguments)) =
        (&marked.args.on_error, arguments(marked.function, lent))
    else {
        // An argument without a name was reported.
        return (TokenStream::new(), job);
    };
    let private = marked.private();
    let krate = &marked.krate;
    let mut kept = TokenStream::new();
    let mut handed = TokenStream::new();
    for (n, (parameter, argument)) in arguments.into_iter().enumerate() {
        let again = format_ident!("__again_{n}", span = Span::mixed_site());
        let borrow = Token![&](argument.span());
        let cfgs: Vec<_> = cfgs(parameter).collect();
        kept.extend(quote!(#(#cfgs)* let #again = #private::handed_on(#borrow #argument);));
        handed.extend(quote!(, #(#cfgs)* #again));
    }
    let tx = Ident::new("__tx", Span::mixed_site());
    let error = Ident::new("__error", Span::mixed_site());
    let call = quote! {
        #private::on_error(#job, async move |#tx: &mut _, #error: &#krate::JobError| {
            #handler(#tx, #error #handed).await
        })
    };
    (kept, call)
}

/// The arguments that a handler is given, if each has a name.
fn arguments<'a>(function: &'a Function, lent: &Lent) -> Option<Vec<(&'a PatType, &'a Ident)>> {
    function
        .parameters()
        .filter(|(index, _)| *index != lent.index())
        .map(|(_, parameter)| Some((parameter, plain_name(&parameter.pat)?)))
        .collect()
}
