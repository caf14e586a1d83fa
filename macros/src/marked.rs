//! A function with an attribute, as every expansion reads it.

use demarcate_rules::{Args, Boxed, Doubtful, Function, Kind, Lent, introduced, plain_name};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{Ident, Pat, Path, ReturnType, Signature, Type, TypeInfer, parse_quote};

use crate::body::BodyTokens;
use crate::{declared, paths};

/// A function and its attribute, read and checked.
pub(crate) struct Marked<'a> {
    pub(crate) kind: Kind,
    pub(crate) args: &'a Args,
    pub(crate) function: &'a Function,
    /// The way to the runtime: `::demarcate`, or what `crate = ..` says.
    pub(crate) krate: Path,
    /// The body as in the source, except for calls that a rule refused and calls that depend on the receiver's type.
    pub(crate) body: BodyTokens,
    /// The texts of the body that a session of some database must not send.
    pub(crate) doubtful: Vec<Doubtful>,
    /// Tokens for the beginning of the body that make the compiler warn.
    pub(crate) warnings: TokenStream,
    /// Whether code was taken out of the body or never runs, so that lints would report what the user did not write.
    pub(crate) is_changed: bool,
    /// Whether the signature is wrong. The body is then emitted for the compiler and the editor alone, and no question is
    /// asked about the signature, whose error was reported.
    pub(crate) is_quiet: bool,
}

impl Marked<'_> {
    /// The runtime's module for expansions.
    pub(crate) fn private(&self) -> TokenStream {
        paths::private(&self.krate)
    }

    /// The return type as it can be written in a body, with `_` in place of `impl Trait`.
    pub(crate) fn returned(&self) -> Type {
        match &self.function.sig.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => {
                let mut ty = (**ty).clone();
                InferImplTrait::default().visit_type_mut(&mut ty);
                ty
            }
        }
    }

    /// Whether the return type can be named, having no `impl Trait`.
    pub(crate) fn returns_named(&self) -> bool {
        match &self.function.sig.output {
            ReturnType::Default => true,
            ReturnType::Type(_, ty) => {
                let mut search = InferImplTrait::default();
                search.visit_type_mut(&mut (**ty).clone());
                !search.found
            }
        }
    }

    /// The name of the session in the body, if there is one.
    pub(crate) fn session(&self) -> Option<Ident> {
        match self.lent() {
            Some((Lent::Session { .. }, pat)) => plain_name(pat).cloned(),
            Some((Lent::Factory { .. }, _)) => None,
            None => self.args.from.is_some().then(introduced),
        }
    }

    /// The sessions that the function was lent, those of other databases included, each with its type and its name in the
    /// body.
    pub(crate) fn sessions(&self) -> Vec<(Type, Option<Ident>)> {
        let first = self.function.lent(self.kind);
        let more = self.function.more_lent(self.kind, self.args);
        first
            .into_iter()
            .chain(more)
            .filter(|lent| matches!(lent, Lent::Session { .. }))
            .map(|lent| {
                let name = self.function.named(lent.index()).cloned();
                (lent.ty().clone(), name)
            })
            .collect()
    }

    /// The database of the session or the factory, as a type.
    pub(crate) fn database(&self) -> Option<TokenStream> {
        database(self.kind, self.function, &self.krate)
    }

    /// The session or factory that the function was lent, and the pattern of that parameter.
    pub(crate) fn lent(&self) -> Option<(Lent, &Pat)> {
        let lent = self.function.lent(self.kind)?;
        let (_, parameter) = self
            .function
            .parameters()
            .find(|(index, _)| *index == lent.index())?;
        Some((lent, &parameter.pat))
    }

    /// Writes the function with another signature and body.
    pub(crate) fn emit(&self, sig: &Signature, body: &impl ToTokens) -> TokenStream {
        let attrs = &self.function.attrs;
        let allow = self
            .is_changed
            .then(|| quote!(#[allow(unused, unreachable_code)]));
        let vis = &self.function.vis;
        let modifiers = &self.function.modifiers.defaultness;
        // A function that `#[async_trait]` had rewritten is emitted in the form that it gave it.
        let (sig, body) = match &self.function.boxed {
            Some(Boxed { output, pin }) => {
                let mut sig = sig.clone();
                sig.asyncness = None;
                sig.output = output.clone();
                (sig, quote!({ #pin(async move #body) }))
            }
            None if self.function.is_declared && sig.asyncness.is_some() => {
                declared::with_body(sig, body)
            }
            None => (sig.clone(), body.to_token_stream()),
        };
        quote! {
            #(#attrs)*
            #allow
            #vis #modifiers #sig #body
        }
    }
}

/// The database of the session or the factory of a function, as a type; `None` with `from = ..`, whose type is not known.
pub(crate) fn database(kind: Kind, function: &Function, krate: &Path) -> Option<TokenStream> {
    let private = paths::private(krate);
    Some(match function.lent(kind)? {
        Lent::Session { ty, .. } => quote!(#private::DatabaseOf<#ty>),
        Lent::Factory { ty, .. } => quote!(#private::FactoryDatabaseOf<#ty>),
    })
}

/// Puts `_` in place of each `impl Trait`.
#[derive(Default)]
struct InferImplTrait {
    found: bool,
}

impl VisitMut for InferImplTrait {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::ImplTrait(node) = ty {
            self.found = true;
            *ty = Type::Infer(TypeInfer {
                attrs: Vec::new(),
                underscore_token: syn::Token![_](node.impl_token.span),
            });
        }
        visit_mut::visit_type_mut(self, ty);
    }
}
