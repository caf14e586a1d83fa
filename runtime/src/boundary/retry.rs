//! Runs a boundary again after a conflict, with a delay between the runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use super::Admitted;
use super::verdict::{Failed, Verdict};
use crate::backend::Backend;
use crate::engine::Engine;
use crate::error::Error;
use crate::options::TxOptions;
use crate::scope::place::ErrorContext;
use crate::scope::site::Site;
use crate::session::Session;
use crate::targets;
use crate::util::cancel::CancelToken;
use crate::util::send_closure::SendMut;

/// Runs a body in a new transaction, and again after each conflict if the options ask for it.
pub(crate) async fn run_again<DB, T, E, F>(
    site: Site,
    engine: &Arc<Engine<DB>>,
    options: TxOptions,
    stop: CancelToken,
    mut body: F,
    judge: impl Fn(&Result<T, E>) -> Verdict + Send + Sync,
) -> Result<T, Failed<E>>
where
    DB: Backend,
    E: 'static,
    F: AsyncFnMut(&mut Session<DB>) -> Result<T, E>,
    F: for<'s> SendMut<&'s mut Session<DB>, Out = Result<T, E>>,
{
    let admitted = Admitted::new::<E>(site, engine, options, stop).map_err(Failed::Boundary)?;
    let retry = admitted.options.retry;
    let mut delays = retry.map(|retry| retry.delays());
    let last = retry
        .and_then(|retry| retry.deadline())
        .map_or(admitted.deadline, |within| {
            admitted.deadline.min(Instant::now() + within)
        });
    let mut runs = 1_u32;
    let mut broke_at = None;
    loop {
        let body = async |tx: &mut Session<DB>| body(tx).await;
        let (until_undone, undone) = oneshot::channel();
        let attempt = match admitted
            .attempt(runs, body, &judge, Some(until_undone))
            .await
        {
            Ok(value) => return Ok(value),
            Err(attempt) => attempt,
        };
        if attempt.broke_at.is_some() && attempt.broke_at == broke_at {
            tracing::warn!(target: targets::BOUNDARY, boundary = %admitted.site, runs, "{BREAKS}");
            return attempt.outcome;
        }
        broke_at.clone_from(&attempt.broke_at);
        let may_run_again = attempt.may_succeed_again
            && retry.is_some_and(|retry| retry.is_after(attempt.is_contention));
        let is_soon = |delay: &Duration| Instant::now() + *delay < last;
        let delay = delays.as_mut().and_then(Iterator::next);
        let mut delay = delay.filter(|delay| may_run_again && is_soon(delay));
        if let (Some(planned), Some(retry), true) = (delay, retry, attempt.is_contention) {
            let repeat = engine.contention().collided();
            if !repeat.is_paid {
                let site = admitted.site;
                tracing::info!(target: targets::BOUNDARY, boundary = %site, runs, "rolled back by a conflict; the retry budget is used up");
                admitted.record.retry_refused();
                #[cfg(feature = "metrics")]
                crate::observe::metrics::retry_refused(site);
                return attempt.outcome;
            }
            delay = Some(retry.stretched(planned, repeat.share)).filter(is_soon);
        }
        match delay {
            Some(delay) => {
                let site = admitted.site;
                // The rollback hooks of this run must end before the next run begins.
                let ready = async {
                    undone.await.ok();
                    sleep(delay).await;
                };
                let ready = admitted.stop.run(timeout_at(last, ready));
                match engine.pool().stop_token().run(ready).await {
                    Some(Some(Ok(()))) => {}
                    Some(Some(Err(_))) => return attempt.outcome,
                    Some(None) => return Err(Failed::Stopped),
                    None => {
                        let place = ErrorContext::of_boundary(site);
                        return Err(Failed::Boundary(Error::Closed { place }));
                    }
                }
                tracing::info!(target: targets::BOUNDARY, boundary = %site, runs, ?delay, "rolled back by a conflict; retrying");
                admitted.record.retried();
                #[cfg(feature = "metrics")]
                crate::observe::metrics::retried(site);
                runs += 1;
            }
            None => {
                if may_run_again {
                    tracing::warn!(target: targets::BOUNDARY, boundary = %admitted.site, runs, "rolled back by a conflict; no time or retry is left");
                }
                return attempt.outcome;
            }
        }
    }
}

const BREAKS: &str = "not run again: the connection broke at the same statement twice; does it make the server crash, or is a value \
                      larger than the server takes (`max_allowed_packet` of MySQL)?";
