//! The questions of the attributes about types: may a service take a `T`, may a `T` be committed, and so on.
//!
//! A question has an answer for each [`Verdict`](super::verdict) about the type. Which verdicts it refuses, and in which
//! words, is the table at the end of this file.
//!
//! The messages repeat those of `demarcate-rules`, since an attribute takes no constant; a test in
//! `ui-tests` holds the two together.

use crate::backend::Backend;
use crate::macro_support::verdict::{
    Bounds, BoundsElsewhere, Finding, Harmless, Lost, Opens, OpensElsewhere, Runs,
};
use crate::macro_support::{Fallible, LentSession};
use crate::session::Session;

/// The answer under which a service may take a `T`.
#[diagnostic::on_unimplemented(
    message = "D008: a service does not take `{T}`, which bypasses the session; take the session alone",
    label = "past the session",
    note = "a statement that bypasses the session is not part of the transaction: it is not rolled back with it"
)]
pub trait TakenByService<T: ?Sized> {}

/// The answer under which a router may take a `T` beside its session.
#[diagnostic::on_unimplemented(
    message = "D008: a router does not take `{T}`, which bypasses the session; take the session alone",
    label = "past the session",
    note = "a statement that bypasses the session is not part of the transaction: it is not rolled back with it"
)]
pub trait TakenByRouter<T: ?Sized> {}

/// The answer under which a background job may take a `T` as an argument.
#[diagnostic::on_unimplemented(
    message = "D008: a background job does not take `{T}`, which bypasses the session; take the session \
               alone",
    label = "past the session",
    note = "a statement that bypasses the session is not part of the transaction: it is not rolled back with it"
)]
pub trait TakenByJob<T: ?Sized> {}

/// The answer under which a router, a service or a job may take a `T` of another database.
#[diagnostic::on_unimplemented(
    message = "D008: `{T}` is of another database than the session, and the two have no common commit; use it before, or \
               in a job, or write `allow(past_the_session, reason = \"..\")`",
    label = "of another database",
    note = "what is written there stays if the session rolls back; an outbox in the session's database, which a job \
            delivers, loses nothing"
)]
pub trait TakenBeside<T: ?Sized> {}

/// The answer under which a `T` may be committed in a router, a service or a job.
#[diagnostic::on_unimplemented(
    message = "D010: `{T}` is not committed here; the router or job that began the transaction commits when it \
               returns `Ok`",
    label = "commits a transaction",
    note = "remove the call; register code that must run after the commit with `tx.after_commit(..)`"
)]
pub trait Committed<T: ?Sized> {}

/// The answer under which a `T` may be rolled back there.
#[diagnostic::on_unimplemented(
    message = "D011: `{T}` is not rolled back here; the router or job that began the transaction rolls back when it \
               returns `Err`",
    label = "rolls a transaction back",
    note = "to recover from a failure, run that part in `tx.savepoint(async |tx| ..)`"
)]
pub trait RolledBack<T: ?Sized> {}

/// The answer under which something that is called `begin` or the like may be called on a `T` there.
#[diagnostic::on_unimplemented(
    message = "D012: a transaction is not begun here on `{T}`; the session is already in one",
    label = "begins a second transaction",
    note = "for a part that may fail on its own, write `tx.savepoint(async |tx| ..)`"
)]
pub trait Begun<T: ?Sized> {}

/// The answer under which a statement may be sent to a `T` there.
#[diagnostic::on_unimplemented(
    message = "D020: a statement is not sent to `{T}` here; give it the session, `&mut *tx`",
    label = "not the session",
    note = "a statement that bypasses the session is not part of the transaction: it is not rolled back with it"
)]
pub trait Sent<T: ?Sized> {}

/// The answer under which `run` or `spawn` may be called on a `T` there.
#[diagnostic::on_unimplemented(
    message = "D022: a job is not started here on `{T}`, before the commit; write `tx.after_commit(job(..))`",
    label = "starts a job",
    note = "a job that runs now does not see what this transaction wrote, and has run even if it rolls back"
)]
pub trait Started<T: ?Sized> {}

