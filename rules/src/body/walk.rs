//! Walks through a body and tracks what the names in it mean.

use proc_macro2::TokenStream;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprCall, ExprClosure, ExprConst, ExprForLoop, ExprIf, ExprLet, ExprMatch,
    ExprMethodCall, ExprWhile, Item, Local, Macro, Pat, Stmt, Type,
};

use crate::body::idioms::{
    begins, begins_on_session, connects, is_http, is_query, is_unguarded, of_type, waits_later,
};
use crate::body::names::{Known, Names};
use crate::body::typed::{is_known, is_type_written_out};
use crate::syntax::expr::{called, chain, without_parens};
use crate::syntax::mac::{Arguments, Part};
use crate::syntax::pattern::{bindings, plain_name, without_type};

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
        replaces: true,
    };
    walk.visit_block_mut(body);
}

/// Walks through a body in which nothing will be replaced.
pub(crate) fn each(body: &mut Block, names: &Names, look: &mut dyn FnMut(Step<'_>, &Names)) {
    let mut walk = Walk {
        names: names.clone(),
        look,
        replaces: false,
    };
    walk.visit_block_mut(body);
}

struct Walk<'f> {
    names: Names,
    look: &'f mut dyn FnMut(Step<'_>, &Names),
    /// Whether changed arguments of a macro call are written back to its tokens.
    replaces: bool,
}

