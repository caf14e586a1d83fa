//! Finds the items with our attributes, the members of blocks that the attribute applies to, and functions without one.

use demarcate_rules::{Args, Attributed, Block, Errors, Kind, Member, MemberItem, On};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, ImplItem, Item, Meta, Signature, TraitItem, Type};

use crate::factories::Factories;
use crate::names::Names;
use crate::unmarked;

/// Receives the items that are found.
pub(crate) trait Seen {
    /// The arguments that something was given itself. `name` is `create_order`, or `impl Orders`.
    fn arguments(&mut self, file: &str, name: &str, args: &Args);
    /// The mistakes of an item.
    fn mistakes(&mut self, file: &str, errors: &Errors);
    /// The rules were applied to a function.
    fn function(&mut self) {}
}

/// Looks at a file. With `unmarked` it also looks at functions that have no attribute.
pub(crate) fn look(
    path: &str,
    file: &syn::File,
    names: Names<'_>,
    unmarked: Option<&Factories>,
    seen: &mut dyn Seen,
) {
    let mut looking = Looking {
        path,
        names,
        unmarked,
        seen,
    };
    looking.visit_file(file);
}

struct Looking<'a> {
    path: &'a str,
    names: Names<'a>,
    /// Known where functions without an attribute are looked at: outside of tests, and of what has an attribute.
    unmarked: Option<&'a Factories>,
    seen: &'a mut dyn Seen,
}

impl Looking<'_> {
    /// Whether there is an attribute of ours, which is then done.
    fn is_attributed(&mut self, attrs: &[Attribute], item: &impl ToTokens, name: &str) -> bool {
        let Some((at, kind)) = self.names.find(attrs) else {
            return false;
        };
        let given = attrs.get(at).map(given).unwrap_or_default();
        let Attributed { args, on, errors } = Attributed::read(kind, given, without(at, item));
        self.seen.arguments(self.path, name, &args);
        self.seen.mistakes(self.path, &errors);
        match &on {
            On::Function(..) => self.seen.function(),
            On::Block(block) => self.block(&args, block),
            On::Other => {}
        }
        true
    }

    /// Looks at a function, and at the items in its body.
    fn function<F: ToTokens + Clone>(
        &mut self,
        node: &F,
        attrs: &[Attribute],
        sig: fn(&mut F) -> &mut Signature,
        body: Option<&syn::Block>,
    ) {
        let name = sig(&mut node.clone()).ident.to_string();
        let is_marked = self.is_attributed(attrs, node, &name);
        let Some(body) = body else { return };
        let outer = self.unmarked;
        if is_marked || unmarked::is_of_tests(attrs) {
            self.unmarked = None;
        }
        if let Some(factories) = self.unmarked
            && let Some(held) = unmarked::held(node.clone(), sig, &self.names, factories)
        {
            self.seen.mistakes(self.path, &held.errors);
            if held.is_lent {
                self.seen.function();
            }
        }
        visit::visit_block(self, body);
        self.unmarked = outer;
    }

    fn block(&mut self, args: &Args, block: &Block) {
        for member in &block.members {
            match &member.item {
                MemberItem::Function(function) => {
                    self.own(member, &function.sig.ident.to_string());
                    let (_, _, errors) = member.held(function, args);
                    self.seen.mistakes(self.path, &errors);
                    self.seen.function();
                    if let Some(body) = function.block() {
                        let outer = self.unmarked.take();
                        self.visit_block(&body);
                        self.unmarked = outer;
                    }
                }
                MemberItem::Block(inner) => {
                    self.own(member, &name_of(&inner.head));
                    let (args, errors) = member.under(args);
                    self.seen.mistakes(self.path, &errors);
                    self.block(&args, inner);
                }
                MemberItem::Other(tokens) => {
                    self.own(member, &name_of(tokens));
                    self.let_out(tokens.clone());
                }
            }
        }
    }

    /// Reports a block member's own arguments.
    fn own(&mut self, member: &Member, name: &str) {
        let own = Args::parse(Kind::Service, member.given(), &mut Errors::default());
        self.seen.arguments(self.path, name, &own);
    }

    /// Visits a member that the block does not apply to: an attribute inside it counts by itself.
    fn let_out(&mut self, tokens: TokenStream) {
        if let Ok(item) = syn::parse2::<Item>(tokens.clone()) {
            self.visit_item(&item);
        } else if let Ok(item) = syn::parse2::<ImplItem>(tokens.clone()) {
            self.visit_impl_item(&item);
        } else if let Ok(item) = syn::parse2::<TraitItem>(tokens) {
            self.visit_trait_item(&item);
        }
    }
}

impl<'ast> Visit<'ast> for Looking<'_> {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.function(node, &node.attrs, |node| &mut node.sig, Some(&node.block));
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.function(node, &node.attrs, |node| &mut node.sig, Some(&node.block));
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        self.function(
            node,
            &node.attrs,
            |node| &mut node.sig,
            node.default.as_ref(),
        );
    }

    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        if !self.is_attributed(&node.attrs, node, &named("impl", &node.self_ty)) {
            visit::visit_item_impl(self, node);
        }
    }

    fn visit_item_trait(&mut self, node: &'ast syn::ItemTrait) {
        if !self.is_attributed(&node.attrs, node, &format!("trait {}", node.ident)) {
            visit::visit_item_trait(self, node);
        }
    }

    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        let outer = self.unmarked;
        if unmarked::is_of_tests(&node.attrs) {
            self.unmarked = None;
        }
        if !self.is_attributed(&node.attrs, node, &format!("mod {}", node.ident)) {
            visit::visit_item_mod(self, node);
        }
        self.unmarked = outer;
    }
}

/// Returns the arguments of an attribute.
fn given(attr: &Attribute) -> TokenStream {
    match &attr.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    }
}

/// An item without one of its attributes.
fn without(at: usize, item: &impl ToTokens) -> TokenStream {
    let rest = |input: ParseStream<'_>| {
        let attrs = input.call(Attribute::parse_outer)?;
        let rest: TokenStream = input.parse()?;
        let others = attrs.iter().enumerate().filter(|(index, _)| *index != at);
        let others = others.map(|(_, attr)| attr);
        Ok(quote!(#(#others)* #rest))
    };
    // An item that was printed can be parsed again.
    rest.parse2(item.to_token_stream()).unwrap_or_default()
}

/// Returns the name of an item, which may lack its braces.
fn name_of(tokens: &TokenStream) -> String {
    let item = syn::parse2(tokens.clone()).or_else(|_| syn::parse2(quote!(#tokens {})));
    match item {
        Ok(Item::Fn(item)) => item.sig.ident.to_string(),
        Ok(Item::Impl(item)) => named("impl", &item.self_ty),
        Ok(Item::Trait(item)) => format!("trait {}", item.ident),
        Ok(Item::Mod(item)) => format!("mod {}", item.ident),
        _ => match syn::parse2(tokens.clone()) {
            Ok(ImplItem::Fn(item)) => item.sig.ident.to_string(),
            _ => "_".to_owned(),
        },
    }
}

/// `impl Orders`, whatever its generics are.
fn named(keyword: &str, ty: &Type) -> String {
    let last = match ty {
        Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
        _ => None,
    };
    let name = last.map_or_else(|| "_".to_owned(), Ident::to_string);
    format!("{keyword} {name}")
}
