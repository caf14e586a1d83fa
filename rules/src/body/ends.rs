//! How code ends: with a success, or with an error on which the boundary rolls back.
//!
//! A result that is only asked whether it has failed is lost, unless what was learned of it leads to an error:
//! `let saved = f(tx).await.is_ok(); if !saved { return Err(..) }`.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprIf, ExprMatch, ExprMethodCall, ExprTry, Ident, Macro, Stmt};

use crate::body::names::Names;
use crate::syntax::expr::{any_word, called, tail, without_parens};
use crate::syntax::pattern::{bindings, names_word};

/// Whether an expression is an `Ok(..)`, so that an error became a success.
pub(crate) fn is_ok(expr: &Expr) -> bool {
    match without_parens(expr) {
        Expr::Call(call) => {
            called(&call.func).is_some_and(|name| name == "Ok") && !answers_failure(expr)
        }
        Expr::Return(returned) => returned.expr.as_ref().is_some_and(|value| is_ok(value)),
        // Each of several.
        Expr::Match(choice) => {
            !choice.arms.is_empty() && choice.arms.iter().all(|arm| is_ok(&arm.body))
        }
        Expr::If(choice) => {
            tail(&choice.then_branch).is_some_and(is_ok)
                && choice
                    .else_branch
                    .as_ref()
                    .is_some_and(|(_, other)| is_ok(other))
        }
        Expr::Block(block) => match block.block.stmts.last() {
            Some(Stmt::Expr(last, None)) => is_ok(last),
            Some(Stmt::Expr(Expr::Return(returned), Some(_))) => {
                returned.expr.as_ref().is_some_and(|value| is_ok(value))
            }
            _ => false,
        },
        Expr::Async(block) => match block.block.stmts.last() {
            Some(Stmt::Expr(last, None)) => is_ok(last),
            _ => false,
        },
        _ => false,
    }
}

/// Whether an answer says that something failed, on which a router rolls back: `Ok(StatusCode::NOT_FOUND)`.
fn answers_failure(expr: &Expr) -> bool {
    fn search(tokens: TokenStream) -> bool {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        tokens.iter().enumerate().any(|(n, token)| match token {
            TokenTree::Ident(word) if *word == "StatusCode" || *word == "HttpResponse" => {
                match tokens.get(n + 3) {
                    Some(TokenTree::Ident(status)) => ![
                        "OK",
                        "CREATED",
                        "ACCEPTED",
                        "NO_CONTENT",
                        "Ok",
                        "Created",
                        "Accepted",
                        "NoContent",
                    ]
                    .iter()
                    .any(|fine| status == fine),
                    _ => false,
                }
            }
            TokenTree::Group(group) => search(group.stream()),
            _ => false,
        })
    }
    search(expr.to_token_stream())
}

/// Whether code ends with an error of its own, so that the boundary rolls back: `return Err(..)`, `Err(..)`, a panic.
pub(crate) fn ends_in_error(expr: &Expr) -> bool {
    match without_parens(expr) {
        Expr::Return(returned) => returned.expr.as_ref().is_some_and(|value| !is_ok(value)),
        Expr::Call(call) => {
            called(&call.func).is_some_and(|name| {
                ["Err", "exit", "abort", "panic_any", "resume_unwind"]
                    .iter()
                    .any(|known| name == known)
            }) || answers_failure(expr)
        }
        Expr::Macro(mac) => is_failing(mac.mac.path.segments.last().map(|last| &last.ident)),
        Expr::Try(inner) => ends_in_error(&inner.expr),
        Expr::Await(inner) => ends_in_error(&inner.base),
        Expr::Async(block) => block_ends_in_error(&block.block.stmts),
        Expr::MethodCall(call) => ends_in_error(&call.receiver) || answers_failure(expr),
        Expr::Path(_) => answers_failure(expr),
        Expr::Tuple(_) => answers_failure(expr),
        Expr::Block(block) => block_ends_in_error(&block.block.stmts),
        Expr::Unsafe(block) => block_ends_in_error(&block.block.stmts),
        Expr::If(choice) => {
            block_ends_in_error(&choice.then_branch.stmts)
                && choice
                    .else_branch
                    .as_ref()
                    .is_some_and(|(_, other)| ends_in_error(other))
        }
        Expr::Match(choice) => choice.arms.iter().all(|arm| ends_in_error(&arm.body)),
        _ => false,
    }
}

