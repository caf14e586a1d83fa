//! Expands `#[service]` on an `impl`, a `trait` or a `mod`: every function inside.

use demarcate_rules::{Args, Block, Kind, Member, MemberItem};
use proc_macro2::{Group, TokenStream};
use quote::ToTokens;

use crate::function::{compile_errors, expand_function};

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
// Each function is expanded as if it had the attribute, and its errors follow it.
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
    match &member.item {
        MemberItem::Other(tokens) => tokens.clone(),
        MemberItem::Block(block) => {
            let (args, errors) = member.under(args);
            let mut tokens = expand(&args, block);
            let attrs = block.attrs();
            let cfgs = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
            tokens.extend(compile_errors(&errors, cfgs));
            tokens
        }
        MemberItem::Function(function) => {
            let (args, checked, errors) = member.held(function, args);
            let mut tokens = expand_function(Kind::Service, &args, function, checked, &errors);
            tokens.extend(compile_errors(&errors, function.cfgs()));
            tokens
        }
    }
}
