//! Type probes: the attributes ask what a type can do to a transaction, and the compiler answers.
//!
//! An alias, an `Arc` or a reference hides a pool from anyone who reads tokens, and no bound can say "a
//! type that does *not* implement this". Method lookup can: a [`Probe`] is a chain of [`Layer`]s, each of which
//! derefs to the next, and each has the method `verdict` only if `T` meets its condition; the [`Last`] always has it.
//! Lookup takes the first method that exists, so the type of `probe.verdict()` depends on what `T` can do: in a
//! generic function on the bounds of `T`, and under `cargo check` as well as in a build.
//!
//! ```text
//! Is            T: Way               a pool, a connection, a session factory, or something around one
//! Executes      T: Executor<'c>      `E: PgExecutor<'c>`
//! Acquires      T: Acquire<'c>       `A: Acquire<'c>`
//! Lends         &T: Executor<'_>     `for<'a> &'a E: PgExecutor<'a>`
//! Via<Is>       T derefs to a `Way`, at once, or with two or three steps
//! Last                               anything else
//! ```
//!
//! Where the database of the session is known, `probe.beside::<DB>()` puts layers in front, which also ask
//! whether the way leads to another database: a pool or a factory about which other things are said.
//!
//! The attributes emit the calls inside `if false`, so nothing here runs.

use std::marker::PhantomData;
use std::ops::Deref;

use sqlx::{Acquire, Executor};

use crate::macro_support::ways::{OfAnother, Way};

/// The answer about `T`: `V` is one of the types below.
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

/// It is a task that runs on its own.
pub struct Task(());

/// It is the receiving end of a channel.
pub struct Receives(());

/// It is a `Result` that nobody has looked at.
pub struct Lost(());

/// It is a future or a stream.
pub struct Idle(());

/// It is a `Result` with a service's own error.
pub struct Own(());

/// It does none of these.
pub struct Harmless(());

/// A verdict, and the same where the database is another one.
pub trait Verdict {
    /// The verdict about a type of another database.
    type Elsewhere;
}

impl Verdict for Opens {
    type Elsewhere = OpensElsewhere;
}

impl Verdict for Bounds {
    type Elsewhere = BoundsElsewhere;
}

/// Meets the condition `C`.
pub trait Meets<C> {
    /// What that makes of it.
    type Verdict;
}

/// Leads past the session.
pub struct Is(());

/// Leads past the session, to another database than `DB`.
pub struct IsBeside<DB>(PhantomData<DB>);

/// Runs statements. The lifetime is that of `Executor<'c>`; being a parameter of the type, it is found by inference.
pub struct Executes<'c>(PhantomData<&'c ()>);

/// Gives a connection.
pub struct Acquires<'c>(PhantomData<&'c ()>);

/// Runs statements where it is borrowed: `E` with `for<'a> &'a E: PgExecutor<'a>`.
pub struct Lends(());

/// Derefs to what meets `C`.
pub struct Via<C>(PhantomData<C>);

/// Runs on its own.
pub struct IsTask(());

/// Receives messages.
pub struct IsReceiver(());

impl<T: Way + ?Sized> Meets<Is> for T {
    type Verdict = T::Verdict;
}

impl<DB, T: Way<Database: OfAnother<DB>, Verdict: Verdict> + ?Sized> Meets<IsBeside<DB>> for T {
    type Verdict = <T::Verdict as Verdict>::Elsewhere;
}

impl<'c, T: Executor<'c>> Meets<Executes<'c>> for T {
    type Verdict = Runs;
}

impl<'c, T: Acquire<'c>> Meets<Acquires<'c>> for T {
    type Verdict = Runs;
}

impl<T: ?Sized> Meets<Lends> for T
where
    for<'a> &'a T: Executor<'a>,
{
    type Verdict = Runs;
}

impl<C, T: Deref<Target: Meets<C>> + ?Sized> Meets<Via<C>> for T {
    type Verdict = <T::Target as Meets<C>>::Verdict;
}

/// The type of a value, which the compiler may learn after the value was used.
pub struct Late<T>(PhantomData<fn() -> T>);

impl<T> Late<T> {
    /// It is not known yet.
    #[must_use]
    pub const fn unknown() -> Self {
        Self(PhantomData)
    }

    /// It is that of this value.
    pub const fn is(&self, _: &T) {}
}

/// Asks whether `T` meets `C`, and leaves other questions to `Rest`.
pub struct Layer<T: ?Sized, C, Rest>(Rest, PhantomData<fn() -> (*const T, C)>);

/// Asked where no other question was answered with yes.
pub struct Last<T: ?Sized>(PhantomData<fn() -> *const T>);

/// A chain of layers, which is the same for all types.
pub(crate) trait Chain: Sized {
    /// The chain.
    const ASKED: Self;
}

impl<T: ?Sized, C, Rest: Chain> Chain for Layer<T, C, Rest> {
    const ASKED: Self = Self(Rest::ASKED, PhantomData);
}

impl<T: ?Sized> Chain for Last<T> {
    const ASKED: Self = Self(PhantomData);
}

impl<T: ?Sized, C, Rest> Deref for Layer<T, C, Rest> {
    type Target = Rest;

    fn deref(&self) -> &Rest {
        &self.0
    }
}

impl<T: Meets<C> + ?Sized, C, Rest> Layer<T, C, Rest> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Finding<T, T::Verdict> {
        Finding(PhantomData)
    }
}

