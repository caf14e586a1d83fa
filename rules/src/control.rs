//! Calls that begin, commit or roll back.
//!
//! Many things have a method `commit`, a search index and a git repository among them, so the name alone
//! decides nothing. Where the receiver is visibly the session the call is refused; where it is anything
//! else the compiler is asked what type it has.

use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprCall, ExprClosure, ExprConst, ExprMethodCall, ExprPath, Ident, Item, Local,
    Pat, Type, UnOp,
};

use crate::rule::{self, Rule};
use crate::session::plain_name;

/// What a call does to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `commit`
    Commit,
    /// `rollback`
    Rollback,
    /// `begin`, and what else opens a transaction.
    Begin,
}

impl Control {
    fn named(method: &Ident) -> Option<Self> {
        match method.to_string().as_str() {
            "commit" => Some(Self::Commit),
            "rollback" => Some(Self::Rollback),
            "begin" | "begin_with" | "try_begin" | "try_begin_with" | "transaction"
            | "transaction_with" => Some(Self::Begin),
            _ => None,
        }
    }

    /// The rule against it.
    #[must_use]
    pub const fn rule(self) -> &'static Rule {
        match self {
            Self::Commit => &rule::COMMIT,
            Self::Rollback => &rule::ROLLBACK,
            Self::Begin => &rule::BEGIN,
        }
    }
}

/// What is to be said of a call.
pub enum Judgement {
    /// It is not allowed. Holds the name that was called.
    Refused(Control, Ident),
    /// It depends on the type of the receiver. Holds the name that was called, and the receiver as it stands in the
    /// source.
    Ask(Control, Ident, Box<Expr>),
}

/// What the names in a part of a body stand for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Names of the session.
    pub sessions: Vec<Ident>,
    /// The name of a job's session factory, where a boundary may be opened on it.
    pub factory: Option<Ident>,
}

impl Names {
    /// Without those that a pattern gives another meaning.
    fn without(&self, pats: &[&Pat]) -> Self {
        let stays = |name: &Ident| !pats.iter().any(|pat| binds(pat, name));
        Self {
            sessions: self
                .sessions
                .iter()
                .filter(|name| stays(name))
                .cloned()
                .collect(),
            factory: self.factory.clone().filter(stays),
        }
    }
}

/// Shows `judged` every call in a body that may begin, commit or roll back. It may replace the call.
pub fn each(body: &mut Block, names: &Names, judged: &mut dyn FnMut(Judgement, &mut Expr)) {
    let mut walk = Walk {
        names: names.clone(),
        judged,
    };
    walk.visit_block_mut(body);
}

struct Walk<'f> {
    names: Names,
    judged: &'f mut dyn FnMut(Judgement, &mut Expr),
}

