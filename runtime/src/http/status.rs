//! Finds the HTTP status of a value that a router returns with `Ok`.
//!
//! `Ok` commits. A value with an error status, such as "409 Conflict", rolls back instead, so that the response agrees with
//! the database.

use crate::http::rolled_back::RolledBack;

/// A value that a router returns with `Ok` and that carries an HTTP status: from 400 on, the transaction
/// is rolled back.
///
/// Implemented for [`Problem`](crate::Problem) and [`Error`](crate::Error); with the feature `axum` for `StatusCode`,
/// `Response`, and tuples that begin with a status; with the feature `actix` for `HttpResponse`, `StatusCode` and `Either`.
/// The status is also found in a tuple whose last member implements the trait, such as headers before a status, and in a
/// `Result` with one side that implements it. Implement the trait for a response type of your own.
///
/// With the feature `actix`, `None` of an `Option` that actix-web can answer with is the 404 that it becomes. An unfinished
/// `HttpResponseBuilder` does not tell its status, so a router that returns one does not compile: finish it.
///
/// A value of any other type commits. In actix-web that includes the result of `Responder::customize`. Return an
/// `HttpResponse` for a request that failed.
///
/// ```
/// use demarcate::HttpStatus;
///
/// enum Placed {
///     Created(i64),
///     SoldOut,
/// }
///
/// impl HttpStatus for Placed {
///     fn http_status(&self) -> u16 {
///         match self {
///             Self::Created(_) => 201,
///             Self::SoldOut => 409,
///         }
///     }
/// }
/// # assert_eq!((Placed::Created(1).http_status(), Placed::SoldOut.http_status()), (201, 409));
/// ```
#[cfg_attr(
    all(feature = "actix", feature = "sqlite"),
    doc = r#"
```compile_fail,E0277
use actix_web::{HttpResponse, HttpResponseBuilder};
use demarcate::{Error, router_tx, sqlite::Session};

#[router_tx]
async fn unfinished(tx: &mut Session) -> Result<HttpResponseBuilder, Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(HttpResponse::NotFound())
}
```
"#
)]
pub trait HttpStatus {
    /// Returns the status.
    fn http_status(&self) -> u16;

    /// Whether a router that returns the value rolls back: from 400 on. See [`RolledBack`](crate::RolledBack).
    fn rolls_back(&self) -> bool {
        self.http_status() >= 400
    }
}

#[cfg(feature = "axum")]
mod axum {
    use axum::http::{Response, StatusCode};

    use super::HttpStatus;
    use crate::http::rolled_back::NotKept;

    impl HttpStatus for StatusCode {
        fn http_status(&self) -> u16 {
            self.as_u16()
        }
    }

    impl<B> HttpStatus for Response<B> {
        fn http_status(&self) -> u16 {
            self.status().as_u16()
        }

        fn rolls_back(&self) -> bool {
            self.http_status() >= 400 || self.extensions().get::<NotKept>().is_some()
        }
    }

    /// A tuple that begins with a status is answered with that status.
    macro_rules! status_in_front {
        ($($part:ident)*) => {
            impl<$($part),*> HttpStatus for (StatusCode, $($part,)*) {
                fn http_status(&self) -> u16 {
                    self.0.as_u16()
                }
            }
        };
    }

    status_in_front!();
    status_in_front!(A);
    status_in_front!(A B);
    status_in_front!(A B C);
    status_in_front!(A B C D);
    status_in_front!(A B C D E);
    status_in_front!(A B C D E F);
    status_in_front!(A B C D E F G);
}

#[cfg(feature = "actix")]
mod actix {
    use actix_web::http::StatusCode;
    use actix_web::{Either, HttpResponse};

    use super::HttpStatus;
    use crate::http::rolled_back::NotKept;

    impl HttpStatus for StatusCode {
        fn http_status(&self) -> u16 {
            self.as_u16()
        }
    }

    impl<B> HttpStatus for HttpResponse<B> {
        fn http_status(&self) -> u16 {
            self.status().as_u16()
        }

        fn rolls_back(&self) -> bool {
            self.http_status() >= 400 || self.extensions().get::<NotKept>().is_some()
        }
    }

    impl<L: HttpStatus, R: HttpStatus> HttpStatus for Either<L, R> {
        fn http_status(&self) -> u16 {
            match self {
                Self::Left(left) => left.http_status(),
                Self::Right(right) => right.http_status(),
            }
        }

        fn rolls_back(&self) -> bool {
            match self {
                Self::Left(left) => left.rolls_back(),
                Self::Right(right) => right.rolls_back(),
            }
        }
    }
}

/// Converts a status to the type of an HTTP library. A number that is not a status is a mistake of the program, and becomes
/// `internal_error`.
#[cfg(any(feature = "axum", feature = "actix"))]
pub(crate) fn status_code<S: TryFrom<u16>>(status: u16, internal_error: S) -> S {
    S::try_from(status).unwrap_or(internal_error)
}

impl HttpStatus for crate::error::Error {
    /// Returns the status of its [`Problem`](crate::Problem).
    fn http_status(&self) -> u16 {
        self.problem().status
    }
}

