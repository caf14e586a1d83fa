//! Finds the SQL texts in a body that are sent to a database, and judges each.

use std::collections::HashMap;

use demarcate_sql::Dialect;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Block, Expr, ExprAwait, ExprCall, ExprForLoop, ExprLit, ExprMethodCall, Ident, Item, Lit,
    Local, Macro, Stmt, Token,
};

use crate::args::Args;
use crate::body::idioms::{is_query_function, is_query_macro, runs_query};
use crate::body::names::{Names, is_boundary};
use crate::check::texts::{self, Finding};
use crate::kind::Kind;
use crate::root;
use crate::rule;
use crate::syntax::expr::{chain, plain_place, tail};
use crate::syntax::function::Function;
use crate::syntax::mac::{Arguments, Part};
use crate::syntax::pattern::plain_name;
use crate::syntax::types;

/// A text that a session must not send, or that one of a certain database must not.
#[derive(Clone)]
pub(crate) struct Refused {
    pub(crate) finding: Finding,
    /// The text as it stands in the source.
    pub(crate) on: TokenStream,
    /// The session that it is visibly sent on.
    pub(crate) session: Option<Ident>,
}

/// What the signature of a function says of the databases that its texts are sent to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Databases {
    /// The database of its one session, where the tokens name it.
    known: Option<Dialect>,
    /// Whether it may also send statements to something else, of which the tokens do not say whose SQL it takes.
    has_others: bool,
}

impl Databases {
    pub(crate) fn of(kind: Kind, args: &Args, function: &Function) -> Self {
        let is_one = function.more_lent(kind, args).is_empty();
        let known = function
            .lent(kind)
            .filter(|_| is_one)
            .and_then(|lent| types::named_database(lent.ty(), args.krate.as_ref()));
        Self {
            known: known.map(|name| match name {
                "postgres" => Dialect::Postgres,
                "mysql" => Dialect::MySql,
                _ => Dialect::Sqlite,
            }),
            has_others: args.allows(&rule::OTHER_EXECUTOR) || args.allows(&rule::PAST_THE_SESSION),
        }
    }
}

/// Looks at every text in a body that is given to sqlx or to the session, if it is a literal, `concat!`, a name bound to one
/// in the same body, or a file. Other texts are left to the statement guard.
pub(crate) fn refused(body: &Block, names: &Names, databases: Databases) -> Vec<Refused> {
    let mut search = Search {
        sessions: names.sessions.clone(),
        databases,
        ..Search::default()
    };
    search.visit_block(body);
    search.judge_builders();
    search.refused
}

#[derive(Clone, Default)]
struct Search {
    sessions: Vec<Ident>,
    databases: Databases,
    /// Where the statement is sent that is being looked at.
    to: To,
    /// Names that stand for a text, or for one of several.
    bound: HashMap<String, Vec<String>>,
    /// What was pushed to each `QueryBuilder` that has a name, in the order in which they were made.
    builders: Vec<Builder>,
    /// Whether the next call is a `QueryBuilder::new(..)` to which more is pushed.
    grows: bool,
    refused: Vec<Refused>,
}

/// A `QueryBuilder`, which is judged when all is pushed: `create temp table ..` may end with `on commit drop`.
#[derive(Clone, Debug)]
struct Builder {
    name: String,
    text: String,
    /// Where each piece of the text begins, and the piece as it stands in the source.
    pieces: Vec<(usize, TokenStream)>,
}

/// Where a statement is sent, as far as the tokens tell.
#[derive(Clone, Debug, Default)]
enum To {
    /// `let query = sqlx::query("..");`
    #[default]
    Unknown,
    /// `.execute(&mut *tx)`
    Session(Ident),
    /// `.execute(&app.archive)`
    Other,
}

impl Search {
    fn judge(&mut self, expr: &Expr) {
        for (text, on) in self.texts(expr) {
            self.judge_text(&text, on);
        }
    }

