use demarcate_rules::{Args, Block, Errors, Kind, Member, MemberItem, check};
use proc_macro2::{Group, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Meta};

use crate::expand::{expand_function, told};

// Input:
//     #[service]
//     impl Orders {
//         fn new() -> Self { .. }
//         async fn create(&self, tx: &mut Session) -> Result<(), sqlx::Error> { body }
//         #[service(skip)]
//         async fn migrate(pool: &PgPool) { .. }
//     }
//
// Output:
//     impl Orders {
//         fn new() -> Self { .. }
//         async fn create(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
//             if false { /* is `Session` ours? */ }
//             body
//         }
//         async fn migrate(pool: &PgPool) { .. }
//     }
//
// Each function as if it had the attribute, with its errors right after it.
pub(crate) fn expand(args: &Args, block: &Block) -> TokenStream {
    let members = block
        .members
        .iter()
        .map(|member| expand_member(args, member))
        .collect();
    let mut braces = Group::new(block.braces.delimiter(), members);
    braces.set_span(block.braces.span());
    let mut tokens = block.head.clone();
    braces.to_tokens(&mut tokens);
    tokens
}

fn expand_member(args: &Args, member: &Member) -> TokenStream {
    let mut errors = Errors::default();
    match &member.item {
        MemberItem::Other(tokens) => tokens.clone(),
        MemberItem::Block(block) => {
            let args = of_member(args, &member.marks, &mut errors);
            let mut tokens = expand(&args, block);
            let attrs = block.attrs();
            let cfgs = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
            tokens.extend(told(&errors, cfgs));
            tokens
        }
        MemberItem::Function(function) => {
            let args = of_member(args, &member.marks, &mut errors);
            let checked = check(Kind::Service, &args, function, &mut errors);
            let mut tokens = expand_function(Kind::Service, &args, function, checked, &errors);
            tokens.extend(told(&errors, function.cfgs()));
            tokens
        }
    }
}

/// What the block was given, and what the member was given itself.
fn of_member(args: &Args, marks: &[Attribute], errors: &mut Errors) -> Args {
    let mut given = TokenStream::new();
    for mark in marks {
        if let Meta::List(list) = &mark.meta {
            if !given.is_empty() {
                given.extend(quote::quote!(,));
            }
            given.extend(list.tokens.clone());
        }
    }
    let own = Args::parse(Kind::Service, given, errors);
    own.check_skip(errors);
    own.within(args)
}
