//! The meaning of a function's names where its body begins.

use syn::{FnArg, Ident};

use crate::args::Args;
use crate::body::idioms::of_type;
use crate::body::names::{Known, Names, Tie, Tied};
use crate::kind::Kind;
use crate::syntax::function::Function;
use crate::syntax::pattern::{introduced, plain_name};
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
        let mut names = Names {
            inside: !matches!(lent, Some(Lent::Factory { .. })),
            ..Names::default()
        };
        // The compiler judges a parameter's type once, so uses of the parameter are not judged again.
        for (index, parameter) in self.parameters() {
            if let Some(name) = plain_name(&parameter.pat) {
                let known = match of_type(&parameter.ty) {
                    _ if factory == Some(index) => Known::Refused,
                    Some(known) => known,
                    None => Known::Parameter,
                };
                names.known.push((name.clone(), known));
            }
        }
        let more = self.more_lent(kind, args).into_iter();
        names
            .sessions
            .extend(more.filter_map(|lent| self.named(lent.index()).cloned()));
        match lent {
            Some(Lent::Session { .. }) => names.sessions.extend(name()),
            Some(Lent::Factory { .. }) => names.factory = name(),
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
}
