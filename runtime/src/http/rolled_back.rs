//! Defines [`RolledBack`]: an answer whose transaction is not kept.

use crate::http::status::HttpStatus;

/// A value that a router returns with `Ok`, that is answered as it is, and whose transaction is rolled back, whatever the
/// status: a form with its mistakes, a preview, a dry run.
///
/// The run is counted as rolled back, and nothing is logged. The wrapper is a response where the value is one, of axum and of
/// actix-web, and may stand where [`HttpStatus`] is looked for. A router that keeps some of its answers returns the
/// framework's own response: [`into_response`](#method.into_response) of axum, and `HttpResponse::from` of actix-web, remember
/// that the transaction is not kept.
///
/// The closure of [`transaction`](crate::SessionFactory::transaction) and a job answer nobody: there `Ok` commits.
///
/// ```
/// # #[cfg(feature = "sqlite")] mod example {
/// use demarcate::sqlite::{Session, SessionFactory};
/// use demarcate::{Error, RolledBack, router_tx};
///
/// /// What the order would cost.
/// #[router_tx]
/// async fn preview(tx: &mut Session, cents: i64) -> Result<RolledBack<String>, Error> {
///     sqlx::query("insert into orders (cents) values ($1)").bind(cents).execute(&mut *tx).await?;
///     let total: i64 = sqlx::query_scalar("select sum(cents) from orders").fetch_one(&mut *tx).await?;
///     Ok(RolledBack(format!("{total} cents")))
/// }
///
/// # pub async fn main() -> Result<(), Error> {
/// let db = SessionFactory::connect("sqlite::memory:").await?;
/// # db.transaction(async |tx| {
/// #     sqlx::query("create table orders (cents bigint)").execute(&mut *tx).await?;
/// #     Ok::<_, Error>(())
/// # }).await?;
/// assert_eq!(preview(db.clone(), 40).await?.0, "40 cents");
/// assert_eq!(preview(db.clone(), 50).await?.0, "50 cents"); // the first was not kept
/// # Ok(()) }
/// # }
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example::main()).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[must_use = "the transaction is rolled back only where a router returns it"]
pub struct RolledBack<T>(pub T);

impl<T: HttpStatus> HttpStatus for RolledBack<T> {
    fn http_status(&self) -> u16 {
        self.0.http_status()
    }

    fn rolls_back(&self) -> bool {
        true
    }
}

/// Marks a finished response whose transaction is not kept.
#[cfg(any(feature = "axum", feature = "actix"))]
#[derive(Clone, Copy)]
pub(crate) struct NotKept;

#[cfg(feature = "axum")]
mod axum {
    use axum::response::{IntoResponse, Response};

    use super::{NotKept, RolledBack};

    impl<T: IntoResponse> IntoResponse for RolledBack<T> {
        /// Responds with the value. A router that returns the response rolls back.
        fn into_response(self) -> Response {
            let mut response = self.0.into_response();
            response.extensions_mut().insert(NotKept);
            response
        }
    }
}

#[cfg(feature = "actix")]
mod actix {
    use actix_web::{HttpRequest, HttpResponse, Responder};

    use super::{NotKept, RolledBack};

    impl<T: Responder> Responder for RolledBack<T> {
        type Body = T::Body;

        fn respond_to(self, request: &HttpRequest) -> HttpResponse<T::Body> {
            self.0.respond_to(request)
        }
    }

    impl<B> From<RolledBack<HttpResponse<B>>> for HttpResponse<B> {
        /// Returns the response. A router that returns it rolls back.
        fn from(RolledBack(mut response): RolledBack<Self>) -> Self {
            response.extensions_mut().insert(NotKept);
            response
        }
    }
}
