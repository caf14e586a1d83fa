//! What a router and a job have in common: a body that becomes a closure over a session.

use demarcate_rules::{Lent, introduced};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{FnArg, Pat, ReturnType, Signature, Type};

use crate::expand::Marked;

impl Marked<'_> {
    // Input:
    //     async fn post_order(tx: &mut Session, ..) -> Ret { body }
    //
    // Output:
    //     async move |tx: &mut Session| -> Ret { body }
    //
    // With the return type a wrong tail, a wrong early `return` and a foreign error in `?` are each reported on the
    // user's own expression.
    pub(crate) fn closure(&self) -> TokenStream {
        let body = &self.body;
        let parameter = match self.lent() {
            Some((Lent::Session { ty, .. }, pat)) => quote!(#pat: &mut #ty),
            Some((Lent::Factory { ty, .. }, pat)) => quote!(#pat: &#ty),
            None => introduced().into_token_stream(),
        };
        let output = match &self.function.sig.output {
            ReturnType::Default => TokenStream::new(),
            ReturnType::Type(arrow, _) => {
                let returned = self.returned();
                quote!(#arrow #returned)
            }
        };
        quote!(async move |#parameter| #output #body)
    }

    /// What the function was lent, and the pattern of that parameter.
    pub(crate) fn lent(&self) -> Option<(Lent, &Pat)> {
        let lent = self.function.lent(self.kind)?;
        let (_, parameter) = self.function.parameters().find(|(index, _)| *index == lent.index())?;
        Some((lent, &parameter.pat))
    }

    /// The function with another signature and body.
    pub(crate) fn emit(&self, sig: &Signature, body: &TokenStream) -> TokenStream {
        let attrs = &self.function.attrs;
        let vis = &self.function.vis;
        let modifiers = &self.function.modifiers.defaultness;
        quote! {
            #(#attrs)*
            #vis #modifiers #sig {
                #body
            }
        }
    }

    /// The body in sight of the compiler, and nothing that runs.
    pub(crate) fn quiet_body(&self) -> TokenStream {
        let private = self.private();
        let closure = self.closure();
        quote! {
            let _ = #closure;
            #private::unreached()
        }
    }
}

/// Gives the parameter at that place another type, and a plain name if it has none.
pub(crate) fn retype(sig: &mut Signature, index: usize, ty: Type, name: &syn::Ident) {
    if let Some(FnArg::Typed(parameter)) = sig.inputs.iter_mut().nth(index) {
        *parameter.pat = syn::parse_quote!(#name);
        *parameter.ty = ty;
    }
}
