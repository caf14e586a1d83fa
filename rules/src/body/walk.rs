//! Walks through a body and tracks what the names in it mean.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Expr, ExprCall, ExprClosure, ExprConst, ExprMethodCall, ExprRepeat, Ident, ImplItemFn,
    Item, Local, Macro, Pat, Signature, Stmt, Type,
};

use crate::body::ends::{answered, ask, claims, leads_to_error, looks_at, sets, used_in};
use crate::body::idioms::{
    begins, begins_on_session, connects, is_http, is_query, is_unguarded, makes_factory, of_type,
    waits_later,
};
use crate::body::names::{Known, Names, Tie, Tied, is_typed_session, same};
use crate::body::ties::{TakenIn, in_some, in_tuple, is_borrowed, items, of_future, taken_in};
use crate::body::typed::{is_known, is_type_written_out};
use crate::kind::Kind;
use crate::syntax::expr::{called, chain, conditions, without_parens};
use crate::syntax::mac::{Arguments, Part};
use crate::syntax::pattern::{bindings, binds, names_word, plain_name, without_type};
use crate::syntax::session::{is_lent_session, parameters};
use crate::syntax::types::is_named;

/// One step of a walk.
pub(crate) enum Step<'a> {
    /// An expression, before its parts are visited.
    Enter(&'a Expr),
    /// An expression, after its parts have been visited. It may be replaced.
    Leave(&'a mut Expr),
    /// A statement, before its parts are visited.
    Statement(&'a Stmt),
    /// A statement, after its parts have been visited. It may be replaced.
    LeaveStatement(&'a mut Stmt),
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

/// Is shown a closure that is run in a boundary of its own, with the names in it.
type Shown<'f> = dyn FnMut(&mut ExprClosure, &Names) + 'f;

struct Walk<'f> {
    names: Names,
    look: &'f mut dyn FnMut(Step<'_>, &Names),
    /// Is shown the closures that are run in boundaries of their own.
    scope: Option<&'f mut Shown<'f>>,
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

    /// `rows.filter_map(|row| row.ok())`, `app.pools.iter().map(|pool| ..)`: the closure is given what calls on the session
    /// gave, or what the compiler knows the type of.
    fn visit_adapter(&mut self, call: &mut ExprMethodCall, tie: Option<Tie>) {
        let is_typed = hands_over(&call.method) && is_known(&call.receiver, &self.names);
        let is_later = is_borrowed(&call.receiver, &self.names);
        let item = usize::from(call.method == "fold");
        self.visit_expr_mut(&mut call.receiver);
        for argument in &mut call.args {
            if let Expr::Closure(closure) = argument {
                let mut names = self
                    .names
                    .without(&closure.inputs.iter().collect::<Vec<_>>());
                if let (Some(tie), Some(name)) =
                    (tie, closure.inputs.iter().nth(item).and_then(plain_name))
                {
                    names.tie_item(name, tie, is_later);
                    if looks_at(closure.body.to_token_stream(), name) {
                        names.kept.push(name.clone());
                    }
                }
                if is_typed {
                    closure
                        .inputs
                        .iter()
                        .for_each(|input| names.bind_typed(input));
                }
                self.within(names, |walk| walk.visit_expr_mut(&mut closure.body));
            } else {
                self.visit_expr_mut(argument);
            }
        }
    }

    /// What names mean in a block behind `if let Some(row) = rows.next().await`.
    fn names_of_condition(&self, cond: &Expr) -> Names {
        let mut names = self.names.clone();
        for condition in conditions(cond) {
            if let Expr::Let(condition) = condition {
                let tied = in_some(&condition.pat, &condition.expr, &names);
                let is_typed = is_known(&condition.expr, &names);
                names = names.without(&[&condition.pat]);
                names.tied.extend(tied);
                if is_typed {
                    names.bind_typed(&condition.pat);
                }
            }
        }
        names
    }

    /// The meaning of the names of an item in the body, which knows none of those around it.
    fn outer(&self) -> Names {
        Names {
            is_plain: self.names.is_plain,
            factories_by_name: self.names.factories_by_name.clone(),
            ..Names::default()
        }
    }

    /// The same of a function: `async fn helper(tx: &mut Session)`.
    fn inner(&self, sig: &Signature) -> Names {
        let names = of_signature(sig);
        Names {
            is_plain: self.names.is_plain && !names.inside,
            factories_by_name: self.names.factories_by_name.clone(),
            ..names
        }
    }

    /// Marks the results that a block looks at somewhere.
    fn keep(&mut self, spoken: &[TokenStream], seen: &mut Vec<Ident>) {
        for (name, tied) in &self.names.tied {
            if matches!(tied, Tied::Outcome(_)) && !seen.contains(name) {
                seen.push(name.clone());
                if spoken.iter().any(|tokens| looks_at(tokens.clone(), name)) {
                    self.names.kept.push(name.clone());
                }
            }
        }
    }

    fn is_scope(&self, call: &ExprMethodCall) -> bool {
        call.method == "savepoint"
            || (["before_commit", "each", "pages"]
                .iter()
                .any(|name| call.method == name)
                && self.names.is_session(&call.receiver))
            || self.names.boundary(call).is_some()
    }

    fn bound(&self, local: &Local) -> Bound {
        let init = local.init.as_ref().map(|init| &*init.expr);
        Bound::of(local, init, &self.names)
    }

    fn bind(&mut self, pat: &Pat, what: Bound, tied: Option<Tied>) {
        self.names = self.names.without(&[pat]);
        if let (Some(tied), Some(name)) = (tied, plain_name(pat)) {
            self.names.tied.push((name.clone(), tied));
        }
        match (what, plain_name(pat)) {
            (Bound::Session, Some(name)) => self.names.sessions.push(name.clone()),
            (Bound::Known(Known::Typed), _) => self.names.bind_typed(pat),
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

/// Returns how the items came from the session that a method gives to a closure.
fn adapted(call: &ExprMethodCall, names: &Names) -> Option<Tie> {
    const ADAPTERS: [&str; 8] = [
        "and_then",
        "filter_map",
        "flat_map",
        "fold",
        "for_each",
        "is_some_and",
        "map",
        "then",
    ];
    let is_adapter = ADAPTERS.iter().any(|name| call.method == name);
    (is_adapter && matches!(call.args.last(), Some(Expr::Closure(_))))
        .then(|| items(&call.receiver, names))
        .flatten()
        .filter(|tie| *tie != Tie::Open)
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
        if names.is_factory(init) || (!names.inside && makes_factory(init)) {
            return Self::Factory;
        }
        if names.is_session(init) || begins_on_session(init, names) {
            return Self::Session;
        }
        if let Some(known) = names.known(init) {
            // Of what is taken out of a parameter its type says nothing.
            let is_whole = known != Known::Parameter || plain_name(&local.pat).is_some();
            return Self::Known(if is_whole { known } else { Known::Typed });
        }
        if names.known(same(init)) == Some(Known::Factory) {
            return Self::Known(Known::Factory);
        }
        // A transaction on another receiver is reported where it begins.
        if has_begun(init) {
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
            // `PgPool::connect_lazy(url)?` opens nothing yet, and is asked about where it is handed on.
            init if chain(init).any(makes_pool) => Self::Known(Known::Typed),
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

/// Whether a value comes from a call that begins a transaction, which may be in a future around it:
/// `timeout(d, pool.begin()).await`.
fn has_begun(init: &Expr) -> bool {
    chain(init).any(|link| match link {
        Expr::MethodCall(call) => begins(&call.method),
        Expr::Call(call) => {
            called(&call.func).is_some_and(begins) || call.args.iter().any(has_begun)
        }
        _ => false,
    })
}

/// `connect_lazy(..)`, `connect_lazy_with(..)`
fn makes_pool(link: &Expr) -> bool {
    let name = match link {
        Expr::Call(call) => called(&call.func),
        Expr::MethodCall(call) => Some(&call.method),
        _ => None,
    };
    name.is_some_and(|name| name.to_string().starts_with("connect_lazy"))
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

/// The name in `saved = f(tx)`, a branch of `select!`, and how what it stands for came from the session.
fn in_branch(branch: &Expr, names: &Names) -> Option<(Ident, Tied)> {
    let Expr::Assign(branch) = branch else {
        return None;
    };
    let Expr::Path(name) = &*branch.left else {
        return None;
    };
    let tie = of_future(&branch.right, names)?;
    Some((name.path.get_ident()?.clone(), Tied::Outcome(tie)))
}

/// The names of results that statements use.
fn used_again(stmts: &[Stmt], names: &Names) -> Vec<Ident> {
    let results = names.tied.iter().filter_map(|(name, tied)| match tied {
        Tied::Outcome(_) => Some(name),
        Tied::Holds(_) => None,
    });
    let is_used = |name: &&Ident| uses(stmts, name);
    results.filter(is_used).cloned().collect()
}

/// Whether statements use a name, up to one that declares another variable of that name.
fn uses(stmts: &[Stmt], name: &Ident) -> bool {
    for stmt in stmts {
        let (tokens, is_last) = match stmt {
            Stmt::Local(local) if binds(&local.pat, name) => {
                let init = local.init.as_ref().map(|init| &init.expr);
                (init.to_token_stream(), true)
            }
            stmt => (stmt.to_token_stream(), false),
        };
        if names_word(&tokens, name) {
            return true;
        }
        if is_last {
            return false;
        }
    }
    false
}

/// The name of a variable that a statement declares, and what it takes in after it.
fn later(stmt: &Stmt, after: &[Stmt], names: &Names) -> Option<(Ident, TakenIn)> {
    let Stmt::Local(local) = stmt else {
        return None;
    };
    let name = plain_name(&local.pat)?;
    Some((name.clone(), taken_in(name, after, names)))
}

/// The names that a statement binds and that nothing uses after it.
fn unused(stmt: &Stmt, after: &[Stmt]) -> Vec<Ident> {
    let Stmt::Local(local) = stmt else {
        return Vec::new();
    };
    let bound = bindings(&local.pat).into_iter().map(|binding| binding.name);
    bound.filter(|name| !uses(after, name)).cloned().collect()
}

/// `f(tx).await.is_ok();`, which is judged as a statement.
fn is_bare(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Expr(Expr::MethodCall(call), Some(_)) => {
            call.method == "is_ok" || call.method == "is_err"
        }
        _ => false,
    }
}

/// The meaning of the names of a function that stands in the body: `async fn helper(tx: &mut Session)`.
fn of_signature(sig: &Signature) -> Names {
    let sessions: Vec<Ident> = parameters(sig)
        .filter(|(_, parameter)| is_lent_session(&parameter.ty))
        .filter_map(|(_, parameter)| plain_name(&parameter.pat).cloned())
        .collect();
    Names {
        inside: !sessions.is_empty(),
        sessions,
        ..Names::default()
    }
}

/// Whether a function has an attribute of its own, which holds it to the rules.
fn has_attribute_of_ours(attrs: &[syn::Attribute]) -> bool {
    let is_ours = |word: &Ident| Kind::ALL.iter().any(|kind| word == kind.name());
    attrs.iter().any(|attr| {
        let name = attr.path().segments.last();
        name.is_some_and(|name| is_ours(&name.ident))
    })
}

impl VisitMut for Walk<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        // Looked at before its parts are replaced.
        self.show(Step::Enter(expr));
        self.names.is_branch = false;
        let (is_answered, is_repeated) = (self.names.is_answered, self.names.is_repeated);
        self.names.is_answered |= leads_to_error(expr, &self.names);
        self.names.is_repeated |= matches!(expr, Expr::ForLoop(_) | Expr::Loop(_) | Expr::While(_));
        match expr {
            Expr::MethodCall(call) if self.is_scope(call) => self.visit_scope(call),
            Expr::MethodCall(call) if self.names.runs_after_the_end(call) => {
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
                if adapted(call, &self.names).is_some() || hands_over(&call.method) =>
            {
                let tie = adapted(call, &self.names);
                self.visit_adapter(call, tie);
            }
            Expr::If(choice) => {
                self.visit_expr_mut(&mut choice.cond);
                self.names.is_answered = is_answered;
                let names = self.names_of_condition(&choice.cond);
                self.within(names, |walk| walk.visit_block_mut(&mut choice.then_branch));
                if let Some((_, other)) = &mut choice.else_branch {
                    self.visit_expr_mut(other);
                }
            }
            Expr::While(repeated) => {
                self.visit_expr_mut(&mut repeated.cond);
                let names = self.names_of_condition(&repeated.cond);
                self.within(names, |walk| walk.visit_block_mut(&mut repeated.body));
            }
            Expr::ForLoop(repeated) => {
                let item = items(&repeated.expr, &self.names).filter(|tie| *tie != Tie::Open);
                let is_later = is_borrowed(&repeated.expr, &self.names);
                let is_typed = is_known(&repeated.expr, &self.names);
                self.visit_expr_mut(&mut repeated.expr);
                let mut names = self.names.without(&[&repeated.pat]);
                if is_typed {
                    names.bind_typed(&repeated.pat);
                }
                if let (Some(tie), Some(name)) = (item, plain_name(&repeated.pat)) {
                    names.tie_item(name, tie, is_later);
                }
                self.within(names, |walk| walk.visit_block_mut(&mut repeated.body));
            }
            Expr::Match(choice) => {
                let tied: Vec<_> = choice
                    .arms
                    .iter()
                    .map(|arm| in_some(&arm.pat, &choice.expr, &self.names))
                    .collect();
                let is_typed = is_known(&choice.expr, &self.names);
                self.visit_expr_mut(&mut choice.expr);
                self.names.is_answered = is_answered;
                for (arm, tied) in choice.arms.iter_mut().zip(tied) {
                    let mut names = self.names.without(&[&arm.pat]);
                    if let Some((name, _)) = &tied
                        && looks_at(arm.body.to_token_stream(), name)
                    {
                        names.kept.push(name.clone());
                    }
                    names.tied.extend(tied);
                    if is_typed {
                        names.bind_typed(&arm.pat);
                    }
                    self.within(names, |walk| visit_mut::visit_arm_mut(walk, arm));
                }
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
        (self.names.is_answered, self.names.is_repeated) = (is_answered, is_repeated);
        self.show(Step::Leave(expr));
    }

    fn visit_stmt_mut(&mut self, stmt: &mut Stmt) {
        self.show(Step::Statement(stmt));
        self.names.unused = Vec::new();
        visit_mut::visit_stmt_mut(self, stmt);
        self.show(Step::LeaveStatement(stmt));
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        let names = self.names.clone();
        self.within(names, |walk| {
            let spoken: Vec<_> = match walk.names.inside {
                true => block.stmts.iter().map(used_in).collect(),
                false => Vec::new(),
            };
            let asks = ask(&spoken);
            let mut seen = Vec::new();
            let mut rest = block.stmts.as_mut_slice();
            let outer = walk.names.later.clone();
            let (answered_before, is_answered) =
                (walk.names.answered.clone(), walk.names.is_answered);
            while let Some((stmt, after)) = rest.split_first_mut() {
                walk.names.unused = unused(stmt, after);
                walk.names.later = outer.clone();
                let again = used_again(after, &walk.names);
                walk.names.later.extend(again);
                if asks {
                    walk.keep(&spoken, &mut seen);
                    walk.names.answered = answered(after, &walk.names);
                    walk.names.answered.extend(answered_before.clone());
                }
                let is_value = matches!(stmt, Stmt::Expr(_, None)) && after.is_empty();
                walk.names.is_answered =
                    (is_value && is_answered) || sets(stmt, &walk.names) || is_bare(stmt);
                let later = later(stmt, after, &walk.names);
                walk.visit_stmt_mut(stmt);
                if let Some((name, taken)) = later {
                    let tied = taken.tie.map(|tie| (name.clone(), Tied::Outcome(tie)));
                    walk.names.tied.extend(tied);
                    if taken.is_typed {
                        walk.names.known.push((name, Known::Typed));
                    }
                }
                rest = after;
            }
        });
    }

    /// Input: `let inner = tx.begin().await?;`, after which `inner.commit()` is as wrong as `tx.commit()`.
    fn visit_local_mut(&mut self, local: &mut Local) {
        let what = self.bound(local);
        let init = local.init.as_ref().filter(|init| init.diverge.is_none());
        let tied = init.and_then(|init| self.names.tied_by(&init.expr));
        let init = local.init.as_ref();
        let parts = init.map(|init| in_tuple(&local.pat, &init.expr, &self.names));
        visit_mut::visit_local_mut(self, local);
        self.bind(&local.pat, what, tied);
        self.names.tied.extend(parts.into_iter().flatten());
    }

    /// A parameter that says that it is a session is one: `async |tx: &mut Session| ..`.
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
        let typed = closure
            .inputs
            .iter()
            .filter(|input| is_typed_session(input));
        let lent = typed.filter_map(plain_name).cloned();
        let before = names.sessions.len();
        names.sessions.extend(lent);
        names.inside |= names.sessions.len() > before;
        self.within(names, |walk| {
            visit_mut::visit_expr_closure_mut(walk, closure)
        });
    }

    fn visit_macro_mut(&mut self, mac: &mut Macro) {
        let Some(mut arguments) = Arguments::of(mac) else {
            return;
        };
        let before = self.replaces.then(|| arguments.text());
        let names = Names {
            is_opaque: self.names.is_opaque || !arguments.are_expressions,
            is_answered: self.names.is_answered || claims(mac),
            ..self.names.clone()
        };
        let selects = mac.path.segments.last();
        let selects = selects.is_some_and(|last| last.ident == "select");
        let mut branch = None;
        self.within(names, |walk| {
            for part in arguments.parts_mut() {
                match part {
                    // Input: `select! { saved = f(tx) => saved?, .. }`
                    Part::Expr(expr) if selects && matches!(**expr, Expr::Assign(_)) => {
                        branch = in_branch(expr, &walk.names);
                        walk.names.is_branch = true;
                        walk.visit_expr_mut(expr);
                        walk.names.is_branch = false;
                    }
                    Part::Expr(expr) if branch.is_some() => {
                        let mut names = walk.names.clone();
                        names.tied.extend(branch.take());
                        walk.within(names, |walk| walk.visit_expr_mut(expr));
                    }
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
            // It is held to the rules by its own attribute.
            Item::Fn(function) if has_attribute_of_ours(&function.attrs) => {}
            Item::Fn(function) => {
                let names = self.inner(&function.sig);
                self.within(names, |walk| walk.visit_block_mut(&mut function.block));
            }
            Item::Impl(_) | Item::Mod(_) | Item::Trait(_) => {
                let names = self.outer();
                self.within(names, |walk| visit_mut::visit_item_mut(walk, item));
            }
            _ => {}
        }
    }

    /// A method in a block that stands in the body.
    fn visit_impl_item_fn_mut(&mut self, function: &mut ImplItemFn) {
        if function.sig.constness.is_none() && !has_attribute_of_ours(&function.attrs) {
            let names = self.inner(&function.sig);
            self.within(names, |walk| walk.visit_block_mut(&mut function.block));
        }
    }

    fn visit_expr_const_mut(&mut self, _: &mut ExprConst) {}

    /// The length of an array is a constant.
    fn visit_expr_repeat_mut(&mut self, array: &mut ExprRepeat) {
        self.visit_expr_mut(&mut array.expr);
    }

    fn visit_type_mut(&mut self, _: &mut Type) {}

    fn visit_pat_mut(&mut self, _: &mut Pat) {}

    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
}
