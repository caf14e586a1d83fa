use demarcate_rules::{Args, Attributed, Body, Checked, Errors, Function, Kind, On};
use proc_macro2::TokenStream;
use quote::quote;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Path, ReturnType, Type, TypeInfer, parse_quote};

use crate::body::BodyTokens;
use crate::{ask, block, job, quiet, router, service, warn};

/// Everything that an expansion is made of.
pub(crate) struct Marked<'a> {
    pub(crate) kind: Kind,
    pub(crate) args: &'a Args,
    pub(crate) function: &'a Function,
    /// The way to the runtime: `::demarcate`, or what `crate = ..` says.
    pub(crate) krate: Path,
    /// The body. Only calls whose receiver's type matters, and calls that were refused, are not as they stand in the
    /// source.
    pub(crate) body: BodyTokens,
    /// What makes the compiler warn, for the beginning of the body.
    pub(crate) warnings: TokenStream,
    /// Something was taken out of the body, or will never run; lints would speak of what the user did not write.
    pub(crate) is_changed: bool,
    /// The signature is wrong. What is emitted then keeps the body in sight of the compiler and the editor, and asks
    /// nothing of a signature that has been reported.
    pub(crate) is_quiet: bool,
}

/// Expands one attribute. Whatever is wrong, the user's item is emitted, and then the errors.
pub(crate) fn expand(kind: Kind, args: TokenStream, item: TokenStream) -> TokenStream {
    let Attributed { args, on, errors } = Attributed::read(kind, args, item.clone());
    let (mut tokens, told) = match on {
        On::Function(function, checked) => (
            expand_function(kind, &args, &function, checked, &errors),
            told(&errors, function.cfgs()),
        ),
        On::Block(block) => (block::expand(&args, &block), told(&errors, [])),
        On::Other => (item, told(&errors, [])),
    };
    tokens.extend(told);
    tokens
}

/// The errors, where what they are about is there.
pub(crate) fn told<'a>(
    errors: &Errors,
    cfgs: impl IntoIterator<Item = &'a Attribute>,
) -> TokenStream {
    let cfgs: Vec<_> = cfgs.into_iter().collect();
    errors
        .compile_errors()
        .map(|error| quote!(#(#cfgs)* #error))
        .collect()
}

pub(crate) fn expand_function(
    kind: Kind,
    args: &Args,
    function: &Function,
    checked: Option<Checked>,
    errors: &Errors,
) -> TokenStream {
    if let Body::None(_) = &function.body {
        return service::without_body(function);
    }
    let krate = args
        .krate
        .clone()
        .unwrap_or_else(|| parse_quote!(::demarcate));
    let is_quiet = errors.spoil_signature();
    let (mut body, mut refused) = (BodyTokens::of_function(function, checked.as_ref()), false);
    if let Some(Checked { mut block, asks }) = checked
        && (asks || errors.stop())
    {
        let names = function.names(kind, args);
        refused = errors.stop() && quiet::rewrite(&mut block, &names, args, &krate);
        // A constant function cannot ask for types.
        if function.sig.constness.is_none() {
            ask::rewrite(&mut block, &names, args, &krate);
        }
        body = BodyTokens::of_block(&block);
    }
    let marked = Marked {
        kind,
        args,
        function,
        krate,
        body,
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

impl Marked<'_> {
    /// `::demarcate::__private`
    pub(crate) fn private(&self) -> TokenStream {
        let krate = &self.krate;
        quote!(#krate::__private)
    }

    /// The return type as it can be written in a body: `impl Trait` is inferred there.
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

    /// Whether the return type has a name.
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
