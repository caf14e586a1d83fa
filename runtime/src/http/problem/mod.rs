//! Turns an [`Error`] into a problem document for HTTP clients (RFC 9457).

mod kind;
mod log;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::borrow::Cow;

use crate::classify::{Category, Classification, Timeout, words};
use crate::error::Error;
use crate::http::status::HttpStatus;
use kind::ProblemKind;

pub(crate) use log::report;
#[cfg(feature = "actix")]
pub(crate) use log::report_own;

/// A problem document for an HTTP client: the members of `application/problem+json`
/// ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)).
///
/// [`Error::problem`] builds one from an [`Error`], without SQL, values, hosts or user names. With the features `axum` and
/// `actix` both the problem and the error itself are responses, with status, `Content-Type` and `Retry-After`. For other
/// frameworks there is `to_json`. `docs/problems.md` lists the types.
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
/// An application can build its own problems, with a type and, with the feature `json`, members of its own:
///
/// ```
/// use demarcate::Problem;
///
/// let problem = Problem::new(409, "Sold out")
///     .with_type("https://shop.example/problems/sold-out")
///     .with_detail("there is no tea left");
/// assert_eq!(problem.to_string(), "409 Sold out: there is no tea left");
/// # #[cfg(feature = "json")]
/// let problem = problem.with_member("sku", "tea").with_member("again_from", "2027-01-01");
/// ```
///
/// With the feature `json` a client written in Rust can parse a problem; members of a type's own are then read with `member`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
#[error("{status} {title}{}{}", if .detail.is_some() { ": " } else { "" }, .detail.as_deref().unwrap_or_default())]
#[non_exhaustive]
pub struct Problem {
    /// The type of the problem: a URI for programs to compare. `about:blank` means that the status says everything.
    #[cfg_attr(
        feature = "json",
        serde(rename = "type", default = "Problem::about_blank")
    )]
    pub type_uri: Cow<'static, str>,
    /// The type in words, for people.
    #[cfg_attr(feature = "json", serde(default))]
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// The description of this occurrence, for end users.
    #[cfg_attr(feature = "json", serde(skip_serializing_if = "Option::is_none"))]
    pub detail: Option<Cow<'static, str>>,
    /// A URI of this occurrence. The application sets it; [`Error::problem`] does not.
    #[cfg_attr(feature = "json", serde(skip_serializing_if = "Option::is_none"))]
    pub instance: Option<Cow<'static, str>>,
    /// The [number of the transaction](crate::TransactionId), which the log contains as well, to quote to support.
    #[cfg_attr(feature = "json", serde(skip_serializing_if = "Option::is_none"))]
    pub transaction: Option<String>,
    /// The number of seconds after which the same request may succeed, if it may. Sent as `Retry-After`.
    #[cfg_attr(feature = "json", serde(skip_serializing_if = "Option::is_none"))]
    pub retry_after: Option<u64>,
    /// The members of the application's own.
    #[cfg(feature = "json")]
    #[serde(flatten)]
    members: Members,
}

/// Members of a problem beside those that every problem has, in the order of their names.
#[cfg(feature = "json")]
type Members = std::collections::BTreeMap<String, serde_json::Value>;

/// The names of the members that a problem has of itself.
#[cfg(feature = "json")]
const OWN_MEMBERS: &[&str] = &[
    "type",
    "title",
    "status",
    "detail",
    "instance",
    "transaction",
    "retry_after",
];

impl Problem {
    /// The media type of its JSON.
    pub const CONTENT_TYPE: &'static str = "application/problem+json";