impl Walk<'_> {
    fn judge(&self, expr: &Expr) -> Option<Judgement> {
        match expr {
            Expr::MethodCall(call) => self.judge_method(call),
            Expr::Call(call) => self.judge_path(call),
            _ => None,
        }
    }

    fn judge_method(&self, call: &ExprMethodCall) -> Option<Judgement> {
        let control = Control::named(&call.method)?;
        if self.opens_boundary(call) {
            return None;
        }
        Some(self.judge_receiver(control, &call.method, &call.receiver))
    }

    /// `Transaction::commit(t)`, `<PgPool as Acquire>::begin(&pool)`: the first argument is the receiver.
    fn judge_path(&self, call: &ExprCall) -> Option<Judgement> {
        let Expr::Path(ExprPath { qself, path, .. }) = &*call.func else {
            return None;
        };
        let mut segments = path.segments.iter().rev();
        let method = &segments.next()?.ident;
        let control = Control::named(method)?;
        let receiver = call.args.first()?;
        let is_of_a_type = match segments.next() {
            Some(owner) => owner
                .ident
                .to_string()
                .starts_with(|c: char| c.is_uppercase()),
            None => qself.is_some(),
        };
        // `orders::begin(tx)` is a service with an unlucky name.
        if self.is_factory(receiver) || (self.is_session(receiver) && !is_of_a_type) {
            return None;
        }
        Some(self.judge_receiver(control, method, receiver))
    }

    fn judge_receiver(&self, control: Control, name: &Ident, receiver: &Expr) -> Judgement {
        if self.is_session(receiver) {
            return Judgement::Refused(control, name.clone());
        }
        Judgement::Ask(control, name.clone(), Box::new(receiver.clone()))
    }

    /// `tx`, `&mut *tx`, `(tx)`.
    fn is_session(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Path(ExprPath {
                qself: None, path, ..
            }) => self.names.sessions.iter().any(|name| path.is_ident(name)),
            Expr::Paren(inner) => self.is_session(&inner.expr),
            Expr::Group(inner) => self.is_session(&inner.expr),
            Expr::Reference(inner) => self.is_session(&inner.expr),
            Expr::Unary(inner) => {
                matches!(inner.op, UnOp::Deref(_)) && self.is_session(&inner.expr)
            }
            _ => false,
        }
    }

    /// The factory of a job that was given one.
    fn is_factory(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Path(ExprPath {
                qself: None, path, ..
            }) => self
                .names
                .factory
                .as_ref()
                .is_some_and(|name| path.is_ident(name)),
            _ => false,
        }
    }

    /// `db.transaction(async |tx| ..)`, in a job that was given the factory for that.
    fn opens_boundary(&self, call: &ExprMethodCall) -> bool {
        self.is_factory(&call.receiver)
            && (call.method == "transaction" || call.method == "transaction_with")
    }

    /// `tx.begin().await?`, `tx.begin().await.unwrap()` and so on.
    fn begins_on_session(&self, expr: &Expr) -> bool {
        chain(expr).any(|link| match link {
            Expr::MethodCall(call) => {
                Control::named(&call.method) == Some(Control::Begin)
                    && self.is_session(&call.receiver)
            }
            _ => false,
        })
    }

    /// A part of the body in which names stand for something else.
    fn within(&mut self, names: Names, part: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.names, names);
        part(self);
        self.names = outer;
    }

    /// The closure's parameter is a session: `tx.savepoint(async |tx| ..)`, `db.transaction(async |tx| ..)`.
    fn visit_scope(&mut self, call: &mut ExprMethodCall) {
        self.visit_expr_mut(&mut call.receiver);
        for argument in &mut call.args {
            let Expr::Closure(closure) = argument else {
                self.visit_expr_mut(argument);
                continue;
            };
            let mut names = self
                .names
                .without(&closure.inputs.iter().collect::<Vec<_>>());
            names
                .sessions
                .extend(closure.inputs.first().and_then(plain_name).cloned());
            // Inside a boundary no other is opened.
            names.factory = None;
            self.within(names, |walk| walk.visit_expr_mut(&mut closure.body));
        }
    }
}

impl VisitMut for Walk<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // Before what is inside it is replaced.
        let judgement = self.judge(expr);
        match expr {
            Expr::MethodCall(call) if call.method == "savepoint" || self.opens_boundary(call) => {
                self.visit_scope(call)
            }
            _ => visit_mut::visit_expr_mut(self, expr),
        }
        if let Some(judgement) = judgement {
            (self.judged)(judgement, expr);
        }
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        let names = self.names.clone();
        self.within(names, |walk| visit_mut::visit_block_mut(walk, block));
    }

    /// Input: `let inner = tx.begin().await?;`, after which `inner.commit()` is as wrong as `tx.commit()`.
    fn visit_local_mut(&mut self, local: &mut Local) {
        let begun = local
            .init
            .as_ref()
            .is_some_and(|init| self.begins_on_session(&init.expr));
        visit_mut::visit_local_mut(self, local);
        self.names = self.names.without(&[&local.pat]);
        if begun {
            self.names.sessions.extend(plain_name(&local.pat).cloned());
        }
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        let names = self
            .names
            .without(&closure.inputs.iter().collect::<Vec<_>>());
        self.within(names, |walk| {
            visit_mut::visit_expr_closure_mut(walk, closure)
        });
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        let names = self.names.without(&[&arm.pat]);
        self.within(names, |walk| visit_mut::visit_arm_mut(walk, arm));
    }

    /// Functions inside the function: they have parameters of their own. A constant cannot ask for types.
    fn visit_item_mut(&mut self, item: &mut Item) {
        match item {
            Item::Fn(function) if function.sig.constness.is_some() => {}
            Item::Fn(_) | Item::Impl(_) | Item::Mod(_) | Item::Trait(_) => {
                self.within(Names::default(), |walk| {
                    visit_mut::visit_item_mut(walk, item)
                });
            }
            _ => {}
        }
    }

    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}

    fn visit_type_mut(&mut self, _: &mut Type) {}
}

