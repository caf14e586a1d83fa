//! `#[service]` on an `impl`, a `trait` or an inline `mod`: it holds for every function inside.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Expr, Ident, Item, Lit, Meta, Path, Token, Type, Visibility, token};

use crate::syntax::function::Function;

/// An `impl`, a `trait` or an inline `mod`, and its members.
///
/// Its tokens are those of the source, in their order: incomplete code stays as it is.
pub struct Block {
    /// The tokens before the braces, attributes included.
    pub head: TokenStream,
    /// The braces.
    pub braces: Group,
    /// The members between the braces.
    pub members: Vec<Member>,
}

/// One thing inside a block.
pub struct Member {
    /// The kind of member.
    pub item: MemberItem,
    /// Its own `#[service(..)]` attributes, which are removed from the item; `#[service(skip)]` among them.
    pub marks: Vec<Attribute>,
}

/// The kinds of members.
pub enum MemberItem {
    /// A function to which the block's attribute applies.
    Function(Box<Function>),
    /// A block inside the block, to which the attribute applies as well.
    Block(Block),
    /// Anything else, as it was written.
    Other(TokenStream),
}

impl Block {
    /// Reads a block; `None` where there are no braces, or they do not come last.
    #[must_use]
    pub fn parse(tokens: TokenStream) -> Option<Self> {
        let whole = |input: ParseStream<'_>| {
            let head = head(input)?;
            let braces = input.parse::<TokenTree>()?;
            match braces {
                TokenTree::Group(braces) if input.is_empty() => Ok(Self::new(head, braces)),
                _ => Err(input.error("expected the end of the item")),
            }
        };
        whole.parse2(tokens).ok()
    }

    fn new(head: TokenStream, braces: Group) -> Self {
        // Reading members cannot fail: anything unknown is kept as tokens.
        let mut members = members.parse2(braces.stream()).unwrap_or_else(|_| {
            vec![Member {
                item: MemberItem::Other(braces.stream()),
                marks: Vec::new(),
            }]
        });
        let is_declaration = is_trait_as_written(&head);
        share_constants(&head, &mut members);
        for member in &mut members {
            if let MemberItem::Function(function) = &mut member.item {
                function.is_declared = is_declaration;
            }
        }
        Self {
            head,
            braces,
            members,
        }
    }

    /// The block's own attributes.
    #[must_use]
    pub fn attrs(&self) -> Vec<Attribute> {
        let outer = |input: ParseStream<'_>| {
            let attrs = input.call(Attribute::parse_outer)?;
            input.parse::<TokenStream>()?;
            Ok(attrs)
        };
        outer.parse2(self.head.clone()).unwrap_or_default()
    }
}

/// Tells each function of a block of the constants in it: `Self::FIND` of an `impl`, `FIND` of a `mod`. An `impl` may give those
/// of a trait another value.
fn share_constants(head: &TokenStream, members: &mut [Member]) {
    let owners = match BlockKind::of(head) {
        BlockKind::Impl(ty) => ["Self::".to_owned()]
            .into_iter()
            .chain(ty.map(|ty| format!("{ty}::")))
            .collect(),
        BlockKind::Mod => vec![String::new(), "super::".to_owned()],
        BlockKind::Other => return,
    };
    let mut constants = Vec::new();
    for member in &*members {
        if let MemberItem::Other(tokens) = &member.item
            && let Ok(item) = syn::parse2::<Item>(tokens.clone())
        {
            let (name, value) = match item {
                Item::Const(item) => (item.ident, item.expr),
                Item::Static(item) => (item.ident, item.expr),
                _ => continue,
            };
            let named = owners.iter().map(|owner| format!("{owner}{name}"));
            constants.extend(named.map(|name| (name, (*value).clone())));
        }
    }
    if !constants.is_empty() {
        give_constants(members, &constants);
    }
}

fn give_constants(members: &mut [Member], constants: &[(String, Expr)]) {
    for member in members {
        match &mut member.item {
            MemberItem::Function(function) => function.constants.extend_from_slice(constants),
            MemberItem::Block(block) => give_constants(&mut block.members, constants),
            MemberItem::Other(_) => {}
        }
    }
}

