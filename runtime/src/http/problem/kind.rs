//! The table of problem types, with their titles and statuses.

use crate::classify::{Category, Classification, Constraint, Timeout, Transaction};

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProblemKind {
    /// The whole URI. It never changes after a release, because clients compare it.
    pub(crate) uri: &'static str,
    /// The title, the same for every occurrence.
    pub(crate) title: &'static str,
    pub(crate) status: u16,
    /// The number of seconds after which the same request may succeed, if it may.
    pub(crate) retry_after: Option<u64>,
    /// When the problem is answered, for `docs/problems.md`.
    #[cfg(test)]
    pub(crate) when: &'static str,
}

/// For a conflict, which ends with the other transaction.
const SOON: Option<u64> = Some(1);
/// For a server that is restarting or has run out of a resource.
const LATER: Option<u64> = Some(5);
const NEVER: Option<u64> = None;

/// Defines the constants, and the list of them.
macro_rules! kinds {
    ($($name:ident = $slug:literal, $title:literal, $status:literal, $retry:expr, $when:literal;)*) => {
        $(pub(super) const $name: ProblemKind = ProblemKind {
            // RFC 9457 asks for a URI and not for a server behind it.
            uri: concat!("urn:problem-type:demarcate:", $slug),
            title: $title,
            status: $status,
            retry_after: $retry,
            #[cfg(test)]
            when: $when,
        };)*

        /// The rows in the order of `docs/problems.md`.
        #[cfg(test)]
        pub(crate) const PROBLEM_KINDS: &[&ProblemKind] = &[$(&$name),*];
    };
}

kinds! {
    UNIQUE = "unique-constraint", "Already exists", 409, NEVER,
        "a unique or primary key has the value already";
    EXCLUSION = "exclusion-constraint", "Overlaps with what exists", 409, NEVER,
        "an exclusion constraint says no";
    SERIALIZATION = "serialization-failure", "Conflict with a concurrent change", 409, SOON,
        "a serialization failure, or another rollback by the server, that `retry` did not cure";
    DEADLOCK = "deadlock", "Conflict with a concurrent change", 409, SOON,
        "a deadlock that `retry` did not cure";
    FOREIGN_KEY = "foreign-key-constraint", "Refers to something that does not exist", 422, NEVER,
        "a foreign key refers to no row, or the row is still referred to";
    NOT_NULL = "not-null-constraint", "Something is missing", 422, NEVER,
        "a value that must be there is null";
    CHECK = "check-constraint", "A value is not allowed", 422, NEVER,
        "a check constraint says no";
    CONSTRAINT = "constraint", "A value is not allowed", 422, NEVER,
        "a constraint that the database does not say more of";
    DATA = "data", "A value cannot be stored", 422, NEVER,
        "a value is too long, out of range, or not of its type";
    NOT_FOUND = "not-found", "Not found", 404, NEVER,
        "there is no such row (`sqlx::Error::RowNotFound`)";
    PERMISSION = "permission", "Not allowed", 403, NEVER,
        "the database refuses a statement, by a grant or a policy";
    CONNECTION = "connection", "Temporarily unavailable", 503, LATER,
        "the database cannot be reached, does not let us in, is restarted, or the connection was lost before the commit; \
         the factory is closed";
    RESOURCES = "resources", "Temporarily unavailable", 503, LATER,
        "the server has run out of connections, memory or disk";
    POOL = "pool-timeout", "Temporarily unavailable", 503, SOON,
        "no connection became free in time";
    OVERLOADED = "overloaded", "Temporarily unavailable", 503, SOON,
        "more wait for a connection than can be served in time";
    STALE = "schema-change", "Temporarily unavailable", 503, SOON,
        "a table was changed while a statement on it was prepared";
    STATEMENT_TIMEOUT = "statement-timeout", "Took too long", 504, NEVER,
        "a statement took longer than its timeout";
    LOCK_TIMEOUT = "lock-timeout", "Took too long", 504, SOON,
        "a lock was not had in time";
    IDLE_TIMEOUT = "idle-timeout", "Took too long", 504, SOON,
        "the server ended a transaction that sent nothing";
    TRANSACTION_TIMEOUT = "transaction-timeout", "Took too long", 504, NEVER,
        "the server ended a transaction that went on too long";
    BOUNDARY_TIMEOUT = "boundary-timeout", "Took too long", 504, NEVER,
        "the boundary took longer than its `timeout`";
    CANCELED = "canceled", "Canceled", 500, NEVER,
        "somebody canceled the statement on the server";
    UNKNOWN_OUTCOME = "unknown-outcome", "It is not known whether this was saved", 500, NEVER,
        "the connection was lost, or time ran out, between `COMMIT` and its answer";
    INTERNAL = "internal", "Internal error", 500, NEVER,
        "the program or the server is at fault: wrong SQL, a setting, a refused statement, an error that nobody knows";
}

impl ProblemKind {
    /// Returns the row for a classification.
    pub(crate) fn of(found: &Classification<'_>) -> &'static Self {
        match found.category {
            Category::Constraint(Constraint::Unique) => &UNIQUE,
            Category::Constraint(Constraint::Exclusion) => &EXCLUSION,
            Category::Constraint(Constraint::ForeignKey) => &FOREIGN_KEY,
            Category::Constraint(Constraint::NotNull) => &NOT_NULL,
            Category::Constraint(Constraint::Check) => &CHECK,
            Category::Constraint(Constraint::Other) => &CONSTRAINT,
            Category::Data => &DATA,
            Category::NotFound => &NOT_FOUND,
            Category::Permission => &PERMISSION,
            Category::Transaction(Transaction::Serialization) => &SERIALIZATION,
            Category::Transaction(Transaction::Deadlock) => &DEADLOCK,
            // A rollback by the server, which is how a cluster resolves a conflict.
            Category::Transaction(Transaction::Aborted) if found.retryable => &SERIALIZATION,
            Category::Connection => &CONNECTION,
            Category::Resources => &RESOURCES,
            Category::Query if found.retryable => &STALE,
            Category::Timeout(Timeout::Pool) => &POOL,
            Category::Overloaded => &OVERLOADED,
            Category::Timeout(Timeout::Statement) => &STATEMENT_TIMEOUT,
            Category::Timeout(Timeout::Lock) => &LOCK_TIMEOUT,
            Category::Timeout(Timeout::Idle) => &IDLE_TIMEOUT,
            Category::Timeout(Timeout::Transaction) => &TRANSACTION_TIMEOUT,
            Category::Timeout(Timeout::Boundary) => &BOUNDARY_TIMEOUT,
            Category::Canceled => &CANCELED,
            Category::UnknownOutcome => &UNKNOWN_OUTCOME,
            // A client is not told these apart: that would only help an attacker who probes with SQL.
            Category::Transaction(Transaction::Aborted | Transaction::State)
            | Category::Query
            | Category::Application
            | Category::Unknown => &INTERNAL,
        }
    }
}