    /// The texts of which an expression stands for one, each with the tokens that say so.
    fn texts<'a>(&self, expr: &'a Expr) -> Vec<(String, &'a Expr)> {
        let all = |values: Vec<&'a Expr>| {
            let values = values.into_iter();
            values.flat_map(|value| self.texts(value)).collect()
        };
        match expr {
            Expr::Paren(inner) => self.texts(&inner.expr),
            Expr::Group(inner) => self.texts(&inner.expr),
            Expr::Reference(inner) => self.texts(&inner.expr),
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
            Expr::Call(call) => wrapped(call).map_or_else(Vec::new, |text| self.texts(text)),
            Expr::MethodCall(call) if keeps_text(call) => self.texts(&call.receiver),
            Expr::Path(path) => {
                let bound = path.path.get_ident().map(ToString::to_string);
                let texts = bound.and_then(|name| self.bound.get(&name));
                let texts = texts.into_iter().flatten();
                texts.map(|text| (text.clone(), expr)).collect()
            }
            expr => self
                .text(expr)
                .map(|text| (text, expr))
                .into_iter()
                .collect(),
        }
    }

    fn judge_text(&mut self, text: &str, on: &impl ToTokens) {
        self.refuse(self.findings(text), on);
    }

    /// The rules that a text breaks.
    fn findings(&self, text: &str) -> Vec<Finding> {
        let may_be_elsewhere = self.databases.has_others && !matches!(self.to, To::Session(_));
        let known = self.databases.known.filter(|_| !may_be_elsewhere);
        let mut found = texts::judge(text, known);
        // What only the session's database refuses may be sent to the other.
        found.retain(|finding| !may_be_elsewhere || !matches!(finding.on, texts::On::If(..)));
        found
    }

    fn refuse(&mut self, found: Vec<Finding>, on: &impl ToTokens) {
        let session = match &self.to {
            To::Session(name) => Some(name.clone()),
            To::Unknown | To::Other => None,
        };
        self.refused
            .extend(found.into_iter().map(|finding| Refused {
                finding,
                on: on.to_token_stream(),
                session: session.clone(),
            }));
    }

    fn is_session(&self, expr: &Expr) -> bool {
        self.session(expr).is_some()
    }

    fn session<'a>(&self, expr: &'a Expr) -> Option<&'a Ident> {
        plain_place(expr).filter(|name| self.sessions.contains(name))
    }

    fn to(&self, executor: &Expr) -> To {
        match self.session(executor) {
            Some(name) => To::Session(name.clone()),
            None => To::Other,
        }
    }

    /// Looks at a part of the body whose statements are sent there.
    fn sent_to(&mut self, to: To, look: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.to, to);
        look(self);
        self.to = outer;
    }

    /// Judges the text of `sqlx::query("..")`, if the call may be one of sqlx's.
    fn judge_query(&mut self, call: &ExprCall) {
        let text = call.args.first();
        text.into_iter().for_each(|sql| self.judge(sql));
    }

    /// Adds a piece to a builder that has a name: `builder.push("..")`.
    fn push(&mut self, call: &ExprMethodCall) {
        let Some(Expr::Path(path)) = chain(&call.receiver).last() else {
            return;
        };
        let piece = self.piece(call);
        if let Some(name) = path.path.get_ident()
            && let Some(builder) = self
                .builders
                .iter_mut()
                .rev()
                .find(|builder| name == &builder.name)
        {
            let start = builder.text.len();
            builder.text.push_str(&piece);
            builder
                .pieces
                .push((start, call.args.first().to_token_stream()));
        }
    }

    /// Judges the text of each builder, and reports a mistake on the piece in which it begins.
    fn judge_builders(&mut self) {
        for builder in std::mem::take(&mut self.builders) {
            for finding in self.findings(&builder.text) {
                let mut pieces = builder.pieces.iter().rev();
                let piece = pieces.find(|(start, _)| *start <= finding.offset);
                if let Some((_, on)) = piece {
                    self.refuse(vec![finding], on);
                }
            }
        }
    }

    /// Judges the text of a builder without a name: `QueryBuilder::new("..").push("..").build()`.
    fn judge_chain(&mut self, call: &ExprMethodCall) {
        if let Some(Expr::Call(new)) = chain(&call.receiver).last()
            && let Some(text) = self.pushed(&call.receiver)
        {
            self.judge_text(&text, &new.args);
        }
    }

    /// Returns the text of a builder without a name, if an expression is one.
    fn pushed(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Paren(inner) => self.pushed(&inner.expr),
            Expr::Call(call) => self.new_builder(call),
            Expr::MethodCall(call) => Some(format!(
                "{}{}",
                self.pushed(&call.receiver)?,
                self.piece(call)
            )),
            _ => None,
        }
    }

    /// Returns the text that a call adds. An unknown text is taken for a value.
    fn piece(&self, call: &ExprMethodCall) -> String {
        let known = call
            .args
            .first()
            .filter(|_| call.method == "push")
            .and_then(|argument| self.text(argument));
        known.unwrap_or_else(|| " ? ".to_owned())
    }

    /// `QueryBuilder::<Sqlite>::new("..")`
    fn new_builder(&self, call: &ExprCall) -> Option<String> {
        let Expr::Path(path) = &*call.func else {
            return None;
        };
        let owner = path.path.segments.iter().rev().nth(1)?;
        if owner.ident != "QueryBuilder" {
            return None;
        }
        let text = call.args.first().and_then(|argument| self.text(argument));
        Some(text.unwrap_or_else(|| " ? ".to_owned()))
    }

    /// The file of `query_file!(..)`, which stands beside the crate's manifest. What cannot be read is sqlx's to report.
    fn judge_file(&mut self, mac: &Macro) {
        let Some(path) = arguments(mac)
            .into_iter()
            .flatten()
            .find(|argument| matches!(argument, Expr::Lit(_)))
        else {
            return;
        };
        if let Some(name) = self.text(&path)
            && let Some(root) = root::root()
            && let Ok(text) = std::fs::read_to_string(root.join(name))
        {
            self.judge_text(&text, &path);
        }
    }

    /// The text that an expression stands for.
    fn text(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text.value()),
            Expr::Paren(inner) => self.text(&inner.expr),
            Expr::Group(inner) => self.text(&inner.expr),
            Expr::Reference(inner) => self.text(&inner.expr),
            // What sqlx's own macros take.
            Expr::Binary(sum) if matches!(sum.op, syn::BinOp::Add(_)) => {
                Some(self.text(&sum.left)? + &self.text(&sum.right)?)
            }
            Expr::Macro(mac) if is_named(&mac.mac.path, "concat") => self.concat(&mac.mac),
            Expr::Path(path) => match self
                .bound
                .get(&path.path.get_ident()?.to_string())?
                .as_slice()
            {
                [text] => Some(text.clone()),
                _ => None,
            },
            Expr::Call(call) => self.text(wrapped(call)?),
            Expr::MethodCall(call) if keeps_text(call) => self.text(&call.receiver),
            _ => None,
        }
    }

    fn concat(&self, mac: &Macro) -> Option<String> {
        arguments(mac)?
            .iter()
            .map(|part| match part {
                Expr::Lit(ExprLit {
                    lit: Lit::Int(number),
                    ..
                }) => Some(number.to_string()),
                part => self.text(part),
            })
            .collect()
    }

    fn bind(&mut self, name: &syn::Ident, value: Option<&Expr>) {
        let texts = value.map_or_else(Vec::new, |value| self.texts(value));
        let texts = texts.into_iter().map(|(text, _)| text).collect();
        self.bound.insert(name.to_string(), texts);
    }
}

