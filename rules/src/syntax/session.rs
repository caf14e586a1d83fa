//! Finds the parameter that is the session.

use syn::{FnArg, PatType, Signature, Type, TypeReference};

use crate::kind::Kind;
use crate::syntax::types::{bare, is_named};

/// The parameter that a function does its database work with.
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

/// The parameters that look like a session or a factory.
#[derive(Default)]
pub(crate) struct Found {
    /// The session, or the job's session factory.
    pub(crate) lent: Option<Lent>,
    /// Further sessions.
    pub(crate) more: Vec<usize>,
    /// A session, or a job's factory, that is not borrowed as required.
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

/// The parameters but for `self`, each with its place among all.
pub(crate) fn parameters(sig: &Signature) -> impl Iterator<Item = (usize, &PatType)> {
    sig.inputs
        .iter()
        .enumerate()
        .filter_map(|(index, input)| match input {
            FnArg::Typed(parameter) => Some((index, parameter)),
            FnArg::Receiver(_) => None,
        })
}

/// Removes `#[session]` from the parameters, and returns the places of those that had it.
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
///
/// `marked` are the places of the parameters that had `#[session]`.
pub(crate) fn find(sig: &Signature, marked: &[usize], kind: Kind) -> Found {
    let mut found = Found::default();
    for (index, parameter) in parameters(sig) {
        let is_session = if marked.is_empty() {
            is_lent_session(&parameter.ty)
        } else {
            marked.contains(&index)
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
        find_factory(sig, &mut found);
    }
    if found.lent.is_none() && found.unlent.is_none() {
        found.unlent = parameters(sig)
            .find(|(_, parameter)| is_named(behind(&parameter.ty), "Session"))
            .map(|(index, _)| index);
    }
    found
}

/// A job that opens several boundaries takes `db: &SessionFactory`.
fn find_factory(sig: &Signature, found: &mut Found) {
    let factory =
        parameters(sig).find(|(_, parameter)| is_named(behind(&parameter.ty), "SessionFactory"));
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
pub(crate) fn mutable(ty: &Type) -> Option<&TypeReference> {
    match bare(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => Some(reference),
        _ => None,
    }
}

/// `&mut Session`
pub(crate) fn is_lent_session(ty: &Type) -> bool {
    mutable(ty).is_some_and(|lent| is_named(&lent.elem, "Session"))
}

/// The type behind any reference.
fn behind(ty: &Type) -> &Type {
    match bare(ty) {
        Type::Reference(reference) => bare(&reference.elem),
        other => other,
    }
}
