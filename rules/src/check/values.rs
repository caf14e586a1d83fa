//! The texts that the expressions of a body stand for, as far as its tokens tell: literals, names bound to them, and what is put
//! together from both.

use std::collections::HashMap;

use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{BinOp, Expr, ExprCall, ExprLit, ExprMethodCall, Ident, Lit, Macro, Token, UnOp};

use crate::root;
use crate::syntax::expr::{called, owner, plain_place, tail};
use crate::syntax::mac::is_list;

/// Stands in a text for a part that is not known. It is as long as ` ? `, so that what comes after it stays in its place.
pub(crate) const UNKNOWN: &str = "\u{E000}";

/// What the names of a body stand for.
#[derive(Clone, Default)]
pub(crate) struct Values {
    /// Names that stand for a text, or for one of several.
    bound: HashMap<String, Vec<String>>,
    /// Names that stand for a list of texts, in their order.
    lists: HashMap<String, Vec<String>>,
}

impl Values {
    /// The texts of which an expression stands for one, each with the tokens that say so.
    pub(crate) fn texts<'a>(&self, expr: &'a Expr) -> Vec<(String, &'a Expr)> {
        let all = |values: Vec<&'a Expr>| {
            let values = values.into_iter();
            values.flat_map(|value| self.texts(value)).collect()
        };
        match expr {
            Expr::Paren(inner) => self.texts(&inner.expr),
            Expr::Group(inner) => self.texts(&inner.expr),
            Expr::Reference(inner) => self.texts(&inner.expr),
            Expr::Unary(inner) if matches!(inner.op, UnOp::Deref(_)) => self.texts(&inner.expr),
            Expr::If(choice) => {
                let other = choice.else_branch.as_ref().map(|(_, other)| &**other);
                all(tail(&choice.then_branch).into_iter().chain(other).collect())
            }
            Expr::Match(choice) => all(choice.arms.iter().map(|arm| &*arm.body).collect()),
            Expr::Block(block) => all(tail(&block.block).into_iter().collect()),
            Expr::Array(array) => all(array.elems.iter().collect()),
            Expr::Index(index) => {
                let texts = self.texts(&index.expr).into_iter();
                texts.map(|(text, _)| (text, expr)).collect()
            }
            Expr::Call(call) if is_empty(call, "String") => vec![(String::new(), expr)],
            Expr::Call(call) => wrapped(call).map_or_else(Vec::new, |text| self.texts(text)),
            Expr::MethodCall(call) if keeps_text(call) => self.texts(&call.receiver),
            Expr::Macro(mac) if is_list(&mac.mac) => {
                let items = self.list(expr).unwrap_or_default().into_iter();
                let known = items.filter(|item| *item != UNKNOWN);
                known.map(|text| (text, expr)).collect()
            }
            Expr::Path(path) => {
                let texts = self.bound.get(&key(&path.path)).into_iter().flatten();
                texts.map(|text| (text.clone(), expr)).collect()
            }
            expr => self
                .text(expr)
                .map(|text| (text, expr))
                .into_iter()
                .collect(),
        }
    }

    /// The text that an expression stands for.
    pub(crate) fn text(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Lit(ExprLit { lit, .. }) => match lit {
                Lit::Str(text) => Some(text.value()),
                Lit::Char(letter) => Some(letter.value().to_string()),
                _ => None,
            },
            Expr::Paren(inner) => self.text(&inner.expr),
            Expr::Group(inner) => self.text(&inner.expr),
            Expr::Reference(inner) => self.text(&inner.expr),
            Expr::Unary(inner) if matches!(inner.op, UnOp::Deref(_)) => self.text(&inner.expr),
            // The macros of sqlx take a sum of literals, and `String` has the operator.
            Expr::Binary(sum) if matches!(sum.op, BinOp::Add(_)) => {
                let (left, right) = (self.text(&sum.left), self.text(&sum.right));
                if left.is_none() && right.is_none() {
                    return None;
                }
                let known = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
                Some(known(left) + &known(right))
            }
            Expr::Macro(mac) => self.text_of_macro(&mac.mac),
            Expr::Path(path) => match self.bound.get(&key(&path.path))?.as_slice() {
                [text] => Some(text.clone()),
                _ => None,
            },
            Expr::Call(call) if is_empty(call, "String") => Some(String::new()),
            Expr::Call(call) => self.text(wrapped(call)?),
            Expr::MethodCall(call) if keeps_text(call) => self.text(&call.receiver),
            Expr::MethodCall(call) => self.text_of_method(call),
            _ => None,
        }
    }

    pub(crate) fn text_or_unknown(&self, expr: &Expr) -> String {
        self.text(expr).unwrap_or_else(|| UNKNOWN.to_owned())
    }

    /// `["a", "b"].join("; ")`, `["a", "b"].concat()`, `"a $1".replace("$1", b)`
    fn text_of_method(&self, call: &ExprMethodCall) -> Option<String> {
        let mut args = call.args.iter();
        match (call.method.to_string().as_str(), args.next(), args.next()) {
            ("join", Some(between), None) => {
                let between = self.text_or_unknown(between);
                Some(self.list(&call.receiver)?.join(&between))
            }
            ("concat", None, None) => Some(self.list(&call.receiver)?.concat()),
            ("collect", None, None) if !collects_list(call) => {
                Some(self.list(&call.receiver)?.concat())
            }
            ("replace", Some(from), Some(to)) => {
                let from = self.text(from).filter(|from| !from.is_empty())?;
                let text = self.text(&call.receiver)?;
                Some(text.replace(&from, &self.text_or_unknown(to)))
            }
            _ => None,
        }
    }

    /// The texts of a list, in their order.
    pub(crate) fn list(&self, expr: &Expr) -> Option<Vec<String>> {
        let all = |items: Vec<&Expr>| -> Vec<String> {
            let items = items.into_iter();
            items.map(|item| self.text_or_unknown(item)).collect()
        };
        match expr {
            Expr::Paren(inner) => self.list(&inner.expr),
            Expr::Group(inner) => self.list(&inner.expr),
            Expr::Reference(inner) => self.list(&inner.expr),
            Expr::Array(array) => Some(all(array.elems.iter().collect())),
            Expr::Macro(mac) if is_list(&mac.mac) => {
                let items = arguments(&mac.mac)?;
                Some(all(items.iter().collect()))
            }
            Expr::Call(call) if is_empty(call, "Vec") => Some(Vec::new()),
            Expr::Path(path) => self.lists.get(&key(&path.path)).cloned(),
            Expr::MethodCall(call)
                if call.args.is_empty()
                    && (keeps_text(call)
                        || call.method == "to_vec"
                        || call.method == "as_slice"
                        || (call.method == "collect" && collects_list(call))) =>
            {
                self.list(&call.receiver)
            }
            _ => None,
        }
    }

    /// The text of a macro call: `concat!`, `format!`, `include_str!`.
    fn text_of_macro(&self, mac: &Macro) -> Option<String> {
        let name = mac.path.segments.last()?.ident.to_string();
        match name.as_str() {
            "concat" | "concatcp" => self.concat(mac),
            "format" | "format_args" | "formatcp" | "formatdoc" => self.format(&arguments(mac)?),
            "indoc" => self.text(arguments(mac)?.first()?),
            "include_str" => {
                let file = arguments(mac)?.into_iter().next()?;
                let token = file.to_token_stream().into_iter().next()?.span();
                root::beside(token, &self.text(&file)?)
            }
            "env" => {
                let variable = self.text(arguments(mac)?.first()?)?;
                let root = root::root().filter(|_| variable == "CARGO_MANIFEST_DIR")?;
                Some(root.to_str()?.to_owned())
            }
            _ => None,
        }
    }

    fn concat(&self, mac: &Macro) -> Option<String> {
        let parts = arguments(mac)?;
        let parts = parts.iter().map(|part| match part {
            Expr::Lit(ExprLit {
                lit: Lit::Int(number),
                ..
            }) => number.to_string(),
            part => self.text_or_unknown(part),
        });
        Some(parts.collect())
    }

    /// The text that a format string gives, with what is known of its arguments.
    fn format(&self, args: &[Expr]) -> Option<String> {
        let (format, args) = args.split_first()?;
        let format = self.text(format)?;
        let mut next = 0;
        let mut text = String::new();
        let mut rest = format.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let (before, behind) = rest.split_at(at);
            text.push_str(before);
            // Written twice it stands for itself.
            let twice = [("{{", '{'), ("}}", '}')];
            let twice = twice
                .into_iter()
                .find_map(|(twice, once)| Some((behind.strip_prefix(twice)?, once)));
            if let Some((behind, once)) = twice {
                text.push(once);
                rest = behind;
                continue;
            }
            let (hole, behind) = behind.strip_prefix('{')?.split_once('}')?;
            text.push_str(&self.argument(hole, args, &mut next));
            rest = behind;
        }
        text.push_str(rest);
        Some(text)
    }

    /// Returns the argument that `{}`, `{0}` or `{name}` of a format string stands for.
    fn argument(&self, hole: &str, args: &[Expr], next: &mut usize) -> String {
        let (name, shape) = hole.split_once(':').unwrap_or((hole, ""));
        let name = name.trim();
        let positional = |at: usize| args.get(at).and_then(|argument| self.text(argument));
        let known = if name.is_empty() {
            *next += 1;
            positional(*next - 1)
        } else if let Ok(at) = name.parse() {
            positional(at)
        } else {
            let given = args.iter().find_map(|argument| match argument {
                Expr::Assign(given) if given.left.to_token_stream().to_string() == name => {
                    Some(&*given.right)
                }
                _ => None,
            });
            match given {
                Some(given) => self.text(given),
                None => match self.bound.get(name).map(Vec::as_slice) {
                    Some([text]) => Some(text.clone()),
                    _ => None,
                },
            }
        };
        known
            .filter(|_| shape.is_empty())
            .unwrap_or_else(|| UNKNOWN.to_owned())
    }

    pub(crate) fn bind(&mut self, name: &Ident, value: Option<&Expr>) {
        let texts = value.map_or_else(Vec::new, |value| self.texts(value));
        let texts = texts.into_iter().map(|(text, _)| text).collect();
        self.bound.insert(name.to_string(), texts);
        match value.and_then(|value| self.list(value)) {
            Some(list) => self.lists.insert(name.to_string(), list),
            None => self.lists.remove(&name.to_string()),
        };
    }

    /// A constant, which stands for no list.
    pub(crate) fn declare(&mut self, name: String, value: &Expr) {
        let texts = self.texts(value).into_iter();
        let texts = texts.map(|(text, _)| text).collect();
        self.bound.insert(name, texts);
    }

    /// `sql = ".."`, after which the name may stand for either.
    pub(crate) fn assign(&mut self, name: &str, value: &Expr) {
        let texts = self.texts(value).into_iter();
        let texts: Vec<_> = texts.map(|(text, _)| text).collect();
        self.lists.remove(name);
        self.bound.entry(name.to_owned()).or_default().extend(texts);
    }

    /// `add_filter(&mut sql)`, which may add to the text.
    pub(crate) fn may_change(&mut self, name: &str) {
        self.append(name, UNKNOWN);
        self.lists.remove(name);
    }

    /// What a name stands for is no longer known.
    fn forget(&mut self, name: &str) {
        self.bound.remove(name);
        self.lists.remove(name);
    }

    /// Adds a text to what a name stands for.
    pub(crate) fn append(&mut self, name: &str, text: &str) {
        for bound in self.bound.get_mut(name).into_iter().flatten() {
            bound.push_str(text);
        }
    }

    /// The name of a text or of a list that an expression is: `sql`, `&mut sql`.
    pub(crate) fn place(&self, expr: &Expr) -> Option<String> {
        let name = plain_place(expr)?.to_string();
        self.bound.contains_key(&name).then_some(name)
    }

    /// `sql.push_str("..")`, `list.push("..")`, and whatever else may change them.
    pub(crate) fn change(&mut self, call: &ExprMethodCall) {
        let Some(name) = self.place(&call.receiver) else {
            return;
        };
        let added = call.args.first();
        match call.method.to_string().as_str() {
            "push" | "push_back" if let Some(list) = self.lists.get(&name) => {
                let item = added.map_or_else(String::new, |item| self.text_or_unknown(item));
                let mut list = list.clone();
                list.push(item.clone());
                self.lists.insert(name.clone(), list);
                if item != UNKNOWN {
                    self.bound.entry(name).or_default().push(item);
                }
            }
            "push" | "push_str" => {
                let text = added.map_or_else(String::new, |text| self.text_or_unknown(text));
                self.append(&name, &text);
            }
            "clear" => {
                let empty = match self.lists.remove(&name) {
                    Some(_) => {
                        self.lists.insert(name.clone(), Vec::new());
                        Vec::new()
                    }
                    None => vec![String::new()],
                };
                self.bound.insert(name, empty);
            }
            "extend" | "insert" | "insert_str" | "retain" | "replace_range" | "truncate"
            | "pop" | "remove" | "append" | "extend_from_slice" | "drain" | "swap" | "sort"
            | "reverse" => {
                self.forget(&name);
            }
            _ => {}
        }
    }

    /// `write!(sql, "..", a)`, and returns whether `sql` is a text.
    pub(crate) fn write(&mut self, mac: &Macro) -> bool {
        let args = arguments(mac).unwrap_or_default();
        let Some((to, args)) = args.split_first() else {
            return false;
        };
        let Some(name) = self.place(to) else {
            return false;
        };
        let text = self.format(args).unwrap_or_else(|| UNKNOWN.to_owned());
        self.append(&name, &text);
        if is_named(&mac.path, "writeln") {
            self.append(&name, "\n");
        }
        true
    }
}

