//! What an HTTP client is told of an error: a problem, as RFC 9457 has it.

mod kind;
#[cfg(any(feature = "axum", feature = "actix"))]
mod report;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::classify::{Category, Classification, Timeout, words};
use crate::error::Error;
use crate::http::status::HttpStatus;
use kind::ProblemKind;

#[cfg(any(feature = "axum", feature = "actix"))]
pub(crate) use report::report;

/// What an HTTP client is told of an error: the members of `application/problem+json`
/// ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
///
/// That of an [`Error`] is made by [`Error::problem`], and holds no SQL, value, host or name of a user. With the
/// features `axum` and `actix` it is an answer, with its status, `Content-Type` and `Retry-After`, and so is the
/// error itself; for other frameworks there is `to_json`. `docs/problems.md` lists the types.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn example() -> Result<(), demarcate::Error> {
/// use demarcate::Error;
/// use demarcate::sqlite::SessionFactory;
///
/// let db = SessionFactory::connect("sqlite::memory:").await?;
/// let failed = db
///     .transaction(async |tx| {
///         sqlx::query("create table orders (sku text unique)").execute(&mut *tx).await?;
///         sqlx::query("insert into orders values ('tea'), ('tea')").execute(&mut *tx).await?;
///         Ok::<_, Error>(())
///     })
///     .await
///     .unwrap_err();
///
/// let problem = failed.problem();
/// assert_eq!(problem.type_uri, "urn:problem-type:demarcate:unique-constraint");
/// assert_eq!((problem.status, &*problem.title), (409, "Already exists"));
/// assert_eq!(problem.detail.as_deref(), Some("there is already an entry with this sku in orders"));
/// assert_eq!(problem.transaction, failed.place().transaction().map(|id| id.to_string()));
/// # db.close(std::time::Duration::from_secs(10)).await;
/// # Ok(())
/// # }
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
///
/// An application says what is wrong of its own accord in the same form:
///
/// ```
/// use demarcate::Problem;
///
/// let problem = Problem::new(409, "Sold out").with_detail("there is no tea left");
/// assert_eq!(problem.to_string(), "409 Sold out: there is no tea left");
/// ```
///
/// With the feature `json` it can be read as well, by a client that is written in Rust. Members that are not listed here
/// are passed over, as the RFC asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[error("{status} {title}{}{}", if .detail.is_some() { ": " } else { "" }, .detail.as_deref().unwrap_or_default())]
#[non_exhaustive]
pub struct Problem {
    /// What kind of problem it is: a URI for programs to compare. `about:blank` says no more than the status.
    #[cfg_attr(
        feature = "json",
        serde(rename = "type", default = "Problem::about_blank")
    )]
    pub type_uri: Cow<'static, str>,
    /// The kind in words, for people.
    #[cfg_attr(feature = "json", serde(default))]
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time, for end users.
    #[cfg_attr(feature = "json", serde(skip_serializing_if = "Option::is_none"))]
    pub detail: Option<Cow<'static, str>>,
    /// A URI of this occurrence. It is the application's: an error has none.
    #[cfg_attr(feature = "json", serde(skip_serializing_if = "Option::is_none"))]
    pub instance: Option<Cow<'static, str>>,
    /// The [number of the transaction](crate::TransactionId), to quote to support: it is in the log.
    #[cfg_attr(feature = "json", serde(skip_serializing_if = "Option::is_none"))]
    pub transaction: Option<String>,
    /// In how many seconds the same request may succeed, where it may: what `Retry-After` says.
    #[cfg_attr(feature = "json", serde(skip_serializing_if = "Option::is_none"))]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// The media type of its JSON.
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// A problem of no particular type. A `status` that HTTP does not have is answered as 500.
    #[must_use]
    pub fn new(status: u16, title: impl Into<Cow<'static, str>>) -> Self {
        Self {
            type_uri: Self::about_blank(),
            title: title.into(),
            status,
            detail: None,
            instance: None,
            transaction: None,
            retry_after: None,
        }
    }

    /// What is wrong this time.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The body of the answer.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers under fixed names: there is nothing in it that JSON lacks.
        serde_json::to_string(self).unwrap_or_default()
    }

    const fn about_blank() -> Cow<'static, str> {
        Cow::Borrowed("about:blank")
    }
}

impl Error {
    /// What an HTTP client is told of the error. What its `detail` says can be
    /// [registered](crate::messages) by the constraint that is broken.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let found = meaning(self);
        let kind = ProblemKind::of(&found);
        Problem {
            type_uri: Cow::Borrowed(kind.uri),
            title: Cow::Borrowed(kind.title),
            status: kind.status,
            detail: Some(found.user_message()),
            instance: None,
            transaction: self.place().transaction().map(|id| id.to_string()),
            retry_after: kind.retry_after,
        }
    }
}

impl From<&Error> for Problem {
    /// As [`Error::problem`].
    fn from(error: &Error) -> Self {
        error.problem()
    }
}

impl HttpStatus for Problem {
    fn http_status(&self) -> u16 {
        self.status
    }
}

/// The status that the error's problem has.
#[cfg(any(feature = "axum", feature = "actix"))]
pub(crate) fn status(error: &Error) -> u16 {
    ProblemKind::of(&meaning(error)).status
}

/// What the error means to those who sent the request, which is not always what it means to the program.
fn meaning(error: &Error) -> Classification<'_> {
    let found = error.classification();
    let passes = matches!(
        found.category,
        Category::Resources | Category::Timeout(Timeout::Pool)
    );
    match error {
        // A wrong password is the program's, and forbids the client nothing.
        Error::Connect { .. } if !passes => words::CONNECTION.into(),
        // It was not the client's data that was refused.
        Error::Migration { .. } if !passes && found.category != Category::Connection => {
            words::QUERY.into()
        }
        _ => found,
    }
}
