//! Reads the arguments of a macro call that are expressions or statements.

use proc_macro2::{Delimiter, Group, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::visit_mut::VisitMut;
use syn::{Block, Expr, Macro, Stmt};

/// The tokens between the delimiters of a macro call, in parts.
pub(crate) struct Arguments {
    pieces: Vec<Piece>,
    grammar: Grammar,
    /// Whether the macro is known to take any expression where one stands.
    pub(crate) are_expressions: bool,
}

/// A part, or parts in brackets.
enum Piece {
    Part(Part),
    /// `{ "a": b }`, with the brackets as they were written.
    Group(Group, Vec<Piece>),
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
        let grammar = Grammar::of(&name, &mac.tokens);
        let pieces = match grammar {
            Grammar::Fields => fields(mac.tokens.clone()),
            Grammar::Json => json(mac.tokens.clone()),
            Grammar::List => {
                let mut parts = split(mac.tokens.clone());
                if parts.iter().any(|part| matches!(part, Part::Other(_)))
                    && let Ok(stmts) = Block::parse_within.parse2(mac.tokens.clone())
                {
                    parts = vec![Part::Statements(stmts)];
                }
                parts.into_iter().map(Piece::Part).collect()
            }
        };
        Some(Self {
            pieces,
            grammar,
            are_expressions: grammar != Grammar::List || takes_expressions(&name),
        })
    }

    pub(crate) fn parts_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        let mut parts = Vec::new();
        self.pieces
            .iter_mut()
            .for_each(|piece| piece.each_mut(&mut parts));
        parts.into_iter()
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        let mut parts = Vec::new();
        self.pieces.iter().for_each(|piece| piece.each(&mut parts));
        parts.into_iter()
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
        self.parts().filter_map(|part| match part {
            Part::Expr(expr) => Some(&**expr),
            _ => None,
        })
    }
}

impl Piece {
    fn each<'a>(&'a self, parts: &mut Vec<&'a Part>) {
        match self {
            Self::Part(part) => parts.push(part),
            Self::Group(_, inner) => inner.iter().for_each(|piece| piece.each(parts)),
        }
    }

    fn each_mut<'a>(&'a mut self, parts: &mut Vec<&'a mut Part>) {
        match self {
            Self::Part(part) => parts.push(part),
            Self::Group(_, inner) => inner.iter_mut().for_each(|piece| piece.each_mut(parts)),
        }
    }

    fn write(&self, grammar: Grammar, tokens: &mut TokenStream) {
        match self {
            // What was put in the place of a value is not to be read as an object or a list.
            Self::Part(Part::Expr(expr)) if grammar == Grammar::Json => {
                let value = expr.to_token_stream();
                let first = value.clone().into_iter().next();
                match first {
                    Some(TokenTree::Group(group))
                        if group.delimiter() != Delimiter::Parenthesis =>
                    {
                        let mut group = Group::new(Delimiter::Parenthesis, value);
                        group.set_span(Span::mixed_site());
                        tokens.extend([TokenTree::Group(group)]);
                    }
                    _ => tokens.extend(value),
                }
            }
            Self::Part(part) => part.to_tokens(tokens),
            Self::Group(outer, inner) => {
                let mut content = TokenStream::new();
                inner
                    .iter()
                    .for_each(|piece| piece.write(grammar, &mut content));
                let mut group = Group::new(outer.delimiter(), content);
                group.set_span(outer.span());
                tokens.extend([TokenTree::Group(group)]);
            }
        }
    }
}

impl ToTokens for Part {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Expr(expr) => expr.to_tokens(tokens),
            Self::Statements(stmts) => stmts.iter().for_each(|stmt| stmt.to_tokens(tokens)),
            Self::Other(other) | Self::Separator(other) => other.to_tokens(tokens),
        }
    }
}

/// How the arguments of a macro are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grammar {
    /// Expressions, one after the other.
    List,
    /// `target: "a", b = c, ?d, "{}", e`, as the macros of `tracing` and `log` take them.
    Fields,
    /// `{ "a": b, "c": [d] }`, as `json!` takes it.
    Json,
}

