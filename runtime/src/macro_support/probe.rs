//! Type probes: the attributes ask what a type can do to a transaction, and the compiler answers.
//!
//! An alias, an `Arc` or a reference hides a pool from anyone who reads tokens, and no bound can say "a
//! type that does *not* implement this". Method lookup can: a [`Probe`] is five types, each of which
//! derefs to the next, and each but the last has the method `verdict` only if `T` meets its bound. Lookup
//! takes the first method that exists, so the type of `probe.verdict()` depends on what `T` can do: in a
//! generic function on the bounds of `T`, and under `cargo check` as well as in a build.
//!
//! ```text
//! Probe           verdict() where T: OpensBoundary          a session factory, or something around one
//!   ProbeOpens    verdict() where T: OpensTransaction       a pool, a connection, or something around one
//!   ProbeExecutor verdict() where T: Executor<'c>           `E: PgExecutor<'c>`
//!   ProbeAcquire  verdict() where T: Acquire<'c>            `A: Acquire<'c>`
//!   ProbeRest     verdict()                                 anything else
//! ```
//!
//! Where the database of the session is known, `probe.beside::<DB>()` puts two types in front, whose `verdict` also asks
//! for `T: OfAnother<DB>`: a pool or a factory of another database, about which other things are said.
//!
//! The attributes emit the calls inside `if false`, so nothing here runs.
//!
//! The messages repeat those of `demarcate-rules`, since an attribute takes no constant; a test in
//! `ui-tests` holds the two together.