/// The answer under which `transaction` may be called on a `T` there.
#[diagnostic::on_unimplemented(
    message = "D023: a boundary is not opened here on `{T}`, inside another; use the session that is already open",
    label = "opens a second boundary",
    note = "a second connection taken while the first is held can exhaust the pool; for a part that may fail on its own, \
            write `tx.savepoint(async |tx| ..)`"
)]
pub trait Opened<T: ?Sized> {}

/// The answer under which `transaction` may be called on a `T` of another database there.
#[diagnostic::on_unimplemented(
    message = "D023: `{T}` is of another database than the session, and the two have no common commit; open its boundary \
               in a job, or write `allow(nested_boundary, reason = \"..\")`",
    label = "opens a boundary of another database",
    note = "the inner boundary commits first, and stays if the outer one rolls back; an outbox in the session's \
            database, which a job delivers, loses nothing"
)]
pub trait OpenedBeside<T: ?Sized> {}

/// The answer under which a `T` may be handed on there, or asked for a connection.
#[diagnostic::on_unimplemented(
    message = "D020: `{T}` goes past the session; use the session, `&mut *tx`",
    label = "not the session",
    note = "a statement that bypasses the session is not part of the transaction: it is not rolled back with it"
)]
pub trait Used<T: ?Sized> {}

/// The answer under which a `T` may be handed on there: a session factory, with which another boundary would be opened.
#[diagnostic::on_unimplemented(
    message = "D023: `{T}` is not handed on here, inside a boundary; hand on the session that is already open",
    label = "opens a second boundary",
    note = "a second connection taken while the first is held can exhaust the pool; for a part that may fail on its own, \
            write `tx.savepoint(async |tx| ..)`"
)]
pub trait PassedOn<T: ?Sized> {}

/// The answer under which a call may give a `T` there.
#[diagnostic::on_unimplemented(
    message = "D021: a task is not spawned here, which gives `{T}`; write `tx.after_commit(job(..))`, with the task as a \
               background job",
    label = "spawns a task",
    note = "the task would start before the commit and go on after a rollback; if it does not depend on the transaction, \
            write `allow(spawn, reason = \"..\")`"
)]
pub trait Spawned<T: ?Sized> {}

/// The answer under which a call there may give a `T` that was given nothing of the session.
#[diagnostic::on_unimplemented(
    message = "D020: a call that gives `{T}` was not given the session; give it the session, `&mut *tx`",
    label = "not on the session",
    note = "an error of the database comes of a statement on another connection, which is not part of the transaction: it is \
            not rolled back with it; if the call sends none, write `allow(other_executor, reason = \"..\")`"
)]
pub trait StaysHere<T: ?Sized> {}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, W> StaysHere<T> for (Harmless, W) {}

/// What the call was made on, or given, was reported by itself.
macro_rules! reported {
    ($($verdict:ident),*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<T: ?Sized> StaysHere<T> for (Lost, $verdict) {}
        )*
    };
}

reported!(Bounds, Opens, Runs, BoundsElsewhere, OpensElsewhere);

/// The answer under which a message may be waited for there.
#[diagnostic::on_unimplemented(
    message = "D052: a message of `{T}` is not waited for here, in a transaction; receive it before, and pass it as an \
               argument",
    label = "waits for a message",
    note = "meanwhile it holds a connection of the pool and every lock that it has taken; the sender may be waiting for them"
)]
pub trait Received<T: ?Sized> {}

/// Lets a harmless type be taken, and have methods of any name.
macro_rules! harmless {
    ($($trait:ident),*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<T: ?Sized> $trait<T> for Harmless {}
        )*
    };
}

/// The answer under which a `T` may be in what a router, a service or a job returns.
#[diagnostic::on_unimplemented(
    message = "D009: `{T}` cannot be returned; the session ends with the boundary, so return the data that was read through it",
    label = "outlives the session",
    note = "code that holds it afterwards would work in a transaction that has ended, or that nobody commits"
)]
pub trait Returned<T: ?Sized> {}

