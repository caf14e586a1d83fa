//! The bounds of an async closure that is the body of a boundary, with a future that is `Send`.
//!
//! A bare `AsyncFnOnce(&mut Session<DB>) -> R` says nothing about whether the future it returns is
//! `Send`, and on stable there is no way to name that future: the caller's own future is then refused
//! by `tokio::spawn` and by axum with "implementation of `Send` is not general enough". The traits
//! here complement that bound. They name the future as an associated type, once for each lifetime
//! of the session, and ask it to be `Send`; the direct bound stays, because it is what gives the
//! closure's parameter its type.

/// An async closure with one argument that runs once and whose future is `Send`.
pub trait SendOnce<A>: FnOnce(A) -> Self::Future + Send {
    /// The output of the closure's future.
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

/// An async closure with one argument that can run several times and whose future is `Send`.
pub trait SendMut<A>: FnMut(A) -> Self::Future + Send {
    /// The output of the closure's future.
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

/// An async closure with two arguments that runs once and whose future is `Send`.
pub trait SendOnce2<A, B>: FnOnce(A, B) -> Self::Future + Send {
    /// The output of the closure's future.
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

/// An async closure with two arguments that can run several times and whose future is `Send`.
pub trait SendMut2<A, B>: FnMut(A, B) -> Self::Future + Send {
    /// The output of the closure's future.
    type Out;
    /// The closure's future.
    type Future: Future<Output = Self::Out> + Send;
}

impl<A, B, F, Fut> SendMut2<A, B> for F
where
    F: FnMut(A, B) -> Fut + Send,
    Fut: Future + Send,
{
    type Out = Fut::Output;
    type Future = Fut;
}