impl Walk<'_> {
    /// Walks through a part of the body in which names mean something else.
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
            names.inside = true;
            self.within(names, |walk| walk.visit_expr_mut(&mut closure.body));
        }
    }

    /// `thread::scope(|s| ..)` waits for what is spawned on `s`, which is inside.
    fn visit_thread_scope(&mut self, call: &mut ExprCall) {
        for argument in &mut call.args {
            let mut names = self.names.clone();
            if let Expr::Closure(closure) = argument {
                names = names.without(&closure.inputs.iter().collect::<Vec<_>>());
                let scopes = closure.inputs.iter().filter_map(plain_name);
                let scopes = scopes.map(|name| (name.clone(), Known::Scope));
                names.known.extend(scopes);
                self.within(names, |walk| walk.visit_expr_mut(&mut closure.body));
            } else {
                self.visit_expr_mut(argument);
            }
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
            || self.names.opens_boundary(call)
    }

    fn bound(&self, local: &Local) -> Bound {
        let init = local.init.as_ref().map(|init| &*init.expr);
        Bound::of(local, init, &self.names)
    }

    fn bind(&mut self, pat: &Pat, what: Bound) {
        self.names = self.names.without(&[pat]);
        match (what, plain_name(pat)) {
            (Bound::Session, Some(name)) => self.names.sessions.push(name.clone()),
            (Bound::Known(Known::Typed), _) => self.bind_typed(pat),
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

impl Walk<'_> {
    /// Binds what a pattern takes out of a value whose type is known.
    fn bind_typed(&mut self, pat: &Pat) {
        let names = bindings(pat).into_iter();
        let names = names.map(|binding| (binding.name.clone(), Known::Typed));
        self.names.known.extend(names);
    }

    /// Binds the names of an arm, or of a loop.
    fn names_of(&self, pat: &Pat, value: &Expr) -> Names {
        let mut walk = Walk {
            names: self.names.without(&[pat]),
            look: &mut |_, _| {},
            replaces: false,
        };
        if is_known(value, &self.names) {
            walk.bind_typed(pat);
        }
        walk.names
    }
}

/// The meaning of a value that a `let` binds.
enum Bound {
    Session,
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
        let is_written_out = match &local.pat {
            Pat::Type(typed) => is_type_written_out(&typed.ty),
            _ => false,
        };
        let Some(init) = init else {
            return match is_written_out {
                true => Self::Known(Known::Typed),
                false => Self::Other,
            };
        };
        if names.is_session(init) || begins_on_session(init, names) {
            return Self::Session;
        }
        if let Some(known) = names.known(init) {
            // Of what is taken out of a parameter its type says nothing.
            let is_whole = known != Known::Parameter || plain_name(&local.pat).is_some();
            return Self::Known(if is_whole { known } else { Known::Typed });
        }
        // A transaction on another receiver is reported where it begins.
        if chain(init).any(|link| match link {
            Expr::MethodCall(call) => begins(&call.method),
            Expr::Call(call) => called(&call.func).is_some_and(begins),
            _ => false,
        }) {
            return Self::Known(Known::Begun);
        }
        if chain(init).any(|link| is_unguarded(link, names)) {
            return Self::Known(Known::Raw);
        }
        if is_query(init, names) {
            return Self::Known(Known::Query);
        }
        if is_http(init, names) {
            return Self::Known(Known::Http);
        }
        if let Some(rule) = waits_later(init, names) {
            return Self::Known(Known::Waiting(rule));
        }
        match without_parens(init) {
            Expr::Call(call)
                if called(&call.func)
                    .is_some_and(|name| name == "channel" || name == "unbounded_channel") =>
            {
                Self::Channel
            }
            _ if is_written_out => Self::Known(Known::Typed),
            init if is_known(init, names) => Self::Known(Known::Typed),
            init if is_awaited_function(init) => Self::Known(
                // What connects is judged by what it gives.
                match chain(init).any(|link| matches!(link, Expr::Call(call) if called(&call.func).is_some_and(connects))) {
                    true => Known::Begun,
                    false => Known::Awaited,
                },
            ),
            Expr::Await(_) | Expr::Try(_) => Self::Other,
            _ => Self::Known(Known::Unsure),
        }
    }
}

/// `open(url).await?`
fn is_awaited_function(init: &Expr) -> bool {
    match init {
        Expr::Try(inner) => is_awaited_function(&inner.expr),
        Expr::Paren(inner) => is_awaited_function(&inner.expr),
        Expr::MethodCall(call) => {
            matches!(call.method.to_string().as_str(), "unwrap" | "expect")
                && is_awaited_function(&call.receiver)
        }
        Expr::Await(wait) => matches!(without_parens(&wait.base), Expr::Call(_)),
        _ => false,
    }
}

/// Whether a method calls a closure with what is in its receiver, or comes out of it.
fn hands_over(method: &syn::Ident) -> bool {
    const METHODS: [&str; 12] = [
        "all",
        "and_then",
        "any",
        "filter",
        "filter_map",
        "find",
        "flat_map",
        "for_each",
        "inspect",
        "map",
        "then",
        "try_for_each",
    ];
    METHODS.iter().any(|word| method == word)
}

impl VisitMut for Walk<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // Looked at before its parts are replaced.
        (self.look)(Step::Enter(expr), &self.names);
        match expr {
            Expr::MethodCall(call) if self.is_scope(call) => self.visit_scope(call),
            Expr::MethodCall(call) if self.names.is_after_the_end(call) => {
                self.visit_expr_mut(&mut call.receiver);
                self.visit_arguments_outside(call.args.iter_mut());
            }
            Expr::MethodCall(call)
                if call.method.to_string().starts_with("spawn")
                    && self.names.known(&call.receiver) != Some(Known::Scope) =>
            {
                self.visit_expr_mut(&mut call.receiver);
                self.visit_arguments_outside(call.args.iter_mut());
            }
            Expr::MethodCall(call)
                if call.args.len() == 1
                    && hands_over(&call.method)
                    && is_known(&call.receiver, &self.names) =>
            {
                self.visit_expr_mut(&mut call.receiver);
                let names = self.names.clone();
                self.within(names, |walk| match call.args.first_mut() {
                    Some(Expr::Closure(closure)) => {
                        let inputs: Vec<_> = closure.inputs.iter().collect();
                        walk.names = walk.names.without(&inputs);
                        inputs.into_iter().for_each(|input| walk.bind_typed(input));
                        walk.visit_expr_mut(&mut closure.body);
                    }
                    argument => argument
                        .into_iter()
                        .for_each(|argument| walk.visit_expr_mut(argument)),
                });
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
                } else if called(&call.func).is_some_and(|name| name == "scope") {
                    self.visit_thread_scope(call);
                } else {
                    call.args
                        .iter_mut()
                        .for_each(|argument| self.visit_expr_mut(argument));
                }
            }
            _ => visit_mut::visit_expr_mut(self, expr),
        }
        (self.look)(Step::Leave(expr), &self.names);
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        (self.look)(Step::Statement(stmt), &self.names);
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
        let names = self
            .names
            .without(&closure.inputs.iter().collect::<Vec<_>>());
        self.within(names, |walk| {
            visit_mut::visit_expr_closure_mut(walk, closure)
        });
    }

    fn visit_expr_if_mut(&mut self, branch: &mut ExprIf) {
        let names = self.names.clone();
        self.within(names, |walk| {
            walk.visit_expr_mut(&mut branch.cond);
            walk.visit_block_mut(&mut branch.then_branch);
        });
        if let Some((_, other)) = &mut branch.else_branch {
            self.visit_expr_mut(other);
        }
    }

    fn visit_expr_while_mut(&mut self, repeated: &mut ExprWhile) {
        let names = self.names.clone();
        self.within(names, |walk| {
            visit_mut::visit_expr_while_mut(walk, repeated);
        });
    }

    /// Input: `if let Some(pool) = &app.replica`.
    fn visit_expr_let_mut(&mut self, condition: &mut ExprLet) {
        let names = self.names_of(&condition.pat, &condition.expr);
        visit_mut::visit_expr_let_mut(self, condition);
        self.names = names;
    }

    fn visit_expr_for_loop_mut(&mut self, repeated: &mut ExprForLoop) {
        let names = self.names_of(&repeated.pat, &repeated.expr);
        self.visit_expr_mut(&mut repeated.expr);
        self.within(names, |walk| walk.visit_block_mut(&mut repeated.body));
    }

    fn visit_expr_match_mut(&mut self, choice: &mut ExprMatch) {
        self.visit_expr_mut(&mut choice.expr);
        for arm in &mut choice.arms {
            let names = self.names_of(&arm.pat, &choice.expr);
            self.within(names, |walk| visit_mut::visit_arm_mut(walk, arm));
        }
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
                    Part::Other(tokens) => {
                        (walk.look)(Step::Tokens(tokens), &walk.names);
                    }
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
                self.within(Names::default(), |walk| {
                    visit_mut::visit_item_mut(walk, item)
                });
            }
            _ => {}
        }
    }

    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}

    fn visit_type_mut(&mut self, _: &mut Type) {}

    fn visit_pat_mut(&mut self, _: &mut Pat) {}

    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
}
