//! The bounds of a closure that is the body of a boundary.
//!
//! A bare `AsyncFnOnce(&mut Session<DB>) -> R` says nothing about whether the future it returns is
//! `Send`, and on stable there is no way to name that future: the caller's own future is then refused
//! by `tokio::spawn` and by axum with "implementation of `Send` is not general enough". The traits
//! here stand beside that bound. They name the future as an associated type, once for each lifetime
//! of the session, and ask it to be `Send`; the direct bound stays, because it is what gives the
//! closure's parameter its type.

/// An async closure over an `A` that runs once and whose future is `Send`.
pub trait SendOnce<A>: FnOnce(A) -> Self::Future + Send {
    /// What the closure's future gives.
    type Out;
    /// The closure's future.
    type Future: Future<Output = Self::Out> + Send;
}

impl<A, F, Fut> SendOnce<A> for F
where
    F: FnOnce(A) -> Fut + Send,
    Fut: Future + Send,
{
    type Out = Fut::Output;
    type Future = Fut;
}

/// The same for a closure that can be run again.
pub trait SendMut<A>: FnMut(A) -> Self::Future + Send {
    /// What the closure's future gives.
    type Out;
    /// The closure's future.
    type Future: Future<Output = Self::Out> + Send;
}

impl<A, F, Fut> SendMut<A> for F
where
    F: FnMut(A) -> Fut + Send,
    Fut: Future + Send,
{
    type Out = Fut::Output;
    type Future = Fut;
}

/// The same for a closure of two arguments, which the handler of a job's failure is.
pub trait SendOnce2<A, B>: FnOnce(A, B) -> Self::Future + Send {
    /// What the closure's future gives.
    type Out;
    /// The closure's future.
    type Future: Future<Output = Self::Out> + Send;
}

impl<A, B, F, Fut> SendOnce2<A, B> for F
where
    F: FnOnce(A, B) -> Fut + Send,
    Fut: Future + Send,
{
    type Out = Fut::Output;
    type Future = Fut;
}
