//! What a value is that is thrown away: the attributes ask, and the compiler answers.
//!
//! The mechanism is that of [`probe`](super::probe), with the questions as types: [`Ask<T, Q, Next>`](Ask) has the method
//! `verdict` only if `T` [`Meets`] the question `Q`, and derefs to the next question. The functions below name the
//! questions of each case, in their order.
//!
//! How the value came from the session decides what is asked. A call that was given the session itself returns the result of
//! statements, whatever its error is. A call on something that holds the session does so if its error can be made of one of
//! the database. Of any other call it must be an error of the database itself: an application's error is also that of its
//! mailer.
//!
//! The messages repeat those of `demarcate-rules`; a test in `ui-tests` holds the two together.

use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use futures_core::Stream;

use crate::error::Error;

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

/// A question about a type.
pub trait Question {
    /// The answer about a type that meets it.
    type Answer;
}

/// Is a type to which the answer to the question `Q` is yes.
pub trait Meets<Q> {}

/// Defines questions, each with the answer about a type that meets it.
macro_rules! questions {
    ($($(#[$doc:meta])* $question:ident => $answer:ident;)*) => {
        $(
            $(#[$doc])*
            pub struct $question(());

            impl Question for $question {
                type Answer = $answer;
            }
        )*
    };
}

questions! {
    /// Is it a `Result` whose error no statement can have caused?
    UnrelatedResult => Kept;
    /// Is it a `Result`?
    AnyResult => Lost;
    /// Is it a `Result` whose error is one of the database?
    DatabaseResult => Lost;
    /// Is it a `Result` whose error can be made of one of sqlx?
    SqlxResult => Lost;
    /// Is it a `Result` whose error can be made of one of demarcate?
    OursResult => Lost;
    /// Is it a future?
    IsFuture => Idle;
    /// Is it a stream?
    IsStream => Idle;
}

impl<T, E: Unrelated> Meets<UnrelatedResult> for Result<T, E> {}
impl<T, E> Meets<AnyResult> for Result<T, E> {}
impl<T, E: OfDatabase> Meets<DatabaseResult> for Result<T, E> {}
impl<T, E: From<sqlx::Error>> Meets<SqlxResult> for Result<T, E> {}
impl<T, E: From<Error>> Meets<OursResult> for Result<T, E> {}
impl<F: Future> Meets<IsFuture> for F {}
impl<S: Stream> Meets<IsStream> for S {}

/// Is there one inside of it?
pub struct Inside<Q>(PhantomData<Q>);

impl<Q: Question> Question for Inside<Q> {
    type Answer = Q::Answer;
}

impl<Q, T: Meets<Q>, E> Meets<Inside<Q>> for Result<T, E> {}
impl<Q, T: Meets<Q>> Meets<Inside<Q>> for Option<T> {}
impl<Q, T: Meets<Q>> Meets<Inside<Q>> for Vec<T> {}

/// Is it an iterator over such?
pub struct Items<Q>(PhantomData<Q>);

impl<Q: Question> Question for Items<Q> {
    type Answer = Q::Answer;
}

impl<Q, I: Iterator> Meets<Items<Q>> for I where I::Item: Meets<Q> {}

/// Is it a stream of such?
pub struct Rows<Q>(PhantomData<Q>);

impl<Q: Question> Question for Rows<Q> {
    type Answer = Q::Answer;
}

impl<Q, S: Stream> Meets<Rows<Q>> for S where S::Item: Meets<Q> {}

/// The same question, where a service's own error is no more than a warning.
pub struct Warns<Q>(PhantomData<Q>);

impl<Q> Question for Warns<Q> {
    type Answer = Own;
}

impl<Q, T: Meets<Q>> Meets<Warns<Q>> for T {}

/// Asks whether `T` meets `Q`, and if not, goes on with `Next`.
pub struct Ask<T, Q, Next>(Next, PhantomData<fn() -> (T, Q)>);

/// Asked where no other question was answered with yes.
pub struct AskRest<T>(PhantomData<fn() -> T>);

/// Questions, one behind the other.
pub(crate) trait Questions {
    /// The first of them.
    const FIRST: Self;
}

impl<T, Q, Next: Questions> Questions for Ask<T, Q, Next> {
    const FIRST: Self = Self(Next::FIRST, PhantomData);
}

impl<T> Questions for AskRest<T> {
    const FIRST: Self = Self(PhantomData);
}

impl<T, Q, Next> Deref for Ask<T, Q, Next> {
    type Target = Next;

    fn deref(&self) -> &Next {
        &self.0
    }
}

/// The answer about `T`: `V` is [`Lost`], [`Idle`], [`Own`] or [`Kept`].
pub struct Outcome<T, V>(PhantomData<fn() -> (T, V)>);

/// A `Result` that nobody has looked at.
pub struct Lost(());

/// A future or a stream.
pub struct Idle(());

/// A `Result` with a service's own error.
pub struct Own(());

/// Nothing that is lost when it is thrown away.
pub struct Kept(());

impl<T: Meets<Q>, Q: Question, Next> Ask<T, Q, Next> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Outcome<T, Q::Answer> {
        Outcome(PhantomData)
    }
}

impl<T> AskRest<T> {
    /// The answer.
    #[must_use]
    pub const fn verdict(&self) -> Outcome<T, Kept> {
        Outcome(PhantomData)
    }
}

/// `Ask<T, A, Ask<T, B, AskRest<T>>>`
macro_rules! chain {
    ($t:ident) => { AskRest<$t> };
    ($t:ident $first:ty $(, $rest:ty)*) => { Ask<$t, $first, chain!($t $($rest),*)> };
}

/// Defines a function for each case, which asks about the type of a value.
macro_rules! asks {
    ($($(#[$doc:meta])* $name:ident: $($question:ty),*;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub const fn $name<T>(_: &T) -> chain!(T $($question),*) {
                Questions::FIRST
            }
        )*
    };
}

asks! {
    /// Of the receiver of `.ok()` and the like, which comes of a call that was given the session.
    discarded_lent: UnrelatedResult, AnyResult;
    /// Of a call on something that holds the session.
    discarded_held: SqlxResult, OursResult;
    /// Of any other call.
    discarded_open: DatabaseResult;
    /// Of a value that is bound to `_` or dropped, and comes of a call that was given the session.
    dropped_lent: UnrelatedResult, AnyResult, Inside<AnyResult>, IsFuture, IsStream;
    /// Of a call on something that holds the session.
    dropped_held: SqlxResult, OursResult, Inside<SqlxResult>, Inside<OursResult>, IsFuture, IsStream;
    /// Of any other call.
    dropped_open: DatabaseResult;
    /// Of the rows and results of which an iterator or a stream leaves out those that have failed.
    discarded_items: Items<SqlxResult>, Items<OursResult>, Rows<SqlxResult>, Rows<OursResult>;
    /// Of what is matched without a look at its error, and comes of a call that was given the session.
    swallowed_lent: DatabaseResult, UnrelatedResult, Warns<AnyResult>;
    /// Of a call on something that holds the session.
    swallowed_held: DatabaseResult, Warns<SqlxResult>, Warns<OursResult>;
    /// Of any other call.
    swallowed_open: DatabaseResult;
    /// The same of an `Option` or a `Result` with a result in it.
    swallowed_inside_lent: Inside<DatabaseResult>, Warns<Inside<AnyResult>>;
    /// Of a call on something that holds the session.
    swallowed_inside_held: Inside<DatabaseResult>, Warns<Inside<SqlxResult>>, Warns<Inside<OursResult>>;
    /// Of any other call.
    swallowed_inside_open: Inside<DatabaseResult>;
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
    Discarded for Idle, Own, Kept;
    LeftAlone for Lost, Own, Kept;
    Swallowed for Idle, Own, Kept;
}

/// Rejects a result that is thrown away.
pub fn discards<T, V: Discarded<T>>(_: Outcome<T, V>) {}

/// Rejects a future or a stream that is never awaited.
pub fn leaves_alone<T, V: LeftAlone<T>>(_: Outcome<T, V>) {}

/// Rejects an error of the database that nobody looks at.
pub fn swallows<T, V: Swallowed<T>>(_: Outcome<T, V>) {}

#[allow(
    non_snake_case,
    reason = "the name is what the compiler prints in front of the warning"
)]
impl<T> Outcome<T, Own> {
    /// Warns.
    #[deprecated(
        note = "the error of a service is swallowed; return it with `?`, or bind it and look at it"
    )]
    pub const fn D032(&self) {}
}

#[allow(non_snake_case, reason = "the same method")]
impl<T> Outcome<T, Lost> {
    /// Says nothing: the compiler reports it.
    pub const fn D032(&self) {}
}

#[allow(non_snake_case, reason = "the same method")]
impl<T> Outcome<T, Kept> {
    /// Says nothing.
    pub const fn D032(&self) {}
}
