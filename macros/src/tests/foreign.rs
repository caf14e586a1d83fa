//! Every function of crates that nobody here wrote, put through the three attributes.
//!
//! The crates are those of `Cargo.lock` whose sources cargo has on this machine, which whoever builds this test has. A
//! few of them by default; `DEMARCATE_FOREIGN=all` takes all. `--nocapture` shows the counts.
//!
//! All of them, when this was written: 234 crates, 7,078 files, 89,789 functions, 34,950 blocks, 304,317 expansions. No
//! panic, no item lost, and no error in a body that touches no database, but for what may be anywhere outside of a
//! transaction: tasks that are spawned, sleeping, HTTP calls, channels.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use demarcate_rules::{Args, Block, Errors, Item, Kind, MemberItem, check};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::visit::{self, Visit};

use crate::expand::expand;

/// Async code, macros, methods of every shape, and code that does have transactions.
const SAMPLE: [&str; 8] = [
    "axum-core",
    "http",
    "http-body-util",
    "matchit",
    "sqlx-core",
    "tokio-stream",
    "tower",
    "tracing-core",
];

/// Of their files, in the order of their names, one in so many.
const EACH: usize = 3;

const KINDS: [Kind; 3] = [Kind::Router, Kind::Service, Kind::Job];

/// Crates that have transactions themselves, or prepare them for others.
fn is_about_databases(name: &str) -> bool {
    [
        "sqlx",
        "graphile",
        "apalis",
        "demarcate",
        "libsqlite3",
        "etcetera",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

#[test]
fn functions_of_other_crates_stay_what_they_are() {
    let all = std::env::var_os("DEMARCATE_FOREIGN").is_some_and(|what| what == "all");
    let crates: Vec<_> = sources()
        .into_iter()
        .filter(|(name, _)| all || SAMPLE.contains(&name.as_str()))
        .collect();
    assert!(
        crates.len() >= SAMPLE.len(),
        "cargo has no sources: {crates:?}"
    );

    let (mut files, wrong) = files_of(&crates);
    assert!(wrong.is_empty(), "{wrong:#?}");
    if !all {
        files = files.into_iter().step_by(EACH).collect();
    }
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Counts::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            // The default stack of a thread is less than some generated files need to be parsed.
            let work = || {
                let mut counts = Counts::default();
                while let Some((name, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    counts.file(name, path);
                }
                if let Ok(mut total) = total.lock() {
                    total.add(counts);
                }
            };
            thread::Builder::new()
                .stack_size(64 << 20)
                .spawn_scoped(scope, work)
                .expect("a thread");
        }
    });
    let counts = total.into_inner().expect("no thread panicked");
    println!("{} crates, {counts}", crates.len());
    for mistake in &counts.mistakes {
        println!("{mistake}");
    }
    assert!(
        counts.mistakes.is_empty(),
        "{} mistakes",
        counts.mistakes.len()
    );
    assert!(counts.functions > 500 && counts.blocks > 200, "{counts}");
}

/// The crates that are not of this workspace, by name, and where each is.
fn sources() -> Vec<(String, PathBuf)> {
    let cargo = || Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let version = cargo().arg("-vV").output().expect("cargo runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("cargo says where it runs");
    let output = cargo()
        .args([
            "metadata",
            "--format-version=1",
            "--offline",
            "--filter-platform",
            host,
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .filter(|package| package["source"].is_string())
        .filter_map(|package| {
            let manifest = PathBuf::from(text(&package["manifest_path"])?);
            Some((text(&package["name"])?, manifest.parent()?.to_owned()))
        })
        .collect()
}

/// Every `.rs` file of these crates, and what could not be read.
fn files_of(crates: &[(String, PathBuf)]) -> (Vec<(String, PathBuf)>, Vec<String>) {
    let (mut files, mut wrong) = (Vec::new(), Vec::new());
    for (name, root) in crates {
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    wrong.push(format!("{}: {error}", folder.display()));
                    continue;
                }
            };
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    files.push((name.clone(), path));
                }
            }
        }
    }
    files.sort();
    (files, wrong)
}

