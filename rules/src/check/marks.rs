//! What the walk over a body has seen of expressions before it enters them: where a value goes decides what is asked about it.

use syn::{Expr, Pat, Stmt};

use crate::body::names::{Known, Names};
use crate::check::judgement::{Control, Judgement, is_lasting, root};
use crate::check::{escape, given};
use crate::syntax::expr::{called, without_parens};

/// Where an expression stands, by which it is known again while the walk is inside of it.
fn address(expr: &Expr) -> *const Expr {
    std::ptr::from_ref(expr)
}

/// What was seen of expressions before they are entered.
#[derive(Default)]
pub(crate) struct Marks {
    /// Those that are handed on.
    handed: Vec<*const Expr>,
    /// The statement that is nothing but this call.
    bare: Option<*const Expr>,
    /// The call whose value a name keeps that nobody uses: `let _task = start(1);`
    kept: Option<*const Expr>,
    /// The call whose value is bound as a set of tasks: `let set: JoinSet<()> = tasks.collect();`
    collected: Option<*const Expr>,
    /// Calls whose values a variable or a list keeps.
    stored: Vec<*const Expr>,
    /// A function that is called for each item: `.map(spawn)`
    adapter: Option<*const Expr>,
    /// In how many items, and closures that may live longer than the body, the walk is: none of them may borrow from it.
    apart: usize,
    /// A call that is awaited.
    awaited: Option<*const Expr>,
    /// A call that is judged by what its `.await` gives.
    judged: Option<*const Expr>,
}

impl Marks {
    /// Marks the calls of a statement whose values it throws away or keeps.
    pub(crate) fn statement(&mut self, stmt: &Stmt, names: &Names) {
        self.bare = bare_call(stmt, names).map(address);
        self.kept = kept_call(stmt, names).map(address);
        self.collected = escape::collected(stmt).map(address);
        self.stored.extend(escape::stored(stmt, names).map(address));
    }

    /// The walk enters an item or a closure.
    pub(crate) fn go_apart(&mut self) {
        self.apart += 1;
    }

    /// The walk leaves it.
    pub(crate) fn come_back(&mut self) {
        self.apart -= 1;
    }

    /// Marks the parts of an expression by what it does with them.
    pub(crate) fn enter(&mut self, expr: &Expr, own: Option<&Judgement>, names: &Names) {
        let is_awaited = self
            .awaited
            .take_if(|awaited| *awaited == address(expr))
            .is_some();
        let handed = given::handed(expr, names, is_awaited)
            .into_iter()
            .map(address);
        self.handed.extend(handed);
        if let Expr::MethodCall(call) = expr {
            self.stored.extend(escape::pushed(call, names).map(address));
            self.adapter = escape::adapter(call).map(address).or(self.adapter);
        }
        if let Expr::Await(wait) = expr {
            let call = Some(address(without_parens(&wait.base)));
            self.awaited = call;
            self.judged = call.filter(|_| own.is_some());
        }
        // The executor of a statement is asked about by itself, and so is what a path begins on.
        let is_of_control = match expr {
            Expr::Call(call) => {
                called(&call.func)
                    .is_some_and(|name| Control::named(name).is_some() || name == "acquire")
                    || matches!(own, Some(Judgement::Ask(..)))
            }
            _ => false,
        };
        if is_of_control || matches!(own, Some(Judgement::AskArgument(..))) {
            let executor = match expr {
                Expr::MethodCall(call) => call.args.first(),
                Expr::Call(call) => call.args.first(),
                _ => None,
            };
            self.handed
                .retain(|handed| executor.map(address) != Some(*handed));
        }
    }

    pub(crate) fn handed(&mut self, expr: &Expr, names: &Names) -> Option<Judgement> {
        let at = self
            .handed
            .iter()
            .position(|handed| *handed == address(expr))?;
        self.handed.swap_remove(at);
        let Some(place) = given::asked(expr, names) else {
            let place = given::asked_late(expr, names).filter(|_| self.apart == 0)?;
            return Some(Judgement::AskLate(Box::new(place.clone())));
        };
        let is_lasting = is_lasting(place) || names.known(root(place)) == Some(Known::Parameter);
        Some(Judgement::AskHanded(Box::new(place.clone()), is_lasting))
    }

