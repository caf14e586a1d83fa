//! Tests of the table of problem types and of the problems made from errors.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use sqlx::Error as E;

use super::kind::PROBLEM_KINDS;
use super::*;
use crate::classify::{Constraint, Transaction};
use crate::scope::place::{ErrorContext, TransactionId};
use crate::scope::site::{Site, SiteKind as Stands};

/// The status of a problem, and the seconds of its `Retry-After`.
type Said = (u16, Option<u64>);

/// Every category, with the status and `Retry-After` of an error that is not retryable, and of one that is.
const CATEGORIES: &[(Category, Said, Said)] = {
    use Category::{
        Canceled, Connection, Data, NotFound, Permission, Query, Resources, Unknown, UnknownOutcome,
    };
    const fn both(category: Category, status: u16, after: Option<u64>) -> (Category, Said, Said) {
        (category, (status, after), (status, after))
    }
    &[
        both(Category::Constraint(Constraint::Unique), 409, None),
        both(Category::Constraint(Constraint::Exclusion), 409, None),
        both(Category::Constraint(Constraint::ForeignKey), 422, None),
        both(Category::Constraint(Constraint::NotNull), 422, None),
        both(Category::Constraint(Constraint::Check), 422, None),
        both(Category::Constraint(Constraint::Other), 422, None),
        both(Data, 422, None),
        both(NotFound, 404, None),
        both(Permission, 403, None),
        both(Connection, 503, Some(5)),
        both(Resources, 503, Some(5)),
        both(
            Category::Transaction(Transaction::Serialization),
            409,
            Some(1),
        ),
        both(Category::Transaction(Transaction::Deadlock), 409, Some(1)),
        (
            Category::Transaction(Transaction::Aborted),
            (500, None),
            (409, Some(1)),
        ),
        both(Category::Transaction(Transaction::State), 500, None),
        both(Category::Timeout(Timeout::Statement), 504, None),
        both(Category::Timeout(Timeout::Lock), 504, Some(1)),
        both(Category::Timeout(Timeout::Idle), 504, Some(1)),
        both(Category::Timeout(Timeout::Transaction), 504, None),
        both(Category::Timeout(Timeout::Pool), 503, Some(1)),
        both(Category::Overloaded, 503, Some(1)),
        both(Category::Timeout(Timeout::Boundary), 504, None),
        both(Canceled, 500, None),
        (Query, (500, None), (503, Some(1))),
        both(UnknownOutcome, 500, None),
        both(Unknown, 500, None),
    ]
};

fn kind(category: Category, retryable: bool) -> &'static ProblemKind {
    let mut found = Classification::from(words::UNKNOWN);
    (found.category, found.retryable) = (category, retryable);
    ProblemKind::of(&found)
}

#[test]
fn every_category_has_its_status() {
    for &(category, lasting, retryable) in CATEGORIES {
        for (said, is_retryable) in [(lasting, false), (retryable, true)] {
            let found = kind(category, is_retryable);
            let case = format!("{category}, retryable: {is_retryable}");
            assert_eq!((found.status, found.retry_after), said, "{case}");
        }
    }
    // Each 503 has a `Retry-After`; among the 4xx only conflicts have one.
    for kind in PROBLEM_KINDS {
        assert!(
            kind.status != 503 || kind.retry_after.is_some(),
            "{}",
            kind.uri
        );
    }
}

#[test]
fn every_type_is_answered_and_no_two_are_alike() {
    for listed in PROBLEM_KINDS {
        let is_answered = CATEGORIES.iter().any(|&(category, ..)| {
            kind(category, false) == *listed || kind(category, true) == *listed
        });
        assert!(is_answered, "{}", listed.uri);
        let namesakes = PROBLEM_KINDS.iter().filter(|other| other.uri == listed.uri);
        assert_eq!(namesakes.count(), 1, "{}", listed.uri);
        let slug = listed
            .uri
            .strip_prefix("urn:problem-type:demarcate:")
            .unwrap();
        assert!(
            slug.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
            "{slug}"
        );
    }
}

#[test]
fn the_page_lists_every_type() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/problems.md");
    let page = fs::read_to_string(&path).unwrap();
    let start = "Each begins with `urn:problem-type:demarcate:`.\n";
    let end = "\n## Why these statuses";
    let (before, rest) = page.split_once(start).unwrap();
    let after = &rest[rest.find(end).unwrap()..];
    let mut made = format!(
        "{before}{start}\n| type | title | status | `Retry-After` | when |\n|---|---|---|---|---|\n"
    );
    for kind in PROBLEM_KINDS {
        let slug = kind.uri.rsplit(':').next().unwrap();
        let retry_after = kind
            .retry_after
            .map(|seconds| format!("{seconds} s"))
            .unwrap_or_default();
        writeln!(
            made,
            "| `{slug}` | {} | {} | {retry_after} | {} |",
            kind.title, kind.status, kind.when
        )
        .unwrap();
    }
    made.push_str(after);
    if env::var_os("OVERWRITE").is_some() {
        fs::write(&path, &made).unwrap();
        return;
    }
    assert_eq!(
        made, page,
        "`OVERWRITE=1 cargo test -p demarcate` writes docs/problems.md"
    );
}