/// An expression and what it is built on, outside in: `a.b()?.await` gives itself, `a.b()?`, `a.b()`, `a`.
pub fn chain(expr: &Expr) -> impl Iterator<Item = &Expr> {
    std::iter::successors(Some(expr), |expr| match expr {
        Expr::MethodCall(call) => Some(&call.receiver),
        Expr::Await(inner) => Some(&inner.base),
        Expr::Try(inner) => Some(&inner.expr),
        Expr::Field(inner) => Some(&inner.base),
        Expr::Paren(inner) => Some(&inner.expr),
        Expr::Group(inner) => Some(&inner.expr),
        _ => None,
    })
}

/// Whether a pattern gives a name a new meaning.
fn binds(pat: &Pat, name: &Ident) -> bool {
    use syn::visit::Visit;

    struct Search<'a> {
        name: &'a Ident,
        found: bool,
    }
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
            self.found |= pat.ident == *self.name;
            syn::visit::visit_pat_ident(self, pat);
        }
    }
    let mut search = Search { name, found: false };
    search.visit_pat(pat);
    search.found
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;
    use quote::ToTokens;

    use super::*;

    /// The calls of a body, refused ones with a `!`.
    fn calls(body: &str) -> Vec<String> {
        let mut block: Block = syn::parse_str(&format!("{{ {body} }}")).expect("a block");
        let mut found = Vec::new();
        let names = Names {
            sessions: vec![Ident::new("tx", Span::call_site())],
            factory: Some(Ident::new("db", Span::call_site())),
        };
        each(&mut block, &names, &mut |judgement, expr| {
            found.push(match judgement {
                Judgement::Refused(_, name) => format!("{name}!"),
                Judgement::Ask(_, _, receiver) => receiver.to_token_stream().to_string(),
            });
            *expr = syn::parse_quote!(());
        });
        found
    }

    #[test]
    fn the_session_is_refused_and_others_are_asked_about() {
        assert_eq!(
            calls("tx.commit().await?; (&mut *tx).rollback(); index.commit();"),
            ["commit!", "rollback!", "index"]
        );
        assert_eq!(calls("self.pool.begin().await?"), ["self . pool"]);
        assert_eq!(
            calls("if a { tx.begin() } else { move || tx.commit() }"),
            ["begin!", "commit!"]
        );
    }

    #[test]
    fn a_path_is_judged_by_its_first_argument() {
        assert_eq!(
            calls(
                "Transaction::commit(t); Pool::<A>::begin(&p); <A as Acquire>::begin(p); <A>::begin(tx);"
            ),
            ["t", "& p", "p", "begin!"]
        );
        assert_eq!(
            calls("orders::begin(tx); commit(tx); Session::commit(&mut *tx); index::commit(w);"),
            ["commit!", "w"]
        );
        assert_eq!(
            calls("SessionFactory::transaction(db, f); A::commit()"),
            [""; 0]
        );
    }

    #[test]
    fn a_name_that_no_longer_is_the_session_is_asked_about() {
        assert_eq!(
            calls("let tx = repo.transaction()?; tx.commit();"),
            ["repo", "tx"]
        );
        assert_eq!(calls("{ let tx = other; } tx.commit();"), ["commit!"]);
        assert_eq!(calls("f(|tx| tx.commit());"), ["tx"]);
        assert_eq!(
            calls("match a { Some(tx) => tx.commit(), None => tx.rollback() }"),
            ["tx", "rollback!"]
        );
        assert_eq!(calls("fn f(tx: A) { tx.commit() }"), ["tx"]);
    }

    #[test]
    fn what_was_begun_on_the_session_and_a_savepoint_are_sessions() {
        assert_eq!(
            calls("let mut t = tx.begin().await?; t.commit().await?;"),
            ["begin!", "commit!"]
        );
        assert_eq!(
            calls("tx.savepoint(async |s| { s.commit() }).await?;"),
            ["commit!"]
        );
        assert_eq!(
            calls("tx.savepoint(async |tx: &mut Session| tx.commit());"),
            ["commit!"]
        );
    }

    #[test]
    fn a_boundary_is_opened_on_the_factory_and_not_inside_another() {
        assert_eq!(
            calls("db.transaction(async |s| { s.commit() }).await?; db.begin();"),
            ["commit!", "db"]
        );
        assert_eq!(
            calls("db.transaction(async |s| { db.transaction(async |t| t.commit()) });"),
            ["t", "db"]
        );
        assert_eq!(calls("let db = other; db.transaction(f);"), ["db"]);
    }

    #[test]
    fn the_receiver_is_shown_as_it_stands_in_the_source() {
        assert_eq!(
            calls("pool.begin().await?.commit()"),
            ["pool", "pool . begin () . await ?"]
        );
    }
}
