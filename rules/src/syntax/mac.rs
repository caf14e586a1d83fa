//! Reads the arguments of a macro call that are expressions or statements.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::visit_mut::VisitMut;
use syn::{Block, Expr, Macro, Stmt};

/// The tokens between the delimiters of a macro call, in parts.
pub(crate) struct Arguments {
    parts: Vec<Part>,
    /// Whether the macro is known to take any expression where one stands.
    pub(crate) are_expressions: bool,
}

/// A piece of the arguments.
pub(crate) enum Part {
    /// `a`, in `a, b`.
    Expr(Box<Expr>),
    /// The whole, where it is a body.
    Statements(Vec<Stmt>),
    /// Tokens that are neither.
    Other(TokenStream),
    /// `,`, `;` or `=>`
    Separator(TokenStream),
}

impl Arguments {
    /// The arguments of a call; `None` where they are not code that runs.
    pub(crate) fn of(mac: &Macro) -> Option<Self> {
        let name = mac.path.segments.last()?.ident.to_string();
        if is_no_code(&name) {
            return None;
        }
        let mut parts = split(mac.tokens.clone());
        if parts.iter().any(|part| matches!(part, Part::Other(_)))
            && let Ok(stmts) = Block::parse_within.parse2(mac.tokens.clone())
        {
            parts = vec![Part::Statements(stmts)];
        }
        Some(Self {
            parts,
            are_expressions: takes_expressions(&name),
        })
    }

    pub(crate) fn parts_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        self.parts.iter_mut()
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter()
    }

    /// Returns the tokens as text, to see later whether one was replaced.
    pub(crate) fn text(&self) -> String {
        self.to_token_stream().to_string()
    }

    /// Puts them in place of the call's own. Unless something was replaced a macro's input is not touched: it need not be
    /// Rust, and of `enum A { pub B }` syn keeps no `pub`.
    pub(crate) fn write_back(&self, mac: &mut Macro, before: &str) {
        let tokens = self.to_token_stream();
        if tokens.to_string() != before {
            mac.tokens = tokens;
        }
    }

    /// Those that are expressions.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expr(expr) => Some(&**expr),
            _ => None,
        })
    }
}

/// Whether a macro call makes a list: `vec![a, b]`.
pub(crate) fn is_list(mac: &Macro) -> bool {
    mac.path.is_ident("vec")
}

/// Shows `look` every argument of a macro call that is an expression or a statement's, and writes back what it replaces.
/// Other arguments go through `other`.
pub fn each_argument(
    mac: &mut Macro,
    look: &mut dyn VisitMut,
    other: &dyn Fn(&TokenStream) -> TokenStream,
) {
    let Some(mut arguments) = Arguments::of(mac) else {
        return;
    };
    let before = arguments.text();
    for part in arguments.parts_mut() {
        match part {
            Part::Expr(expr) => look.visit_expr_mut(expr),
            Part::Statements(stmts) => stmts.iter_mut().for_each(|stmt| look.visit_stmt_mut(stmt)),
            Part::Other(tokens) => *tokens = other(tokens),
            Part::Separator(_) => {}
        }
    }
    arguments.write_back(mac, &before);
}

impl ToTokens for Arguments {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for part in &self.parts {
            match part {
                Part::Expr(expr) => expr.to_tokens(tokens),
                Part::Statements(stmts) => {
                    stmts.iter().for_each(|stmt| stmt.to_tokens(tokens));
                }
                Part::Other(other) | Part::Separator(other) => other.to_tokens(tokens),
            }
        }
    }
}

fn is_no_code(name: &str) -> bool {
    matches!(
        name,
        "stringify"
            | "quote"
            | "quote_spanned"
            | "parse_quote"
            | "concat"
            | "include"
            | "include_str"
            | "include_bytes"
            | "env"
            | "option_env"
            | "cfg"
            | "__demarcate_refused"
    )
}