pub(crate) fn block_ends_in_error(stmts: &[Stmt]) -> bool {
    let ends = match stmts.last() {
        Some(Stmt::Expr(last, _)) => ends_in_error(last),
        Some(Stmt::Macro(mac)) => is_failing(mac.mac.path.segments.last().map(|last| &last.ident)),
        _ => false,
    };
    ends || stmts.iter().any(|stmt| match stmt {
        Stmt::Expr(Expr::MethodCall(call), Some(_)) => call.method == "rollback_only",
        _ => false,
    })
}

fn is_failing(name: Option<&Ident>) -> bool {
    name.is_some_and(|name| {
        [
            "panic",
            "bail",
            "unreachable",
            "todo",
            "unimplemented",
            "throw",
            "yeet",
        ]
        .iter()
        .any(|known| name == known)
    })
}

/// Names of which statements make an error: `if !saved { return Err(..) }`, `assert!(saved)`.
pub(crate) fn answered(stmts: &[Stmt], names: &Names) -> Vec<Ident> {
    struct Search<'a> {
        names: &'a Names,
        found: Vec<Ident>,
    }
    impl Search<'_> {
        fn take(&mut self, tokens: &impl ToTokens) {
            words(tokens.to_token_stream(), &mut |word| {
                if !self.names.sessions.contains(&word) {
                    self.found.push(word);
                }
            });
        }
    }
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_expr_if(&mut self, choice: &'ast ExprIf) {
            if fails(choice) {
                self.take(&choice.cond);
            }
            visit::visit_expr_if(self, choice);
        }

        fn visit_expr_match(&mut self, choice: &'ast ExprMatch) {
            if choice.arms.iter().any(|arm| ends_in_error(&arm.body)) {
                self.take(&choice.expr);
            }
            visit::visit_expr_match(self, choice);
        }

        fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
            if makes_error(call) {
                self.take(&call.receiver);
            }
            visit::visit_expr_method_call(self, call);
        }

        fn visit_expr_call(&mut self, call: &'ast ExprCall) {
            if called(&call.func).is_some_and(|name| name == "Err") {
                self.take(&call.args);
            }
            visit::visit_expr_call(self, call);
        }

        fn visit_expr_try(&mut self, tried: &'ast ExprTry) {
            if let Some(call) = checks(tried) {
                self.take(&call.args);
            }
            visit::visit_expr_try(self, tried);
        }

        fn visit_macro(&mut self, mac: &'ast Macro) {
            if claims(mac) {
                self.take(&mac.tokens);
            }
        }
    }
    let mut search = Search {
        names,
        found: Vec::new(),
    };
    stmts.iter().for_each(|stmt| search.visit_stmt(stmt));
    search.found
}

/// Whether what is asked in an expression leads to an error: `if f(tx).await.is_err() { return Err(..) }`.
pub(crate) fn leads_to_error(expr: &Expr, names: &Names) -> bool {
    match expr {
        Expr::If(choice) => {
            let stmts = &choice.then_branch.stmts;
            // Of two branches one is about the failure.
            choice.else_branch.is_some()
                || block_ends_in_error(stmts)
                || stmts.iter().any(|stmt| sets(stmt, names))
        }
        Expr::Match(choice) => choice.arms.iter().any(|arm| ends_in_error(&arm.body)),
        Expr::MethodCall(call) => makes_error(call),
        Expr::Call(call) => called(&call.func).is_some_and(|name| name == "Err"),
        Expr::Try(tried) => checks(tried).is_some(),
        _ => false,
    }
}

/// Whether a statement sets a name of which a later one makes an error: `saved &= f(tx).await.is_ok();`.
pub(crate) fn sets(stmt: &Stmt, names: &Names) -> bool {
    if names.answered.is_empty() {
        return false;
    }
    let is_answered = |name: &Ident| names.answered.contains(name);
    match stmt {
        Stmt::Local(local) => bindings(&local.pat)
            .into_iter()
            .any(|binding| is_answered(binding.name)),
        Stmt::Expr(Expr::Assign(assign), _) => root(&assign.left).is_some_and(is_answered),
        Stmt::Expr(Expr::Binary(both), Some(_)) => root(&both.left).is_some_and(is_answered),
        Stmt::Expr(Expr::MethodCall(call), _) => root(&call.receiver).is_some_and(is_answered),
        _ => false,
    }
}

/// The variable that a place is in: `a` in `a.b[c]`.
fn root(place: &Expr) -> Option<&Ident> {
    match place {
        Expr::Field(field) => root(&field.base),
        Expr::Index(index) => root(&index.expr),
        Expr::MethodCall(call) => root(&call.receiver),
        Expr::Unary(inner) => root(&inner.expr),
        Expr::Paren(inner) => root(&inner.expr),
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    }
}

