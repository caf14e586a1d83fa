//! A walk through a body that knows, wherever it is, what the names stand for.

use proc_macro2::TokenStream;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Arm, Block, Expr, ExprClosure, ExprConst, ExprMethodCall, Ident, Item, Local, Macro, Pat, Stmt,
    Type,
};

use crate::expr::{called, chain, names_crate, plain_place};
use crate::mac::Arguments;
use crate::pattern::{binds, plain_name, without_type};
use crate::rule::Rule;
use crate::waiting::waits_later;

/// What the names in a part of a body stand for.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Names of the session.
    pub sessions: Vec<Ident>,
    /// The name of a job's session factory.
    pub factory: Option<Ident>,
    /// Whether a transaction is open here: not in a job that was given a factory, outside of the boundaries that it opens,
    /// nor in what is registered to run after the commit.
    pub inside: bool,
    /// Other names that matter to a rule.
    pub(crate) known: Vec<(Ident, Known)>,
    /// Inside a macro call whose arguments may be anything, so that nothing is put in their place.
    pub(crate) is_opaque: bool,
}

/// What a name that is no session stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// A parameter, whose type is judged, or a transaction, which is judged where it begins.
    Parameter,
    /// A parameter that should not be there, so that nothing more is said of it.
    Refused,
    /// `sqlx::query(..)`
    Query,
    /// The raw connection of a session.
    Raw,
    /// A `JoinSet`, a runtime's `Handle` and the like.
    Spawner,
    /// An HTTP client, or a request of one.
    Http,
    /// The receiving end of a channel.
    Receiver,
    /// A future that waits for something else than the database once it is awaited, and the rule against that.
    Waiting(&'static Rule),
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
            known: self
                .known
                .iter()
                .filter(|(name, _)| stays(name))
                .cloned()
                .collect(),
            ..*self
        }
    }

    /// Whether what a call is given runs when the transaction is over.
    pub(crate) fn is_after_the_end(&self, call: &ExprMethodCall) -> bool {
        (call.method == "after_commit" || call.method == "after_rollback")
            && self.is_session(&call.receiver)
    }

    /// `tx`, `&mut *tx`, `(tx)`.
    pub(crate) fn is_session(&self, expr: &Expr) -> bool {
        plain_place(expr).is_some_and(|name| self.sessions.contains(name))
    }

    /// The factory of a job that was given one.
    pub(crate) fn is_factory(&self, expr: &Expr) -> bool {
        plain_place(expr).is_some_and(|name| self.factory.as_ref() == Some(name))
    }

    /// What a name, or a reference to it, stands for.
    pub(crate) fn known(&self, expr: &Expr) -> Option<Known> {
        let name = plain_place(expr)?;
        self.known
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, what)| *what)
    }

    /// `db.transaction(async |tx| ..)`, in a job that was given the factory for that.
    pub(crate) fn opens_boundary(&self, call: &ExprMethodCall) -> bool {
        !self.inside && self.is_factory(&call.receiver) && is_boundary(&call.method)
    }
}

/// The methods of a factory that open a boundary.
pub(crate) fn is_boundary(method: &Ident) -> bool {
    method == "transaction" || method == "transaction_with"
}

