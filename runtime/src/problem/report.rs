//! An error that was answered, in the log.

use crate::error::Error;
use crate::problem::status;
use crate::settings::redact;
use crate::targets;

/// Logs what the client is not told: as an error where the program or the server is at fault, as information where
/// the request is. The client can quote the transaction's number either way.
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
            transaction.id = transaction,
            status,
            error.type = %category,
            service,
            statement,
            error = %error,
            "request refused"
        ),
        status => tracing::error!(
            target: targets::PROBLEM_REPORT,
            transaction.id = transaction,
            status,
            error.type = %category,
            service,
            statement,
            error = %error,
            "request failed"
        ),
    }
}