/// The macros of std, tokio and futures whose arguments are any expressions.
fn takes_expressions(name: &str) -> bool {
    matches!(
        name,
        "assert"
            | "assert_eq"
            | "assert_ne"
            | "dbg"
            | "debug_assert"
            | "debug_assert_eq"
            | "debug_assert_ne"
            | "eprint"
            | "eprintln"
            | "format"
            | "join"
            | "matches"
            | "panic"
            | "pin"
            | "print"
            | "println"
            | "select"
            | "try_join"
            | "vec"
            | "write"
            | "writeln"
    )
}

/// Cuts at each `,`, `;` and `=>` that is not inside brackets, which is where the arguments of `vec!`, `matches!` and
/// `select!` end. An arm that is a block needs no comma: `a => { b } c => d`.
fn split(tokens: TokenStream) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut begins_arm = false;
    let mut part = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let mut separator = Vec::new();
        if let TokenTree::Punct(punct) = &token {
            let is_arrow = punct.as_char() == '='
                && punct.spacing() == proc_macro2::Spacing::Joint
                && matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == '>');
            if is_arrow || matches!(punct.as_char(), ',' | ';') {
                separator.push(token.clone());
                if is_arrow {
                    separator.extend(tokens.next());
                }
            }
        }
        if separator.is_empty() {
            let is_block =
                matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
            let goes_on = matches!(tokens.peek(), None | Some(TokenTree::Punct(_)));
            part.push(token);
            if begins_arm && is_block && !goes_on {
                parts.extend(read(std::mem::take(&mut part)));
            }
            begins_arm = false;
        } else {
            begins_arm = separator.len() > 1;
            parts.extend(read(std::mem::take(&mut part)));
            parts.push(Part::Separator(separator.into_iter().collect()));
        }
    }
    parts.extend(read(part));
    parts
}

fn read(tokens: Vec<TokenTree>) -> Option<Part> {
    if tokens.is_empty() {
        return None;
    }
    let tokens: TokenStream = tokens.into_iter().collect();
    Some(match syn::parse2(tokens.clone()) {
        // Of a `let` the statements that follow must be known.
        Ok(Expr::Let(_)) | Err(_) => Part::Other(tokens),
        Ok(expr) => Part::Expr(Box::new(expr)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(call: &str) -> Vec<String> {
        let mac: Macro = syn::parse_str(call).expect("a macro call");
        let Some(arguments) = Arguments::of(&mac) else {
            return Vec::new();
        };
        assert_eq!(
            arguments.to_token_stream().to_string(),
            mac.tokens.to_string(),
            "nothing is lost"
        );
        arguments
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Expr(expr) => Some(expr.to_token_stream().to_string()),
                Part::Statements(stmts) => Some(format!("{} statements", stmts.len())),
                Part::Other(tokens) => Some(format!("? {tokens}")),
                Part::Separator(_) => None,
            })
            .collect()
    }

    #[test]
    fn expressions_are_read_wherever_they_stand() {
        assert_eq!(parts("join!(a(), b)"), ["a ()", "b"]);
        assert_eq!(parts("vec![a; 3]"), ["a", "3"]);
        assert_eq!(
            parts("matches!(a(b), Ok(_) | Err(_))"),
            ["a (b)", "Ok (_) | Err (_)"]
        );
        assert_eq!(
            parts("select! { biased; Some(a) = b() => { c }, else => d }"),
            ["biased", "Some (a) = b ()", "{ c }", "? else", "d"]
        );
        assert_eq!(
            parts("select! { a = b() => { c } d = e() => f, _ = g() => { h }.i(), else => {} }"),
            [
                "a = b ()",
                "{ c }",
                "d = e ()",
                "f",
                "_ = g ()",
                "{ h } . i ()",
                "? else",
                "{ }"
            ]
        );
        assert_eq!(parts("my! { let a = b(); a.c() }"), ["2 statements"]);
        assert_eq!(parts("my!(on a do b.c())"), ["? on a do b . c ()"]);
        assert_eq!(parts("quote!(a.commit())"), [""; 0]);
        assert_eq!(parts("my!()"), [""; 0]);
    }
}