    pub(crate) fn elsewhere(
        &self,
        expr: &Expr,
        own: Option<&Judgement>,
        names: &Names,
    ) -> Option<Judgement> {
        let Expr::Await(wait) = expr else {
            return None;
        };
        let is_asked = names.inside && !names.is_opaque && self.apart == 0;
        if !is_asked || !matches!(own, None | Some(Judgement::Ask(Control::Use, ..))) {
            return None;
        }
        let (name, places) = given::elsewhere(&wait.base, names)?;
        // The type of its receiver judges a commit.
        if Control::named(name).is_some() {
            return None;
        }
        let places = places.into_iter().cloned().collect();
        Some(Judgement::AskElsewhere(name.clone(), places))
    }

    pub(crate) fn is_judged(&mut self, expr: &Expr) -> bool {
        self.judged
            .take_if(|judged| *judged == address(expr))
            .is_some()
    }

    /// Whether a set of tasks is collected, or a function given that may start one for each item.
    pub(crate) fn collected(&mut self, expr: &Expr, names: &Names) -> Option<Judgement> {
        let is_bound = self.collected.take_if(|call| *call == address(expr));
        let is_adapter = self.adapter.take_if(|path| *path == address(expr));
        let is_asked = names.inside && !names.is_opaque && escape::spawn(expr, names).is_none();
        let name = match expr {
            Expr::Path(_) if is_adapter.is_some() => called(expr)?,
            expr => escape::collects(expr, is_bound.is_some())?,
        };
        is_asked.then(|| Judgement::AskTask(name.clone()))
    }

    /// Whether the value of a call is kept, and may be a task.
    pub(crate) fn stored(&mut self, expr: &Expr, names: &Names) -> Option<Judgement> {
        let at = self.stored.iter().position(|call| *call == address(expr))?;
        self.stored.swap_remove(at);
        let is_judged = escape::spawn(expr, names).is_some();
        let is_asked = names.inside && !names.is_opaque && self.apart == 0 && !is_judged;
        let name = match expr {
            Expr::Call(call) => called(&call.func)?,
            Expr::MethodCall(call) => &call.method,
            _ => return None,
        };
        is_asked.then(|| Judgement::AskTaskLate(name.clone()))
    }

    pub(crate) fn stands(&mut self, expr: &Expr) -> Stands {
        if self.bare.take_if(|bare| *bare == address(expr)).is_some() {
            return Stands::Bare;
        }
        match self.kept.take_if(|kept| *kept == address(expr)) {
            Some(_) => Stands::Kept,
            None => Stands::Elsewhere,
        }
    }
}

/// Where a call stands that may give a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// It is a statement of its own.
    Bare,
    /// A name keeps its value that nobody uses.
    Kept,
    /// Anywhere else.
    Elsewhere,
}

/// A call whose value a statement throws away. It may give a task.
fn bare_call<'a>(stmt: &'a Stmt, names: &Names) -> Option<&'a Expr> {
    let Stmt::Expr(expr @ (Expr::Call(_) | Expr::MethodCall(_)), Some(_)) = stmt else {
        return None;
    };
    let may_spawn =
        escape::may_spawn(expr, names) || escape::called_to_spawn(expr, names, false).is_some();
    (names.inside && !names.is_opaque && may_spawn).then_some(expr)
}

/// The call whose value a `let` gives to a name that nobody uses. It may give a task.
fn kept_call<'a>(stmt: &'a Stmt, names: &Names) -> Option<&'a Expr> {
    let Stmt::Local(local) = stmt else {
        return None;
    };
    // Of a type that is written out the call's may depend.
    let is_idle = match &local.pat {
        Pat::Ident(bound) => {
            bound.ident.to_string().starts_with('_') && names.unused.contains(&bound.ident)
        }
        pat => matches!(pat, Pat::Wild(_)),
    };
    let init = local.init.as_ref().filter(|init| init.diverge.is_none())?;
    let is_call = matches!(&*init.expr, Expr::Call(_) | Expr::MethodCall(_));
    (is_idle && is_call && escape::may_give_task(&init.expr, names)).then_some(&init.expr)
}

/// Whether a statement throws away, or gives to a name that nobody uses, what may be a task.
pub(crate) fn keeps_a_task(stmt: &Stmt, names: &Names) -> bool {
    bare_call(stmt, names).is_some()
        || kept_call(stmt, names).is_some()
        || names.inside && escape::collected(stmt).is_some()
        || names.inside && escape::stored(stmt, names).is_some()
}