/// The kinds of blocks, as far as names are concerned.
enum BlockKind {
    /// With the name of its type.
    Impl(Option<Ident>),
    Mod,
    Other,
}

impl BlockKind {
    fn of(head: &TokenStream) -> Self {
        let mut tokens = head.clone();
        tokens.extend([TokenTree::Group(Group::new(
            Delimiter::Brace,
            TokenStream::new(),
        ))]);
        match syn::parse2::<Item>(tokens) {
            Ok(Item::Impl(item)) => Self::Impl(match *item.self_ty {
                Type::Path(path) => path.path.segments.last().map(|last| last.ident.clone()),
                _ => None,
            }),
            Ok(Item::Mod(_)) => Self::Mod,
            _ => Self::Other,
        }
    }
}

/// Whether a head is that of a trait whose methods no other attribute rewrites.
fn is_trait_as_written(head: &TokenStream) -> bool {
    let read = |input: ParseStream<'_>| {
        let attrs = input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        input.parse::<Option<Token![unsafe]>>()?;
        let is_trait = input.peek(Token![trait]);
        input.parse::<TokenStream>()?;
        Ok(is_trait && !attrs.iter().any(rewrites_futures))
    };
    read.parse2(head.clone()).unwrap_or_default()
}

/// `#[async_trait]`, `#[trait_variant::make(..)]`, also in a `#[cfg_attr(..)]`.
fn rewrites_futures(attr: &Attribute) -> bool {
    attr.meta
        .to_token_stream()
        .into_iter()
        .any(|token| match token {
            TokenTree::Ident(word) => word == "async_trait" || word == "trait_variant",
            TokenTree::Group(group) => {
                attr.path().is_ident("cfg_attr") && {
                    let text = group.to_string();
                    text.contains("async_trait") || text.contains("trait_variant")
                }
            }
            _ => false,
        })
}

fn members(input: ParseStream<'_>) -> syn::Result<Vec<Member>> {
    let mut members = Vec::new();
    // `#![allow(..)]`
    let inner = input.call(Attribute::parse_inner)?;
    if !inner.is_empty() {
        let inner = inner.iter().map(ToTokens::to_token_stream).collect();
        members.push(Member {
            item: MemberItem::Other(inner),
            marks: Vec::new(),
        });
    }
    while !input.is_empty() {
        members.push(member(input)?);
    }
    Ok(members)
}

fn member(input: ParseStream<'_>) -> syn::Result<Member> {
    let ahead = input.fork();
    let attrs = ahead.call(Attribute::parse_outer).unwrap_or_default();
    let is_let_out = attrs.iter().any(lets_out);
    let _ = ahead.parse::<Visibility>();
    if !is_let_out && is_function(&ahead) {
        let whole = input.fork();
        if let Ok(mut function) = whole.parse::<Function>() {
            advance(input, &whole);
            let (marks, attrs) = function.attrs.into_iter().partition(is_service);
            function.attrs = attrs;
            function.is_in_block = true;
            return Ok(Member {
                item: MemberItem::Function(Box::new(function)),
                marks,
            });
        }
    }
    if !is_let_out && is_block(&ahead) {
        let whole = input.fork();
        if let Ok(block) = nested(&whole) {
            advance(input, &whole);
            return Ok(block);
        }
    }
    other(input, is_let_out)
}

fn advance(input: ParseStream<'_>, to: ParseStream<'_>) {
    use syn::parse::discouraged::Speculative;
    input.advance_to(to);
}

fn nested(input: ParseStream<'_>) -> syn::Result<Member> {
    let (marks, attrs): (Vec<_>, Vec<_>) = input
        .call(Attribute::parse_outer)?
        .into_iter()
        .partition(is_service);
    let mut all = TokenStream::new();
    for attr in attrs {
        attr.to_tokens(&mut all);
    }
    all.extend(head(input)?);
    let TokenTree::Group(braces) = input.parse()? else {
        return Err(input.error("expected braces"));
    };
    Ok(Member {
        item: MemberItem::Block(Block::new(all, braces)),
        marks,
    })
}

