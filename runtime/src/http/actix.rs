//! Integration with actix-web: the session factory as an extractor, errors and problems as responses.

use std::fmt::Display;
use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, ResponseError, web};

use crate::backend::Backend;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::http::problem::{self, Problem};
use crate::http::status::status_code;

/// Extracts the factory from the application's data: `App::new().app_data(web::Data::new(db))`.
impl<DB: Backend> FromRequest for SessionFactory<DB> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match request.app_data::<web::Data<Self>>() {
            Some(db) => Ok(Self::clone(db)),
            None => Err(Error::config(format!(
                "no session factory of {} is registered with the application; write \
                 `.app_data(web::Data::new(db.clone()))`",
                DB::TITLE
            ))),
        })
    }
}

impl ResponseError for Error {
    /// Returns the status of the error's [problem](Error::problem).
    fn status_code(&self) -> StatusCode {
        status_code(problem::status(self), StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Responds with the error's [problem](Error::problem), as `application/problem+json`. The details that the problem
    /// leaves out are logged here, with the number of the transaction: at the level `error` from status 500 on, at `info`
    /// below.
    fn error_response(&self) -> HttpResponse {
        problem::report(self);
        self.problem().error_response()
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        status_code(self.status, StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Responds with the problem as `application/problem+json`, with its status and `Retry-After`.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        response
            .content_type(Self::CONTENT_TYPE)
            .body(self.to_json())
    }
}

impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

/// Makes `InternalError<E>` an error type of routers, for an `E` of the application's own that holds ours.
impl<E: From<Error>> From<Error> for InternalError<E> {
    /// Responds as the error itself does, whatever `E` would respond with.
    fn from(error: Error) -> Self {
        let response = error.error_response();
        Self::from_response(E::from(error), response)
    }
}

/// What an arm of [`response_error!`](crate::response_error) answers with.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no answer for a client",
    label = "expected a `Problem`, or the `demarcate::Error` that the variant holds",
    note = "a text of an error's own may name tables and files; write `Problem::new(status, title).with_detail(text)`"
)]
pub trait ClientAnswer {
    /// The status of the response.
    fn status(&self) -> StatusCode;

    /// The response. The details that it leaves out are logged; `error` is the whole error.
    fn respond(&self, error: &dyn Display) -> HttpResponse;
}

impl ClientAnswer for Problem {
    fn status(&self) -> StatusCode {
        self.status_code()
    }

    fn respond(&self, error: &dyn Display) -> HttpResponse {
        problem::report_own(self.status, error);
        self.error_response()
    }
}

impl ClientAnswer for Error {
    fn status(&self) -> StatusCode {
        self.status_code()
    }

    fn respond(&self, _: &dyn Display) -> HttpResponse {
        self.error_response()
    }
}

impl<T: ClientAnswer + ?Sized> ClientAnswer for &T {
    fn status(&self) -> StatusCode {
        (**self).status()
    }

    fn respond(&self, error: &dyn Display) -> HttpResponse {
        (**self).respond(error)
    }
}

/// Implements actix-web's [`ResponseError`](actix_web::ResponseError) for an error type of the application's own, variant by variant.
///
/// The trait's own `error_response` writes `Display` into the body: with `#[error(transparent)]` that is the line of the
/// log, with file and constraint. Here each variant says what the client is told: a [`Problem`](crate::Problem), or the
/// [`Error`](crate::Error) that it holds, which responds with [its problem](crate::Error::problem). `Display` goes to the
/// log alone. A variant without an arm does not compile. An arm that wants the whole error binds it:
/// `error @ Self::SoldOut(_) => ..`.
///
/// ```
/// use demarcate::{Problem, response_error};
///
/// #[derive(Debug, thiserror::Error)]
/// enum OrderError {
///     #[error("there is no {0} left")]
///     SoldOut(String),
///     #[error(transparent)]
///     Database(#[from] demarcate::Error),
/// }
///
/// response_error! {
///     OrderError {
///         Self::SoldOut(sku) => Problem::new(409, "Sold out").with_detail(format!("there is no {sku} left")),
///         Self::Database(error) => error,
///     }
/// }
///
/// use actix_web::ResponseError;
/// assert_eq!(OrderError::SoldOut("tea".into()).error_response().status(), 409);
/// ```
#[macro_export]
macro_rules! response_error {
    ($error:ty { $($pattern:pat $(if $guard:expr)? => $answer:expr),+ $(,)? }) => {
        impl $crate::__private0::actix_web::ResponseError for $error {
            fn status_code(&self) -> $crate::__private0::actix_web::http::StatusCode {
                match self {
                    $($pattern $(if $guard)? => $crate::__private0::ClientAnswer::status(&$answer),)+
                }
            }

            fn error_response(&self) -> $crate::__private0::actix_web::HttpResponse {
                match self {
                    $($pattern $(if $guard)? => $crate::__private0::ClientAnswer::respond(&$answer, self),)+
                }
            }
        }
    };
}
