//! `retry` and `no_rollback_for`: the clones that each run gets, and the closure that accepts errors.

use demarcate_rules::{Binding, Kept, bindings, plain_name};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, Ident, PatIdent, Signature, Token, Type, parse_quote};

use crate::marked::Marked;
use crate::span::cfgs;

impl Marked<'_> {
    /// Whether the body may run more than once. If the function cannot, that was reported.
    pub(crate) fn is_run_again(&self) -> bool {
        self.args.retry.is_some() && self.function.can_run_again()
    }

    // Input:
    //     #[router_tx(retry = 3)]
    //     async fn post_order(tx: &mut Session, Json(mut order): Json<NewOrder>) -> .. { body }
    //
    // Output:
    //     async |tx: &mut Session| {
    //         let mut order = ::demarcate::__private::again(&order);
    //         body
    //     }
    //
    // Each run has its own clone of every binding of the parameters, which are only borrowed.
    pub(crate) fn clones(&self) -> TokenStream {
        if !self.is_run_again() {
            return TokenStream::new();
        }
        let private = self.private();
        let session = self.lent().map(|(lent, _)| lent.index());
        let arguments = self
            .function
            .parameters()
            .filter(|(index, _)| Some(*index) != session);
        let mut clones = TokenStream::new();
        for (_, parameter) in arguments {
            let cfgs: Vec<_> = cfgs(parameter).collect();
            // An extractor by its name: what is said of one that is not `Clone` differs.
            let is_whole = plain_name(&parameter.pat).is_some() && is_extractor(&parameter.ty);
            let again = match is_whole {
                true => quote!(extractor_again),
                false => quote!(again),
            };
            for Binding { name, mutability } in bindings(&parameter.pat) {
                let borrow = Token![&](name.span());
                clones.extend(quote! {
                    #(#cfgs)* let #mutability #name = #private::#again(#borrow #name);
                });
            }
        }
        clones
    }

    /// The signature with parameters that the runs only borrow: none of them is `mut`.
    pub(crate) fn lender(&self, mut sig: Signature) -> Signature {
        if self.is_run_again() {
            for input in &mut sig.inputs {
                if let FnArg::Typed(parameter) = input {
                    Immutable.visit_pat_mut(&mut parameter.pat);
                }
            }
        }
        sig
    }

    // Input:
    //     no_rollback_for = ApiError::NotFound(_) | ApiError::Gone if expected
    //
    // Output:
    //     |__error: &ApiError| match __error {
    //         ApiError::NotFound(_) | ApiError::Gone if expected => true,
    //         #[allow(unreachable_patterns)]
    //         _ => false,
    //     }
    //
    // Output, without it:
    //     ::demarcate::__private::keeps_nothing
    pub(crate) fn keeps(&self) -> TokenStream {
        let Some(Kept { pattern, guard, .. }) = &self.args.no_rollback_for else {
            let private = self.private();
            return quote!(#private::keeps_nothing);
        };
        let ty = self.error();
        let error = Ident::new("__error", Span::mixed_site());
        let guard = guard.as_ref().map(|(token, guard)| quote!(#token #guard));
        quote! {
            |#error: &#ty| match #error {
                #pattern #guard => true,
                #[allow(unreachable_patterns)]
                _ => false,
            }
        }
    }

    // Output, where the return type is no `Result<T, ApiError>` but an alias of one:
    //     <Ret as ::demarcate::__private::Fallible>::Error
    fn error(&self) -> TokenStream {
        if let (_, Some(error)) = self.function.result() {
            return error.to_token_stream();
        }
        let private = self.private();
        let mut returned = self.returned();
        // Nothing here determines an inferred type, and the error does not depend on it.
        Known.visit_type_mut(&mut returned);
        quote!(<#returned as #private::Fallible>::Error)
    }
}

/// Whether a type is called like an extractor that holds one value, of axum or actix-web.
fn is_extractor(ty: &Type) -> bool {
    const NAMES: [&str; 6] = ["Extension", "Form", "Json", "Path", "Query", "ReqData"];
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| NAMES.iter().any(|name| last.ident == name))
}

/// Replaces each inferred type by `()`.
struct Known;

impl VisitMut for Known {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Infer(_) = ty {
            *ty = parse_quote!(());
        }
        visit_mut::visit_type_mut(self, ty);
    }
}

/// Removes `mut` from the names that a pattern binds by value.
struct Immutable;

impl VisitMut for Immutable {
    fn visit_pat_ident_mut(&mut self, pat: &mut PatIdent) {
        if pat.by_ref.is_none() {
            pat.mutability = None;
        }
        visit_mut::visit_pat_ident_mut(self, pat);
    }

    // A constant inside the pattern has bindings of its own.
    fn visit_expr_mut(&mut self, _: &mut syn::Expr) {}
}
