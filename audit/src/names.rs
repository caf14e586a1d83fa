//! Which attributes are ours. Other crates have a `#[service]` as well.

use demarcate_rules::Kind;
use syn::visit::{self, Visit};
use syn::{Attribute, Path, UseTree};

/// The meaning of the names in one file, according to its `use` declarations.
pub(crate) struct Names<'a> {
    /// The names under which the package imports demarcate.
    crates: &'a [String],
    imports: Vec<Import>,
    /// Whether the package has a type of its own that is called `Session`.
    has_own_session: bool,
}

/// `use demarcate::service as lent;`
struct Import {
    /// `demarcate`
    root: String,
    /// `service`
    name: String,
    /// `lent`
    local: String,
}

impl<'a> Names<'a> {
    pub(crate) fn of(file: &syn::File, crates: &'a [String], has_own_session: bool) -> Self {
        let mut imports = Imports(Vec::new());
        imports.visit_file(file);
        Self {
            crates,
            imports: imports.0,
            has_own_session,
        }
    }

    /// The first of these attributes that is ours, and its place among them.
    pub(crate) fn find(&self, attrs: &[Attribute]) -> Option<(usize, Kind)> {
        attrs
            .iter()
            .enumerate()
            .find_map(|(at, attr)| Some((at, self.kind(attr.path())?)))
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        let mut segments = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string());
        match (segments.next(), segments.next(), segments.next()) {
            (Some(name), None, None) => {
                match self.imports.iter().find(|import| import.local == name) {
                    Some(import) => self
                        .may_hold_ours(&import.root)
                        .then(|| of_name(&import.name))?,
                    // From a glob, or from `#[macro_use]`.
                    None => of_name(&name),
                }
            }
            (Some(root), Some(name), None) => {
                self.crates.contains(&root).then(|| of_name(&name))?
            }
            _ => None,
        }
    }

    /// Whether a type is a session of ours: `Session`, `sqlite::Session`, `demarcate::postgres::Session`, or a renamed one.
    pub(crate) fn is_session(&self, path: &Path) -> bool {
        let (Some(first), Some(last)) = (path.segments.first(), path.segments.last()) else {
            return false;
        };
        let (first, last) = (first.ident.to_string(), last.ident.to_string());
        let is_one = path.segments.len() == 1;
        let import = self.imports.iter().find(|import| import.local == first);
        let name = match import {
            Some(import) if is_one => &import.name,
            _ => &last,
        };
        let root = import.map_or(first.as_str(), |import| import.root.as_str());
        let is_by_name = self.crates.iter().any(|name| *name == root);
        // From a glob, or from a module of the package's own.
        let may_be = !self.has_own_session
            && ((is_one && import.is_none())
                || matches!(
                    root,
                    "crate" | "self" | "super" | "postgres" | "mysql" | "sqlite"
                ));
        name == "Session" && (is_by_name || may_be)
    }

    /// Ours may be exported anew by a module of the package's own.
    fn may_hold_ours(&self, root: &str) -> bool {
        self.crates.iter().any(|name| name == root) || matches!(root, "crate" | "self" | "super")
    }
}

fn of_name(name: &str) -> Option<Kind> {
    [Kind::Router, Kind::Service, Kind::Job, Kind::Boundary]
        .into_iter()
        .find(|kind| kind.name() == name)
}

struct Imports(Vec<Import>);

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let UseTree::Path(path) = &item.tree {
            self.tree(&path.ident.to_string(), &path.tree);
        } else {
            self.group(&item.tree);
        }
        visit::visit_item_use(self, item);
    }
}

impl Imports {
    /// `use {a::b, c::d};`
    fn group(&mut self, tree: &UseTree) {
        if let UseTree::Group(group) = tree {
            for item in &group.items {
                match item {
                    UseTree::Path(path) => self.tree(&path.ident.to_string(), &path.tree),
                    other => self.group(other),
                }
            }
        }
    }

    fn tree(&mut self, root: &str, tree: &UseTree) {
        let mut import = |name: String, local: String| {
            self.0.push(Import {
                root: root.to_owned(),
                name,
                local,
            });
        };
        match tree {
            UseTree::Name(name) => import(name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(rename) => import(rename.ident.to_string(), rename.rename.to_string()),
            UseTree::Path(path) => self.tree(root, &path.tree),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(root, item)),
            UseTree::Glob(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(uses: &str, attribute: &str) -> Option<Kind> {
        let crates = ["demarcate".to_owned(), "dm".to_owned()];
        let file = syn::parse_file(&format!("{uses} #[{attribute}] fn f() {{}}")).expect("a file");
        let names = Names::of(&file, &crates, false);
        let Some(syn::Item::Fn(function)) = file.items.last() else {
            panic!("no function");
        };
        names.find(&function.attrs).map(|(_, kind)| kind)
    }

    #[test]
    fn ours_by_every_name() {
        for (uses, attribute, expected) in [
            ("use demarcate::service;", "service", Some(Kind::Service)),
            (
                "use demarcate::{Error, router_tx};",
                "router_tx(read_only)",
                Some(Kind::Router),
            ),
            (
                "use ::demarcate::background_job;",
                "background_job",
                Some(Kind::Job),
            ),
            ("", "demarcate::service(skip)", Some(Kind::Service)),
            ("", "dm::router_tx", Some(Kind::Router)),
            ("use dm::service as lent;", "lent", Some(Kind::Service)),
            (
                "use crate::prelude::service;",
                "service",
                Some(Kind::Service),
            ),
            ("use prelude::*;", "service", Some(Kind::Service)),
            (
                "use {std::fmt, demarcate::service as a};",
                "a",
                Some(Kind::Service),
            ),
            ("use tarpc::service;", "service", None),
            ("use {tarpc::{self, service}};", "service", None),
            (
                "use tarpc::service; use demarcate::service as lent;",
                "service",
                None,
            ),
            ("", "tarpc::service", None),
            ("", "test", None),
        ] {
            assert_eq!(kind(uses, attribute), expected, "{uses} #[{attribute}]");
        }
    }

    #[test]
    fn sessions_by_every_name() {
        for (uses, ty, has_own_session, expected) in [
            ("use demarcate::sqlite::Session;", "Session", true, true),
            ("use dm::Session as Tx;", "Tx", true, true),
            ("use demarcate::sqlite;", "sqlite::Session", true, true),
            ("", "demarcate::Session<DB>", true, true),
            ("use crate::prelude::*;", "Session", false, true),
            ("use crate::prelude::*;", "Session", true, false),
            ("use crate::auth::Session;", "Session", true, false),
            ("use tower_sessions::Session;", "Session", false, false),
            ("", "tower_sessions::Session", false, false),
            ("use demarcate::sqlite::Session;", "Order", false, false),
        ] {
            let crates = ["demarcate".to_owned(), "dm".to_owned()];
            let file = syn::parse_file(uses).expect("a file");
            let names = Names::of(&file, &crates, has_own_session);
            let path = syn::parse_str(ty).expect("a path");
            assert_eq!(names.is_session(&path), expected, "{uses} {ty}");
        }
    }
}