/// The text in `AssertSqlSafe(text)`, `String::from(text)`, `SqlStr::from_static(text)`.
fn wrapped(call: &ExprCall) -> Option<&Expr> {
    let Expr::Path(path) = &*call.func else {
        return None;
    };
    let mut names = ["AssertSqlSafe", "from", "from_static"].iter();
    let wraps = names.any(|name| is_named(&path.path, name));
    call.args.first().filter(|_| wraps)
}

/// Whether a method gives the text that it is called on, or those, one after the other.
fn keeps_text(call: &ExprMethodCall) -> bool {
    const KEEP: [&str; 8] = [
        "as_str",
        "clone",
        "copied",
        "into",
        "into_iter",
        "iter",
        "to_owned",
        "to_string",
    ];
    call.args.is_empty() && KEEP.iter().any(|name| call.method == name)
}

impl<'ast> Visit<'ast> for Search {
    fn visit_block(&mut self, block: &'ast Block) {
        // A constant is known before the statement that declares it.
        for stmt in &block.stmts {
            match stmt {
                Stmt::Item(Item::Const(item)) => self.bind(&item.ident, Some(&item.expr)),
                Stmt::Item(Item::Static(item)) => self.bind(&item.ident, Some(&item.expr)),
                _ => {}
            }
        }
        visit::visit_block(self, block);
    }