use std::cell::{OnceCell, RefCell};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{
    Arc, LazyLock, Mutex, MutexGuard, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

use sqlx::pool::PoolConnection;
use sqlx::{Acquire, Database, Executor, Pool, Transaction};

use crate::backend::Backend;
use crate::factory::SessionFactory;
use crate::macro_support::{Fallible, LentSession};
use crate::session::Session;

/// Can begin a transaction, or holds one.
pub trait OpensTransaction {}

impl<DB: Database> OpensTransaction for Pool<DB> {}
impl<DB: Database> OpensTransaction for PoolConnection<DB> {}
impl<DB: Database> OpensTransaction for Transaction<'_, DB> {}
impl<DB: Backend> OpensTransaction for SessionFactory<DB> {}
#[cfg(feature = "sqlite")]
impl OpensTransaction for sqlx::SqliteConnection {}
#[cfg(feature = "postgres")]
impl OpensTransaction for sqlx::PgConnection {}
#[cfg(feature = "postgres")]
impl OpensTransaction for sqlx::postgres::PgListener {}
#[cfg(feature = "mysql")]
impl OpensTransaction for sqlx::MySqlConnection {}

/// A wrapper around a type that opens transactions opens them too.
macro_rules! around {
    ($($outer:ty),* $(,)?) => {
        $(impl<T: OpensTransaction + ?Sized> OpensTransaction for $outer {})*
    };
}

around! {
    &T, &mut T, Box<T>, Rc<T>, Arc<T>, RefCell<T>, Mutex<T>, MutexGuard<'_, T>, RwLock<T>, RwLockReadGuard<'_, T>,
    RwLockWriteGuard<'_, T>, tokio::sync::Mutex<T>, tokio::sync::MutexGuard<'_, T>, tokio::sync::RwLock<T>,
}

impl<P: OpensTransaction> OpensTransaction for Pin<P> {}
impl<T: OpensTransaction> OpensTransaction for Option<T> {}
impl<T: OpensTransaction, E> OpensTransaction for Result<T, E> {}
impl<T: OpensTransaction> OpensTransaction for Vec<T> {}
impl<T: OpensTransaction> OpensTransaction for [T] {}
impl<T: OpensTransaction, const N: usize> OpensTransaction for [T; N] {}
impl<T: OpensTransaction> OpensTransaction for OnceCell<T> {}
impl<T: OpensTransaction> OpensTransaction for OnceLock<T> {}
impl<T: OpensTransaction, F> OpensTransaction for LazyLock<T, F> {}
#[cfg(feature = "axum")]
impl<T: OpensTransaction> OpensTransaction for axum::extract::State<T> {}
#[cfg(feature = "axum")]
impl<T: OpensTransaction> OpensTransaction for axum::Extension<T> {}

/// Is a session factory.
pub trait OpensBoundary {}

impl<DB: Backend> OpensBoundary for SessionFactory<DB> {}
impl<T: OpensBoundary + ?Sized> OpensBoundary for &T {}
impl<T: OpensBoundary + ?Sized> OpensBoundary for &mut T {}
impl<T: OpensBoundary + ?Sized> OpensBoundary for Box<T> {}
impl<T: OpensBoundary + ?Sized> OpensBoundary for Rc<T> {}
impl<T: OpensBoundary + ?Sized> OpensBoundary for Arc<T> {}
impl<T: OpensBoundary, F> OpensBoundary for LazyLock<T, F> {}
#[cfg(feature = "axum")]
impl<T: OpensBoundary> OpensBoundary for axum::extract::State<T> {}
#[cfg(feature = "axum")]
impl<T: OpensBoundary> OpensBoundary for axum::Extension<T> {}

/// Is of another database than `DB`.
pub trait OfAnother<DB> {}

/// One database is not the other.
macro_rules! differ {
    ($($one:ident $one_feature:literal, $other:ident $other_feature:literal;)*) => {
        $(
            #[cfg(all(feature = $one_feature, feature = $other_feature))]
            impl OfAnother<sqlx::$other> for sqlx::$one {}
            #[cfg(all(feature = $one_feature, feature = $other_feature))]
            impl OfAnother<sqlx::$one> for sqlx::$other {}
        )*
    };
}

differ! {
    Postgres "postgres", MySql "mysql";
    Postgres "postgres", Sqlite "sqlite";
    MySql "mysql", Sqlite "sqlite";
}

impl<DB, D: Database + OfAnother<DB>> OfAnother<DB> for Pool<D> {}
impl<DB, D: Database + OfAnother<DB>> OfAnother<DB> for PoolConnection<D> {}
impl<DB, D: Database + OfAnother<DB>> OfAnother<DB> for Transaction<'_, D> {}
impl<DB, D: Backend + OfAnother<DB>> OfAnother<DB> for SessionFactory<D> {}
#[cfg(feature = "sqlite")]
impl<DB> OfAnother<DB> for sqlx::SqliteConnection where sqlx::Sqlite: OfAnother<DB> {}
#[cfg(feature = "postgres")]
impl<DB> OfAnother<DB> for sqlx::PgConnection where sqlx::Postgres: OfAnother<DB> {}
#[cfg(feature = "postgres")]
impl<DB> OfAnother<DB> for sqlx::postgres::PgListener where sqlx::Postgres: OfAnother<DB> {}
#[cfg(feature = "mysql")]
impl<DB> OfAnother<DB> for sqlx::MySqlConnection where sqlx::MySql: OfAnother<DB> {}
impl<DB, T: OfAnother<DB> + ?Sized> OfAnother<DB> for &T {}
impl<DB, T: OfAnother<DB> + ?Sized> OfAnother<DB> for &mut T {}
impl<DB, T: OfAnother<DB> + ?Sized> OfAnother<DB> for Box<T> {}
impl<DB, T: OfAnother<DB> + ?Sized> OfAnother<DB> for Arc<T> {}
impl<DB, T: OfAnother<DB>> OfAnother<DB> for Option<T> {}
impl<DB, T: OfAnother<DB>, F> OfAnother<DB> for LazyLock<T, F> {}
#[cfg(feature = "axum")]
impl<DB, T: OfAnother<DB>> OfAnother<DB> for axum::extract::State<T> {}
#[cfg(feature = "axum")]
impl<DB, T: OfAnother<DB>> OfAnother<DB> for axum::Extension<T> {}

/// Asks what `T` can do to a transaction.
///
/// The lifetime is that of `Executor<'c>`; being a parameter of the type, it is found by inference.
pub struct Probe<'c, T: ?Sized>(ProbeOpens<'c, T>);

/// Asked where `T` is no session factory.
pub struct ProbeOpens<'c, T: ?Sized>(ProbeExecutor<'c, T>);

/// Asked where `T` does not open a transaction by itself.
pub struct ProbeExecutor<'c, T: ?Sized>(ProbeAcquire<'c, T>);

