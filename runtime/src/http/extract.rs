//! Extractors whose rejections are problems: what a framework refuses before the handler runs is answered as
//! `application/problem+json`, like what the handler refuses.
//!
//! * axum: use [`Json`], [`Form`], [`Path`] and [`Query`] of this module in place of axum's.
//! * actix-web: write `.configure(demarcate::extract::problems)` once, and keep actix-web's extractors.
//!
//! The status is the framework's, the title is the phrase of the status, and the detail says what is wrong with the request.

#[cfg(feature = "actix")]
pub use self::actix::{problem, problems};
#[cfg(feature = "axum")]
pub use self::axum::{Form, Json, Path, Query};

#[cfg(feature = "axum")]
mod axum {
    use std::ops::{Deref, DerefMut};

    use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection, QueryRejection};
    use axum::extract::{FromRequest, FromRequestParts, Request};
    use axum::http::StatusCode;
    use axum::http::request::Parts;
    use axum::response::{IntoResponse, Response};
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use crate::http::problem::Problem;

    /// Defines a newtype over what axum's extractor of the same name extracts.
    macro_rules! extractor {
        ($(#[$doc:meta])* $name:ident $rejection:ident) => {
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, Default)]
            pub struct $name<T>(
                /// What was extracted.
                pub T,
            );

            impl<T> Deref for $name<T> {
                type Target = T;

                fn deref(&self) -> &T {
                    &self.0
                }
            }

            impl<T> DerefMut for $name<T> {
                fn deref_mut(&mut self) -> &mut T {
                    &mut self.0
                }
            }

            impl From<$rejection> for Problem {
                /// Says what is wrong with the request, with the status that axum gives it.
                fn from(rejection: $rejection) -> Self {
                    of(rejection.status(), rejection.body_text())
                }
            }
        };
    }

    extractor! {
        /// JSON, as [`axum::Json`], whose rejection is a [`Problem`]. It is a response as well.
        ///
        /// ```
        /// use demarcate::extract::Json;
        ///
        /// #[derive(serde::Deserialize)]
        /// struct NewOrder {
        ///     sku: String,
        /// }
        ///
        /// async fn post_order(Json(order): Json<NewOrder>) -> Json<String> {
        ///     Json(order.sku)
        /// }
        /// # let _: axum::Router = axum::Router::new().route("/", axum::routing::post(post_order));
        /// ```
        Json JsonRejection
    }
    extractor! {
        /// A form, as [`axum::Form`], whose rejection is a [`Problem`].
        Form FormRejection
    }
    extractor! {
        /// Parts of the path, as [`axum::extract::Path`], whose rejection is a [`Problem`].
        Path PathRejection
    }
    extractor! {
        /// The query string, as [`axum::extract::Query`], whose rejection is a [`Problem`].
        Query QueryRejection
    }

    impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
        type Rejection = Problem;

        async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
            let axum::Json(value) = axum::Json::from_request(request, state).await?;
            Ok(Self(value))
        }
    }

    impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
        type Rejection = Problem;

        async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
            let axum::Form(value) = axum::Form::from_request(request, state).await?;
            Ok(Self(value))
        }
    }

    impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
        type Rejection = Problem;

        async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
            let extracted = axum::extract::Path::from_request_parts(parts, state).await;
            let axum::extract::Path(value) = extracted?;
            Ok(Self(value))
        }
    }

    impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
        type Rejection = Problem;

        async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
            let extracted = axum::extract::Query::from_request_parts(parts, state).await;
            let axum::extract::Query(value) = extracted?;
            Ok(Self(value))
        }
    }

    impl<T: Serialize> IntoResponse for Json<T> {
        fn into_response(self) -> Response {
            axum::Json(self.0).into_response()
        }
    }

    /// Returns the problem of a request that axum refused.
    fn of(status: StatusCode, detail: String) -> Problem {
        let title = status.canonical_reason().unwrap_or_default();
        Problem::new(status.as_u16(), title).with_detail(detail)
    }
}

#[cfg(feature = "actix")]
mod actix {
    use actix_web::{HttpRequest, ResponseError, web};

    use crate::http::problem::Problem;
    use crate::targets;

    /// Makes the rejections of actix-web's `Json`, `Form`, `Path` and `Query` problems, in the whole application or in a
    /// scope.
    ///
    /// ```
    /// let app = actix_web::App::new().configure(demarcate::extract::problems);
    /// # let _ = app;
    /// ```
    ///
    /// For a configuration of one's own, such as a larger limit, register that with [`problem`] as its handler instead.
    pub fn problems(app: &mut web::ServiceConfig) {
        app.app_data(web::JsonConfig::default().error_handler(problem))
            .app_data(web::FormConfig::default().error_handler(problem))
            .app_data(web::PathConfig::default().error_handler(problem))
            .app_data(web::QueryConfig::default().error_handler(problem));
    }

    /// Makes a problem of what an extractor of actix-web refused: the handler that `error_handler` of `JsonConfig`,
    /// `FormConfig`, `PathConfig` and `QueryConfig` takes. The status is the error's.
    ///
    /// ```
    /// use actix_web::web;
    ///
    /// let json = web::JsonConfig::default().limit(65_536).error_handler(demarcate::extract::problem);
    /// # let _ = json;
    /// ```
    pub fn problem<E: ResponseError>(error: E, _: &HttpRequest) -> actix_web::Error {
        let status = error.status_code();
        let title = status.canonical_reason().unwrap_or_default();
        let problem = Problem::new(status.as_u16(), title);
        if status.is_server_error() {
            // The program is at fault: what it says is for the log.
            tracing::error!(target: targets::PROBLEM_REPORT, status = status.as_u16(), error = %error, "request failed");
            return problem.into();
        }
        problem.with_detail(error.to_string()).into()
    }
}