/// The name by which a constant or a local is known: `FIND`, `Self::FIND`.
fn key(path: &syn::Path) -> String {
    let names = path
        .segments
        .iter()
        .map(|segment| segment.ident.to_string());
    let names: Vec<_> = names.filter(|name| name != "self").collect();
    names.join("::")
}

/// `String::new()`, `Vec::with_capacity(64)`
fn is_empty(call: &ExprCall, of: &str) -> bool {
    const MAKE: [&str; 3] = ["new", "with_capacity", "default"];
    called(&call.func).is_some_and(|name| MAKE.iter().any(|word| name == word))
        && owner(&call.func).is_some_and(|name| name == of)
}

/// `.collect::<Vec<_>>()`
fn collects_list(call: &ExprMethodCall) -> bool {
    let into = call.turbofish.to_token_stream().to_string();
    !into.contains("String")
}

/// The text in `AssertSqlSafe(text)`, `String::from(text)`, `SqlStr::from_static(text)`.
fn wrapped(call: &ExprCall) -> Option<&Expr> {
    let Expr::Path(path) = &*call.func else {
        return None;
    };
    let names = ["AssertSqlSafe", "Borrowed", "Owned", "from", "from_static"];
    let mut segments = path.path.segments.iter().rev();
    let last = &segments.next()?.ident;
    let is_pointer = segments
        .next()
        .is_some_and(|owner| ["Arc", "Box", "Rc"].iter().any(|name| owner.ident == *name));
    let wraps = names.iter().any(|name| last == name) || (last == "new" && is_pointer);
    call.args.first().filter(|_| wraps)
}

/// Whether a method gives the text that it is called on, or those, one after the other.
fn keeps_text(call: &ExprMethodCall) -> bool {
    const KEEP: [&str; 22] = [
        "as_ref",
        "as_str",
        "borrow",
        "clone",
        "cloned",
        "copied",
        "deref",
        "into",
        "into_boxed_str",
        "into_iter",
        "into_owned",
        "into_string",
        "iter",
        "leak",
        "to_ascii_lowercase",
        "to_ascii_uppercase",
        "to_lowercase",
        "to_owned",
        "to_string",
        "to_uppercase",
        "trim",
        "trim_end",
    ];
    call.args.is_empty() && KEEP.iter().any(|name| call.method == name)
}

/// The arguments of a macro that takes expressions.
pub(crate) fn arguments(mac: &Macro) -> Option<Vec<Expr>> {
    let list = Punctuated::<Expr, Token![,]>::parse_terminated;
    Some(list.parse2(mac.tokens.clone()).ok()?.into_iter().collect())
}

pub(crate) fn is_named(path: &syn::Path, word: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == word)
}