/// A failed login of the program to the database is not reported to the client as a refused request.
#[test]
fn what_kept_the_program_out_is_not_said_to_forbid_the_client_anything() {
    let source = || E::Database(Box::new(Says("28P01")));
    let refused = Error::Connect {
        place: ErrorContext::default(),
        advice: "",
        source: source(),
    };
    let problem = refused.problem();
    assert_eq!((problem.status, problem.retry_after), (503, Some(5)));
    assert_eq!(
        problem.detail.as_deref(),
        Some("the service cannot reach its data right now; try again in a moment")
    );

    let full = Error::Connect {
        place: ErrorContext::default(),
        advice: "",
        source: E::Database(Box::new(Says("53300"))),
    };
    assert!(full.problem().type_uri.ends_with(":resources"));

    let migration = |source| Error::Migration {
        place: ErrorContext::default(),
        advice: "",
        source,
    };
    assert_eq!(
        migration(E::Database(Box::new(Says("23505"))))
            .problem()
            .status,
        500
    );
    assert_eq!(
        migration(E::Database(Box::new(Says("08006"))))
            .problem()
            .status,
        503
    );
    // A refused statement is answered as forbidden.
    assert_eq!(Error::from(source()).problem().status, 403);
}

#[test]
fn a_problem_names_the_transaction_and_nothing_else_of_the_program() {
    let id = TransactionId::random();
    let error = Error::Timeout {
        place: ErrorContext::of_run(
            Site::new("post_order", Stands::Router, "src/orders.rs", 12),
            id,
            1,
            false,
        ),
        after: std::time::Duration::from_secs(1),
    };
    let problem = Problem::from(&error);
    assert_eq!(
        problem.transaction.as_deref(),
        Some(id.to_string().as_str())
    );
    assert!(!problem.to_string().contains("orders"), "{problem}");
    assert_eq!(problem.to_string(), "504 Took too long: this took too long");
    assert_eq!(Problem::new(404, "Gone").to_string(), "404 Gone");
}

#[cfg(feature = "json")]
#[test]
fn a_problem_is_what_the_rfc_says_and_can_be_read_back() {
    let mut problem = Problem::new(409, "Sold out").with_detail("there is no \"tea\" left");
    assert_eq!(
        problem.to_json(),
        r#"{"type":"about:blank","title":"Sold out","status":409,"detail":"there is no \"tea\" left"}"#
    );
    problem.retry_after = Some(1);
    problem.transaction = Some("00000000000000ff".to_owned());
    problem.instance = Some("/orders/1".into());
    let read: Problem = serde_json::from_str(&problem.to_json()).unwrap();
    assert_eq!(read, problem);
    // A problem of another program, with unknown members.
    let read: Problem =
        serde_json::from_str(r#"{"status":400,"errors":[{"field":"sku"}]}"#).unwrap();
    assert_eq!((&*read.type_uri, &*read.title), ("about:blank", ""));
    assert_eq!(read.member("errors").unwrap()[0]["field"], "sku");
}

#[cfg(feature = "json")]
#[test]
fn a_problem_has_a_type_and_members_of_the_application() {
    let problem = Problem::new(409, "Sold out")
        .with_type("https://shop.example/problems/sold-out")
        .with_member("sku", "tea")
        .with_member("sku", "milk")
        .with_member("free", [1, 2]);
    assert_eq!(
        problem.to_json(),
        r#"{"type":"https://shop.example/problems/sold-out","title":"Sold out","status":409,"free":[1,2],"sku":"milk"}"#
    );
    let read: Problem = serde_json::from_str(&problem.to_json()).unwrap();
    assert_eq!(read, problem);
    assert_eq!(read.member("sku").unwrap(), "milk");
    assert_eq!(read.member("title"), None);
}

/// A member is there once: what a problem has of itself is not said twice, with another value.
#[cfg(feature = "json")]
#[test]
fn a_reserved_member_is_left_out() {
    let mut all = Problem::new(409, "Sold out").with_detail("there is no tea left");
    (all.instance, all.transaction) = (Some("/orders/1".into()), Some("ff".to_owned()));
    all.retry_after = Some(1);
    let serde_json::Value::Object(members) = serde_json::Value::from(all.clone()) else {
        panic!("a problem is an object");
    };
    assert_eq!(members.len(), OWN_MEMBERS.len());
    for name in members.keys() {
        assert_eq!(all.clone().with_member(name, 1), all, "{name}");
    }
    // A map whose keys are no strings is no JSON.
    let unfit = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(all.clone().with_member("free", unfit), all);
}

/// A database error that consists of a code only.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Says(&'static str);

impl sqlx::error::DatabaseError for Says {
    fn message(&self) -> &str {
        "no"
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(self.0.into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> sqlx::error::ErrorKind {
        sqlx::error::ErrorKind::Other
    }
}