/// A step of the walk.
pub(crate) enum Step<'a> {
    /// An expression, before what is inside it.
    Enter(&'a Expr),
    /// An expression, after what is inside it. It may be replaced.
    Leave(&'a mut Expr),
    /// A statement, before what is inside it.
    Statement(&'a Stmt),
    /// Arguments of a macro call that are no expressions.
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
    /// Whether what is inside a macro call must be written back.
    replaces: bool,
}

impl Walk<'_> {
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
            names.inside = true;
            self.within(names, |walk| walk.visit_expr_mut(&mut closure.body));
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

/// What is bound by a `let`.
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
        let Some(init) = init else {
            return Self::Other;
        };
        if names.is_session(init) || begins_on_session(init, names) {
            return Self::Session;
        }
        if let Some(known) = names.known(init) {
            return Self::Known(known);
        }
        // What was begun elsewhere is reported where it was begun.
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

/// What a value of a type stands for.
pub(crate) fn of_type(ty: &Type) -> Option<Known> {
    let ty = match ty {
        Type::Reference(reference) => &*reference.elem,
        ty => ty,
    };
    let Type::Path(path) = ty else {
        return None;
    };
    let last = path.path.segments.last()?.ident.to_string();
    match last.as_str() {
        "JoinSet" | "TaskTracker" | "LocalSet" | "Runtime" => Some(Known::Spawner),
        "Receiver" | "UnboundedReceiver" => Some(Known::Receiver),
        "RequestBuilder" => Some(Known::Http),
        "Client"
            if path.path.segments.len() == 1
                || names_crate(&path.path, "reqwest")
                || names_crate(&path.path, "http") =>
        {
            Some(Known::Http)
        }
        "Handle" if names_crate(&path.path, "runtime") => Some(Known::Spawner),
        _ => None,
    }
}

/// `tx.begin().await?`, `tx.begin().await.unwrap()` and so on.
fn begins_on_session(expr: &Expr, names: &Names) -> bool {
    chain(expr).any(|link| match link {
        Expr::MethodCall(call) => begins(&call.method) && names.is_session(&call.receiver),
        _ => false,
    })
}

fn begins(method: &Ident) -> bool {
    matches!(
        method.to_string().as_str(),
        "begin" | "begin_with" | "try_begin" | "try_begin_with"
    )
}

/// `tx.unguarded()`
pub(crate) fn is_unguarded(expr: &Expr, names: &Names) -> bool {
    match expr {
        Expr::MethodCall(call) => call.method == "unguarded" && names.is_session(&call.receiver),
        _ => false,
    }
}

/// Whether an expression is visibly a query of sqlx: `sqlx::query(..).bind(..)`, `builder.build()`, or a name of one.
pub(crate) fn is_query(expr: &Expr, names: &Names) -> bool {
    for link in chain(expr) {
        match link {
            Expr::Await(_) | Expr::Try(_) => return false,
            Expr::Call(call) => {
                return called(&call.func).is_some_and(|name| {
                    let name = name.to_string();
                    name == "raw_sql" || name == "query" || name.starts_with("query_")
                });
            }
            Expr::Macro(mac) => return is_query_macro(&mac.mac),
            Expr::MethodCall(call)
                if matches!(
                    call.method.to_string().as_str(),
                    "build" | "build_query_as" | "build_query_scalar" | "query"
                ) =>
            {
                return true;
            }
            Expr::MethodCall(call) if runs_query(&call.method) => return false,
            link if names.known(link) == Some(Known::Query) => return true,
            _ => {}
        }
    }
    false
}

/// `query!`, `query_as!`, `query_file!` and their like.
pub(crate) fn is_query_macro(mac: &Macro) -> bool {
    mac.path.segments.last().is_some_and(|last| {
        let name = last.ident.to_string();
        name == "query" || name.starts_with("query_")
    })
}

/// The methods that send a query to the executor that they are given.
pub(crate) fn runs_query(method: &Ident) -> bool {
    matches!(
        method.to_string().as_str(),
        "execute"
            | "execute_many"
            | "fetch"
            | "fetch_many"
            | "fetch_all"
            | "fetch_one"
            | "fetch_optional"
    )
}

/// `JoinSet::new()`, `Handle::current()`, `Runtime::new()?`.
pub(crate) fn is_spawner(expr: &Expr) -> bool {
    chain(expr).any(|link| match link {
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => path.path.segments.iter().rev().nth(1).is_some_and(|owner| {
                matches!(
                    owner.ident.to_string().as_str(),
                    "JoinSet" | "TaskTracker" | "LocalSet" | "Runtime" | "Handle"
                )
            }),
            _ => false,
        },
        _ => false,
    })
}

/// `reqwest::Client::new()`, `client.get(..)` of such a client.
pub(crate) fn is_http(expr: &Expr, names: &Names) -> bool {
    for link in chain(expr) {
        match link {
            Expr::Await(_) => return false,
            Expr::Call(call) => {
                return matches!(&*call.func, Expr::Path(path) if names_crate(&path.path, "reqwest"));
            }
            link if names.known(link) == Some(Known::Http) => return true,
            _ => {}
        }
    }
    false
}

impl VisitMut for Walk<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // Before what is inside it is replaced.
        (self.look)(Step::Enter(expr), &self.names);
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
                // What is called is judged with its arguments.
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
                    crate::mac::Part::Expr(expr) => walk.visit_expr_mut(expr),
                    crate::mac::Part::Statements(stmts) => {
                        stmts.iter_mut().for_each(|stmt| walk.visit_stmt_mut(stmt));
                    }
                    crate::mac::Part::Other(tokens) => {
                        (walk.look)(Step::Tokens(tokens), &walk.names);
                    }
                    crate::mac::Part::Separator(_) => {}
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