    fn visit_local(&mut self, local: &'ast Local) {
        let makes_builder =
            |init: &Expr| matches!(init, Expr::Call(call) if self.new_builder(call).is_some());
        self.grows = plain_name(&local.pat).is_some()
            && local
                .init
                .as_ref()
                .is_some_and(|init| makes_builder(&init.expr));
        visit::visit_local(self, local);
        if let Some(name) = plain_name(&local.pat) {
            let init = local.init.as_ref().map(|init| &*init.expr);
            self.bind(name, init);
            match init {
                Some(Expr::Call(call)) if let Some(text) = self.new_builder(call) => {
                    self.builders.push(Builder {
                        name: name.to_string(),
                        text,
                        pieces: vec![(0, call.args.to_token_stream())],
                    });
                }
                Some(init) if self.is_session(init) => self.sessions.push(name.clone()),
                _ => {}
            }
        }
    }

    /// `sqlx::query("..")`, `sqlx::raw_sql("..")`, `Executor::execute(tx, "..")`.
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let grows = std::mem::take(&mut self.grows);
        if let Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
        {
            let is_builder = (last.ident == "new" || last.ident == "with_arguments")
                && self.new_builder(call).is_some()
                && !grows;
            if is_builder || (is_query_function(&path.path) && is_perhaps_of_sqlx(&path.path)) {
                self.judge_query(call);
            } else if runs(&last.ident)
                && let Some(name) = call.args.first().and_then(|first| self.session(first))
            {
                let to = To::Session(name.clone());
                self.sent_to(to, |search| {
                    call.args.iter().skip(1).for_each(|sql| search.judge(sql));
                });
            }
        }
        visit::visit_expr_call(self, call);
    }

    /// `for sql in ["..", ".."] { .. }`
    fn visit_expr_for_loop(&mut self, repeated: &'ast ExprForLoop) {
        if let Some(name) = plain_name(&repeated.pat) {
            self.bind(name, Some(&repeated.expr));
        }
        visit::visit_expr_for_loop(self, repeated);
    }

    /// `query("end").await`: no query of sqlx is a future.
    fn visit_expr_await(&mut self, awaited: &'ast ExprAwait) {
        match &*awaited.base {
            Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if is_query_function(&path.path)) =>
            {
                call.args
                    .iter()
                    .for_each(|argument| self.visit_expr(argument));
            }
            _ => visit::visit_expr_await(self, awaited),
        }
    }

    /// `tx.execute("..")`, `sqlx::query("..").execute(&mut *tx)`.
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if takes_session(&call.method)
            && let Some(Expr::Closure(closure)) = call.args.last()
        {
            self.sessions
                .extend(closure.inputs.first().and_then(plain_name).cloned());
        }
        let executor = call.args.first().filter(|_| runs_query(&call.method));
        let to = match executor {
            Some(executor) if call.args.len() == 1 => self.to(executor),
            _ => self.to.clone(),
        };
        // A chain from its beginning.
        self.sent_to(to, |search| {
            // A path of another crate, which turns out to be sqlx under another name.
            if executor.is_some()
                && let Some(Expr::Call(query)) = chain(&call.receiver).last()
                && let Expr::Path(path) = &*query.func
                && is_query_function(&path.path)
                && !is_perhaps_of_sqlx(&path.path)
            {
                search.judge_query(query);
            }
            search.grows =
                matches!(&*call.receiver, Expr::Call(new) if search.new_builder(new).is_some());
            search.visit_expr(&call.receiver);
            search.grows = false;
        });
        call.args
            .iter()
            .for_each(|argument| self.visit_expr(argument));
        if runs(&call.method) {
            if let Some(name) = self.session(&call.receiver) {
                let to = To::Session(name.clone());
                self.sent_to(to, |search| {
                    call.args.iter().for_each(|sql| search.judge(sql));
                });
            }
        } else if call.method.to_string().starts_with("push") {
            self.push(call);
        } else if call.method.to_string().starts_with("build") {
            self.judge_chain(call);
        }
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        if is_query_macro(mac) {
            let is_file = mac
                .path
                .segments
                .last()
                .is_some_and(|last| last.ident.to_string().starts_with("query_file"));
            if is_file {
                self.judge_file(mac);
                return;
            }
            // Of `query_as!(Order, "..")` the first is a type.
            let sql = arguments(mac)
                .into_iter()
                .flatten()
                .find(|argument| self.text(argument).is_some());
            if let Some(sql) = sql {
                self.judge(&sql);
            }
            return;
        }
        let Some(mut arguments) = Arguments::of(mac) else {
            return;
        };
        // `vec![sqlx::query("..")]`, `join!(..)`: the arguments are copies, so they are looked at on their own.
        let mut inner = Search {
            refused: Vec::new(),
            ..self.clone()
        };
        for part in arguments.parts_mut() {
            match part {
                Part::Expr(expr) => inner.visit_expr(expr),
                Part::Statements(stmts) => stmts.iter().for_each(|stmt| inner.visit_stmt(stmt)),
                Part::Other(_) | Part::Separator(_) => {}
            }
        }
        self.builders = std::mem::take(&mut inner.builders);
        self.refused.append(&mut inner.refused);
    }
}

