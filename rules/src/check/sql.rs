//! Finds the SQL texts in a body that are sent to a database, and judges each.

use std::collections::HashMap;

use demarcate_sql::{Dialect, Effect};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Block, Expr, ExprCall, ExprLit, ExprMethodCall, Ident, Item, Lit, Local, Macro, Stmt, Token,
};

use crate::body::idioms::runs_query;
use crate::body::names::{Names, is_boundary};
use crate::check::leaks;
use crate::root;
use crate::rule::{self, Rule};
use crate::syntax::expr::{chain, plain_place};
use crate::syntax::mac::{Arguments, Part};
use crate::syntax::pattern::plain_name;

const DIALECTS: [Dialect; 3] = [Dialect::Postgres, Dialect::Sqlite, Dialect::MySql];

/// A statement that does what only the boundary does, or leaves something on the server's session: where it is sent, and
/// its first words.
pub(crate) struct Refused {
    pub(crate) rule: &'static Rule,
    pub(crate) on: TokenStream,
    pub(crate) words: String,
}

/// Looks at every text in a body that is given to sqlx, if it is a literal, `concat!`, a name bound to one in the same
/// body, or a file. Other texts are left to the statement guard.
pub(crate) fn refused(body: &Block, names: &Names) -> Vec<Refused> {
    let mut search = Search {
        sessions: names.sessions.clone(),
        ..Search::default()
    };
    search.visit_block(body);
    search.refused
}

#[derive(Default)]
struct Search {
    sessions: Vec<Ident>,
    /// Names that stand for a text.
    bound: HashMap<String, String>,
    /// Names of a `QueryBuilder`, and the text that was pushed to it so far.
    builders: HashMap<String, String>,
    refused: Vec<Refused>,
}

impl Search {
    fn judge(&mut self, expr: &Expr) {
        if let Some(text) = self.text(expr) {
            self.judge_text(&text, expr);
        }
    }

    fn judge_text(&mut self, text: &str, on: &impl ToTokens) {
        self.refuse(findings(text), on);
    }

    /// A method of the user's own may be called `execute`, and `set a 1` be a command of something else. What begins or
    /// ends a transaction is refused all the same.
    fn judge_text_of_stranger(&mut self, expr: &Expr) {
        if let Some(text) = self.text(expr) {
            let control = transaction_control(&text).map(|words| (&rule::TRANSACTION_SQL, words));
            self.refuse(control.into_iter().collect(), expr);
        }
    }

    fn refuse(&mut self, found: Vec<(&'static Rule, String)>, on: &impl ToTokens) {
        self.refused
            .extend(found.into_iter().map(|(rule, words)| Refused {
                rule,
                on: on.to_token_stream(),
                words,
            }));
    }

    fn is_session(&self, expr: &Expr) -> bool {
        plain_place(expr).is_some_and(|name| self.sessions.contains(name))
    }

    /// Judges the text of a builder after `builder.push("..")`, and reports the rules that the new part breaks.
    fn push(&mut self, call: &ExprMethodCall) {
        let Some(before) = self.pushed(&call.receiver) else {
            return;
        };
        let piece = self.piece(call);
        let after = format!("{before}{piece}");
        if let Some(argument) = call.args.first()
            && call.method == "push"
        {
            let known = findings(&before);
            let new = findings(&after)
                .into_iter()
                .filter(|(rule, _)| !known.iter().any(|(other, _)| other.code == rule.code))
                .collect();
            self.refuse(new, argument);
        }
        if let Some(Expr::Path(path)) = chain(&call.receiver).last()
            && let Some(name) = path.path.get_ident()
        {
            self.builders.insert(name.to_string(), after);
        }
    }

    /// Returns the text that was pushed to a builder so far, if an expression is a builder.
    fn pushed(&self, expr: &Expr) -> Option<String> {
        match expr {
            Expr::Paren(inner) => self.pushed(&inner.expr),
            Expr::Path(path) => self
                .builders
                .get(&path.path.get_ident()?.to_string())
                .cloned(),
            Expr::Call(call) => self.new_builder(call),
            // The pushes of a chain that begins with a name were seen one by one.
            Expr::MethodCall(call) if matches!(chain(expr).last(), Some(Expr::Path(_))) => {
                self.pushed(&call.receiver)
            }
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
            Expr::Path(path) => self.bound.get(&path.path.get_ident()?.to_string()).cloned(),
            // `AssertSqlSafe(text)`, `String::from(text)`, `SqlStr::from_static(text)`.
            Expr::Call(call) => match &*call.func {
                Expr::Path(path)
                    if is_named(&path.path, "AssertSqlSafe")
                        || is_named(&path.path, "from")
                        || is_named(&path.path, "from_static") =>
                {
                    self.text(call.args.first()?)
                }
                _ => None,
            },
            Expr::MethodCall(call) if call.args.is_empty() => {
                match call.method.to_string().as_str() {
                    "to_owned" | "to_string" | "into" | "as_str" | "clone" => {
                        self.text(&call.receiver)
                    }
                    _ => None,
                }
            }
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
        match value.and_then(|value| self.text(value)) {
            Some(text) => self.bound.insert(name.to_string(), text),
            None => self.bound.remove(&name.to_string()),
        };
    }
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
        visit::visit_local(self, local);
        if let Some(name) = plain_name(&local.pat) {
            let init = local.init.as_ref().map(|init| &*init.expr);
            self.bind(name, init);
            match init {
                Some(Expr::Call(call)) if let Some(text) = self.new_builder(call) => {
                    self.builders.insert(name.to_string(), text);
                }
                Some(init) if self.is_session(init) => self.sessions.push(name.clone()),
                _ => {}
            }
        }
    }

    /// `sqlx::query("..")`, `sqlx::raw_sql("..")`, `Executor::execute(tx, "..")`.
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
        {
            match last.ident.to_string().as_str() {
                "raw_sql" => call
                    .args
                    .first()
                    .into_iter()
                    .for_each(|sql| self.judge(sql)),
                name if name == "query" || name.starts_with("query_") => {
                    call.args
                        .first()
                        .into_iter()
                        .for_each(|sql| self.judge(sql));
                }
                "new" | "with_arguments" if self.new_builder(call).is_some() => {
                    call.args
                        .first()
                        .into_iter()
                        .for_each(|sql| self.judge(sql));
                }
                _ if runs(&last.ident) => call.args.iter().skip(1).for_each(|sql| {
                    self.judge_text_of_stranger(sql);
                }),
                _ => {}
            }
        }
        visit::visit_expr_call(self, call);
    }