impl<T: ?Sized> Last<T> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Finding<T, Harmless> {
        Finding(PhantomData)
    }
}

/// A chain that asks `T` about each of these conditions.
macro_rules! chain {
    ($T:ty:) => { Last<$T> };
    ($T:ty: $C:ty $(, $Rest:ty)*) => { Layer<$T, $C, chain!($T: $($Rest),*)> };
}

pub(crate) use chain;

/// Asks what `T` can do to a transaction.
pub type Probe<'c, T> =
    chain!(T: Is, Executes<'c>, Acquires<'c>, Lends, Via<Is>, Via<Via<Is>>, Via<Via<Via<Is>>>);

/// Asks whether `T` is of another database than `DB`, before all else.
pub(crate) type ProbeBeside<'c, T, DB> = Layer<
    T,
    IsBeside<DB>,
    Layer<
        T,
        Via<IsBeside<DB>>,
        Layer<T, Via<Via<IsBeside<DB>>>, Layer<T, Via<Via<Via<IsBeside<DB>>>>, Probe<'c, T>>>,
    >,
>;

/// Is at that place of three.
pub struct At<const N: usize, C>(PhantomData<C>);

impl<C, T: Meets<C>, U, V> Meets<At<0, C>> for (T, U, V) {
    type Verdict = T::Verdict;
}

impl<C, T, U: Meets<C>, V> Meets<At<1, C>> for (T, U, V) {
    type Verdict = U::Verdict;
}

impl<C, T, U, V: Meets<C>> Meets<At<2, C>> for (T, U, V) {
    type Verdict = V::Verdict;
}

/// Asks whether one of three leads past the session.
pub(crate) type ProbeAny<T, U, V> = chain!((T, U, V): At<0, Is>, At<1, Is>, At<2, Is>, At<0, Via<Is>>, At<1, Via<Is>>,
    At<2, Via<Is>>);

/// Asks whether one of three types leads past the session, which are known at the end of a body.
#[must_use]
pub const fn any_of<T, U, V>(_: &Late<T>, _: &Late<U>, _: &Late<V>) -> ProbeAny<T, U, V> {
    Chain::ASKED
}

/// Asks whether a `T` is a task.
pub type ProbeTask<T> = chain!(T: IsTask);

impl<'c, T: ?Sized> Probe<'c, T> {
    /// Asks about a type.
    #[must_use]
    pub const fn of() -> Self {
        Self::ASKED
    }

    /// Asks about the type of a value.
    #[must_use]
    pub const fn of_value(_: &T) -> Self {
        Self::ASKED
    }

    /// Asks about a type that is known at the end of a body.
    #[must_use]
    pub const fn of_late(_: &Late<T>) -> Self
    where
        T: Sized,
    {
        Self::ASKED
    }

    /// Asks first whether it is of another database than `DB`.
    #[must_use]
    pub const fn beside<DB>(&self) -> ProbeBeside<'c, T, DB> {
        ProbeBeside::ASKED
    }
}

/// Asks whether a `T` is the receiving end of a channel.
pub type ProbeReceiver<T> = chain!(T: IsReceiver, Via<IsReceiver>);

impl<T: ?Sized> ProbeReceiver<T> {
    /// Asks about the type of a value.
    #[must_use]
    pub const fn of_value(_: &T) -> Self {
        Self::ASKED
    }
}

impl<T: ?Sized> ProbeTask<T> {
    /// Asks about the type of a value.
    #[must_use]
    pub const fn of_value(_: &T) -> Self {
        Self::ASKED
    }
}

impl<T> ProbeTask<T> {
    /// Asks about a type that is known at the end of a body.
    #[must_use]
    pub const fn of_late(_: &Late<T>) -> Self {
        Self::ASKED
    }

    /// Asks about what a function of one argument gives.
    #[must_use]
    pub const fn of_function<A, F: FnOnce(A) -> T>(_: &F) -> Self {
        Self::ASKED
    }
}

// The warnings: the use of a deprecated method, whose name is the code of the rule, since the compiler prints it. They stand
// beside the type, by whose path the compiler names them.

#[allow(non_snake_case, reason = "the name is what the compiler prints")]
impl<T> Finding<T, Own> {
    /// Warns of an error of a service that is swallowed.
    #[deprecated(
        note = "the error of a service is swallowed; return it with `?`, or bind it and look at it"
    )]
    pub const fn D032(&self) {}
}

#[allow(non_snake_case, reason = "the same method")]
impl<T> Finding<T, Lost> {
    /// Says nothing: the compiler reports it as an error.
    pub const fn D032(&self) {}
}

#[allow(non_snake_case, reason = "the name is what the compiler prints")]
impl<T: ?Sized> Finding<T, Receives> {
    /// Warns of a receiver of messages.
    #[deprecated(
        note = "a message is not waited for in a transaction; receive it before, and pass it as an argument\nhelp: meanwhile \
                it holds a connection of the pool and every lock that it has taken; the sender may be waiting for them"
    )]
    pub const fn D052(&self) {}
}

#[allow(non_snake_case, reason = "the same methods")]
impl<T: ?Sized> Finding<T, Harmless> {
    /// Says nothing.
    pub const fn D032(&self) {}

    /// Says nothing.
    pub const fn D052(&self) {}
}