/// Whether a path may lead to sqlx: `query`, `sqlx::query`. Of `search::query` what is done with its value tells.
fn is_perhaps_of_sqlx(path: &syn::Path) -> bool {
    path.segments.len() == 1 || path.segments.iter().any(|segment| segment.ident == "sqlx")
}

/// The methods whose closure is lent a session.
fn takes_session(method: &Ident) -> bool {
    method == "savepoint" || method == "before_commit" || is_boundary(method)
}

/// The methods of sqlx's `Executor` that take a text.
fn runs(method: &Ident) -> bool {
    runs_query(method) || method == "prepare" || method == "prepare_with" || method == "describe"
}

/// The arguments of a macro that takes expressions.
fn arguments(mac: &Macro) -> Option<Vec<Expr>> {
    let list = Punctuated::<Expr, Token![,]>::parse_terminated;
    Some(list.parse2(mac.tokens.clone()).ok()?.into_iter().collect())
}

fn is_named(path: &syn::Path, word: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of what every database refuses.
    fn words(body: &str) -> Vec<String> {
        let (found, _) = refused_in(body);
        found
    }

    /// The same, and the texts that some refuse.
    fn refused_in(body: &str) -> (Vec<String>, Vec<String>) {
        let block: Block = syn::parse_str(&format!("{{ {body} }}")).expect("a block");
        let names = Names {
            sessions: vec![syn::parse_quote!(tx)],
            ..Names::default()
        };
        let (asked, refused): (Vec<_>, Vec<_>) = refused(&block, &names, Databases::default())
            .into_iter()
            .map(|refused| refused.finding)
            .partition(|finding| matches!(finding.on, texts::On::If(..)));
        let words = |found: Vec<Finding>| found.into_iter().map(|finding| finding.words).collect();
        (words(refused), words(asked))
    }

    #[test]
    fn every_way_to_send_a_text_is_read() {
        for body in [
            r#"sqlx::query("COMMIT").execute(&mut *tx).await?;"#,
            r#"sqlx::query_as::<_, Order>("COMMIT").fetch_one(&mut *tx).await?;"#,
            r#"query_scalar_with("COMMIT", args);"#,
            r#"sqlx::raw_sql("COMMIT");"#,
            r#"tx.execute("COMMIT").await?;"#,
            r#"(&mut *tx).fetch_all("COMMIT");"#,
            r#"Executor::execute(tx, "COMMIT");"#,
            r#"sqlx::query!("COMMIT").execute(&mut *tx).await?;"#,
            r#"sqlx::query_as!(Order, "COM" + "MIT", id);"#,
            r#"query_scalar_unchecked!("COMMIT");"#,
            r#"sqlx::query(concat!("COM", "MIT"));"#,
            r#"sqlx::query(AssertSqlSafe("COMMIT".to_owned()));"#,
            r#"let sql = "COMMIT"; sqlx::query(sql);"#,
            r#"sqlx::query(END); const END: &str = "COMMIT";"#,
            r#"tokio::join!(sqlx::query("COMMIT").execute(tx), b);"#,
            r#"vec![1].map(|_| async { sqlx::query("COMMIT") });"#,
            r#"tokio::select! { a = sqlx::query("COMMIT").execute(tx) => a?, else => {} }"#,
            r#"let q = QueryBuilder::<Sqlite>::new("COMMIT");"#,
            r#"db::query("COMMIT").bind(1).execute(&mut *tx).await?;"#,
            r#"QueryBuilder::new("select 1; ").push("COMMIT").build();"#,
            r#"let mut q = QueryBuilder::new("select "); q.push_bind(1).push("; ").push("COMMIT"); q.push("; select 1");"#,
        ] {
            assert_eq!(words(body), ["COMMIT"], "{body}");
        }
    }

    #[test]
    fn what_only_some_databases_refuse_is_asked_about() {
        for (body, expected) in [
            (
                r#"sqlx::query("create table a (b int)");"#,
                &["create table a (b int)"][..],
            ),
            (r#"machine.execute("create table a (b int)");"#, &[]),
            (
                r#"sqlx::query("create trigger t after insert on a begin delete from b; end");"#,
                &["end", "create trigger t after insert on a begin.."],
            ),
        ] {
            let (refused, asked) = refused_in(body);
            assert_eq!(
                (
                    refused,
                    asked.iter().map(String::as_str).collect::<Vec<_>>()
                ),
                (Vec::new(), expected.to_vec()),
                "{body}"
            );
        }
    }

    #[test]
    fn every_statement_of_a_text_is_read() {
        assert_eq!(
            words(r#"sqlx::raw_sql("select 1; rollback");"#),
            ["rollback"]
        );
        assert_eq!(
            words(r#"sqlx::raw_sql("/* a */ begin  immediate; select 1");"#),
            ["begin immediate"]
        );
        assert_eq!(words(r#"sqlx::query("savepoint a");"#), ["savepoint a"]);
        assert_eq!(
            words(r#"sqlx::query("insert or rollback into a values (1)");"#),
            ["insert or rollback into a values (1)"]
        );
    }

    #[test]
    fn the_file_of_a_query_is_read() {
        for body in [
            r#"query_file!("src/check/sql/commits.sql").execute(&mut *tx).await?;"#,
            r#"sqlx::query_file_as!(Order, "src/check/sql/commits.sql", id);"#,
            r#"sqlx::query_file_scalar_unchecked!("src/check/sql/commits.sql");"#,
        ] {
            assert_eq!(words(body), ["commit"], "{body}");
        }
    }

    #[test]
    fn what_is_left_on_the_session_is_refused_where_it_is_sent_to_a_database() {
        for body in [
            r#"sqlx::query("listen a");"#,
            r#"tx.execute("listen a");"#,
            r#"tx.savepoint(async |sp| { sp.execute("listen a").await });"#,
            r#"let s = &mut *tx; s.execute("listen a");"#,
            r#"let mut q = QueryBuilder::new("listen "); q.push("a"); let q = "listen a"; sqlx::query(q);"#,
        ] {
            assert_eq!(
                words(body).last().map(String::as_str),
                Some("listen a"),
                "{body}"
            );
        }
    }

    #[test]
    fn other_texts_pass() {
        for body in [
            r#"sqlx::query("select 'commit'; -- rollback");"#,
            r#"sqlx::query("insert into t values ('it\\'s; commit')");"#,
            r#"println!("commit"); log("commit"); let commit = "commit";"#,
            r#"let sql = "commit"; let sql = text(); sqlx::query(sql);"#,
            r#"sqlx::query(&format!("{a}"));"#,
            r#"index.fetch("rollback_notes");"#,
            r#"queryable("commit")"#,
            r#"let mut q = QueryBuilder::new("select case when a then b "); q.push("end"); q.push(", commit");"#,
            r#"let mut q = QueryBuilder::new("select set_config('app.user', "); q.push_bind(user).push(", true)");"#,
            r#"QueryBuilder::new("select set_config('app.user', ").push_bind(user).push(", true)").build();"#,
            r#"let mut v = vec!["select"]; v.push("commit"); list.push("; rollback");"#,
            r#"redis.execute("SET a 1"); shell.execute("reset"); robot.execute("prepare coffee");"#,
            r#"query_param("end", url); query_string("commit"); query_map!("rollback");"#,
            r#"machine.execute("commit").await; Machine::execute(&machine, "commit"); robot.prepare("begin");"#,
            r#"search::query("end"); graph::query("commit").run(); query("begin").await;"#,
            r#"query_file!("no/such/file.sql");"#,
            r#"stringify!(sqlx::query("commit"));"#,
        ] {
            assert_eq!(words(body), [""; 0], "{body}");
        }
    }
}