#[derive(Default)]
struct Counts {
    files: usize,
    /// Files that are no Rust by themselves: tests of a parser, templates.
    unreadable: usize,
    functions: usize,
    methods: usize,
    of_traits: usize,
    blocks: usize,
    expansions: usize,
    /// Of functions that touch no database.
    errors: BTreeMap<&'static str, usize>,
    /// Of functions of sqlx and its like.
    of_databases: BTreeMap<&'static str, usize>,
    mistakes: Vec<String>,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} files ({} that are no Rust by themselves), {} functions ({} of them methods, {} in traits), \
             {} `impl`, `trait` and `mod`, {} expansions\nerrors where no database is touched: {:?}\nerrors in crates \
             about databases: {:?}",
            self.files,
            self.unreadable,
            self.functions,
            self.methods,
            self.of_traits,
            self.blocks,
            self.expansions,
            self.errors,
            self.of_databases,
        )
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.unreadable += other.unreadable;
        self.functions += other.functions;
        self.methods += other.methods;
        self.of_traits += other.of_traits;
        self.blocks += other.blocks;
        self.expansions += other.expansions;
        for (rule, count) in other.errors {
            *self.errors.entry(rule).or_default() += count;
        }
        for (rule, count) in other.of_databases {
            *self.of_databases.entry(rule).or_default() += count;
        }
        self.mistakes.extend(other.mistakes);
    }

    fn file(&mut self, name: &str, path: &Path) {
        self.files += 1;
        let text = fs::read_to_string(path).unwrap_or_default();
        let Ok(file) = syn::parse_file(&text) else {
            self.unreadable += 1;
            return;
        };
        let mut found = Found::default();
        found.visit_file(&file);
        self.functions += found.functions.len();
        for function in &found.functions {
            self.methods += usize::from(function.place == Place::Impl);
            self.of_traits += usize::from(function.place == Place::Trait);
            for kind in KINDS {
                self.function(name, path, kind, function);
            }
        }
        self.blocks += found.blocks.len();
        for block in found.blocks {
            self.block(path, block);
        }
    }

    fn function(&mut self, name: &str, path: &Path, kind: Kind, found: &FoundFunction) {
        let at = || format!("{}: {} {}", path.display(), kind.attribute(), found.name);
        let mut errors = Errors::default();
        match Item::parse(found.tokens.clone()) {
            Ok(Item::Function(function)) => {
                check(kind, &Args::default(), &function, &mut errors);
            }
            Ok(_) => {
                return self
                    .mistakes
                    .push(format!("{}: not seen as a function", at()));
            }
            Err(error) => return self.mistakes.push(format!("{}: {error}", at())),
        }
        let mut is_refused = false;
        for rule in errors.iter().filter_map(|mistake| mistake.rule) {
            // The codes before are about the signature, which no foreign function has.
            let is_of_the_body = rule.code >= "D010";
            is_refused |= is_of_the_body;
            let counts = match is_about_databases(name) {
                true => &mut self.of_databases,
                false => &mut self.errors,
            };
            *counts.entry(rule.code).or_default() += 1;
            if is_of_the_body && !is_about_databases(name) && !may_be_anywhere(rule.code) {
                self.mistakes.push(format!("{}: {}", at(), rule.code));
            }
        }
        let Some(output) = self.expanded(kind, &found.tokens, &at) else {
            return;
        };
        let position = match found.place {
            Place::Free | Place::Impl => quote!(impl __X { #output }),
            Place::Trait => quote!(trait __X { #output }),
        };
        if let Err(error) = syn::parse2::<syn::File>(position) {
            self.mistakes.push(format!("{}: {error} in {output}", at()));
        }
        // A call that was refused is taken out.
        if !is_refused && let Some(lost) = missing(&output, &found.body) {
            self.mistakes
                .push(format!("{}: `{lost}` of the body is gone", at()));
        }
        if missing(&output, &found.name).is_some() {
            self.mistakes.push(format!("{}: the name is gone", at()));
        }
    }

    fn block(&mut self, path: &Path, tokens: TokenStream) {
        let at = || {
            let start: String = tokens.to_string().chars().take(80).collect();
            format!("{}: #[service] {start}", path.display())
        };
        match Block::parse(tokens.clone()) {
            None => self.mistakes.push(format!("{}: not seen as a block", at())),
            Some(block) => {
                let (seen, there) = (functions_in(&block), functions_of(&tokens));
                if seen != there {
                    let message = format!("{}: {seen} functions seen of {there}", at());
                    self.mistakes.push(message);
                }
            }
        }
        let Some(output) = self.expanded(Kind::Service, &tokens, &at) else {
            return;
        };
        if let Err(error) = syn::parse2::<syn::File>(output.clone()) {
            self.mistakes.push(format!("{}: {error}", at()));
        }
        let is_refused = output.to_string().contains(":: core :: compile_error");
        if !is_refused && let Some(lost) = missing(&output, &tokens) {
            self.mistakes.push(format!("{}: `{lost}` is gone", at()));
        }
    }

    /// What an attribute makes of this, if it does not panic.
    fn expanded(
        &mut self,
        kind: Kind,
        item: &TokenStream,
        at: &dyn Fn() -> String,
    ) -> Option<TokenStream> {
        self.expansions += 1;
        let work = || expand(kind, TokenStream::new(), item.clone());
        let output = catch_unwind(AssertUnwindSafe(work)).ok();
        if output.is_none() {
            self.mistakes.push(format!("{}: panicked", at()));
        }
        output
    }
}

/// Rules against what is fine everywhere but in a transaction.
fn may_be_anywhere(code: &str) -> bool {
    code == "D021" || code.starts_with("D05")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Free,
    Impl,
    Trait,
}

struct FoundFunction {
    place: Place,
    name: TokenStream,
    body: TokenStream,
    tokens: TokenStream,
}

/// Every function of a file, those inside others included.
#[derive(Default)]
struct Found {
    functions: Vec<FoundFunction>,
    blocks: Vec<TokenStream>,
}

impl Found {
    fn take(
        &mut self,
        place: Place,
        sig: &syn::Signature,
        body: Option<&syn::Block>,
        whole: &impl ToTokens,
    ) {
        self.functions.push(FoundFunction {
            place,
            name: sig.ident.to_token_stream(),
            body: body
                .map(|body| body.stmts.iter().map(ToTokens::to_token_stream).collect())
                .unwrap_or_default(),
            tokens: whole.to_token_stream(),
        });
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.take(Place::Free, &node.sig, Some(&node.block), node);
        visit::visit_item_fn(self, node);
    }
    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.take(Place::Impl, &node.sig, Some(&node.block), node);
        visit::visit_impl_item_fn(self, node);
    }
    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        self.take(Place::Trait, &node.sig, node.default.as_ref(), node);
        visit::visit_trait_item_fn(self, node);
    }
    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        self.blocks.push(node.to_token_stream());
        visit::visit_item_impl(self, node);
    }
    fn visit_item_trait(&mut self, node: &'ast syn::ItemTrait) {
        self.blocks.push(node.to_token_stream());
        visit::visit_item_trait(self, node);
    }
    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        if node.content.is_some() {
            self.blocks.push(node.to_token_stream());
        }
        visit::visit_item_mod(self, node);
    }
}

