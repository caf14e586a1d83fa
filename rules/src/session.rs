//! Which parameter is the session.

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{FnArg, Ident, Pat, PatIdent, Signature, Token, Type, TypeReference};

use crate::function::Function;
use crate::kind::Kind;
use crate::types::{bare, is_named};

/// What a function works on.
#[derive(Clone)]
pub enum Lent {
    /// `tx: &mut Session`
    Session {
        /// Its place among the parameters.
        index: usize,
        /// The type behind `&mut`.
        ty: Type,
    },
    /// `db: &SessionFactory`, of a job that opens several boundaries.
    Factory {
        /// Its place among the parameters.
        index: usize,
        /// The type behind `&`.
        ty: Type,
    },
}

impl Lent {
    /// The type that is lent, without the reference.
    #[must_use]
    pub fn ty(&self) -> &Type {
        match self {
            Self::Session { ty, .. } | Self::Factory { ty, .. } => ty,
        }
    }

    /// Its place among the parameters.
    #[must_use]
    pub fn index(&self) -> usize {
        match self {
            Self::Session { index, .. } | Self::Factory { index, .. } => *index,
        }
    }
}

/// What looks like a session among the parameters.
#[derive(Default)]
pub(crate) struct Found {
    /// What the function works on.
    pub(crate) lent: Option<Lent>,
    /// Further sessions.
    pub(crate) more: Vec<usize>,
    /// A session, or a job's factory, that is not borrowed as it should be.
    pub(crate) unlent: Option<usize>,
    /// A job's factory beside its session.
    pub(crate) factory: Option<usize>,
}

impl Found {
    /// Whether a parameter is one of these.
    pub(crate) fn mentions(&self, index: usize) -> bool {
        let one = [
            self.lent.as_ref().map(Lent::index),
            self.unlent,
            self.factory,
        ];
        one.contains(&Some(index)) || self.more.contains(&index)
    }
}

/// Takes the `#[session]` off the parameters, and says which had it.
pub(crate) fn take_marks(sig: &mut Signature) -> Vec<usize> {
    let mut marked = Vec::new();
    for (index, input) in sig.inputs.iter_mut().enumerate() {
        if let FnArg::Typed(parameter) = input {
            let before = parameter.attrs.len();
            parameter
                .attrs
                .retain(|attr| !attr.path().is_ident("session"));
            if parameter.attrs.len() < before {
                marked.push(index);
            }
        }
    }
    marked
}

/// Looks for the session: the parameter that is marked, or else the one whose type is `&mut Session`.
pub(crate) fn find(function: &Function, kind: Kind) -> Found {
    let mut found = Found::default();
    for (index, parameter) in function.parameters() {
        let is_session = if function.marked.is_empty() {
            matches!(mutable(&parameter.ty), Some(ty) if is_named(&ty.elem, "Session"))
        } else {
            function.marked.contains(&index)
        };
        if !is_session {
            continue;
        }
        match (mutable(&parameter.ty), &found.lent) {
            (_, Some(_)) => found.more.push(index),
            (Some(ty), None) => {
                let ty = (*ty.elem).clone();
                found.lent = Some(Lent::Session { index, ty });
            }
            (None, None) => found.unlent = found.unlent.or(Some(index)),
        }
    }
    if kind == Kind::Job {
        find_factory(function, &mut found);
    }
    if found.lent.is_none() && found.unlent.is_none() {
        found.unlent = function
            .parameters()
            .find(|(_, parameter)| is_named(behind(&parameter.ty), "Session"))
            .map(|(index, _)| index);
    }
    found
}

/// A job that opens several boundaries takes `db: &SessionFactory`.
fn find_factory(function: &Function, found: &mut Found) {
    let factory = function
        .parameters()
        .find(|(_, parameter)| is_named(behind(&parameter.ty), "SessionFactory"));
    let Some((index, parameter)) = factory else {
        return;
    };
    match bare(&parameter.ty) {
        _ if found.lent.is_some() => found.factory = Some(index),
        Type::Reference(TypeReference {
            mutability: None,
            elem,
            ..
        }) => {
            let ty = (**elem).clone();
            found.lent = Some(Lent::Factory { index, ty });
        }
        _ => found.unlent = found.unlent.or(Some(index)),
    }
}

/// `&mut T`
fn mutable(ty: &Type) -> Option<&TypeReference> {
    match bare(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => Some(reference),
        _ => None,
    }
}

/// The type behind any reference.
fn behind(ty: &Type) -> &Type {
    match bare(ty) {
        Type::Reference(reference) => bare(&reference.elem),
        other => other,
    }
}

/// The name that a pattern binds, if it is a plain one.
#[must_use]
pub fn plain_name(pat: &Pat) -> Option<&Ident> {
    match pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Some(&pat.ident),
        Pat::Paren(pat) => plain_name(&pat.pat),
        Pat::Type(pat) => plain_name(&pat.pat),
        _ => None,
    }
}

/// A name that a pattern binds to a value of its own.
pub struct Binding<'a> {
    /// The name.
    pub name: &'a Ident,
    /// `mut`.
    pub mutability: Option<Token![mut]>,
}

/// The names that a parameter's pattern binds.
///
/// A capital letter begins the name of a constant or of a type without fields, of which there is nothing to bind.
#[must_use]
pub fn bindings(pat: &Pat) -> Vec<Binding<'_>> {
    struct Names<'a>(Vec<Binding<'a>>);
    impl<'ast> Visit<'ast> for Names<'ast> {
        fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
            let name = &pat.ident;
            if !name.to_string().starts_with(char::is_uppercase) {
                self.0.push(Binding {
                    name,
                    mutability: pat.mutability,
                });
            }
            visit::visit_pat_ident(self, pat);
        }
    }
    let mut names = Names(Vec::new());
    names.visit_pat(pat);
    names.0
}

/// The name of the session that `from = ..` introduces: the user's own `tx`, as far as the compiler can tell.
#[must_use]
pub fn introduced() -> Ident {
    Ident::new("tx", Span::call_site())
}
