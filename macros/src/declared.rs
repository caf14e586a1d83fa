//! `async fn` of a trait, written as a function whose future is `Send`.

use demarcate_rules::plain_name;
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    FnArg, GenericArgument, Pat, PatIdent, PatType, PathArguments, Receiver, ReceiverKind,
    ReturnType, Signature, Type, parse_quote, parse_quote_spanned,
};

// Input:
//     async fn find(&self, tx: &mut Session, id: i64) -> Result<User, sqlx::Error>;
//
// Output:
//     fn find(&self, tx: &mut Session, id: i64)
//         -> impl ::core::future::Future<Output = Result<User, sqlx::Error>> + ::core::marker::Send;
//
// An implementation stays an `async fn`. In a trait `impl Trait` captures every lifetime that is in scope, in each edition.
pub(crate) fn signature(sig: &Signature) -> Signature {
    let Some(token) = sig.asyncness else {
        return sig.clone();
    };
    let mut sig = sig.clone();
    sig.asyncness = None;
    let output = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    };
    // The compiler reports a bound that the future does not meet at the word `async`.
    sig.output = parse_quote_spanned! {
        token.span=> -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
    };
    sig
}

// Input:
//     async fn both(&self, tx: &mut Session, (a, b): (i64, i64), mut n: i64) -> Result<User, sqlx::Error> { body }
//
// Output:
//     fn both(&self, tx: &mut Session, __arg2: (i64, i64), n: i64) -> impl Future<..> + Send
//     where
//         Self: ::core::marker::Sync,
//     {
//         async move {
//             let _ = &self;
//             let tx = tx;
//             let __arg2 = __arg2;
//             let (a, b) = __arg2;
//             let mut n = n;
//             { body }
//         }
//     }
//
// As in an `async fn`, the future owns all arguments, takes them apart when it is first polled, and drops them in the reverse
// of their order after everything that the body has.
pub(crate) fn with_body(sig: &Signature, body: &impl ToTokens) -> (Signature, TokenStream) {
    let asyncness = sig.asyncness;
    let mut sig = signature(sig);
    let mut owned = TokenStream::new();
    let mut needs = TokenStream::new();
    for (index, input) in sig.inputs.iter_mut().enumerate() {
        match input {
            FnArg::Receiver(receiver) => {
                let value = &receiver.self_token;
                owned.extend(quote!(let _ = &#value;));
                needs = sent_receiver(receiver);
            }
            FnArg::Typed(parameter) => owned.extend(own(parameter, index)),
        }
    }
    if !needs.is_empty() {
        let predicates = &mut sig.generics.make_where_clause().predicates;
        predicates.push(parse_quote!(Self: #needs));
    }
    // The compiler reports a value that is not `Send` at the word `async`.
    let at = asyncness.map_or_else(Span::call_site, |token| token.span);
    let mut inner = Group::new(Delimiter::Brace, quote!(#owned #body));
    inner.set_span(at);
    let future = quote_spanned!(at=> async move);
    let mut block = Group::new(Delimiter::Brace, quote!(#future #inner));
    block.set_span(at);
    (sig, block.into_token_stream())
}

/// Returns the bound on `Self` with which a future that holds the receiver is `Send`.
fn sent_receiver(receiver: &Receiver) -> TokenStream {
    match &receiver.kind {
        ReceiverKind::Reference(_, _, None) => quote!(::core::marker::Sync),
        ReceiverKind::Typed(_, ty) if is_shared(ty) => {
            quote!(::core::marker::Send + ::core::marker::Sync)
        }
        // `Self`, `&mut Self`, `Box<Self>`, `Pin<&mut Self>`
        _ => quote!(::core::marker::Send),
    }
}

/// `&Self`, `Arc<Self>`, `Pin<&Self>`.
fn is_shared(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => reference.mutability.is_none(),
        Type::Paren(ty) => is_shared(&ty.elem),
        Type::Group(ty) => is_shared(&ty.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let PathArguments::AngleBracketed(arguments) = &last.arguments else {
                return false;
            };
            last.ident == "Arc"
                || arguments
                    .args
                    .iter()
                    .any(|argument| matches!(argument, GenericArgument::Type(ty) if is_shared(ty)))
        }),
        _ => false,
    }
}

/// Moves a parameter into the future, and its pattern with it.
fn own(parameter: &mut PatType, index: usize) -> TokenStream {
    let attrs = parameter.attrs.clone();
    let pat = (*parameter.pat).clone();
    if let Some(name) = plain_name(&pat) {
        *parameter.pat = plain(name.clone());
        // A use that is ours: lints would take it for one of the user's.
        let mut value = name.clone();
        value.set_span(name.span().resolved_at(Span::call_site()));
        let allow = name
            .to_string()
            .starts_with('_')
            .then(|| quote!(#[allow(clippy::no_effect_underscore_binding)]));
        return quote!(#(#attrs)* #allow let #pat = #value;);
    }
    let name = Ident::new(&format!("__arg{index}"), Span::mixed_site());
    *parameter.pat = plain(name.clone());
    quote!(#(#attrs)* let #name = #name; #(#attrs)* let #pat = #name;)
}

fn plain(ident: Ident) -> Pat {
    Pat::Ident(PatIdent {
        attrs: Vec::new(),
        by_ref: None,
        mutability: None,
        ident,
        subpat: None,
    })
}
