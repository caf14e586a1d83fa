//! Integration with actix-web: the session factory as an extractor, errors and problems as responses.

use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
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
