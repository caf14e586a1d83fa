//! The meaning of a function's names where its body begins.

use quote::ToTokens;
use syn::{FnArg, Ident, Type};

use crate::args::Args;
use crate::body::idioms::of_type;
use crate::body::names::{Known, Names, Tie, Tied};
use crate::kind::Kind;
use crate::rule;
use crate::syntax::expr::any_word;
use crate::syntax::function::Function;
use crate::syntax::pattern::{bindings, introduced, is_taken_apart, plain_name};
use crate::syntax::session::{Found, Lent};

impl Function {
    /// Returns the meaning of the names in the body.
    #[must_use]
    pub fn names(&self, kind: Kind, args: &Args) -> Names {
        let Found { lent, factory, .. } = self.found(kind);
        let name = || {
            let parameter = self.parameter(lent.as_ref()?.index())?;
            plain_name(&parameter.pat).cloned()
        };
        if kind == Kind::Boundary {
            return self.names_of_plain();
        }
        let owned = self.owned_factory(kind);
        let mut names = Names {
            inside: !matches!(lent, Some(Lent::Factory { .. })) && owned.is_none(),
            may_open: args.allows(&rule::NESTED_BOUNDARY),
            ..Names::default()
        };
        // The compiler judges a parameter's type once, so uses of the parameter are not judged again.
        for (index, parameter) in self.parameters() {
            if let Some(name) = plain_name(&parameter.pat) {
                let known = match of_type(&parameter.ty) {
                    _ if factory == Some(index) => Known::Refused,
                    Some(known) => known,
                    None if mentions(&parameter.ty, "SessionFactory") => Known::Factory,
                    None => Known::Parameter,
                };
                names.known.push((name.clone(), known));
            } else {
                let known = match is_taken_apart(&parameter.pat) {
                    true => Known::Typed,
                    false if mentions(&parameter.ty, "SessionFactory") => Known::Factory,
                    false => Known::Parameter,
                };
                let parts = bindings(&parameter.pat).into_iter();
                names
                    .known
                    .extend(parts.map(|part| (part.name.clone(), known)));
            }
        }
        let more = self.more_lent(kind, args).into_iter();
        names
            .sessions
            .extend(more.filter_map(|lent| self.named(lent.index()).cloned()));
        match lent {
            Some(Lent::Session { .. }) => names.sessions.extend(name()),
            Some(Lent::Factory { .. }) => names.factory = name(),
            None if owned.is_some() => names.factory = owned.cloned(),
            None => names
                .sessions
                .extend(args.from.as_ref().map(|_| introduced())),
        }
        // A method that is lent no session works on that of its `self`, if it works on any.
        if names.sessions.is_empty()
            && names.inside
            && let Some(FnArg::Receiver(receiver)) = self.sig.inputs.first()
        {
            let this = Ident::new("self", receiver.self_token.span);
            names.tied.push((this, Tied::Holds(Tie::Held)));
        }
        names
    }

    /// The session factory that a job takes by value, which is reported; its body is that of a job all the same.
    fn owned_factory(&self, kind: Kind) -> Option<&Ident> {
        let unlent = self.unlent(kind).filter(|_| kind == Kind::Job);
        let parameter = self.parameter(unlent?)?;
        mentions(&parameter.ty, "SessionFactory")
            .then(|| plain_name(&parameter.pat))
            .flatten()
    }

    /// The names in a function that is no boundary, router, service or job itself. Nobody has judged its parameters.
    fn names_of_plain(&self) -> Names {
        let mut names = Names {
            is_plain: true,
            ..Names::default()
        };
        for (_, parameter) in self.parameters() {
            let is_factory = mentions(&parameter.ty, "SessionFactory");
            let known = of_type(&parameter.ty)
                .or_else(|| is_foreign(&parameter.ty).then_some(Known::Foreign));
            for binding in bindings(&parameter.pat) {
                match known {
                    _ if is_factory => names.factories.push(binding.name.clone()),
                    Some(known) => names.known.push((binding.name.clone(), known)),
                    None => {}
                }
            }
        }
        names.factory = names.factories.first().cloned();
        names
    }
}

/// Whether a type is, or holds, one of that name: `State<SessionFactory>`.
fn mentions(ty: &Type, name: &str) -> bool {
    any_word(ty.to_token_stream(), &|word| word == name)
}

/// Whether a type is a connection or a pool, which no session factory is called.
fn is_foreign(ty: &Type) -> bool {
    let ty = match ty {
        Type::Reference(reference) => &*reference.elem,
        ty => ty,
    };
    let Type::Path(path) = ty else { return false };
    path.path.segments.last().is_some_and(|last| {
        let name = last.ident.to_string();
        ["Connection", "Conn", "Pool", "Client", "Transaction"]
            .iter()
            .any(|end| name.ends_with(end))
    })
}