impl<T: HttpStatus + ?Sized> HttpStatus for Box<T> {
    fn http_status(&self) -> u16 {
        (**self).http_status()
    }

    fn rolls_back(&self) -> bool {
        (**self).rolls_back()
    }
}

impl<T: HttpStatus, E: HttpStatus> HttpStatus for Result<T, E> {
    fn http_status(&self) -> u16 {
        match self {
            Ok(value) => value.http_status(),
            Err(error) => error.http_status(),
        }
    }

    fn rolls_back(&self) -> bool {
        match self {
            Ok(value) => value.rolls_back(),
            Err(error) => error.rolls_back(),
        }
    }
}

/// Finds out whether a value has an error status, for every type.
///
/// The five types form a chain of `Deref`. Method lookup calls the first `is_error` whose bounds the type meets, and
/// `AnswerRest` accepts every type.
pub struct Answer<'a, T>(AnswerUnfinished<'a, T>);

/// Refuses a response that is not finished.
pub struct AnswerUnfinished<'a, T>(AnswerPart<'a, T>);

/// Accepts a tuple whose last member has a status, and a `Result` whose error has one.
pub struct AnswerPart<'a, T>(AnswerOk<'a, T>);

/// Accepts a `Result` whose `Ok` value alone has a status.
pub struct AnswerOk<'a, T>(AnswerRest<'a, T>);

/// Accepts every type, as a value without a status.
pub struct AnswerRest<'a, T>(&'a T);

impl<'a, T> Answer<'a, T> {
    /// Wraps a value.
    pub const fn of(value: &'a T) -> Self {
        Self(AnswerUnfinished(AnswerPart(AnswerOk(AnswerRest(value)))))
    }
}

impl<T: HttpStatus> Answer<'_, T> {
    /// Whether the status is an error, 400 or above.
    #[must_use]
    pub fn is_error(&self) -> bool {
        is_error(self.0.0.0.0.0)
    }
}

/// A response that is not finished, and does not tell its status.
pub trait Unfinished {}

/// A response that tells its status.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not finished, so a router cannot know its status; write `.finish()`, `.body(..)` or `.json(..)`",
    label = "returns an unfinished response",
    note = "a status from 400 on rolls back, and is known when the response is finished"
)]
pub trait Finished {}

impl<T: Unfinished> AnswerUnfinished<'_, T> {
    /// Does not compile.
    #[must_use]
    pub const fn is_error(&self) -> bool
    where
        T: Finished,
    {
        false
    }
}

#[cfg(feature = "actix")]
impl Unfinished for actix_web::HttpResponseBuilder {}

/// actix-web answers `None` with 404.
#[cfg(feature = "actix")]
impl<T: HttpStatus + actix_web::Responder> AnswerPart<'_, Option<T>> {
    /// Whether it is `None`, or the value has an error status.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.0.0.0.as_ref().is_none_or(is_error)
    }
}

#[cfg(feature = "actix")]
impl<T: actix_web::Responder> AnswerOk<'_, Option<T>> {
    /// Whether it is `None`.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        self.0.0.is_none()
    }
}

fn is_error(value: &impl HttpStatus) -> bool {
    value.rolls_back()
}

impl<T> AnswerPart<'_, RolledBack<T>> {
    /// Always `true`, for a value without a status.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        true
    }
}

/// A tuple without a leading status is judged by its last member: headers before a response, or a body before a status
/// of actix-web.
macro_rules! status_at_the_end {
    ($($part:ident)*) => {
        impl<$($part,)* Last: HttpStatus> AnswerPart<'_, ($($part,)* Last)> {
            /// Whether the status is an error, 400 or above.
            #[must_use]
            pub fn is_error(&self) -> bool {
                #[allow(non_snake_case, reason = "the variables have the names of their types")]
                let ($($part,)* last) = self.0.0.0;
                let _ = ($($part,)*);
                is_error(last)
            }
        }
    };
}

status_at_the_end!(A);
status_at_the_end!(A B);
status_at_the_end!(A B C);
status_at_the_end!(A B C D);
status_at_the_end!(A B C D E);
status_at_the_end!(A B C D E F);
status_at_the_end!(A B C D E F G);

impl<T, E: HttpStatus> AnswerPart<'_, Result<T, E>> {
    /// Whether it is an `Err` with an error status.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.0.0.0.as_ref().is_err_and(is_error)
    }
}

impl<T: HttpStatus, E> AnswerOk<'_, Result<T, E>> {
    /// Whether it is an `Ok` with an error status.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.0.0.as_ref().is_ok_and(is_error)
    }
}

impl<T> AnswerRest<'_, T> {
    /// Always `false`: the type has no status.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        false
    }
}

impl<'a, T> std::ops::Deref for Answer<'a, T> {
    type Target = AnswerUnfinished<'a, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> std::ops::Deref for AnswerUnfinished<'a, T> {
    type Target = AnswerPart<'a, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> std::ops::Deref for AnswerPart<'a, T> {
    type Target = AnswerOk<'a, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> std::ops::Deref for AnswerOk<'a, T> {
    type Target = AnswerRest<'a, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
