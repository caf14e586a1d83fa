//! What a value is that is thrown away: the attributes ask, and the compiler answers.
//!
//! The mechanism is that of [`verdict`](super::verdict); the functions below name the conditions of each case, in their
//! order.
//!
//! How the value came from the session decides what is asked. A call that was given the session itself returns the result of
//! statements, whatever its error is. A call on something that holds the session does so if its error can be made of one of
//! the database. Of any other call it must be an error of the database itself: an application's error is also that of its
//! mailer.
//!
//! The messages repeat those of `demarcate-rules`; a test in `ui-tests` holds the two together.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_core::Stream;

use crate::error::Error;
use crate::macro_support::verdict::{
    Chain, Finding, Harmless, Idle, Last, Late, Layer, Lost, Meets, Own, chain,
};

/// An error of a database.
pub trait OfDatabase {}

impl OfDatabase for sqlx::Error {}
impl OfDatabase for Error {}
impl<E: OfDatabase + ?Sized> OfDatabase for Box<E> {}
impl<E: OfDatabase + ?Sized> OfDatabase for Arc<E> {}
impl<E: OfDatabase + ?Sized> OfDatabase for &E {}

/// An error that no statement can have caused.
pub trait Unrelated {}

impl Unrelated for std::convert::Infallible {}
impl Unrelated for std::io::Error {}
impl Unrelated for std::fmt::Error {}
impl Unrelated for std::num::ParseIntError {}
impl Unrelated for std::num::ParseFloatError {}
impl<T> Unrelated for std::sync::mpsc::SendError<T> {}
impl<T> Unrelated for tokio::sync::mpsc::error::SendError<T> {}
impl<T> Unrelated for tokio::sync::mpsc::error::TrySendError<T> {}
impl<T> Unrelated for tokio::sync::watch::error::SendError<T> {}
impl<T> Unrelated for tokio::sync::broadcast::error::SendError<T> {}

/// A `Result` whose error no statement can have caused.
pub struct UnrelatedResult(());

/// A `Result`.
pub struct AnyResult(());

/// A `Result` whose error is one of the database.
pub struct DatabaseResult(());

/// A `Result` whose error is one of sqlx itself.
pub struct SentResult(());

/// A `Result` whose error can be made of one of sqlx.
pub struct SqlxResult(());

/// A `Result` whose error can be made of one of demarcate.
pub struct OursResult(());

/// A `Result` whose error says that the time was up.
pub struct CutResult(());

/// A future.
pub struct IsFuture(());

/// A stream.
pub struct IsStream(());

/// What has such a value inside.
pub struct Inside<C>(PhantomData<C>);

/// What is a pointer to such a value.
pub struct Boxed<C>(PhantomData<C>);

/// What will give such a value.
pub struct Gives<C>(PhantomData<C>);

/// An iterator over such values.
pub struct Items<C>(PhantomData<C>);

/// A stream of such values.
pub struct Rows<C>(PhantomData<C>);

/// The same, where a service's own error is no more than a warning.
pub struct Warns<C>(PhantomData<C>);

/// What meets a condition, and the verdict about it.
macro_rules! meet {
    ($([$($generic:tt)*] $met:ty: $condition:ty => $verdict:ty;)*) => {
        $(
            impl<$($generic)*> Meets<$condition> for $met {
                type Verdict = $verdict;
            }
        )*
    };
}

meet! {
    [T, E: Unrelated] Result<T, E>: UnrelatedResult => Harmless;
    [T, E] Result<T, E>: AnyResult => Lost;
    [T, E: OfDatabase] Result<T, E>: DatabaseResult => Lost;
    [T] Result<T, sqlx::Error>: SentResult => Lost;
    [T, E: From<sqlx::Error>] Result<T, E>: SqlxResult => Lost;
    [T, E: From<Error>] Result<T, E>: OursResult => Lost;
    [T] Result<T, tokio::time::error::Elapsed>: CutResult => Lost;
    [F: Future] F: IsFuture => Idle;
    [S: Stream] S: IsStream => Idle;
    [C, T: Meets<C>, E] Result<T, E>: Inside<C> => T::Verdict;
    [C, T: Meets<C>] Option<T>: Inside<C> => T::Verdict;
    [C, T: Meets<C>] Vec<T>: Inside<C> => T::Verdict;
    [C, T: Meets<C>, const N: usize] [T; N]: Inside<C> => T::Verdict;
    [C, T: Meets<C> + ?Sized] Box<T>: Inside<C> => T::Verdict;
    [C, T: Meets<C> + ?Sized] Arc<T>: Inside<C> => T::Verdict;
    [C, T: Meets<C> + ?Sized] &T: Inside<C> => T::Verdict;
    [C, T: Meets<C> + ?Sized] Box<T>: Boxed<C> => T::Verdict;
    [C, T: Meets<C> + ?Sized] &T: Boxed<C> => T::Verdict;
    [C, F: Future<Output: Meets<C>>] F: Gives<C> => <F::Output as Meets<C>>::Verdict;
    [C, I: Iterator<Item: Meets<C>>] I: Items<C> => <I::Item as Meets<C>>::Verdict;
    [C, S: Stream<Item: Meets<C>>] S: Rows<C> => <S::Item as Meets<C>>::Verdict;
    [C, T: Meets<C>] T: Warns<C> => Own;
}

/// Defines a function for each case, which asks about the type of a value.
macro_rules! asks {
    ($($(#[$doc:meta])* $name:ident: $($condition:ty),*;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub const fn $name<T>(_: &T) -> chain!(T: $($condition),*) {
                Chain::ASKED
            }
        )*
    };
}

