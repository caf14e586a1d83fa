//! SQL that is written in a body.

use std::collections::HashMap;

use demarcate_sql::{Dialect, Effect};
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprCall, ExprLit, ExprMethodCall, Item, Lit, Local, Macro, Stmt, Token};

use crate::session::plain_name;

const DIALECTS: [Dialect; 3] = [Dialect::Postgres, Dialect::Sqlite, Dialect::MySql];

/// A statement that begins, ends or nests the transaction: where it is sent, and its first words.
pub(crate) struct Refused {
    pub(crate) on: TokenStream,
    pub(crate) words: String,
}

/// Looks at every text in a body that is given to sqlx, if it is a literal, `concat!`, or a name bound to one in the
/// same body. Other texts are left to the statement guard.
pub(crate) fn refused(body: &Block) -> Vec<Refused> {
    let mut search = Search::default();
    search.visit_block(body);
    search.refused
}

#[derive(Default)]
struct Search {
    /// Names that stand for a text.
    bound: HashMap<String, String>,
    refused: Vec<Refused>,
}

impl Search {
    fn judge(&mut self, expr: &Expr) {
        let Some(text) = self.text(expr) else {
            return;
        };
        if let Some(words) = transaction_control(&text) {
            self.refused.push(Refused {
                on: expr.to_token_stream(),
                words,
            });
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
            self.bind(name, local.init.as_ref().map(|init| &*init.expr));
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
                name if runs(name) => call.args.iter().skip(1).for_each(|sql| self.judge(sql)),
                _ => {}
            }
        }
        visit::visit_expr_call(self, call);
    }

    /// `tx.execute("..")`.
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if runs(&call.method.to_string()) {
            call.args.iter().for_each(|sql| self.judge(sql));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, mac: &'ast Macro) {
        let Some(arguments) = arguments(mac) else {
            return;
        };
        let is_query = mac.path.segments.last().is_some_and(|last| {
            matches!(
                last.ident.to_string().as_str(),
                "query"
                    | "query_as"
                    | "query_scalar"
                    | "query_unchecked"
                    | "query_as_unchecked"
                    | "query_scalar_unchecked"
            )
        });
        if is_query {
            // Of `query_as!(Order, "..")` the first is a type.
            if let Some(sql) = arguments
                .iter()
                .find(|argument| self.text(argument).is_some())
            {
                self.judge(sql);
            }
            return;
        }
        // `vec![sqlx::query("..")]`, `join!(..)`: the arguments are copies, so they are looked at on their own.
        let mut inner = Search {
            bound: self.bound.clone(),
            refused: Vec::new(),
        };
        for argument in &arguments {
            inner.visit_expr(argument);
        }
        self.refused.append(&mut inner.refused);
    }
}

/// The methods of sqlx's `Executor` that take a text.
fn runs(method: &str) -> bool {
    matches!(
        method,
        "execute"
            | "execute_many"
            | "fetch"
            | "fetch_many"
            | "fetch_all"
            | "fetch_one"
            | "fetch_optional"
            | "prepare"
            | "prepare_with"
            | "describe"
    )
}

/// The arguments of a macro that takes expressions.
fn arguments(mac: &Macro) -> Option<Vec<Expr>> {
    let list = Punctuated::<Expr, Token![,]>::parse_terminated;
    Some(list.parse2(mac.tokens.clone()).ok()?.into_iter().collect())
}

fn is_named(path: &syn::Path, word: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == word)
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
        .map(|found| first_words(found.text))
}

fn is_read_alike(sql: &str, offset: usize) -> bool {
    DIALECTS.iter().all(|dialect| {
        demarcate_sql::statements(sql, *dialect).any(|statement| statement.offset == offset)
    })
}

/// Enough of a statement to find it.
fn first_words(statement: &str) -> String {
    const LONGEST: usize = 40;
    let words = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST {
        return words;
    }
    words.chars().take(LONGEST).chain("..".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(body: &str) -> Vec<String> {
        let block: Block = syn::parse_str(&format!("{{ {body} }}")).expect("a block");
        refused(&block)
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
        ] {
            assert_eq!(words(body), [""; 0], "{body}");
        }
    }
}