/// How many functions a block sees between its braces.
fn functions_in(block: &Block) -> usize {
    let of = |item: &MemberItem| match item {
        MemberItem::Function(_) => 1,
        MemberItem::Block(block) => functions_in(block),
        MemberItem::Other(_) => 0,
    };
    block.members.iter().map(|member| of(&member.item)).sum()
}

/// How many there are, by syn's count: not in other functions, and not what tests something.
fn functions_of(block: &TokenStream) -> usize {
    #[derive(Default)]
    struct Count(usize);
    let is_test = |attrs: &[syn::Attribute]| {
        attrs.iter().any(|attr| {
            attr.path()
                .segments
                .last()
                .is_some_and(|last| last.ident == "test")
                || attr.to_token_stream().to_string() == "# [cfg (test)]"
        })
    };
    impl<'ast> Visit<'ast> for Count {
        fn visit_block(&mut self, _: &'ast syn::Block) {}
        fn visit_expr(&mut self, _: &'ast syn::Expr) {}
        fn visit_item_fn(&mut self, _: &'ast syn::ItemFn) {
            self.0 += 1;
        }
        fn visit_impl_item_fn(&mut self, _: &'ast syn::ImplItemFn) {
            self.0 += 1;
        }
        // A method without a body, which only a trait has.
        fn visit_impl_item(&mut self, node: &'ast syn::ImplItem) {
            self.0 += usize::from(matches!(node, syn::ImplItem::Verbatim(_)));
            visit::visit_impl_item(self, node);
        }
        fn visit_trait_item_fn(&mut self, _: &'ast syn::TraitItemFn) {
            self.0 += 1;
        }
    }
    struct Strip<F>(F);
    impl<F: Fn(&[syn::Attribute]) -> bool> syn::visit_mut::VisitMut for Strip<F> {
        fn visit_item_mod_mut(&mut self, node: &mut syn::ItemMod) {
            if let Some((_, items)) = &mut node.content {
                items.retain(|item| match item {
                    syn::Item::Fn(item) => !(self.0)(&item.attrs),
                    syn::Item::Mod(item) => !(self.0)(&item.attrs),
                    syn::Item::Impl(item) => !(self.0)(&item.attrs),
                    syn::Item::Trait(item) => !(self.0)(&item.attrs),
                    _ => true,
                });
            }
            syn::visit_mut::visit_item_mod_mut(self, node);
        }
        fn visit_item_impl_mut(&mut self, node: &mut syn::ItemImpl) {
            node.items.retain(|item| match item {
                syn::ImplItem::Fn(item) => !(self.0)(&item.attrs),
                _ => true,
            });
        }
        fn visit_item_trait_mut(&mut self, node: &mut syn::ItemTrait) {
            node.items.retain(|item| match item {
                syn::TraitItem::Fn(item) => !(self.0)(&item.attrs),
                _ => true,
            });
        }
    }
    let Ok(mut item) = syn::parse2::<syn::Item>(block.clone()) else {
        return 0;
    };
    syn::visit_mut::VisitMut::visit_item_mut(&mut Strip(is_test), &mut item);
    let mut count = Count::default();
    count.visit_item(&item);
    count.0
}

/// The first of these tokens, and some before it, that is not there; they may have whatever else between them.
pub(super) fn missing(output: &TokenStream, tokens: &TokenStream) -> Option<String> {
    let mut there = flat(output).into_iter();
    let wanted = flat(tokens);
    let lost = wanted
        .iter()
        .position(|wanted| !there.any(|token| token == *wanted))?;
    Some(wanted.get(lost.saturating_sub(8)..=lost)?.join(" "))
}

fn flat(tokens: &TokenStream) -> Vec<String> {
    fn walk(tokens: TokenStream, into: &mut Vec<String>) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                // An attribute inside of a function's braces is emitted in front of it.
                TokenTree::Punct(hash)
                    if hash.as_char() == '#'
                        && matches!(tokens.peek(), Some(TokenTree::Punct(mark)) if mark.as_char() == '!') =>
                {
                    tokens.nth(1);
                }
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::None => ("", ""),
                    };
                    into.push(open.to_owned());
                    walk(group.stream(), into);
                    into.push(close.to_owned());
                }
                // `pair.0.1` is three tokens before syn has read it, and five behind.
                TokenTree::Literal(number) => {
                    let text = number.to_string();
                    match text.split_once('.') {
                        Some((whole, part)) if text.starts_with(|c: char| c.is_ascii_digit()) => {
                            into.extend([whole, ".", part].map(str::to_owned));
                        }
                        _ => into.push(text),
                    }
                }
                other => into.push(other.to_string()),
            }
        }
    }
    let mut found = Vec::new();
    walk(tokens.clone(), &mut found);
    found.retain(|token| !token.is_empty());
    found
}
