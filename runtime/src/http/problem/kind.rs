//! Which kinds of problem there are: the one table of types, titles and statuses.

use crate::classify::{Category, Classification, Constraint, Timeout, Transaction};

/// One kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProblemKind {
    /// The whole URI. It stays what it is once it was released: clients compare it.
    pub(crate) uri: &'static str,
    /// What it is, in words that do not change from one occurrence to the next.
    pub(crate) title: &'static str,
    pub(crate) status: u16,
    /// After how many seconds the same request may succeed, where it may.
    pub(crate) retry_after: Option<u64>,
    /// For the page: when it is answered.
    #[cfg(test)]
    pub(crate) when: &'static str,
}

/// A conflict is over once the other transaction is.
const SOON: Option<u64> = Some(1);
/// A server that is restarted, or that has run out of something, takes longer.
const LATER: Option<u64> = Some(5);
const NEVER: Option<u64> = None;

/// Makes the constants, and the list of them.
macro_rules! kinds {
    ($($name:ident = $slug:literal, $title:literal, $status:literal, $retry:expr, $when:literal;)*) => {
        $(const $name: ProblemKind = ProblemKind {
            // RFC 9457 asks for a URI and not for a server behind it.
            uri: concat!("urn:problem-type:demarcate:", $slug),
            title: $title,
            status: $status,
            retry_after: $retry,
            #[cfg(test)]
            when: $when,
        };)*

        /// In the order of the page.
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
    /// That of an error that means this.
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
            // By the server and for no fault of its own: what a cluster does with a conflict.
            Category::Transaction(Transaction::Aborted) if found.retryable => &SERIALIZATION,
            Category::Connection => &CONNECTION,
            Category::Resources => &RESOURCES,
            Category::Query if found.retryable => &STALE,
            Category::Timeout(Timeout::Pool) => &POOL,
            Category::Timeout(Timeout::Statement) => &STATEMENT_TIMEOUT,
            Category::Timeout(Timeout::Lock) => &LOCK_TIMEOUT,
            Category::Timeout(Timeout::Idle) => &IDLE_TIMEOUT,
            Category::Timeout(Timeout::Transaction) => &TRANSACTION_TIMEOUT,
            Category::Timeout(Timeout::Boundary) => &BOUNDARY_TIMEOUT,
            Category::Canceled => &CANCELED,
            Category::UnknownOutcome => &UNKNOWN_OUTCOME,
            // Which of them it is helps nobody outside but one who tries what SQL gets through.
            Category::Transaction(Transaction::Aborted | Transaction::State)
            | Category::Query
            | Category::Unknown => &INTERNAL,
        }
    }
}
