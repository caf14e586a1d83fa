//! The names by which a package reaches its session factories.

use std::collections::BTreeSet;

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Field, FnArg, ItemEnum, ItemStruct, ItemType, Pat, ReturnType, Signature, Type};

/// What the types of a package tell about its session factories.
#[derive(Default)]
pub(crate) struct Factories {
    /// The names of fields, functions and parameters that are, hold or return one.
    pub(crate) names: Vec<String>,
    /// Whether the package has a type of its own that is called `Session`.
    pub(crate) has_own_session: bool,
}

impl Factories {
    pub(crate) fn of<'a>(files: impl Iterator<Item = &'a syn::File> + Clone) -> Self {
        let mut types = Types(BTreeSet::from(["SessionFactory".to_owned()]), false);
        for file in files.clone() {
            types.visit_file(file);
        }
        let Types(types, has_own_session) = types;
        let mut search = Search {
            types,
            found: BTreeSet::new(),
        };
        for file in files {
            search.visit_file(file);
        }
        Self {
            names: search.found.into_iter().collect(),
            has_own_session,
        }
    }
}

/// The names of session factories' types: `type Db = SessionFactory;`.
struct Types(BTreeSet<String>, bool);

impl<'ast> Visit<'ast> for Types {
    fn visit_item_type(&mut self, item: &'ast ItemType) {
        if mentions(&item.ty, &self.0) {
            self.0.insert(item.ident.to_string());
        }
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.1 |= item.ident == "Session";
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        self.1 |= item.ident == "Session";
    }
}

struct Search {
    types: BTreeSet<String>,
    found: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Search {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        for (at, field) in item.fields.iter().enumerate() {
            let name = field
                .ident
                .as_ref()
                .map_or_else(|| at.to_string(), ToString::to_string);
            self.field(name, field);
        }
    }

    fn visit_signature(&mut self, sig: &'ast Signature) {
        if let ReturnType::Type(_, ty) = &sig.output
            && mentions(ty, &self.types)
        {
            self.found.insert(sig.ident.to_string());
        }
        for input in &sig.inputs {
            if let FnArg::Typed(parameter) = input
                && mentions(&parameter.ty, &self.types)
            {
                Bound(&mut self.found).visit_pat(&parameter.pat);
            }
        }
        visit::visit_signature(self, sig);
    }
}

impl Search {
    fn field(&mut self, name: String, field: &Field) {
        if mentions(&field.ty, &self.types) {
            self.found.insert(name);
        }
    }
}

/// The names that a pattern binds.
struct Bound<'a>(&'a mut BTreeSet<String>);

impl<'ast> Visit<'ast> for Bound<'_> {
    fn visit_pat(&mut self, pat: &'ast Pat) {
        if let Pat::Ident(pat) = pat {
            self.0.insert(pat.ident.to_string());
        }
        visit::visit_pat(self, pat);
    }
}

/// Whether a type is, or holds, one of these.
fn mentions(ty: &Type, names: &BTreeSet<String>) -> bool {
    let text = ty.to_token_stream().to_string();
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| names.contains(word))
}
