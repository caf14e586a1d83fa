//! Finds the SQL texts in a body that are sent to a database, and judges each.

use demarcate_sql::Dialect;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{
    BinOp, Block, Expr, ExprAssign, ExprAwait, ExprBinary, ExprCall, ExprForLoop, ExprMethodCall,
    ExprReference, Ident, Item, Local, Macro, Pat, Stmt,
};

use crate::args::Args;
use crate::body::idioms::{is_query_function, is_query_macro, runs_query};
use crate::body::names::{Names, is_boundary};
use crate::check::texts::{self, Finding};
use crate::check::values::{UNKNOWN, Values, arguments, is_named};
use crate::kind::Kind;
use crate::root;
use crate::rule;
use crate::syntax::expr::{chain, plain_place};
use crate::syntax::function::Function;
use crate::syntax::mac::{Arguments, Part};
use crate::syntax::pattern::{plain_name, without_type};
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

/// Looks at every text in a body that is given to sqlx or to the session, if it is a literal, is put together from some, is a
/// name bound to one in the same body or the same block, or a file. Other texts are left to the statement guard.
pub(crate) fn refused(
    body: &Block,
    names: &Names,
    databases: Databases,
    constants: &[(String, Expr)],
) -> Vec<Refused> {
    let mut search = Search {
        sessions: names.sessions.clone(),
        databases,
        ..Search::default()
    };
    // The nearest comes first. One may be made of another, whatever their order.
    for _ in 0..2 {
        for (name, value) in constants.iter().rev() {
            search.values.declare(name.clone(), value);
        }
    }
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
    /// What the names of the body stand for.
    values: Values,
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
        for (text, on) in self.values.texts(expr) {
            self.judge_text(&text, on);
        }
    }

    fn judge_text(&mut self, text: &str, on: &impl ToTokens) {
        self.refuse(self.findings(text), on);
    }

    /// The rules that a text breaks, whatever stands in the parts of it that are not known.
    fn findings(&self, text: &str) -> Vec<Finding> {
        let mut found = self.findings_in(&text.replace(UNKNOWN, " ? "));
        if found.is_empty() || !text.contains(UNKNOWN) {
            return found;
        }
        for part in MAY_BE {
            let others = self.findings_in(&text.replace(UNKNOWN, part));
            found.retain(|finding| others.iter().any(|other| says_the_same(finding, other)));
        }
        found
    }

    /// The rules that a text breaks of which each part is known.
    fn findings_in(&self, text: &str) -> Vec<Finding> {
        let may_be_elsewhere = self.databases.has_others && !matches!(self.to, To::Session(_));
        let known = self.databases.known.filter(|_| !may_be_elsewhere);
        let mut found = texts::judge(text, known);
        // What only the session's database refuses may be sent to the other.
        found.retain(|finding| !may_be_elsewhere || !matches!(finding.on, texts::On::If(..)));
        if matches!(self.to, To::Session(_)) {
            found.extend(texts::waits(text, self.databases.known));
        }
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

    /// Returns the text that a call adds: of `push` a text, of the others a value.
    fn piece(&self, call: &ExprMethodCall) -> String {
        match call.args.first().filter(|_| call.method == "push") {
            Some(argument) => self.values.text_or_unknown(argument),
            None => " ? ".to_owned(),
        }
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
        let text = call.args.first();
        Some(text.map_or_else(
            || UNKNOWN.to_owned(),
            |argument| self.values.text_or_unknown(argument),
        ))
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
        if let Some(name) = self.values.text(&path)
            && let Some(root) = root::root()
            && let Ok(text) = std::fs::read_to_string(root.join(name))
        {
            self.judge_text(&text, &path);
        }
    }
}

/// Parts that make a statement a right one, where its other words would be wrong. One that is wrong with each of them is wrong
/// whatever stands there.
const MAY_BE: [&str; 9] = [
    " local ",
    " true ",
    "true",
    " on commit drop ",
    " drop ",
    " temporary table ",
    "xact_",
    " user_version ",
    "select 1",
];