impl Grammar {
    fn of(name: &str, tokens: &TokenStream) -> Self {
        match name {
            "debug" | "debug_span" | "error" | "error_span" | "event" | "info" | "info_span"
            | "log" | "span" | "trace" | "trace_span" | "warn" | "warn_span" => Self::Fields,
            "json" => Self::Json,
            _ if is_json(tokens) => Self::Json,
            _ => Self::List,
        }
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
        let pieces = self.pieces.iter();
        pieces.for_each(|piece| piece.write(self.grammar, tokens));
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

/// The macros of std, tokio, futures and anyhow whose arguments are any expressions.
fn takes_expressions(name: &str) -> bool {
    matches!(
        name,
        "anyhow"
            | "assert"
            | "assert_eq"
            | "assert_matches"
            | "assert_ne"
            | "bail"
            | "dbg"
            | "debug_assert"
            | "debug_assert_eq"
            | "debug_assert_ne"
            | "ensure"
            | "eprint"
            | "eprintln"
            | "eyre"
            | "format"
            | "format_args"
            | "join"
            | "matches"
            | "panic"
            | "pin"
            | "print"
            | "println"
            | "select"
            | "todo"
            | "try_join"
            | "unimplemented"
            | "unreachable"
            | "vec"
            | "write"
            | "writeln"
    )
}

/// Cuts at each `,` and `;`, which are kept behind what they end.
fn segments(tokens: TokenStream) -> Vec<(Vec<TokenTree>, Option<TokenTree>)> {
    let mut segments = Vec::new();
    let mut segment = Vec::new();
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if matches!(punct.as_char(), ',' | ';') => {
                segments.push((std::mem::take(&mut segment), Some(token)));
            }
            _ => segment.push(token),
        }
    }
    segments.push((segment, None));
    segments
}

fn untouched(tokens: impl IntoIterator<Item = TokenTree>) -> Piece {
    Piece::Part(Part::Separator(tokens.into_iter().collect()))
}

/// Reads `target: "a", b = c, ?d, "{}", e`. What is a name and its value in one, `b`, `?b.c`, stays as it is.
fn fields(tokens: TokenStream) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (segment, end) in segments(tokens) {
        pieces.extend(field(segment));
        pieces.extend(end.map(|end| untouched([end])));
    }
    pieces
}

fn field(mut segment: Vec<TokenTree>) -> Vec<Piece> {
    if let [TokenTree::Group(group)] = segment.as_slice()
        && group.delimiter() == Delimiter::Brace
    {
        return vec![Piece::Group(group.clone(), fields(group.stream()))];
    }
    let named = end_of_name(&segment);
    let mut value = segment.split_off(named.unwrap_or_default());
    let is_shown = matches!(value.first(), Some(TokenTree::Punct(mark)) if matches!(mark.as_char(), '?' | '%'));
    if is_shown {
        segment.push(value.remove(0));
    }
    let is_name = value
        .iter()
        .all(|token| matches!(token, TokenTree::Ident(_)) || is_mark(token, '.'));
    if named.is_none() && is_name {
        segment.append(&mut value);
    }
    let name = (!segment.is_empty()).then(|| untouched(segment));
    name.into_iter()
        .chain(read(value).map(Piece::Part))
        .collect()
}

/// Where the value begins in `a.b = c`, `"a" = c`, `a:? = c` and `target: c`.
fn end_of_name(segment: &[TokenTree]) -> Option<usize> {
    let mut at = match segment {
        [TokenTree::Ident(word), colon, behind, ..]
            if is_mark(colon, ':') && !is_mark(behind, ':') =>
        {
            let is_option = ["logger", "name", "parent", "target"]
                .iter()
                .any(|option| word == option);
            if is_option {
                return Some(2);
            }
            1
        }
        [TokenTree::Ident(_) | TokenTree::Literal(_), ..] => 1,
        _ => return None,
    };
    while let [dot, TokenTree::Ident(_), ..] = segment.get(at..)?
        && is_mark(dot, '.')
    {
        at += 2;
    }
    // How `log` shows it.
    if let [colon, TokenTree::Ident(_) | TokenTree::Punct(_), ..] = segment.get(at..)?
        && is_mark(colon, ':')
    {
        at += 2;
    }
    match segment.get(at)? {
        TokenTree::Punct(punct) if punct.as_char() == '=' && punct.spacing() == Spacing::Alone => {
            Some(at + 1)
        }
        // `n=?a`
        TokenTree::Punct(punct) if punct.as_char() == '=' => {
            let next = segment.get(at + 1)?;
            (!is_mark(next, '=') && !is_mark(next, '>')).then_some(at + 1)
        }
        _ => None,
    }
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// Whether tokens are `{ "a": b, .. }`, or that without the braces.
fn is_json(tokens: &TokenStream) -> bool {
    let mut first = tokens.clone().into_iter();
    if let (Some(TokenTree::Group(group)), None) = (first.next(), first.next())
        && group.delimiter() == Delimiter::Brace
    {
        return is_json(&group.stream());
    }
    let mut segments = segments(tokens.clone()).into_iter().peekable();
    let is_entry = |segment: &[TokenTree]| {
        matches!(segment, [TokenTree::Literal(key), colon, ..]
            if key.to_string().starts_with('"') && is_mark(colon, ':'))
    };
    let has_some = segments
        .peek()
        .is_some_and(|(segment, _)| is_entry(segment));
    has_some && segments.all(|(segment, _)| segment.is_empty() || is_entry(&segment))
}

/// Reads `{ "a": b, "c": [d] }`, `[a, b]`, or a value alone.
fn json(tokens: TokenStream) -> Vec<Piece> {
    match is_json(&tokens) {
        true if !matches!(tokens.clone().into_iter().next(), Some(TokenTree::Group(_))) => {
            entries(tokens)
        }
        _ => value(tokens.into_iter().collect()),
    }
}

fn value(tokens: Vec<TokenTree>) -> Vec<Piece> {
    match tokens.as_slice() {
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::Brace => {
            vec![Piece::Group(group.clone(), entries(group.stream()))]
        }
        [TokenTree::Group(group)] if group.delimiter() == Delimiter::Bracket => {
            vec![Piece::Group(group.clone(), items(group.stream()))]
        }
        // `null`
        [TokenTree::Ident(_)] => vec![untouched(tokens)],
        _ => read(tokens).map(Piece::Part).into_iter().collect(),
    }
}

fn items(tokens: TokenStream) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (segment, end) in segments(tokens) {
        pieces.extend(value(segment));
        pieces.extend(end.map(|end| untouched([end])));
    }
    pieces
}

