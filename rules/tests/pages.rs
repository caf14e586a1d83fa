//! The pages in `docs/rules`: one for each rule, with the message that the rule gives, and no other.
//!
//! That the code of a page compiles, or does not, is tested in `demarcate-tests` (`tests/support/pages.rs`). Here the
//! code that does not is held to the rules, so that it fails for the reason that its page is about.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use demarcate_rules::{Args, Errors, Item, Kind, Level, RULES, Rule, VARIANTS, check};
use quote::ToTokens;
use syn::visit::{self, Visit};

const KINDS: [Kind; 3] = [Kind::Router, Kind::Service, Kind::Job];
/// Stands where a message has what was found.
const ANYTHING: &str = "\u{fffd}";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// The pages by code.
fn pages() -> BTreeMap<String, String> {
    let directory = docs().join("rules");
    fs::read_dir(&directory)
        .expect("docs/rules is there")
        .map(|entry| entry.expect("docs/rules can be listed").path())
        .map(|path| {
            let code = path.file_stem().expect("a page has a name");
            let text = fs::read_to_string(&path).expect("a page is text");
            (code.to_string_lossy().into_owned(), text)
        })
        .collect()
}

fn page(rule: &Rule) -> String {
    pages()
        .remove(rule.code)
        .unwrap_or_else(|| panic!("docs/rules/{}.md is missing", rule.code))
}

/// The code blocks that begin with that line.
fn blocks(page: &str, of: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("```") {
            continue;
        }
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        if line == of {
            found.push(block.join("\n"));
        }
    }
    found
}

