//! Walks through a body and tracks what the names in it mean.

use proc_macro2::TokenStream;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Arm, Block, Expr, ExprClosure, ExprConst, ExprMethodCall, Item, Local, Macro, Pat, Stmt, Type,
};

use crate::body::idioms::{
    begins, begins_on_session, is_http, is_query, is_spawner, is_unguarded, makes_factory, of_type,
    waits_later,
};
use crate::body::names::{Known, Names, is_typed_session, same};
use crate::syntax::expr::{called, chain};
use crate::syntax::mac::{Arguments, Part};
use crate::syntax::pattern::{plain_name, without_type};
use crate::syntax::types::is_named;

/// One step of a walk.
pub(crate) enum Step<'a> {
    /// An expression, before its parts are visited.
    Enter(&'a Expr),
    /// An expression, after its parts have been visited. It may be replaced.
    Leave(&'a mut Expr),
    /// A statement, before its parts are visited.
    Statement(&'a Stmt),
    /// Arguments of a macro call that cannot be read as expressions: `on a do b.c()` in `my!(on a do b.c())`.
    Tokens(&'a TokenStream),
}

/// Walks through a body.
pub(crate) fn walk(body: &mut Block, names: &Names, look: &mut dyn FnMut(Step<'_>, &Names)) {
    let mut walk = Walk {
        names: names.clone(),
        look,
        scope: None,
        replaces: true,
    };
    walk.visit_block_mut(body);
}

/// Walks through a body in which nothing will be replaced.
pub(crate) fn each(body: &mut Block, names: &Names, look: &mut dyn FnMut(Step<'_>, &Names)) {
    let mut walk = Walk {
        names: names.clone(),
        look,
        scope: None,
        replaces: false,
    };
    walk.visit_block_mut(body);
}

/// Shows every closure that is run in a boundary of its own, with what its names mean, after those inside it. It may be
/// changed.
pub(crate) fn boundaries(
    body: &mut Block,
    names: &Names,
    scope: &mut dyn FnMut(&mut ExprClosure, &Names),
) {
    let mut walk = Walk {
        names: names.clone(),
        look: &mut |_, _| {},
        scope: Some(scope),
        replaces: true,
    };
    walk.visit_block_mut(body);
}

/// What is shown a closure, and what the names in it mean.
type Scope<'f> = dyn FnMut(&mut ExprClosure, &Names) + 'f;

struct Walk<'f> {
    names: Names,
    look: &'f mut dyn FnMut(Step<'_>, &Names),
    /// Is shown the closures that are run in boundaries of their own.
    scope: Option<&'f mut Scope<'f>>,
    /// Whether changed arguments of a macro call are written back to its tokens.
    replaces: bool,
}

impl Walk<'_> {
    /// Shows a step, unless it is one of a plain function, in which no rule holds.
    fn show(&mut self, step: Step<'_>) {
        if !self.names.is_plain {
            (self.look)(step, &self.names);
        }
    }

    /// Walks through a part of the body in which names mean something else.
    fn within(&mut self, names: Names, part: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.names, names);
        part(self);
        self.names = outer;
    }

    /// The closure's parameter is a session: `tx.savepoint(async |tx| ..)`, `db.transaction(async |tx| ..)`.
    fn visit_scope(&mut self, call: &mut ExprMethodCall) {
        let boundary = self.names.boundary(call);
        self.visit_expr_mut(&mut call.receiver);
        for (at, argument) in call.args.iter_mut().enumerate() {
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
            // A savepoint of something else, in a plain function.
            if boundary.is_some() || !names.is_plain {
                names.inside = true;
                names.is_plain = false;
            }
            self.within(names, |walk| {
                walk.visit_expr_mut(&mut closure.body);
                if boundary == Some(at)
                    && let Some(scope) = &mut walk.scope
                {
                    scope(closure, &walk.names);
                }
            });
        }
    }

    /// Arguments that do not run inside the transaction: `tx.after_commit(async { .. })`, `tokio::spawn(..)`.
    fn visit_arguments_outside<'a>(&mut self, arguments: impl Iterator<Item = &'a mut Expr>) {
        let names = Names {
            inside: false,
            ..self.names.clone()
        };
        self.within(names, |walk| {
            arguments.for_each(|argument| walk.visit_expr_mut(argument));
        });
    }

    fn is_scope(&self, call: &ExprMethodCall) -> bool {
        call.method == "savepoint"
            || (call.method == "before_commit" && self.names.is_session(&call.receiver))
            || self.names.boundary(call).is_some()
    }

    fn bound(&self, local: &Local) -> Bound {
        let init = local.init.as_ref().map(|init| &*init.expr);
        Bound::of(local, init, &self.names)
    }

    fn bind(&mut self, pat: &Pat, what: Bound) {
        self.names = self.names.without(&[pat]);
        match (what, plain_name(pat)) {
            (Bound::Session, Some(name)) => self.names.sessions.push(name.clone()),
            (Bound::Factory, Some(name)) => self.names.factories.push(name.clone()),
            (Bound::Known(what), Some(name)) => self.names.known.push((name.clone(), what)),
            // Input: `let (sender, receiver) = channel(8);`
            (Bound::Channel, _) => {
                if let Pat::Tuple(ends) = without_type(pat)
                    && let Some(receiver) = ends.elems.iter().nth(1).and_then(plain_name)
                {
                    self.names.known.push((receiver.clone(), Known::Receiver));
                }
            }
            _ => {}
        }
    }
}

