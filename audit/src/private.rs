//! Paths to what the attributes expand to: with them a rule could be lifted without a reason.

use demarcate_rules::Errors;
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;

/// Reports every mention of demarcate's module for expansions, in a package that calls it one of `crates`.
pub(crate) fn mentions(file: &syn::File, crates: &[String], errors: &mut Errors) {
    search(file.to_token_stream(), None, crates, errors);
}

/// Looks for `demarcate::__private0` and `use demarcate::{__private0}`. `around` is the root of the path before a group.
fn search(tokens: TokenStream, around: Option<&str>, crates: &[String], errors: &mut Errors) {
    // The first segment of the path that is being read, and the colons behind its last one.
    let (mut root, mut colons) = (around.map(str::to_owned), 2);
    for token in tokens {
        match token {
            TokenTree::Ident(word) => {
                let goes_on = colons == 2 && root.is_some();
                if !goes_on {
                    root = Some(word.to_string());
                } else if is_private(&word)
                    && root.as_ref().is_some_and(|root| crates.contains(root))
                {
                    errors.unreadable(syn::Error::new(
                        word.span(),
                        format!(
                            "`{word}` is for what the attributes expand to; lift a rule with `allow(.., reason = \"..\")` \
                             in an attribute"
                        ),
                    ));
                }
                colons = 0;
            }
            TokenTree::Punct(mark) if mark.as_char() == ':' && root.is_some() => colons += 1,
            TokenTree::Group(group) => {
                let before = root.as_deref().filter(|_| colons == 2);
                search(group.stream(), before, crates, errors);
                (root, colons) = (None, 0);
            }
            TokenTree::Punct(mark) => {
                root = around.filter(|_| mark.as_char() == ',').map(str::to_owned);
                colons = 2;
            }
            TokenTree::Literal(_) => root = None,
        }
    }
}

/// `__private0`
fn is_private(word: &Ident) -> bool {
    let word = word.to_string();
    word.strip_prefix("__private")
        .is_some_and(|release| !release.is_empty() && release.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        let file = syn::parse_file(text).expect("a file");
        let mut errors = Errors::default();
        mentions(
            &file,
            &["demarcate".to_owned(), "dm".to_owned()],
            &mut errors,
        );
        errors.iter().count()
    }

    #[test]
    fn every_path_into_the_module_is_found() {
        for text in [
            "fn f() { demarcate::__private0::allow(tx, &L); }",
            "fn f() { ::dm::__private12::allow(tx, &L); }",
            "use demarcate::__private0 as hidden;",
            "use demarcate::{sqlite::{Session, SessionFactory}, __private0::{Lifted, allow}};",
            "m!(a, demarcate::__private0);",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
        for text in [
            "fn f() { serde::__private228::ok(); }",
            "pub mod __private0 {}",
            "use demarcate::{sqlite::Session}; use serde::{__private0};",
            "fn __private0() { demarcate::Error; __private0() }",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }
}