harmless!(
    TakenBeside,
    OpenedBeside,
    Returned,
    TakenByService,
    TakenByRouter,
    TakenByJob,
    Committed,
    RolledBack,
    Begun,
    Sent,
    Used,
    PassedOn,
    Spawned,
    Received,
    Started,
    Opened
);

/// Lets a type that is no session factory have methods named as a factory's, and leaves each factory, and what is of another
/// database, to the question that is about it.
macro_rules! no_factory {
    ($($trait:ident for $($verdict:ident),*;)*) => {
        $($(
            #[diagnostic::do_not_recommend]
            impl<T: ?Sized> $trait<T> for $verdict {}
        )*)*
    };
}

no_factory! {
    Started for Opens, Runs;
    Opened for Opens, Runs, OpensElsewhere;
    // What is of another database, `TakenBeside` and `OpenedBeside` ask about.
    TakenBeside for Bounds, Opens, Runs;
    TakenByService for BoundsElsewhere, OpensElsewhere;
    TakenByRouter for BoundsElsewhere, OpensElsewhere;
    TakenByJob for BoundsElsewhere, OpensElsewhere;
    Opened for BoundsElsewhere;
    OpenedBeside for Bounds, Opens, Runs, OpensElsewhere;
    // `Started` and `Opened` ask about a factory.
    Begun for Bounds, BoundsElsewhere;
    Committed for Bounds;
    RolledBack for Bounds;
    Sent for Bounds;
    // `PassedOn` asks about a factory.
    Used for Bounds;
    PassedOn for Opens, Runs;
}

/// Lets the session pass: its own methods of these names report who owns the transaction.
macro_rules! spoken_for {
    ($($trait:ident),*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<DB: Backend, Held: ?Sized> $trait<&mut Session<DB, Held>> for Runs {}
        )*
    };
}

// `Sent`: the session is what a statement is sent to.
spoken_for!(Committed, RolledBack, Begun, Sent, Used);

/// Rejects a type that a service may not take.
pub fn service_takes<T: ?Sized, V: TakenByService<T> + TakenBeside<T>>(_: Finding<T, V>) {}

/// Rejects a type that a router may not take.
pub fn router_takes<T: ?Sized, V: TakenByRouter<T> + TakenBeside<T>>(_: Finding<T, V>) {}

/// Rejects a type that a background job may not take.
pub fn job_takes<T: ?Sized, V: TakenByJob<T> + TakenBeside<T>>(_: Finding<T, V>) {}

/// Rejects a type that may not be returned.
pub fn returns<T: ?Sized, V: Returned<T>>(_: Finding<T, V>) {}

/// Rejects a type that may not be committed.
pub fn commits<T: ?Sized, V: Committed<T>>(_: Finding<T, V>) {}

/// Rejects a type that may not be rolled back.
pub fn rolls_back<T: ?Sized, V: RolledBack<T>>(_: Finding<T, V>) {}

/// Rejects a type on which no transaction may be begun.
pub fn begins<T: ?Sized, V: Begun<T>>(_: Finding<T, V>) {}

/// Rejects a receiver on which a call that gives a transaction was made.
pub fn begins_by<T: ?Sized, O: ?Sized, V: Begun<T>>(_: &T, _: Finding<O, V>) {}

/// Rejects a receiver by which a call gave a connection.
pub fn uses_by<T: ?Sized, O: ?Sized, V: Used<T>>(_: &T, _: Finding<O, V>) {}

/// Rejects a type that may not be handed on.
pub fn uses<T: ?Sized, V: Used<T>>(_: Finding<T, V>) {}

/// Gives a value back that is handed on, after a question about its type.
pub fn handed<T>(value: T, _: impl FnOnce(&T)) -> T {
    value
}

/// Rejects a session factory that is handed on.
pub fn passes_on<T: ?Sized, V: PassedOn<T>>(_: Finding<T, V>) {}

/// Rejects a call that was given nothing of the session and gave an error of the database.
pub fn stays_here<T: ?Sized, V, P: ?Sized, W>(_: Finding<T, V>, _: Finding<P, W>)
where
    (V, W): StaysHere<T>,
{
}