/// The meaning of a value that a `let` binds.
enum Bound {
    Session,
    Factory,
    Known(Known),
    Channel,
    Other,
}

impl Bound {
    fn of(local: &Local, init: Option<&Expr>, names: &Names) -> Self {
        if let Pat::Type(typed) = &local.pat
            && let Some(known) = of_type(&typed.ty)
        {
            return Self::Known(known);
        }
        // Input: `let db: SessionFactory = ..;`
        if let Pat::Type(typed) = &local.pat
            && !names.inside
            && is_named(&typed.ty, "SessionFactory")
        {
            return Self::Factory;
        }
        let Some(init) = init else {
            return Self::Other;
        };
        if names.is_factory(init) || (!names.inside && makes_factory(init)) {
            return Self::Factory;
        }
        if names.is_session(init) || begins_on_session(init, names) {
            return Self::Session;
        }
        if let Some(known) = names.known(init) {
            return Self::Known(known);
        }
        if names.known(same(init)) == Some(Known::Factory) {
            return Self::Known(Known::Factory);
        }
        // A transaction on another receiver is reported where it begins.
        if chain(init).any(|link| matches!(link, Expr::MethodCall(call) if begins(&call.method))) {
            return Self::Known(Known::Parameter);
        }
        if chain(init).any(|link| is_unguarded(link, names)) {
            return Self::Known(Known::Raw);
        }
        if is_query(init, names) {
            return Self::Known(Known::Query);
        }
        if is_spawner(init) {
            return Self::Known(Known::Spawner);
        }
        if is_http(init, names) {
            return Self::Known(Known::Http);
        }
        if let Some(rule) = waits_later(init, names) {
            return Self::Known(Known::Waiting(rule));
        }
        match init {
            Expr::Call(call) => match called(&call.func) {
                Some(name) if name == "channel" || name == "unbounded_channel" => Self::Channel,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

impl VisitMut for Walk<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // Looked at before its parts are replaced.
        self.show(Step::Enter(expr));
        match expr {
            Expr::MethodCall(call) if self.is_scope(call) => self.visit_scope(call),
            Expr::MethodCall(call) if self.names.is_after_the_end(call) => {
                self.visit_expr_mut(&mut call.receiver);
                self.visit_arguments_outside(call.args.iter_mut());
            }
            Expr::MethodCall(call) if call.method.to_string().starts_with("spawn") => {
                self.visit_expr_mut(&mut call.receiver);
                self.visit_arguments_outside(call.args.iter_mut());
            }
            Expr::Call(call) => {
                let spawns = called(&call.func)
                    .is_some_and(|name| name == "spawn" || name.to_string().starts_with("spawn_"));
                // A called path is judged together with the call's arguments.
                if !matches!(&*call.func, Expr::Path(_)) {
                    self.visit_expr_mut(&mut call.func);
                }
                if spawns {
                    self.visit_arguments_outside(call.args.iter_mut());
                } else {
                    call.args
                        .iter_mut()
                        .for_each(|argument| self.visit_expr_mut(argument));
                }
            }
            _ => visit_mut::visit_expr_mut(self, expr),
        }
        self.show(Step::Leave(expr));
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        self.show(Step::Statement(stmt));
        visit_mut::visit_stmt_mut(self, stmt);
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        let names = self.names.clone();
        self.within(names, |walk| visit_mut::visit_block_mut(walk, block));
    }

    /// Input: `let inner = tx.begin().await?;`, after which `inner.commit()` is as wrong as `tx.commit()`.
    fn visit_local_mut(&mut self, local: &mut Local) {
        let what = self.bound(local);
        visit_mut::visit_local_mut(self, local);
        self.bind(&local.pat, what);
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        let mut names = self
            .names
            .without(&closure.inputs.iter().collect::<Vec<_>>());
        // Input: `let work = async |tx: &mut Session| ..; db.transaction(work)`, in a plain function.
        if let Some(session) = closure.inputs.first()
            && names.is_plain
            && is_typed_session(session)
        {
            names.sessions.extend(plain_name(session).cloned());
            (names.inside, names.is_plain) = (true, false);
            self.within(names, |walk| {
                walk.visit_expr_mut(&mut closure.body);
                if let Some(scope) = &mut walk.scope {
                    scope(closure, &walk.names);
                }
            });
            return;
        }
        self.within(names, |walk| {
            visit_mut::visit_expr_closure_mut(walk, closure)
        });
    }

    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        let names = self.names.without(&[&arm.pat]);
        self.within(names, |walk| visit_mut::visit_arm_mut(walk, arm));
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        let Some(mut arguments) = Arguments::of(mac) else {
            return;
        };
        let before = self.replaces.then(|| arguments.text());
        let names = Names {
            is_opaque: self.names.is_opaque || !arguments.are_expressions,
            ..self.names.clone()
        };
        self.within(names, |walk| {
            for part in arguments.parts_mut() {
                match part {
                    Part::Expr(expr) => walk.visit_expr_mut(expr),
                    Part::Statements(stmts) => {
                        stmts.iter_mut().for_each(|stmt| walk.visit_stmt_mut(stmt));
                    }
                    Part::Other(tokens) => walk.show(Step::Tokens(tokens)),
                    Part::Separator(_) => {}
                }
            }
        });
        if let Some(before) = before {
            arguments.write_back(mac, &before);
        }
    }

    /// Functions inside the function: they have parameters of their own. A constant cannot ask for types.
    fn visit_item_mut(&mut self, item: &mut Item) {
        match item {
            Item::Fn(function) if function.sig.constness.is_some() => {}
            Item::Fn(_) | Item::Impl(_) | Item::Mod(_) | Item::Trait(_) => {
                let names = Names {
                    is_plain: self.names.is_plain,
                    factories_by_name: self.names.factories_by_name.clone(),
                    ..Names::default()
                };
                self.within(names, |walk| visit_mut::visit_item_mut(walk, item));
            }
            _ => {}
        }
    }

    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}

    fn visit_type_mut(&mut self, _: &mut Type) {}

    fn visit_pat_mut(&mut self, _: &mut Pat) {}

    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
}
