//! The names that a pattern binds.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Ident, Pat, PatIdent, PatStruct, PatTupleStruct, Token};

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
/// A name with a capital letter is a constant or a type without fields, and binds nothing.
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

/// Returns the pattern without the type and the parentheses around it.
#[must_use]
pub fn without_type(pat: &Pat) -> &Pat {
    match pat {
        Pat::Type(pat) => without_type(&pat.pat),
        Pat::Paren(pat) => without_type(&pat.pat),
        pat => pat,
    }
}

/// Whether a pattern takes out fields by their names, whose types a type around them does not tell: `App { pool, .. }`.
pub(crate) fn is_taken_apart(pat: &Pat) -> bool {
    // The type of what is in these is judged with theirs.
    const AROUND: [&str; 9] = [
        "Data",
        "Extension",
        "Form",
        "Json",
        "Path",
        "Query",
        "ReqData",
        "State",
        "ThinData",
    ];
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_pat_struct(&mut self, _: &'ast PatStruct) {
            self.0 = true;
        }

        fn visit_pat_tuple_struct(&mut self, pat: &'ast PatTupleStruct) {
            let name = pat.path.segments.last();
            self.0 |= name.is_some_and(|name| !AROUND.iter().any(|around| name.ident == around));
            visit::visit_pat_tuple_struct(self, pat);
        }
    }
    let mut search = Search(false);
    search.visit_pat(pat);
    search.0
}

/// Whether a pattern binds a name.
pub(crate) fn binds(pat: &Pat, name: &Ident) -> bool {
    struct Search<'a> {
        name: &'a Ident,
        found: bool,
    }
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
            self.found |= pat.ident == *self.name;
            visit::visit_pat_ident(self, pat);
        }
    }
    let mut search = Search { name, found: false };
    search.visit_pat(pat);
    search.found
}

/// Whether a name stands in tokens, or in the text of a literal: `"{name}"`.
pub(crate) fn names_word(tokens: &TokenStream, name: &Ident) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == *name,
        TokenTree::Group(group) => names_word(&group.stream(), name),
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            text.starts_with(['"', 'r']) && text.contains(&format!("{{{name}"))
        }
        TokenTree::Punct(_) => false,
    })
}