/// Rejects a receiver of messages, where the rule is an error.
pub fn receives<T: ?Sized, V: Received<T>>(_: Finding<T, V>) {}

/// Rejects a call that gave a task.
pub fn spawns<T: ?Sized, V: Spawned<T>>(_: Finding<T, V>) {}

/// Rejects a type to which no statement may be sent.
pub fn sends<T: ?Sized, V: Sent<T>>(_: Finding<T, V>) {}

/// Rejects a type on which no job may be started.
pub fn starts<T: ?Sized, V: Started<T>>(_: Finding<T, V>) {}

/// Rejects a type on which no boundary may be opened.
pub fn opens<T: ?Sized, V: Opened<T> + OpenedBeside<T>>(_: Finding<T, V>) {}

/// Rejects a type named `Session` that is not a session of demarcate.
pub const fn is_session<S: LentSession + ?Sized>() {}

/// Rejects a return type that cannot report a failure.
pub const fn is_fallible<R: Fallible>() {}

/// Replaces a refused commit in the tokens of a macro call, which may use its value.
pub async fn refused() -> Result<(), sqlx::Error> {
    std::future::pending().await
}

/// A value of any type, in code that is never reached.
pub fn unreached<T>() -> T {
    unreachable!("emitted inside `if false`, or beside a compile error")
}

/// An argument that a router keeps while it waits for the database.
#[diagnostic::on_unimplemented(
    message = "a router keeps `{Self}` while it waits for the database, and it is not `Send`; take what is needed of it \
               before, in an extractor of your own or in a handler that calls the router",
    label = "is not `Send`",
    note = "the future of a boundary can be run on any thread, with all that its body uses; what a router returns need not \
            be `Send`"
)]
pub trait KeptByRouter {}

#[diagnostic::do_not_recommend]
impl<T: Send + ?Sized> KeptByRouter for T {}

/// Rejects an argument that a router cannot keep.
pub const fn router_keeps<T: KeptByRouter + ?Sized>() {}

/// An argument that each run of a boundary with `retry` has anew.
#[diagnostic::on_unimplemented(
    message = "`retry` runs the function again and needs its arguments twice; derive `Clone` for `{Self}`",
    label = "is not `Clone`",
    note = "each run has the arguments anew, and what it made of them is gone with it; an `Arc` around a value of your own is \
            `Clone` too"
)]
pub trait UsedAgain {
    /// Returns a copy for another run.
    #[must_use]
    fn again(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> UsedAgain for T {
    fn again(&self) -> Self {
        self.clone()
    }
}

/// Copies an argument for a run.
#[must_use]
pub fn again<T: UsedAgain>(argument: &T) -> T {
    argument.again()
}

/// An extractor around a value, which each run of a boundary with `retry` has anew.
#[diagnostic::on_unimplemented(
    message = "`retry` runs the function again and needs its arguments twice, and `{Self}` is not `Clone`; take out what is \
               in it, as in `Form(order): Form<Order>`, and derive `Clone` for that",
    label = "is not `Clone`",
    note = "each run has the arguments anew, and what it made of them is gone with it"
)]
pub trait TakenOut {
    /// Returns a copy for another run.
    #[must_use]
    fn again(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> TakenOut for T {
    fn again(&self) -> Self {
        self.clone()
    }
}

/// Copies an argument that is an extractor, for a run.
#[must_use]
pub fn extractor_again<T: TakenOut>(argument: &T) -> T {
    argument.again()
}

/// An argument that `on_error` hands to its function.
#[diagnostic::on_unimplemented(
    message = "`on_error` hands the arguments of the job to its function and needs them twice; derive `Clone` for `{Self}`",
    label = "is not `Clone`",
    note = "the job may have used them up before it fails; an `Arc` around a value of your own is `Clone` too"
)]
pub trait HandedOn {
    /// Returns a copy for the function.
    #[must_use]
    fn handed_on(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> HandedOn for T {
    fn handed_on(&self) -> Self {
        self.clone()
    }
}

/// Copies an argument for the function of `on_error`.
#[must_use]
pub fn handed_on<T: HandedOn>(argument: &T) -> T {
    argument.handed_on()
}
