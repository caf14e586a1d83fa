//! Reads the modules of a crate, and what each of them imports from the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The modules of one crate.
#[derive(Default)]
pub(crate) struct Crate {
    /// The file of each module, by the module's path from the root; the root has the empty path. Modules that are
    /// compiled for tests alone are left out.
    pub(crate) modules: BTreeMap<Vec<String>, PathBuf>,
    pub(crate) imports: Vec<Import>,
}

/// A path in the code of one module that leads to another module of the crate.
#[derive(Debug)]
pub(crate) struct Import {
    /// The module that the path stands in.
    pub(crate) from: Vec<String>,
    pub(crate) line: usize,
    /// The segments of the path from the root of the crate.
    pub(crate) path: Vec<String>,
    /// Whether it begins with a name, and not with `crate`, `super` or `self`.
    is_relative: bool,
}

impl Import {
    /// The path as it is shown.
    pub(crate) fn shown(&self) -> String {
        format!("crate::{}", self.path.join("::"))
    }
}

impl Crate {
    /// Reads the crate whose root is `src/lib.rs`.
    pub(crate) fn read(src: &Path) -> Result<Self, String> {
        let mut read = Self::default();
        read.read_module(Vec::new(), &src.join("lib.rs"), src)?;
        // A path that begins with a name leads to a child module, or out of the crate.
        let modules = &read.modules;
        read.imports.retain(|import| {
            !import.is_relative || modules.contains_key(&import.path[..import.from.len() + 1])
        });
        Ok(read)
    }

    /// Reads a module in a file of its own; `children` is the folder that its child modules are in.
    fn read_module(
        &mut self,
        path: Vec<String>,
        file: &Path,
        children: &Path,
    ) -> Result<(), String> {
        let text = fs::read_to_string(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        let parsed = parse(&text, path.clone())
            .map_err(|error| format!("cannot parse {}: {error}", file.display()))?;
        self.modules.insert(path.clone(), file.to_owned());
        for inline in parsed.inline {
            self.modules.insert(inline, file.to_owned());
        }
        self.imports.extend(parsed.imports);
        for child in parsed.children {
            let mut folder = children.to_owned();
            folder.extend(&child[path.len()..]);
            let flat = folder.with_extension("rs");
            let file = if flat.is_file() {
                flat
            } else {
                folder.join("mod.rs")
            };
            self.read_module(child, &file, &folder)?;
        }
        Ok(())
    }

    /// The path of the innermost module that `path` names or lies in.
    pub(crate) fn module<'a>(&self, path: &'a [String]) -> &'a [String] {
        let longest = (0..=path.len())
            .rev()
            .find(|length| self.modules.contains_key(&path[..*length]));
        &path[..longest.unwrap_or(0)]
    }

    /// The modules directly below the root.
    pub(crate) fn rooms(&self) -> BTreeSet<&str> {
        self.modules
            .iter()
            .filter(|(path, file)| path.len() == 1 && !file.ends_with("lib.rs"))
            .map(|(path, _)| path[0].as_str())
            .collect()
    }
}

/// The imports and modules of one file.
#[derive(Default)]
pub(crate) struct Parsed {
    /// The modules that have files of their own.
    children: Vec<Vec<String>>,
    /// The modules whose bodies are in this file.
    inline: Vec<Vec<String>>,
    pub(crate) imports: Vec<Import>,
}

/// Reads the text of the module `path`.
pub(crate) fn parse(text: &str, path: Vec<String>) -> syn::Result<Parsed> {
    let file = syn::parse_file(text)?;
    let mut reader = Reader {
        module: path,
        parsed: Parsed::default(),
    };
    reader.visit_file(&file);
    Ok(reader.parsed)
}

struct Reader {
    /// The module that the visited code is in.
    module: Vec<String>,
    parsed: Parsed,
}

impl Reader {
    /// Records a path. Where it begins with a name, it is taken for that of a child module.
    fn record(&mut self, segments: &[String], span: Span) {
        let mut path = match segments.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some(_) if segments.len() > 1 => self.module.clone(),
            _ => return,
        };
        for segment in segments {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => drop(path.pop()),
                _ => path.push(segment.clone()),
            }
        }
        self.parsed.imports.push(Import {
            from: self.module.clone(),
            line: span.start().line,
            path,
            is_relative: !matches!(segments[0].as_str(), "crate" | "super" | "self"),
        });
    }

    fn use_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.record(&with(&name.ident), name.span()),
            syn::UseTree::Rename(rename) => self.record(&with(&rename.ident), rename.ident.span()),
            syn::UseTree::Glob(glob) => self.record(before, glob.span()),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(before, tree);
                }
            }
        }
    }

    /// Records the paths among the tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(ident) if ident == "crate" || ident == "super" => {
                    // `pub(in crate::room)` imports nothing.
                    let is_visibility = at > 0
                        && matches!(&tokens[at - 1], TokenTree::Ident(before) if before == "in");
                    if !is_visibility {
                        self.path_in_tokens(&[], &tokens[at..]);
                    }
                    // The other segments of the path begin nothing.
                    while follows_segment(&tokens, at) {
                        at += 3;
                    }
                    if let Some(TokenTree::Group(group)) = tokens.get(at) {
                        // A type's arguments or the like; the members of a `use` are recorded above.
                        if group.delimiter() != Delimiter::Brace {
                            self.tokens(group.stream());
                        }
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Records the path that `tokens` begin with, and with braces at its end each member of them.
    fn path_in_tokens(&mut self, before: &[String], tokens: &[TokenTree]) {
        let mut segments = before.to_vec();
        let mut at = 0;
        let span = tokens.first().map_or_else(Span::call_site, TokenTree::span);
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(ident)) => segments.push(ident.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let members: Vec<TokenTree> = group.stream().into_iter().collect();
                    let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
                    for member in members.split(comma).filter(|member| !member.is_empty()) {
                        self.path_in_tokens(&segments, member);
                    }
                    return;
                }
                _ => break,
            }
            if !follows_segment(tokens, at) {
                break;
            }
            at += 3;
        }
        if segments.len() > 1 {
            self.record(&segments, span);
        }
    }
}

/// Whether `::` and another segment, or the braces of a `use`, follow the token at `at`.
fn follows_segment(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == ':');
    let segment = match tokens.get(at + 3) {
        Some(TokenTree::Ident(_)) => true,
        Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Brace,
        _ => false,
    };
    colon(tokens.get(at + 1)) && colon(tokens.get(at + 2)) && segment
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !attributes(item).iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !function.attrs.iter().any(is_for_tests) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        self.module.push(module.ident.to_string());
        if module.content.is_some() {
            self.parsed.inline.push(self.module.clone());
            visit::visit_item_mod(self, module);
        } else {
            self.parsed.children.push(self.module.clone());
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        let segments: Vec<String> = segments.map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.record(&segments, path.span());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.visit_path(&invocation.path);
        self.tokens(invocation.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    /// `pub(in crate::room)` imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}
}

/// Whether what has this attribute is compiled for tests alone.
fn is_for_tests(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else {
        return false;
    };
    let tokens = list.tokens.to_string();
    list.path.is_ident("cfg")
        && (tokens == "test"
            || tokens.starts_with("all (test ,")
            || tokens.starts_with("all(test,"))
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
