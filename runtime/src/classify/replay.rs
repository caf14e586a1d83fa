//! Which errors of a database a boundary with `retry` is run again for.
//!
//! Whether a transaction may be run again is asked in two places, and both read the same tables, which have a column for
//! each answer ([`Verdict`](super::category::Verdict)):
//!
//! * **Advice**, [`Classification::retryable`](super::Classification::retryable): a caller, a client or a person who
//!   runs the boundary again may succeed. It covers everything that may be over by then.
//! * **Replay**, the functions of this module: `retry` runs the boundary again by itself, within milliseconds. It covers
//!   conflicts between transactions, and connections that were lost before the commit.
//!
//! Replay is narrower, for three reasons:
//!
//! * Another run right away would meet the same: a lock that is held too long, a server that has no connection left, a
//!   session that was ended because the body had sent nothing for too long. A deadlock of MySQL's user locks or of an XA
//!   transaction involves more than this transaction.
//! * A rollback by the server for an unnamed reason (`40000`) may be one that every run causes.
//! * The error may be that of a connection which the server holds to somebody else, as a foreign data wrapper does.
//!
//! Replay goes by the code alone. Advice also reads the text where a code means several things, so that it can differ for
//! the codes of a pooler. Three SQLSTATEs are replayed although running again is not advised: the connection is lost with
//! them, and a new one may lead to another server. The tests list every code for which the two answers differ.

#[cfg(any(feature = "postgres", feature = "mysql", feature = "sqlite"))]
use sqlx::error::DatabaseError;

/// Whether `retry` runs the boundary again after this error of PostgreSQL.
#[cfg(feature = "postgres")]
pub(crate) fn postgres(error: &dyn DatabaseError) -> bool {
    let verdict = error.code().and_then(|code| super::sqlstate::of(&code));
    verdict.is_some_and(|verdict| verdict.replayed)
}

/// Whether `retry` runs the boundary again after this error of MySQL or MariaDB.
#[cfg(feature = "mysql")]
pub(crate) fn mysql(error: &dyn DatabaseError) -> bool {
    use super::mysql::{SERIALIZATION_FAILURE, of};

    match error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        Some(error) => of(error.number(), error.code()).replayed,
        None => error.code().as_deref() == Some(SERIALIZATION_FAILURE),
    }
}

/// Whether `retry` runs the boundary again after this error of SQLite.
#[cfg(feature = "sqlite")]
pub(crate) fn sqlite(error: &dyn DatabaseError) -> bool {
    // sqlx 0.9 shows the number only as a text.
    let code = error.code().and_then(|code| code.parse().ok());
    let verdict = code.and_then(super::sqlite::of);
    verdict.is_some_and(|verdict| verdict.replayed)
}