/// A text on one line, as it reads wherever its lines were broken.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a text contains the parts of a pattern, one after the other.
fn contains(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    pattern.split(ANYTHING).all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// Whether a block shows a message and its line of help.
///
/// A warning is that of a deprecated macro whose name is the code: "use of deprecated macro `D050`: a router ..".
fn shows(block: &str, rule: &Rule, text: &str) -> bool {
    let (message, help) = text.split_once("\nhelp: ").expect("a line of help");
    let message = match rule.level {
        Level::Deny => message.to_owned(),
        Level::Warn => message.replacen(
            rule.code,
            &format!("use of deprecated macro `{}`", rule.code),
            1,
        ),
    };
    let block = flat(block);
    contains(&block, &flat(&message)) && contains(&block, &flat(help))
}

#[test]
fn every_rule_has_a_page_and_every_page_a_rule() {
    let pages: Vec<_> = pages().into_keys().collect();
    let rules: Vec<_> = RULES.iter().map(|rule| rule.code).collect();
    assert_eq!(pages, rules);
}

#[test]
fn a_page_has_its_title_and_its_sections() {
    for rule in RULES {
        let page = page(rule);
        let title = format!("# {} {}", rule.code, rule.name);
        assert_eq!(page.lines().next(), Some(title.as_str()));
        let sections: Vec<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        assert_eq!(
            sections,
            ["Why", "Wrong", "Right", "How to allow it", "The message"],
            "{}",
            rule.code
        );
    }
}

#[test]
fn a_page_shows_messages_of_its_rule_and_no_others() {
    for rule in RULES {
        let shown = blocks(&page(rule), "```text");
        assert!(!shown.is_empty(), "{} shows no message", rule.code);
        let mut messages = Vec::new();
        let elsewhere = VARIANTS.iter();
        for row in [rule].into_iter().chain(elsewhere) {
            for kind in KINDS.iter().filter(|_| row == rule) {
                messages.push(row.text(*kind, ANYTHING));
                messages.extend(row.text_of_type(*kind, ANYTHING));
            }
        }
        for block in shown {
            assert!(
                messages.iter().any(|message| shows(&block, rule, message)),
                "{} shows\n{block}\nand its messages are\n{}",
                rule.code,
                messages.join("\n")
            );
        }
    }
}

#[test]
fn what_a_page_calls_wrong_gives_the_message_that_it_shows() {
    for rule in RULES {
        let wrong = blocks(&page(rule), "```rust,compile_fail");
        assert!(!wrong.is_empty(), "{} shows nothing wrong", rule.code);
        let shown = blocks(&page(rule), "```text");
        for code in wrong {
            let mistakes = mistakes(&code);
            assert!(
                !mistakes.is_empty() || rule.text_of_type(Kind::Service, "").is_some(),
                "{}: neither the rules nor the compiler says anything of\n{code}",
                rule.code
            );
            for text in mistakes {
                assert!(
                    text.starts_with(rule.code),
                    "{} has code that says\n{text}",
                    rule.code
                );
                assert!(
                    shown.iter().any(|block| shows(block, rule, &text)),
                    "{} does not show what its code says:\n{text}",
                    rule.code
                );
            }
        }
    }
}

#[test]
fn what_a_page_calls_right_breaks_no_rule() {
    for rule in RULES {
        let page = page(rule);
        let right = page.split("## Right").nth(1).expect("a section");
        for code in blocks(right, "```rust") {
            assert_eq!(mistakes(&code), [""; 0], "{}", rule.code);
        }
    }
}

#[test]
fn only_what_can_be_allowed_is_shown_so() {
    for rule in RULES {
        let is_shown = page(rule).contains("(allow(");
        assert!(
            !is_shown || rule.can_be_allowed(),
            "{} cannot be allowed",
            rule.code
        );
    }
}

#[test]
fn the_index_has_a_line_for_every_rule() {
    let index = fs::read_to_string(docs().join("rules.md")).expect("docs/rules.md is there");
    let lines: Vec<_> = index
        .lines()
        .filter(|line| line.starts_with("| [D"))
        .collect();
    assert_eq!(lines.len(), RULES.len());
    for (line, rule) in lines.iter().zip(RULES) {
        let level = match rule.level {
            Level::Deny => "error",
            Level::Warn => "warning",
        };
        let begin = format!(
            "| [{0}](rules/{0}.md) | `{1}` | {level} | ",
            rule.code, rule.name
        );
        assert!(line.starts_with(&begin), "{line}\nshould begin\n{begin}");
    }
}

#[test]
fn the_code_of_every_page_is_compiled() {
    let path = docs().join("../tests/support/pages.rs");
    let list = fs::read_to_string(path).expect("the list of the pages is there");
    for rule in RULES {
        assert!(
            list.contains(rule.code),
            "{} is not listed there",
            rule.code
        );
    }
}

/// What the rules say of the functions in a text that have an attribute of ours.
fn mistakes(code: &str) -> Vec<String> {
    let file = syn::parse_file(code).unwrap_or_else(|error| panic!("{error} in\n{code}"));
    let mut search = Search::default();
    search.visit_file(&file);
    search.mistakes
}

#[derive(Default)]
struct Search {
    mistakes: Vec<String>,
}

impl<'ast> Visit<'ast> for Search {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let mut item = item.clone();
        for kind in KINDS {
            let name = kind.attribute().trim_matches(['#', '[', ']']).to_owned();
            let Some(at) = item
                .attrs
                .iter()
                .position(|attr| attr.path().is_ident(&name))
            else {
                continue;
            };
            let attribute = item.attrs.remove(at);
            let arguments = match attribute.meta {
                syn::Meta::List(list) => list.tokens,
                _ => Default::default(),
            };
            let mut errors = Errors::default();
            let args = Args::parse(kind, arguments, &mut errors);
            match Item::parse(item.to_token_stream()) {
                Ok(Item::Function(function)) => {
                    check(kind, &args, &function, &mut errors);
                }
                _ => panic!("not a function"),
            }
            self.mistakes
                .extend(errors.iter().map(|mistake| mistake.error.to_string()));
        }
        visit::visit_item_fn(self, &item);
    }
}
