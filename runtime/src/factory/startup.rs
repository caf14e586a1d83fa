//! Waits for a database that is starting up.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::backend::{Backend, connect_error};
use crate::error::Error;
use crate::targets;
use crate::util::backoff;
use crate::util::timed_out::timed_out;

/// An attempt that is cut off sooner than this says nothing about the database.
const TELLING: Duration = Duration::from_secs(1);

/// Connects. While the database is not up yet, tries again until `patience` has elapsed.
///
/// # Errors
///
/// The error of the last attempt. An error that does not go away by waiting is returned at once.
pub(crate) async fn connect<DB, T, F>(
    patience: Option<Duration>,
    attempt: impl Fn() -> F,
) -> Result<T, Error>
where
    DB: Backend,
    F: Future<Output = Result<T, Error>>,
{
    let Some(patience) = patience else {
        return attempt().await;
    };
    let deadline = Instant::now() + patience;
    let mut delays = backoff::of_startup();
    let mut last = None;
    let mut attempts = 0_u32;
    loop {
        attempts += 1;
        let begun = Instant::now();
        let error = match timeout_at(deadline, attempt()).await {
            Ok(Ok(connected)) => return Ok(connected),
            Ok(Err(error)) => error,
            Err(_) => {
                let had = begun.elapsed();
                return Err(last
                    .filter(|_| had < TELLING)
                    .unwrap_or_else(|| silence::<DB>(had)));
            }
        };
        if !may_pass::<DB>(&error) {
            return Err(error);
        }
        let delay = delays.next().unwrap_or(TELLING);
        if Instant::now() + delay >= deadline {
            tracing::warn!(target: targets::STARTUP, attempts, ?patience, "the database did not come up in time");
            return Err(error);
        }
        tracing::info!(target: targets::STARTUP, attempts, %error, ?delay, "the database does not accept connections yet; trying again");
        last = Some(error);
        sleep(delay).await;
    }
}

/// Whether the error may go away while the database starts up.
fn may_pass<DB: Backend>(error: &Error) -> bool {
    matches!(error, Error::Connect { source, .. } if DB::diagnose(source).may_pass)
}

/// The error for an attempt without an answer.
fn silence<DB: Backend>(after: Duration) -> Error {
    connect_error::<DB>(sqlx::Error::Io(timed_out(format!(
        "no answer within {after:.1?}"
    ))))
}