    /// `tx.execute("..")`.
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if takes_session(&call.method)
            && let Some(Expr::Closure(closure)) = call.args.last()
        {
            self.sessions
                .extend(closure.inputs.first().and_then(plain_name).cloned());
        }
        // A chain from its beginning.
        visit::visit_expr_method_call(self, call);
        if runs(&call.method) {
            let is_ours = self.is_session(&call.receiver);
            for sql in &call.args {
                if is_ours {
                    self.judge(sql);
                } else {
                    self.judge_text_of_stranger(sql);
                }
            }
        } else if call.method.to_string().starts_with("push") {
            self.push(call);
        }
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        let name = mac
            .path
            .segments
            .last()
            .map(|last| last.ident.to_string())
            .unwrap_or_default();
        let name = name.strip_suffix("_unchecked").unwrap_or(&name);
        match name {
            "query" | "query_as" | "query_scalar" => {
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
            "query_file" | "query_file_as" | "query_file_scalar" => {
                self.judge_file(mac);
                return;
            }
            _ => {}
        }
        let Some(mut arguments) = Arguments::of(mac) else {
            return;
        };
        // `vec![sqlx::query("..")]`, `join!(..)`: the arguments are copies, so they are looked at on their own.
        let mut inner = Search {
            sessions: self.sessions.clone(),
            bound: self.bound.clone(),
            builders: self.builders.clone(),
            refused: Vec::new(),
        };
        for part in arguments.parts_mut() {
            match part {
                Part::Expr(expr) => inner.visit_expr(expr),
                Part::Statements(stmts) => stmts.iter().for_each(|stmt| inner.visit_stmt(stmt)),
                Part::Other(_) | Part::Separator(_) => {}
            }
        }
        self.refused.append(&mut inner.refused);
    }
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

/// The rules that a text breaks, each with what breaks it.
fn findings(sql: &str) -> Vec<(&'static Rule, String)> {
    let mut found = leaks::find(sql);
    if let Some(words) = transaction_control(sql) {
        found.insert(0, (&rule::TRANSACTION_SQL, words));
    }
    found
}

/// The first words of the statement in a text that begins, ends or nests the transaction.
///
/// Whose SQL it is, the tokens do not say. Each database's reader is asked, and believed where a statement begins there
/// for all of them: not inside what only one reads as a string or a trigger's body. DDL, which commits on MySQL only, is
/// left to the statement guard.
fn transaction_control(sql: &str) -> Option<String> {
    let explicit = |effect: Effect| {
        effect.controls_transaction()
            && !matches!(effect, Effect::ImplicitCommit | Effect::Ambiguous)
    };
    DIALECTS
        .iter()
        .filter_map(|dialect| demarcate_sql::find(sql, *dialect, explicit))
        .find(|found| is_read_alike(sql, found.offset))
        .map(|found| leaks::first_words(found.text))
}

fn is_read_alike(sql: &str, offset: usize) -> bool {
    DIALECTS.iter().all(|dialect| {
        demarcate_sql::statements(sql, *dialect).any(|statement| statement.offset == offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(body: &str) -> Vec<String> {
        let block: Block = syn::parse_str(&format!("{{ {body} }}")).expect("a block");
        let names = Names {
            sessions: vec![syn::parse_quote!(tx)],
            ..Names::default()
        };
        refused(&block, &names)
            .into_iter()
            .map(|refused| refused.words)
            .collect()
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
            r#"QueryBuilder::new("select 1; ").push("COMMIT").build();"#,
            r#"let mut q = QueryBuilder::new("select "); q.push_bind(1).push("; ").push("COMMIT"); q.push("; select 1");"#,
        ] {
            assert_eq!(words(body), ["COMMIT"], "{body}");
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
            r#"sqlx::query("create table a (b int)");"#,
            r#"sqlx::query("create trigger t after insert on a begin delete from b; end");"#,
            r#"println!("commit"); log("commit"); let commit = "commit";"#,
            r#"let sql = "commit"; let sql = text(); sqlx::query(sql);"#,
            r#"sqlx::query(&format!("{a}"));"#,
            r#"index.fetch("rollback_notes");"#,
            r#"queryable("commit")"#,
            r#"let mut q = QueryBuilder::new("select case when a then b "); q.push("end"); q.push(", commit");"#,
            r#"let mut v = vec!["select"]; v.push("commit"); list.push("; rollback");"#,
            r#"redis.execute("SET a 1"); shell.execute("reset"); robot.execute("prepare coffee");"#,
            r#"query_file!("no/such/file.sql");"#,
            r#"stringify!(sqlx::query("commit"));"#,
        ] {
            assert_eq!(words(body), [""; 0], "{body}");
        }
    }
}