fn entries(tokens: TokenStream) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (mut key, end) in segments(tokens) {
        // `a::b` is a path.
        let colon = key.iter().enumerate().position(|(at, token)| {
            let is_alone = |at: Option<usize>| {
                let token = at.and_then(|at| key.get(at));
                !token.is_some_and(|token| is_mark(token, ':'))
            };
            is_mark(token, ':') && is_alone(at.checked_sub(1)) && is_alone(Some(at + 1))
        });
        let behind = match colon {
            Some(colon) => key.split_off(colon + 1),
            None => Vec::new(),
        };
        if !key.is_empty() {
            pieces.push(untouched(key));
        }
        pieces.extend(value(behind));
        pieces.extend(end.map(|end| untouched([end])));
    }
    pieces
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
            arguments.text().replace(' ', ""),
            mac.tokens.to_string().replace(' ', ""),
            "nothing is lost"
        );
        arguments
            .parts()
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
        assert_eq!(parts("bail!(\"{}\", a())"), ["\"{}\"", "a ()"]);
        assert_eq!(parts("quote!(a.commit())"), [""; 0]);
        assert_eq!(parts("my!()"), [""; 0]);
    }

    #[test]
    fn fields_of_a_log_are_read() {
        assert_eq!(
            parts("info!(target: \"a\", b.c = d().await?, ?e, %f.g, h = ?i(), \"{}\", j(k), l)"),
            ["\"a\"", "d () . await ?", "i ()", "\"{}\"", "j (k)"]
        );
        assert_eq!(parts("tracing::event!(Level::INFO, a)"), ["Level :: INFO"]);
        assert_eq!(
            parts("info_span!(\"a\", b = %c.d(), e = tracing::field::Empty)"),
            ["\"a\"", "c . d ()", "tracing :: field :: Empty"]
        );
        assert_eq!(
            parts("warn!({ a = b() }, \"c\"; parent: &d, \"e\" = f)"),
            ["b ()", "\"c\"", "& d", "f"]
        );
        assert_eq!(parts("log::info!(a:? = b(); \"c\")"), ["b ()", "\"c\""]);
        assert_eq!(parts("error!(a == b(), %c())"), ["a == b ()", "c ()"]);
    }

    #[test]
    fn values_of_json_are_read() {
        assert_eq!(
            parts("json!({ \"a\": b(c).await?, \"d\": [e(), null, { \"f\": g::h }], i: 1 })"),
            ["b (c) . await ?", "e ()", "g :: h", "1"]
        );
        assert_eq!(parts("json!(a())"), ["a ()"]);
        assert_eq!(parts("json!([a(), b])"), ["a ()"]);
        assert_eq!(parts("doc! { \"a\": b(), \"c\": 1 }"), ["b ()", "1"]);
        assert_eq!(parts("my!({ \"a\": b() })"), ["b ()"]);
    }
}