/// Reads the tokens before the braces of an item.
fn head(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let mut angles = Angles::default();
    let mut head = TokenStream::new();
    while !(input.peek(token::Brace) && angles.are_closed()) {
        if input.peek(Token![;]) {
            return Err(input.error("expected braces"));
        }
        let token = input.parse::<TokenTree>()?;
        angles.pass(&token);
        head.extend([token]);
    }
    Ok(head)
}

/// Reads an item that the rules do not look into, up to its semicolon or its braces.
fn other(input: ParseStream<'_>, is_let_out: bool) -> syn::Result<Member> {
    let mut tokens = TokenStream::new();
    let mut marks = Vec::new();
    for attr in input.call(Attribute::parse_outer)? {
        // The mark that excludes it means nothing to the compiler.
        if is_let_out && is_service(&attr) {
            marks.push(attr);
        } else {
            attr.to_tokens(&mut tokens);
        }
    }
    let _ = input
        .parse::<Visibility>()
        .map(|vis| vis.to_tokens(&mut tokens));
    let ahead = input.fork();
    let ends_with_semicolon = !is_function(&ahead)
        && (input.peek(Token![const])
            || input.peek(Token![static])
            || input.peek(Token![type])
            || input.peek(Token![use])
            || input.peek(Token![let]));
    let mut angles = Angles::default();
    while !input.is_empty() {
        let token = input.parse::<TokenTree>()?;
        let is_end = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => {
                group.delimiter() == Delimiter::Brace && !ends_with_semicolon && angles.are_closed()
            }
            _ => false,
        };
        angles.pass(&token);
        tokens.extend([token]);
        if is_end {
            break;
        }
    }
    Ok(Member {
        item: MemberItem::Other(tokens),
        marks,
    })
}

/// `<` and `>` around generics, which may have braces between them.
#[derive(Default)]
struct Angles {
    depth: usize,
    /// After the `-` of `->`, or the `=` of `=>`.
    in_arrow: bool,
}

impl Angles {
    fn pass(&mut self, token: &TokenTree) {
        let before = std::mem::take(&mut self.in_arrow);
        if let TokenTree::Punct(punct) = token {
            match punct.as_char() {
                '<' => self.depth += 1,
                '>' if !before => self.depth = self.depth.saturating_sub(1),
                '-' | '=' => self.in_arrow = punct.spacing() == Spacing::Joint,
                _ => {}
            }
        }
    }

    fn are_closed(&self) -> bool {
        self.depth == 0
    }
}

/// Whether a function follows, behind its attributes and its visibility.
fn is_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    while !ahead.peek(Token![fn]) {
        let is_qualifier = ahead.peek(Token![default])
            || ahead.peek(Token![const])
            || ahead.peek(Token![async])
            || ahead.peek(Token![unsafe])
            || ahead.peek(Token![extern])
            || ahead.peek(Lit);
        if !is_qualifier || ahead.parse::<TokenTree>().is_err() {
            return false;
        }
    }
    true
}

/// Whether an `impl`, a `trait` or a `mod` follows.
fn is_block(input: ParseStream<'_>) -> bool {
    let is = |input: ParseStream<'_>| {
        input.peek(Token![impl]) || input.peek(Token![trait]) || input.peek(Token![mod])
    };
    let ahead = input.fork();
    is(&ahead) || (ahead.parse::<Token![unsafe]>().is_ok() && is(&ahead))
}

/// Whether an attribute excludes its item from the block: `#[service(skip)]`, `#[router_tx]`, `#[background_job]`, a test.
fn lets_out(attr: &Attribute) -> bool {
    let last = |path: &Path, words: &[&str]| {
        path.segments
            .last()
            .is_some_and(|last| words.iter().any(|word| last.ident == word))
    };
    if is_service(attr) {
        return attr.parse_args::<Ident>().is_ok_and(|word| word == "skip");
    }
    match &attr.meta {
        Meta::List(list) if attr.path().is_ident("cfg") => list.tokens.to_string() == "test",
        _ => last(
            attr.path(),
            &["router_tx", "background_job", "boundary", "test"],
        ),
    }
}

