//! The files that a target is made of: its first, and from there wherever `mod name;` leads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, ExprLit, Item, ItemMod, Lit, Meta};

/// One source file.
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) parsed: syn::File,
}

/// Every file of these targets, once, in the order of their paths; and why one cannot be read.
pub(crate) fn of(roots: &BTreeSet<PathBuf>) -> (Vec<SourceFile>, Vec<String>) {
    let mut found = Found::default();
    for root in roots {
        let directory = root.parent().unwrap_or(root).to_owned();
        found.file(root, directory, false);
    }
    let files = found
        .files
        .into_iter()
        .filter_map(|(path, parsed)| {
            Some(SourceFile {
                path,
                parsed: parsed?,
            })
        })
        .collect();
    (files, found.unread)
}

#[derive(Default)]
struct Found {
    /// `None` where it could not be read.
    files: BTreeMap<PathBuf, Option<syn::File>>,
    unread: Vec<String>,
}

impl Found {
    /// Reads a file, whose modules are in `directory`.
    fn file(&mut self, path: &Path, directory: PathBuf, is_conditional: bool) {
        if self.files.contains_key(path) {
            return;
        }
        let parsed = fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))
            .and_then(|text| {
                syn::parse_file(&text).map_err(|error| {
                    let start = error.span().start();
                    let (line, column) = (start.line, start.column + 1);
                    format!("cannot read {}:{line}:{column}: {error}", path.display())
                })
            });
        match parsed {
            Ok(parsed) => {
                let beside = path.parent().unwrap_or(path).to_owned();
                self.files.insert(path.to_owned(), None);
                self.modules(&parsed.items, &beside, &directory);
                self.files.insert(path.to_owned(), Some(parsed));
            }
            // A file of another platform or feature may not be there.
            Err(_) if is_conditional && !path.exists() => {}
            Err(message) => self.unread.push(message),
        }
    }

    /// Follows the `mod`s among these items. `beside` is where a `#[path]` begins, `directory` where any other does.
    fn modules(&mut self, items: &[Item], beside: &Path, directory: &Path) {
        for item in items {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let name = name.trim_start_matches("r#");
            match &module.content {
                Some((_, items)) => {
                    let inner = match path_of(&module.attrs) {
                        Some(path) => beside.join(path),
                        None => directory.join(name),
                    };
                    self.modules(items, &inner, &inner);
                }
                None => self.declared(module, name, beside, directory),
            }
        }
    }

    /// `mod name;`
    fn declared(&mut self, module: &ItemMod, name: &str, beside: &Path, directory: &Path) {
        let is_conditional = module.attrs.iter().any(|attr| attr.path().is_ident("cfg"));
        if let Some(path) = path_of(&module.attrs) {
            // The child modules of a file that `#[path]` names are beside it.
            let path = beside.join(path);
            let directory = path.parent().unwrap_or(beside).to_owned();
            return self.file(&path, directory, is_conditional);
        }
        let inner = directory.join(name);
        let nested = inner.join("mod.rs");
        let path = if nested.exists() {
            nested
        } else {
            directory.join(format!("{name}.rs"))
        };
        self.file(&path, inner, is_conditional);
    }
}

/// `#[path = "other.rs"]`
fn path_of(attrs: &[Attribute]) -> Option<String> {
    attrs.iter().find_map(|attr| match &attr.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(path),
                ..
            }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}