/// Whether one of the branches ends in an error.
fn fails(choice: &ExprIf) -> bool {
    block_ends_in_error(&choice.then_branch.stmts)
        || choice
            .else_branch
            .as_ref()
            .is_some_and(|(_, other)| ends_in_error(other))
}

/// `saved.then_some(()).ok_or(SoldOut)`
fn makes_error(call: &ExprMethodCall) -> bool {
    call.method == "ok_or" || call.method == "ok_or_else"
}

/// `check(saved)?`, and not `one(tx).await?`.
fn checks(tried: &ExprTry) -> Option<&ExprCall> {
    match without_parens(&tried.expr) {
        Expr::Call(call) => called(&call.func)
            .is_some_and(|name| !name.to_string().starts_with(char::is_uppercase))
            .then_some(call),
        _ => None,
    }
}

/// Whether a macro fails where what it is given does not hold: `assert!(..)`, `ensure!(..)`.
pub(crate) fn claims(mac: &Macro) -> bool {
    mac.path.segments.last().is_some_and(|last| {
        let name = last.ident.to_string();
        ["assert", "debug_assert", "ensure"]
            .iter()
            .any(|known| name.starts_with(known))
    })
}

/// The methods that tell whether a result has failed, or how many there are in a list.
const ASKS: [&str; 6] = [
    "is_empty",
    "is_err",
    "is_err_and",
    "is_ok",
    "is_ok_and",
    "len",
];

/// Whether any of several statements asks a value so.
pub(crate) fn ask(stmts: &[TokenStream]) -> bool {
    let is_asked = |word: &Ident| word == "matches" || ASKS.iter().any(|known| word == known);
    stmts
        .iter()
        .any(|tokens| any_word(tokens.clone(), &is_asked))
}

/// Whether tokens use a result otherwise than by asking whether it has failed, and by keeping more of its kind with it.
pub(crate) fn looks_at(tokens: TokenStream, name: &Ident) -> bool {
    const TAKES_IN: [&str; 6] = [
        "extend",
        "insert",
        "push",
        "push_back",
        "push_front",
        "reserve",
    ];
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_mark = |n: usize, mark| matches!(tokens.get(n), Some(TokenTree::Punct(punct)) if punct.as_char() == mark);
    let is_word = |n: usize, known: &[&str]| matches!(tokens.get(n), Some(TokenTree::Ident(word)) if known.iter().any(|known| word == known));
    tokens.iter().enumerate().any(|(n, token)| match token {
        TokenTree::Ident(word) if word == name => {
            let is_asked =
                is_mark(n + 1, '.') && (is_word(n + 2, &ASKS) || is_word(n + 2, &TAKES_IN));
            // `saved = f(tx).await`, and not `saved == other`.
            let is_set = is_mark(n + 1, '=') && !is_mark(n + 2, '=');
            !is_asked && !is_set
        }
        TokenTree::Group(group) => {
            let stream = group.stream();
            let is_matched = n > 1 && is_mark(n - 1, '!') && is_word(n - 2, &["matches"]) && {
                let mut parts = stream.clone().into_iter();
                matches!(parts.next(), Some(TokenTree::Ident(word)) if word == *name)
                    && matches!(parts.next(), Some(TokenTree::Punct(mark)) if mark.as_char() == ',')
            };
            match is_matched {
                true => looks_at(stream.into_iter().skip(2).collect(), name),
                false => looks_at(stream, name),
            }
        }
        TokenTree::Literal(_) => names_word(&TokenStream::from(token.clone()), name),
        TokenTree::Ident(_) | TokenTree::Punct(_) => false,
    })
}

/// The tokens in which a statement uses names that were declared before it.
pub(crate) fn used_in(stmt: &Stmt) -> TokenStream {
    match stmt {
        Stmt::Local(local) => local
            .init
            .as_ref()
            .map(|init| {
                let mut tokens = init.expr.to_token_stream();
                if let Some((_, instead)) = &init.diverge {
                    instead.to_tokens(&mut tokens);
                }
                tokens
            })
            .unwrap_or_default(),
        stmt => stmt.to_token_stream(),
    }
}

/// Shows `look` every word in tokens.
fn words(tokens: TokenStream, look: &mut dyn FnMut(Ident)) {
    for token in tokens {
        match token {
            TokenTree::Ident(word) => look(word),
            TokenTree::Group(group) => words(group.stream(), look),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}