/// `#[service]`, or `#[demarcate::service]`: other crates have one as well.
fn is_service(attr: &Attribute) -> bool {
    let path = attr.path();
    let is_ours = |path: &Path| {
        path.segments.len() == 2
            && path
                .segments
                .first()
                .is_some_and(|first| first.ident == "demarcate")
    };
    path.segments
        .last()
        .is_some_and(|last| last.ident == "service")
        && (path.segments.len() == 1 || is_ours(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Block {
        Block::parse(text.parse().expect("tokens")).expect("a block")
    }

    fn shown(block: &Block) -> Vec<String> {
        block
            .members
            .iter()
            .flat_map(|member| match &member.item {
                MemberItem::Function(function) => {
                    vec![format!(
                        "{}{}",
                        function.sig.ident,
                        "*".repeat(member.marks.len())
                    )]
                }
                MemberItem::Block(block) => shown(block),
                MemberItem::Other(_) => vec!["-".to_owned()],
            })
            .collect()
    }

    #[test]
    fn functions_are_found_wherever_they_are() {
        assert_eq!(
            shown(&block(
                "#[a] impl<const N: usize> A<{ N }> for B where C<{ 1 }>: D {
                     const X: u8 = { 1 }; type Y = [u8; { 2 }]; fn a() {} pub(crate) async fn b(&self) -> A<{ 3 }>;
                     #[service] fn c() {} #[demarcate::service(allow(D010))] const unsafe extern \"C\" fn d() {}
                     m! { fn not() {} } m!(fn not() {}); #[service(skip)] fn not() {} default fn e() {}
                 }"
            )),
            ["-", "-", "a", "b", "c*", "d*", "-", "-", "-", "e"]
        );
        assert_eq!(
            shown(&block(
                "pub(crate) mod a {
                     #![allow(a)] //! docs
                     use a::{b, c}; struct S { f: fn() } enum E<const N: usize = { 1 }> { A } extern \"C\" { fn not(); }
                     macro_rules! m { () => { fn not() {} } } mod file; const fn a() {} static S: fn() -> A = { b };
                     impl A { fn b() {} } unsafe impl A for B {} trait T { fn c(); } mod m { mod n { fn d() {} } }
                     #[service(skip)] mod not { fn not() {} } #[service(skip)] impl A { fn not() {} }
                     #[router_tx] async fn not() {} #[demarcate::background_job(name = \"a\")] async fn not() {}
                     #[cfg(test)] mod tests { fn not() {} } #[tokio::test] async fn not() {} fn e() {}
                 }"
            )),
            [
                "-", "-", "-", "-", "-", "-", "-", "a", "-", "b", "c", "d", "-", "-", "-", "-",
                "-", "-", "e"
            ]
        );
    }

    #[test]
    fn methods_that_a_trait_declares_are_known() {
        let declared = |text: &str| {
            block(text).members.iter().any(
                |member| matches!(&member.item, MemberItem::Function(function) if function.is_declared),
            )
        };
        for text in [
            "trait A { async fn a(); }",
            "#[doc = \"async_trait\"] #[automock] pub(crate) unsafe trait A<T>: B where T: C { async fn a() {} }",
        ] {
            assert!(declared(text), "{text}");
        }
        for text in [
            "impl A { async fn a() {} }",
            "impl A for B { async fn a() {} }",
            "mod trait_a { async fn a() {} }",
            "#[async_trait] trait A { async fn a(); }",
            "#[async_trait::async_trait(?Send)] pub trait A { async fn a() {} }",
            "#[trait_variant::make(Send)] trait A { async fn a(); }",
            "#[cfg_attr(feature = \"a\", async_trait)] trait A { async fn a(); }",
        ] {
            assert!(!declared(text), "{text}");
        }
    }

    #[test]
    fn what_is_half_typed_is_kept() {
        for text in [
            "impl A { fn a() {} fn b(tx: ) {} fn c() { tx. } }",
            "impl A { fn a() { let x = } pub }",
            "mod m { fn a() {} let x = ; fn }",
            "mod m { # }",
            "trait A { async fn a(tx: &mut Session) -> ; async }",
            "impl A { x }",
        ] {
            let block = block(text);
            assert!(!block.members.is_empty(), "{text}");
        }
    }
}