    /// Creates a problem of the type `about:blank`. An invalid HTTP `status` is answered as 500.
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
            #[cfg(feature = "json")]
            members: Members::new(),
        }
    }

    /// Sets the type: a URI of the application's own, which clients compare. It needs no page behind it.
    #[must_use]
    pub fn with_type(mut self, uri: impl Into<Cow<'static, str>>) -> Self {
        self.type_uri = uri.into();
        self
    }

    /// Sets the description of this occurrence.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a member of the application's own, such as the number of the order that is in the way (RFC 9457, section 3.2).
    /// A name that was given before gets the new value.
    ///
    /// The names that every problem has (`type`, `title`, `status`, `detail`, `instance`, `transaction`, `retry_after`) are
    /// reserved. A member with such a name, or with a value that cannot be serialized, is left out, and an error is logged:
    /// a problem is made where something went wrong already, so this does not fail.
    ///
    /// ```
    /// use demarcate::Problem;
    ///
    /// let problem = Problem::new(409, "Sold out").with_member("sku", "tea").with_member("status", 200);
    /// assert_eq!(problem.to_json(), r#"{"type":"about:blank","title":"Sold out","status":409,"sku":"tea"}"#);
    /// assert_eq!(problem.member("sku").and_then(|sku| sku.as_str()), Some("tea"));
    /// ```
    #[cfg(feature = "json")]
    #[must_use]
    pub fn with_member(mut self, name: impl Into<String>, value: impl serde::Serialize) -> Self {
        let name = name.into();
        if OWN_MEMBERS.contains(&&*name) {
            log::left_out(
                &name,
                &"the name is reserved; set the field of `Problem`, or choose another name",
            );
            return self;
        }
        match serde_json::to_value(value) {
            Ok(value) => {
                self.members.insert(name, value);
            }
            Err(error) => log::left_out(&name, &error),
        }
        self
    }

    /// Returns a member that is not among those that every problem has.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&serde_json::Value> {
        self.members.get(name)
    }

    /// Returns an [`Error::Application`] that is answered with this problem, for a service that fails with it.
    ///
    /// ```
    /// use demarcate::{Error, Problem};
    ///
    /// let failed: Error = Problem::new(409, "Sold out").with_detail("there is no tea left").into_error();
    /// assert_eq!(failed.to_string(), "409 Sold out: there is no tea left");
    /// assert_eq!(failed.problem().title, "Sold out");
    /// ```
    #[must_use]
    pub fn into_error(self) -> Error {
        Error::answered(self.status, self.to_string(), Box::new(self))
    }

    /// Serializes the problem as the body of a response.
    #[cfg(feature = "json")]
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, numbers and values of JSON, whose keys are strings, so serialization cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    const fn about_blank() -> Cow<'static, str> {
        Cow::Borrowed("about:blank")
    }
}

impl Error {
    /// Returns the problem document for HTTP clients. Its `detail` can be [registered](crate::messages) by the name of
    /// the violated constraint.
    #[must_use]
    pub fn problem(&self) -> Problem {
        if let Self::Application {
            status,
            message,
            answer,
            ..
        } = self
        {
            return of_application(*status, message.clone(), answer.as_deref(), self);
        }
        let found = meaning(self);
        let kind = ProblemKind::of(&found);
        Problem {
            type_uri: Cow::Borrowed(kind.uri),
            title: Cow::Borrowed(kind.title),
            status: found.registered_status().unwrap_or(kind.status),
            detail: Some(found.user_message()),
            instance: None,
            transaction: self.place().transaction().map(|id| id.to_string()),
            retry_after: kind.retry_after,
            #[cfg(feature = "json")]
            members: Members::new(),
        }
    }
}

/// Returns the problem of an [`Error::Application`]: the one that it was made of, or one of its status and its message.
/// From status 500 on the message is for the log alone.
fn of_application(
    status: u16,
    message: Cow<'static, str>,
    answer: Option<&(dyn Any + Send + Sync)>,
    error: &Error,
) -> Problem {
    let kind = &kind::INTERNAL;
    let problem = match answer.and_then(|answer| answer.downcast_ref::<Problem>()) {
        Some(problem) => problem.clone(),
        None if status < 500 => Problem::new(status, "Refused").with_detail(message),
        None => Problem::new(status, kind.title)
            .with_detail(Classification::from(words::UNKNOWN).user_message()),
    };
    Problem {
        transaction: problem
            .transaction
            .or_else(|| error.place().transaction().map(|id| id.to_string())),
        ..problem
    }
}

impl From<&Error> for Problem {
    /// Returns [`Error::problem`].
    fn from(error: &Error) -> Self {
        error.problem()
    }
}

/// Makes `Problem` an error type of routers.
impl From<Error> for Problem {
    /// Returns [`Error::problem`], and logs the details, which the problem does not hold.
    fn from(error: Error) -> Self {
        report(&error);
        error.problem()
    }
}

#[cfg(feature = "json")]
impl From<Problem> for serde_json::Value {
    fn from(problem: Problem) -> Self {
        serde_json::to_value(problem).unwrap_or_default()
    }
}

impl HttpStatus for Problem {
    fn http_status(&self) -> u16 {
        self.status
    }
}

/// Returns the status of the error's problem.
pub(crate) fn status(error: &Error) -> u16 {
    if let Error::Application { status, .. } = error {
        return *status;
    }
    let found = meaning(error);
    let registered = found.registered_status();
    registered.unwrap_or_else(|| ProblemKind::of(&found).status)
}

/// Returns the title of the error's problem.
#[cfg(feature = "axum")]
pub(crate) fn title(error: &Error) -> &'static str {
    ProblemKind::of(&meaning(error)).title
}

/// Classifies the error from the point of view of the HTTP client, which can differ from the program's.
fn meaning(error: &Error) -> Classification<'_> {
    let found = error.classification();
    let passes = matches!(
        found.category,
        Category::Resources | Category::Timeout(Timeout::Pool)
    );
    match error {
        // A wrong database password is the program's mistake, not a lack of permission of the client.
        Error::Connect { .. } if !passes => words::CONNECTION.into(),
        // A migration failed, not the client's request.
        Error::Migration { .. } if !passes && found.category != Category::Connection => {
            words::QUERY.into()
        }
        _ => found,
    }
}