asks! {
    /// Of the receiver of `.ok()` and the like, which comes of a call that was given the session.
    discarded_lent: UnrelatedResult, AnyResult, Boxed<AnyResult>;
    /// Of a call on something that holds the session.
    discarded_held: SqlxResult, OursResult, Boxed<SqlxResult>, Boxed<OursResult>;
    /// Of any other call.
    discarded_open: DatabaseResult;
    /// Of a value that is bound to `_` or dropped, and comes of a call that was given the session.
    dropped_lent: UnrelatedResult, AnyResult, Inside<AnyResult>, IsFuture, IsStream, Inside<IsFuture>;
    /// Of a call on something that holds the session.
    dropped_held: SqlxResult, OursResult, Inside<SqlxResult>, Inside<OursResult>, IsFuture, IsStream;
    /// Of any other call.
    dropped_open: DatabaseResult;
    /// Of what will give a value whose error is thrown away, and was given the session.
    later_lent: Gives<UnrelatedResult>, Gives<AnyResult>;
    /// Of what will give the value of a call on something that holds the session.
    later_held: Gives<SqlxResult>, Gives<OursResult>;
    /// Of the rows and results of which an iterator or a stream leaves out those that have failed.
    discarded_items: Items<SqlxResult>, Items<OursResult>, Rows<SqlxResult>, Rows<OursResult>,
        Items<Boxed<SqlxResult>>, Items<Boxed<OursResult>>;
    /// Of a list whose results are counted, or of which one is taken out.
    counted: Inside<SqlxResult>, Inside<OursResult>;
    /// Of what a closure made that works with the session.
    made: Inside<IsFuture>;
    /// Of what is matched without a look at its error, and comes of a call that was given the session.
    swallowed_lent: DatabaseResult, UnrelatedResult, Boxed<DatabaseResult>, Boxed<UnrelatedResult>, Warns<AnyResult>,
        Warns<Boxed<AnyResult>>;
    /// Of a call on something that holds the session.
    swallowed_held: DatabaseResult, Boxed<DatabaseResult>, Warns<SqlxResult>, Warns<OursResult>,
        Warns<Boxed<SqlxResult>>, Warns<Boxed<OursResult>>;
    /// Of what a limit of time is around.
    cut_off: CutResult;
    /// Of any other call.
    swallowed_open: DatabaseResult;
    /// Of what will give a value that is matched so, and was given the session.
    swallowed_later_lent: Gives<DatabaseResult>, Gives<UnrelatedResult>, Warns<Gives<AnyResult>>;
    /// Of what will give the value of a call on something that holds the session.
    swallowed_later_held: Gives<DatabaseResult>, Warns<Gives<SqlxResult>>, Warns<Gives<OursResult>>;
    /// The same of an `Option` or a `Result` with a result in it.
    swallowed_inside_lent: Inside<DatabaseResult>, Warns<Inside<AnyResult>>;
    /// Of a call on something that holds the session.
    swallowed_inside_held: Inside<DatabaseResult>, Warns<Inside<SqlxResult>>, Warns<Inside<OursResult>>;
    /// Of any other call.
    swallowed_inside_open: Inside<DatabaseResult>;
}

/// Asks about the type of what an awaited call gave, which is known at the end of a body.
#[must_use]
pub const fn of_error<T>(_: &Late<T>) -> chain!(T: SentResult) {
    Chain::ASKED
}

/// The answer under which a `T` may be thrown away.
#[diagnostic::on_unimplemented(
    message = "D030: `{T}` is discarded, with the error that it may hold; return the error with `?`, or handle it with `match`",
    label = "discards a result",
    note = "after a failed statement the boundary does not commit; to recover from a failure, run that part in \
            `tx.savepoint(async |tx| ..)`"
)]
pub trait Discarded<T> {}

/// The answer under which a `T` may be left alone.
#[diagnostic::on_unimplemented(
    message = "D031: `{T}` is never awaited, so it does nothing; write `.await?`",
    label = "is never awaited",
    note = "a future runs only where it is awaited"
)]
pub trait LeftAlone<T> {}

/// The answer under which nobody has to look at the error in a `T`.
#[diagnostic::on_unimplemented(
    message = "D032: the error in `{T}` is swallowed; return it with `?`, or bind it and look at it",
    label = "nobody looks at the error",
    note = "after a failed statement the boundary does not commit; to recover from a failure, run that part in \
            `tx.savepoint(async |tx| ..)`"
)]
pub trait Swallowed<T> {}

/// The same, where no error may be passed over, whoever's it is.
#[diagnostic::on_unimplemented(
    message = "D032: the error in `{T}` is swallowed; return it with `?`, or bind it and look at it",
    label = "nobody looks at the error",
    note = "after a failed statement the boundary does not commit; to recover from a failure, run that part in \
            `tx.savepoint(async |tx| ..)`"
)]
pub trait SwallowedOwn<T> {}

/// Lets values of these answers pass.
macro_rules! pass {
    ($($trait:ident for $($answer:ident),*;)*) => {
        $($(
            #[diagnostic::do_not_recommend]
            impl<T> $trait<T> for $answer {}
        )*)*
    };
}

pass! {
    Discarded for Idle, Own, Harmless;
    LeftAlone for Lost, Own, Harmless;
    Swallowed for Idle, Own, Harmless;
    SwallowedOwn for Idle, Harmless;
}

/// Rejects a result that is thrown away.
pub fn discards<T, V: Discarded<T>>(_: Finding<T, V>) {}

/// Rejects a future or a stream that is never awaited.
pub fn leaves_alone<T, V: LeftAlone<T>>(_: Finding<T, V>) {}

/// Rejects an error of the database that nobody looks at.
pub fn swallows<T, V: Swallowed<T>>(_: Finding<T, V>) {}

/// Rejects an error that nobody looks at.
pub fn swallows_own<T, V: SwallowedOwn<T>>(_: Finding<T, V>) {}