/// Whether two texts break the same rule, and the second on no fewer databases.
fn says_the_same(finding: &Finding, other: &Finding) -> bool {
    finding.rule == other.rule
        && match (finding.on, other.on) {
            (texts::On::If(_, one), texts::On::If(_, other)) => one == other,
            (_, other) => !matches!(other, texts::On::If(..)),
        }
}

impl<'ast> Visit<'ast> for Search {
    fn visit_block(&mut self, block: &'ast Block) {
        // A constant is known before the statement that declares it.
        for stmt in &block.stmts {
            match stmt {
                Stmt::Item(Item::Const(item)) => self.values.bind(&item.ident, Some(&item.expr)),
                Stmt::Item(Item::Static(item)) => self.values.bind(&item.ident, Some(&item.expr)),
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
        // Input: `let (one, other) = ("..", "..");`
        if let Pat::Tuple(names) = without_type(&local.pat) {
            let values = match local.init.as_ref().map(|init| &*init.expr) {
                Some(Expr::Tuple(values)) if values.elems.len() == names.elems.len() => {
                    values.elems.iter().map(Some).collect()
                }
                _ => vec![None; names.elems.len()],
            };
            for (name, value) in names.elems.iter().zip(values) {
                if let Some(name) = plain_name(name) {
                    self.values.bind(name, value);
                }
            }
        }
        if let Some(name) = plain_name(&local.pat) {
            let init = local.init.as_ref().map(|init| &*init.expr);
            self.values.bind(name, init);
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

    /// `sql += ".."`
    fn visit_expr_binary(&mut self, sum: &'ast ExprBinary) {
        visit::visit_expr_binary(self, sum);
        if matches!(sum.op, BinOp::AddAssign(_))
            && let Some(name) = self.values.place(&sum.left)
        {
            let text = self.values.text_or_unknown(&sum.right);
            self.values.append(&name, &text);
        }
    }

    /// `sql = ".."`, after which it may stand for either.
    fn visit_expr_assign(&mut self, assigned: &'ast ExprAssign) {
        visit::visit_expr_assign(self, assigned);
        if let Some(name) = self.values.place(&assigned.left) {
            self.values.assign(&name, &assigned.right);
        }
    }

    /// `add_filter(&mut sql)`
    fn visit_expr_reference(&mut self, lent: &'ast ExprReference) {
        visit::visit_expr_reference(self, lent);
        if lent.mutability.is_some()
            && let Some(name) = self.values.place(&lent.expr)
        {
            self.values.may_change(&name);
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
            self.values.bind(name, Some(&repeated.expr));
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
        // Input: `["..", ".."].into_iter().for_each(|sql| ..)`
        if let Some(Expr::Closure(closure)) = call.args.first()
            && let Some(name) = closure.inputs.first().and_then(plain_name)
            && self.values.list(&call.receiver).is_some()
        {
            self.values.bind(name, Some(&call.receiver));
        }
        call.args
            .iter()
            .for_each(|argument| self.visit_expr(argument));
        self.values.change(call);
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
                .find(|argument| self.values.text(argument).is_some());
            if let Some(sql) = sql {
                self.judge(&sql);
            }
            return;
        }
        let is_written = (is_named(&mac.path, "write") || is_named(&mac.path, "writeln"))
            && self.values.write(mac);
        let Some(mut arguments) = Arguments::of(mac) else {
            return;
        };
        // `vec![sqlx::query("..")]`, `join!(..)`: the arguments are copies, so they are looked at on their own.
        let mut inner = Search {
            refused: Vec::new(),
            ..self.clone()
        };
        // What is written to is a text of its own.
        for part in arguments.parts_mut().skip(usize::from(is_written)) {
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
        let (asked, refused): (Vec<_>, Vec<_>) = refused(&block, &names, Databases::default(), &[])
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
            r#"sqlx::raw_sql(&*Box::new("COMMIT"));"#,
            r#"sqlx::query(&["COM", "MIT"].concat());"#,
            r#"let (one, other) = ("select 1", "COMMIT"); tx.execute(other);"#,
            r#"["select 1", "COMMIT"].into_iter().try_for_each(|sql| tx.execute(sql));"#,
            r#"for sql in vec!["select 1", "COMMIT"] { tx.execute(sql); }"#,
            r#"let sql; if a { sql = "COMMIT"; } else { sql = "select 1"; } tx.execute(sql);"#,
            r#"sqlx::query("COM$1".replace("$1", "MIT"));"#,
            r#"let mut all = Vec::new(); all.push("COMMIT"); for sql in all { tx.execute(sql); }"#,
        ] {
            assert_eq!(words(body), ["COMMIT"], "{body}");
        }
    }

    #[test]
    fn a_text_of_several_parts_is_read() {
        for body in [
            r#"let sql = ["select 1", "COMMIT"].join("; "); sqlx::raw_sql(AssertSqlSafe(sql));"#,
            r#"let all = vec!["select 1", x, "COMMIT"]; sqlx::raw_sql(&all.join(";"));"#,
            r#"let all = ["select 1;", "COMMIT"]; sqlx::raw_sql(&all.iter().copied().collect::<String>());"#,
            r#"let mut all = vec![a()]; all.push("COMMIT".to_owned()); sqlx::raw_sql(&all.join(";"));"#,
            r#"let mut sql = String::from("select 1"); if a { sql.push_str("; COMMIT"); } sqlx::raw_sql(&sql);"#,
            r#"let mut sql = String::new(); sql.push_str("select 1"); sql.push(';'); sql += "COMMIT"; tx.execute(sql.as_str());"#,
            r#"let mut sql = "select 1;".to_owned(); write!(sql, "{}", "COMMIT")?; tx.execute(&*sql);"#,
            r#"let mut sql = String::new(); writeln!(&mut sql, "select {a};")?; sql.push_str("COMMIT"); tx.execute(&*sql);"#,
            r#"tx.execute(&format!("update {table} set a = {}; COMMIT", b));"#,
            r#"const END: &str = "COMMIT"; let sql = format!("select '{{}}'; {END}"); tx.execute(&*sql);"#,
            r#"tx.execute(&(first.to_owned() + "; COMMIT"));"#,
            r#"tx.execute(concat!("select ", 1.5, "; COMMIT"));"#,
            r#"tx.execute(Cow::Borrowed("COMMIT"));"#,
        ] {
            assert_eq!(words(body), ["COMMIT"], "{body}");
        }
        assert_eq!(
            words(r#"tx.execute(&format!("lock table orders; set statement_timeout = {ms}"));"#),
            ["set statement_timeout = ?"]
        );
    }

    #[test]
    fn what_an_unknown_part_may_set_right_passes() {
        for body in [
            r#"tx.execute(&format!("set {scope} search_path to a"));"#,
            r#"tx.execute(&format!("create temp table a (b int) {end}"));"#,
            r#"tx.execute(&format!("create temp table a (b int) on commit {what}"));"#,
            r#"tx.execute(&format!("select set_config('a', '{value}', {local})"));"#,
            r#"tx.execute(&format!("select pg_advisory_{kind}lock(1)"));"#,
            r#"let mut sql = String::from("create temp table a (b int)"); sql.push_str(" on commit drop"); tx.execute(&*sql);"#,
            r#"let mut sql = String::from("create temp table a (b int)"); finish(&mut sql); tx.execute(&*sql);"#,
            r#"let mut q = QueryBuilder::new("create temp table a (b int) "); q.push(end);"#,
            r#"let all = ["create temp table a (b int)", end]; tx.execute(&all.join(" "));"#,
            r#"let mut all = vec!["select case when a then b"]; all.push("end"); tx.execute(&all.join(" "));"#,
            r#"let mut sql = String::from("commit"); sql.clear(); sql.push_str("select 1"); tx.execute(&*sql);"#,
            r#"let mut sql = String::from("commit"); sql.insert_str(0, "select 1 as "); tx.execute(&*sql);"#,
            r#"let mut sql = String::from("commit"); sql = text(); let sql = other(); tx.execute(&*sql);"#,
            r#"tx.execute(&format!("select '{}'", "commit"));"#,
            r#"let a = 1 + 2; log(&format!("commit {a}")); tx.execute(&format!("{a}{b}"));"#,
        ] {
            assert_eq!(words(body), [""; 0], "{body}");
        }
    }

    #[test]
    fn the_constants_of_a_block_are_known() {
        let found = |head: &str, sent: &str| {
            let item = format!(
                r#"{head} {{ const END: &str = "COMMIT";
                    async fn f(tx: &mut Session) -> Result<(), E> {{ sqlx::query({sent}).execute(&mut *tx).await }} }}"#
            );
            let tokens = item.parse().expect("tokens");
            let block = crate::Block::parse(tokens).expect("a block");
            let function = block.members.iter().find_map(|member| match &member.item {
                crate::MemberItem::Function(function) => Some(function),
                _ => None,
            });
            let function = function.expect("a function");
            let names = Names {
                sessions: vec![syn::parse_quote!(tx)],
                ..Names::default()
            };
            let body = function.block().expect("a body");
            let found = refused(&body, &names, Databases::default(), &function.constants);
            found.len()
        };
        assert_eq!(found("impl Locks", "Self::END"), 1);
        assert_eq!(found("impl<T> Find for Locks<T>", "Locks::END"), 1);
        assert_eq!(found("pub mod locks", "END"), 1);
        assert_eq!(found("pub mod locks", "self::END"), 1);
        assert_eq!(found("impl Locks", "Other::END"), 0);
        assert_eq!(found("impl Locks", "END"), 0);
        // An `impl` may give it another value.
        assert_eq!(found("trait Locks", "Self::END"), 0);
    }

    #[test]
    fn the_file_beside_the_source_is_read() {
        let source = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/check/sql.rs"));
        for body in [
            r#"sqlx::raw_sql(include_str!("sql/commits.sql"));"#,
            r#"const SEED: &str = include_str!("../check/sql/commits.sql"); tx.execute(SEED);"#,
            r#"tx.execute(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/check/sql/commits.sql")));"#,
        ] {
            assert_eq!(root::in_file(source, || words(body)), ["commit"], "{body}");
        }
        for body in [
            r#"sqlx::raw_sql(include_str!("no/such/file.sql"));"#,
            r#"sqlx::raw_sql(include_str!(concat!(env!("OUT_DIR"), "/a.sql")));"#,
            r#"sqlx::raw_sql(include_str!());"#,
        ] {
            assert_eq!(root::in_file(source, || words(body)), [""; 0], "{body}");
        }
    }

    #[test]
    fn a_text_that_only_waits_is_a_sleep() {
        let sleeps = |body: &str| {
            crate::tests::codes(body)
                .iter()
                .filter(|code| **code == "D050")
                .count()
        };
        assert_eq!(
            sleeps(r#"sqlx::query("select pg_sleep(5)").execute(&mut *tx).await?;"#),
            1
        );
        assert_eq!(
            sleeps(
                r#"sqlx::query("select 'pg_sleep(5)', sleep(a) from sleep (b)").execute(&mut *tx).await?;"#
            ),
            0
        );
        assert_eq!(
            sleeps(r#"sqlx::query("select pg_sleep(5)").execute(&app.archive).await?;"#),
            0
        );
        let of_mysql = "async fn f(tx: &mut demarcate::mysql::Session) -> Result<(), E> {
            sqlx::query(\"do sleep(1)\").execute(&mut *tx).await }";
        assert_eq!(
            crate::tests::codes_of(crate::Kind::Service, of_mysql),
            ["D050"]
        );
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
