//! Logs an error that was answered as an HTTP problem.

use crate::error::Error;
use crate::http::problem::status;
use crate::targets;
use crate::util::redact::redact;

/// Logs the details that the client does not receive: at the level `error` for a fault of the program or the server, at
/// `info` for a fault of the request. Both contain the transaction's number, which the client can quote.
pub(crate) fn report(error: &Error) {
    let place = error.place();
    let transaction = place.transaction().map(tracing::field::display);
    let category = error.classification().category;
    let service = place.service().map(tracing::field::display);
    let statement = place.statement().map(redact);
    let statement = statement.as_deref();
    match status(error) {
        status @ ..500 => tracing::info!(
            target: targets::PROBLEM_REPORT,
            status,
            transaction.id = transaction,
            error.type = %category,
            service,
            statement,
            error = %error,
            "request refused"
        ),
        status => tracing::error!(
            target: targets::PROBLEM_REPORT,
            status,
            transaction.id = transaction,
            error.type = %category,
            service,
            statement,
            error = %error,
            "request failed"
        ),
    }
}

/// Logs an error of the application's own that was answered with this status.
#[cfg(feature = "actix")]
pub(crate) fn report_own(status: u16, error: &dyn std::fmt::Display) {
    match status {
        ..500 => {
            tracing::info!(target: targets::PROBLEM_REPORT, status, error = %error, "request refused");
        }
        _ => {
            tracing::error!(target: targets::PROBLEM_REPORT, status, error = %error, "request failed");
        }
    }
}

/// Logs that a member of a problem is left out.
#[cfg(feature = "json")]
pub(super) fn left_out(member: &str, why: &dyn std::fmt::Display) {
    tracing::error!(target: targets::PROBLEM_REPORT, member, why = %why, "a member of a problem is left out");
}
