//! What a router and a job have in common: a body that becomes a closure over a session.

use demarcate_rules::{Boxed, Lent, introduced, plain_name};
use proc_macro2::{Delimiter, Group, TokenStream};
use quote::{ToTokens, quote};
use syn::{FnArg, Ident, Pat, Signature, Type};

use crate::ask::ends;
use crate::expand::Marked;

impl Marked<'_> {
    // Input:
    //     async fn post_order(tx: &mut Session, ..) -> Ret { body }
    //
    // Output:
    //     async move |tx: &mut ::demarcate::__private::SessionOf<Session>| {
    //         if false {
    //             let __returned: Ret = ::demarcate::__private::unreached();
    //             return __returned;
    //         }
    //         body
    //     }
    //
    // With that first `return` a wrong tail, a wrong early return and a foreign error in `?` are each reported on the
    // user's own expression; a return type on the closure itself is not looked at until the end.
    //
    // Of a type that is no session, `SessionOf` says so once, and nothing that follows from it is reported.
    //
    // What is run again (`again.rs`) borrows its arguments, so it is no `async move`, and begins with clones of them.
    pub(crate) fn closure(&self) -> TokenStream {
        let parameter = match self.lent() {
            Some((Lent::Session { ty, .. }, pat)) => {
                let private = self.private();
                let open = located(quote!(#private::SessionOf<), &ty);
                let close = located(quote!(>), &ty);
                quote!(#pat: &mut #open #ty #close)
            }
            Some((Lent::Factory { ty, .. }, pat)) => quote!(#pat: &#ty),
            None => introduced().into_token_stream(),
        };
        let private = self.private();
        let ty = self.returned();
        let returned = Ident::new("__returned", ends(&ty).1);
        let leave = self.leave();
        let clones = self.clones();
        let body = self.body.with(&quote! {
            if false {
                let #returned: #ty = #private::unreached();
                return #returned;
            }
            #leave
            #clones
        });
        let mode = (!self.is_run_again()).then(|| quote!(move));
        quote!(async #mode |#parameter| #body)
    }

    // Output:
    //     tx.__allow("D044");
    //
    // The statement guard reads at run time what was lifted here, and has to be told.
    pub(crate) fn leave(&self) -> TokenStream {
        let Some(session) = self.session() else {
            return TokenStream::new();
        };
        let codes = self
            .args
            .allowed()
            .filter(|rule| rule.is_guarded())
            .map(|rule| rule.code);
        quote!(#(#session.__allow(#codes);)*)
    }

    /// The name of its session, where it has one.
    pub(crate) fn session(&self) -> Option<Ident> {
        match self.lent() {
            Some((Lent::Session { .. }, pat)) => plain_name(pat).cloned(),
            Some((Lent::Factory { .. }, _)) => None,
            None => self.args.from.is_some().then(introduced),
        }
    }

    /// What the function was lent, and the pattern of that parameter.
    pub(crate) fn lent(&self) -> Option<(Lent, &Pat)> {
        let lent = self.function.lent(self.kind)?;
        let (_, parameter) = self
            .function
            .parameters()
            .find(|(index, _)| *index == lent.index())?;
        Some((lent, &parameter.pat))
    }

    /// The function with another signature and body.
    pub(crate) fn emit(&self, sig: &Signature, body: &impl ToTokens) -> TokenStream {
        let attrs = &self.function.attrs;
        let allow = self
            .is_changed
            .then(|| quote!(#[allow(unused, unreachable_code)]));
        let vis = &self.function.vis;
        let modifiers = &self.function.modifiers.defaultness;
        // What was an async function before `#[async_trait]` is again what that made of it.
        let (sig, body) = match &self.function.boxed {
            Some(Boxed { output, pin }) => {
                let mut sig = sig.clone();
                sig.asyncness = None;
                sig.output = output.clone();
                (sig, quote!({ #pin(async move #body) }))
            }
            None => (sig.clone(), body.to_token_stream()),
        };
        quote! {
            #(#attrs)*
            #allow
            #vis #modifiers #sig #body
        }
    }

    /// The body in sight of the compiler, and nothing that runs.
    pub(crate) fn quiet_body(&self) -> TokenStream {
        let private = self.private();
        let closure = self.closure();
        quote! {
            {
                let _ = #closure;
                #private::unreached()
            }
        }
    }
}

/// Where rustc underlines a path that is emitted in place of something: from its first token to its last.
///
/// Each token is narrow, or an editor would take all that lies between for ours.
pub(crate) fn located(path: TokenStream, at: &impl ToTokens) -> TokenStream {
    let (start, end) = ends(at);
    let last = path.clone().into_iter().count().saturating_sub(1);
    path.into_iter()
        .enumerate()
        .map(|(n, mut token)| {
            token.set_span(if n == last { end } else { start });
            token
        })
        .collect()
}

/// A call that stands, for rustc, where something else does: there it says what the call's types lack.
pub(crate) fn located_call(
    path: TokenStream,
    arguments: TokenStream,
    at: &impl ToTokens,
) -> TokenStream {
    let (start, _) = ends(at);
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(start);
    path.into_iter()
        .map(|mut token| {
            token.set_span(start);
            token
        })
        .chain([arguments.into()])
        .collect()
}

/// Gives the parameter at that place another type, and a plain name if it has none.
pub(crate) fn retype(sig: &mut Signature, index: usize, ty: Type, name: &syn::Ident) {
    if let Some(FnArg::Typed(parameter)) = sig.inputs.iter_mut().nth(index) {
        *parameter.pat = syn::parse_quote!(#name);
        *parameter.ty = ty;
    }
}