/// Asked where `T` is no executor.
pub struct ProbeAcquire<'c, T: ?Sized>(ProbeRest<T>, PhantomData<&'c ()>);

/// Asked where no other question was answered with yes.
pub struct ProbeRest<T: ?Sized>(PhantomData<fn() -> *const T>);

impl<T: ?Sized> Probe<'_, T> {
    /// Asks about a type.
    #[must_use]
    pub const fn of() -> Self {
        Self(ProbeOpens(ProbeExecutor(ProbeAcquire(
            ProbeRest(PhantomData),
            PhantomData,
        ))))
    }

    /// Asks about the type of a value.
    #[must_use]
    pub const fn of_value(_: &T) -> Self {
        Self::of()
    }
}

/// Asks what `T` can do beside a session of the database `DB`.
pub struct ProbeBeside<'c, T: ?Sized, DB>(ProbeOpensBeside<'c, T, DB>);

/// Asked where `T` is no session factory of another database.
pub struct ProbeOpensBeside<'c, T: ?Sized, DB>(Probe<'c, T>, PhantomData<fn() -> DB>);

impl<'c, T: ?Sized> Probe<'c, T> {
    /// Asks first whether it is of another database than `DB`.
    #[must_use]
    pub const fn beside<DB>(&self) -> ProbeBeside<'c, T, DB> {
        ProbeBeside(ProbeOpensBeside(Probe::of(), PhantomData))
    }
}

impl<'c, T: ?Sized, DB> Deref for ProbeBeside<'c, T, DB> {
    type Target = ProbeOpensBeside<'c, T, DB>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'c, T: ?Sized, DB> Deref for ProbeOpensBeside<'c, T, DB> {
    type Target = Probe<'c, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'c, T: ?Sized> Deref for Probe<'c, T> {
    type Target = ProbeOpens<'c, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'c, T: ?Sized> Deref for ProbeOpens<'c, T> {
    type Target = ProbeExecutor<'c, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'c, T: ?Sized> Deref for ProbeExecutor<'c, T> {
    type Target = ProbeAcquire<'c, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'c, T: ?Sized> Deref for ProbeAcquire<'c, T> {
    type Target = ProbeRest<T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// The answer about `T`: `V` is [`Bounds`], [`Opens`], [`Runs`] or [`Harmless`], or [`BoundsElsewhere`] or
/// [`OpensElsewhere`].
pub struct Finding<T: ?Sized, V>(PhantomData<fn() -> (*const T, V)>);

/// It opens boundaries.
pub struct Bounds(());

/// It opens transactions, or holds one.
pub struct Opens(());

/// It opens boundaries of another database.
pub struct BoundsElsewhere(());

/// It opens transactions of another database, or holds one.
pub struct OpensElsewhere(());

/// It runs statements, or can be turned into something that does.
pub struct Runs(());

/// It does none of these.
pub struct Harmless(());

impl<T: OpensBoundary + OfAnother<DB> + ?Sized, DB> ProbeBeside<'_, T, DB> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Finding<T, BoundsElsewhere> {
        Finding(PhantomData)
    }
}

impl<T: OpensTransaction + OfAnother<DB> + ?Sized, DB> ProbeOpensBeside<'_, T, DB> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Finding<T, OpensElsewhere> {
        Finding(PhantomData)
    }
}

impl<T: OpensBoundary + ?Sized> Probe<'_, T> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Finding<T, Bounds> {
        Finding(PhantomData)
    }
}

impl<T: OpensTransaction + ?Sized> ProbeOpens<'_, T> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Finding<T, Opens> {
        Finding(PhantomData)
    }
}

impl<'c, T: Executor<'c>> ProbeExecutor<'c, T> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Finding<T, Runs> {
        Finding(PhantomData)
    }
}

impl<'c, T: Acquire<'c>> ProbeAcquire<'c, T> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Finding<T, Runs> {
        Finding(PhantomData)
    }
}

impl<T: ?Sized> ProbeRest<T> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Finding<T, Harmless> {
        Finding(PhantomData)
    }
}

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
spoken_for!(Committed, RolledBack, Begun, Sent);

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
