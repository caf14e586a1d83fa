//! What a router answers with, and whether that says that it failed.
//!
//! `Ok` commits, and an `Ok` that tells the client "409 Conflict" says the opposite of what was done.

/// A value that a router returns with `Ok` and that carries an HTTP status: from 400 on, the transaction
/// is rolled back.
///
/// It is there for [`Problem`](crate::Problem) and [`Error`](crate::Error); with the feature `axum` for `StatusCode`, for a
/// `Response`, and for tuples that begin with a status; with the feature `actix` for `HttpResponse`, `StatusCode` and `Either`.
/// A tuple whose last member has one, such as headers before a status, and a `Result` of which one side has one, are asked as
/// well. A router's own response type has it by being given it.
///
/// What does not show its status commits: a type that has none of this, and in actix-web what `Responder::customize` makes, an
/// `HttpResponseBuilder` that is not finished, and `None`, which is answered with 404. Return an `HttpResponse` where that says
/// that a request failed.
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
pub trait HttpStatus {
    /// The status.
    fn http_status(&self) -> u16;
}

#[cfg(feature = "axum")]
mod axum {
    use axum::http::{Response, StatusCode};

    use super::HttpStatus;

    impl HttpStatus for StatusCode {
        fn http_status(&self) -> u16 {
            self.as_u16()
        }
    }

    impl<B> HttpStatus for Response<B> {
        fn http_status(&self) -> u16 {
            self.status().as_u16()
        }
    }

    /// A status in front says what the whole is answered with.
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

    impl HttpStatus for StatusCode {
        fn http_status(&self) -> u16 {
            self.as_u16()
        }
    }

    impl<B> HttpStatus for HttpResponse<B> {
        fn http_status(&self) -> u16 {
            self.status().as_u16()
        }
    }

    impl<L: HttpStatus, R: HttpStatus> HttpStatus for Either<L, R> {
        fn http_status(&self) -> u16 {
            match self {
                Self::Left(left) => left.http_status(),
                Self::Right(right) => right.http_status(),
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
    /// That of its [`Problem`](crate::Problem).
    fn http_status(&self) -> u16 {
        self.problem().status
    }
}

impl<T: HttpStatus + ?Sized> HttpStatus for Box<T> {
    fn http_status(&self) -> u16 {
        (**self).http_status()
    }
}

impl<T: HttpStatus, E: HttpStatus> HttpStatus for Result<T, E> {
    fn http_status(&self) -> u16 {
        match self {
            Ok(value) => value.http_status(),
            Err(error) => error.http_status(),
        }
    }
}

/// Asks a value for its status, where its type has one: the method of the one dereferences to that of the
/// next, and the last is there for every type.
pub struct Answer<'a, T>(AnswerPart<'a, T>);

/// What may have a part that has one and decides.
pub struct AnswerPart<'a, T>(AnswerOk<'a, T>);

/// What may be a `Result` of which only `Ok` has one.
pub struct AnswerOk<'a, T>(AnswerRest<'a, T>);

/// What has no status.
pub struct AnswerRest<'a, T>(&'a T);

impl<'a, T> Answer<'a, T> {
    /// The question.
    pub const fn of(value: &'a T) -> Self {
        Self(AnswerPart(AnswerOk(AnswerRest(value))))
    }
}

impl<T: HttpStatus> Answer<'_, T> {
    /// Whether it says that the request failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        is_error(self.0.0.0.0)
    }
}

fn is_error(value: &impl HttpStatus) -> bool {
    value.http_status() >= 400
}

/// Where no status stands in front, it is what comes last that has one: headers before a response, or a body before a
/// status of actix's.
macro_rules! status_at_the_end {
    ($($part:ident)*) => {
        impl<$($part,)* Last: HttpStatus> AnswerPart<'_, ($($part,)* Last)> {
            /// Whether it says that the request failed.
            #[must_use]
            pub fn is_error(&self) -> bool {
                #[allow(non_snake_case, reason = "they are called as their types")]
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
    /// Whether it is an error that says that the request failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.0.0.0.as_ref().is_err_and(is_error)
    }
}

impl<T: HttpStatus, E> AnswerOk<'_, Result<T, E>> {
    /// Whether it is a value that says that the request failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.0.0.as_ref().is_ok_and(is_error)
    }
}

impl<T> AnswerRest<'_, T> {
    /// No.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        false
    }
}

impl<'a, T> std::ops::Deref for Answer<'a, T> {
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
