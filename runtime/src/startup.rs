//! Waits for a database that is coming up.

use std::io;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::{Instant, sleep, timeout_at};

use crate::backend::{Backend, connect_error};
use crate::error::Error;
use crate::targets;

const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// An attempt that was cut off sooner than this says nothing of the database.
const TELLING: Duration = Duration::from_secs(1);

/// Connects; where the database is not there yet, again and again, for as long as `patience` lasts.
///
/// # Errors
///
/// The last attempt's. What a longer wait would not change is told at once.
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
    let mut delays = ExponentialBuilder::new()
        .with_min_delay(FIRST_DELAY)
        .with_max_delay(LONGEST_DELAY)
        .without_max_times()
        .build();
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
        // Programs that start together do not come back together.
        let delay = delays.next().unwrap_or(LONGEST_DELAY);
        let delay = delay.mul_f32(1.0 - fastrand::f32() / 2.0);
        if Instant::now() + delay >= deadline {
            tracing::warn!(target: targets::STARTUP, attempts, ?patience, "the database did not come up in time");
            return Err(error);
        }
        tracing::info!(target: targets::STARTUP, attempts, %error, ?delay, "the database is not there yet; trying again");
        last = Some(error);
        sleep(delay).await;
    }
}

fn may_pass<DB: Backend>(error: &Error) -> bool {
    matches!(error, Error::Connect { source, .. } if DB::diagnose(source).may_pass)
}

fn silence<DB: Backend>(after: Duration) -> Error {
    connect_error::<DB>(sqlx::Error::Io(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("no answer within {after:.1?}"),
    )))
}
