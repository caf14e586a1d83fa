//! Reports metrics to the `metrics` facade. Without an installed recorder they are discarded.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::classify::Category;
use crate::observe::stats::{JobOutcome, RunOutcome, RunTotals};
use crate::scope::site::Site;

const TRANSACTIONS: &str = "demarcate_transactions_total";
const DURATION: &str = "demarcate_transaction_duration_seconds";
const JOBS: &str = "demarcate_jobs_total";
const JOB_DURATION: &str = "demarcate_job_duration_seconds";
const RETRIES: &str = "demarcate_retries_total";
const RETRIES_REFUSED: &str = "demarcate_retries_refused_total";
const ROLLBACKS: &str = "demarcate_rollbacks_total";
const UNKNOWN: &str = "demarcate_commits_unknown_total";
const STATEMENTS: &str = "demarcate_statements_total";
const ROWS: &str = "demarcate_rows_total";
const ROUND_TRIPS: &str = "demarcate_round_trips_total";
const IN_STATEMENTS: &str = "demarcate_statements_duration_seconds";
const WAIT: &str = "demarcate_connection_wait_seconds";
const HOLD: &str = "demarcate_connection_hold_seconds";
const CONNECTIONS: &str = "demarcate_pool_connections";
const MAX_CONNECTIONS: &str = "demarcate_pool_max_connections";
const LIMIT: &str = "demarcate_pool_connection_limit";
const WAITING: &str = "demarcate_pool_waiting";
const REFUSED: &str = "demarcate_pool_refused_total";
const UNREACHABLE: &str = "demarcate_pool_unreachable";

/// Registers the description of each metric. A recorder that is installed later receives the names only.
pub(crate) fn describe() {
    describe_counter!(TRANSACTIONS, "Runs of boundaries, by how they ended");
    describe_histogram!(DURATION, Unit::Seconds, "How long runs of boundaries took");
    describe_counter!(JOBS, "Background jobs, by how they ended");
    describe_histogram!(
        JOB_DURATION,
        Unit::Seconds,
        "How long background jobs took, with all their runs"
    );
    describe_counter!(RETRIES, "Runs that met a conflict and were tried again");
    describe_counter!(
        RETRIES_REFUSED,
        "Runs that met a conflict and were not tried again, since the budget was used up"
    );
    describe_counter!(
        ROLLBACKS,
        "Runs that were rolled back, by what they failed with"
    );
    describe_counter!(UNKNOWN, "Commits whose answer was lost");
    describe_counter!(STATEMENTS, "Statements that were sent");
    describe_counter!(ROWS, "Rows that they gave");
    describe_counter!(
        ROUND_TRIPS,
        "Messages to the server whose answer was waited for"
    );
    describe_histogram!(
        IN_STATEMENTS,
        Unit::Seconds,
        "How much of a run its statements took"
    );
    describe_histogram!(
        WAIT,
        Unit::Seconds,
        "How long a run waited for its connection"
    );
    describe_histogram!(HOLD, Unit::Seconds, "How long a connection was held");
    describe_gauge!(CONNECTIONS, "Connections of the pool, by what they are at");
    describe_gauge!(MAX_CONNECTIONS, "How many connections the pool may have");
    describe_gauge!(
        LIMIT,
        "How many connections the pool opens at most just now"
    );
    describe_gauge!(WAITING, "Boundaries that wait for a connection");
    describe_counter!(REFUSED, "Boundaries that were refused at once");
    describe_gauge!(
        UNREACHABLE,
        "1 while boundaries are refused because no connection can be opened"
    );
}

/// Records the end of a run. A run that was rolled back without a failure was ended by an `Err` of the body's own.
pub(crate) fn ended(
    site: Site,
    outcome: RunOutcome,
    failure: Option<Category>,
    sent: &RunTotals,
    took: Duration,
) {
    let (boundary, kind) = (site.name(), site.kind().as_str());
    let outcome_name = outcome.in_word(site.kind());
    counter!(TRANSACTIONS, "boundary" => boundary, "kind" => kind, "outcome" => outcome_name)
        .increment(1);
    histogram!(DURATION, "boundary" => boundary, "outcome" => outcome_name).record(took);
    match outcome {
        RunOutcome::Committed => {}
        RunOutcome::RolledBack => {
            let category = failure.map_or("body", Category::as_str);
            counter!(ROLLBACKS, "boundary" => boundary, "category" => category).increment(1);
        }
        RunOutcome::Unknown => counter!(UNKNOWN, "boundary" => boundary).increment(1),
    }
    counter!(STATEMENTS, "boundary" => boundary).increment(sent.statements);
    counter!(ROWS, "boundary" => boundary).increment(sent.rows);
    counter!(ROUND_TRIPS, "boundary" => boundary).increment(sent.round_trips);
    histogram!(IN_STATEMENTS, "boundary" => boundary).record(sent.executing);
    histogram!(WAIT, "boundary" => boundary).record(sent.acquiring);
}

/// Records the end of a background job.
pub(crate) fn job_ended(site: Site, outcome: JobOutcome, took: Duration) {
    let (job, kind, outcome) = (site.name(), site.kind().as_str(), outcome.as_str());
    counter!(JOBS, "job" => job, "kind" => kind, "outcome" => outcome).increment(1);
    histogram!(JOB_DURATION, "job" => job, "outcome" => outcome).record(took);
}

/// Counts a run that is tried again.
pub(crate) fn retried(site: Site) {
    counter!(RETRIES, "boundary" => site.name()).increment(1);
}

/// Counts a run that the budget does not try again.
pub(crate) fn retry_refused(site: Site) {
    counter!(RETRIES_REFUSED, "boundary" => site.name()).increment(1);
}

/// Records how long a connection was held.
pub(crate) fn held(boundary: Site, held_for: Duration) {
    histogram!(HOLD, "boundary" => boundary.name()).record(held_for);
}

/// The current values of a pool's gauges.
pub(crate) struct Gauges {
    pub(crate) idle: usize,
    pub(crate) used: usize,
    pub(crate) max: usize,
    pub(crate) limit: usize,
    pub(crate) waiting: usize,
    pub(crate) refused: u64,
    pub(crate) is_unreachable: bool,
}

/// Sets the gauges of a pool.
pub(crate) fn pool(name: &str, gauges: &Gauges) {
    let name = name.to_owned();
    gauge!(CONNECTIONS, "pool" => name.clone(), "state" => "idle").set(gauges.idle as f64);
    gauge!(CONNECTIONS, "pool" => name.clone(), "state" => "used").set(gauges.used as f64);
    gauge!(MAX_CONNECTIONS, "pool" => name.clone()).set(gauges.max as f64);
    gauge!(LIMIT, "pool" => name.clone()).set(gauges.limit as f64);
    counter!(REFUSED, "pool" => name.clone()).absolute(gauges.refused);
    let unreachable = if gauges.is_unreachable { 1.0 } else { 0.0 };
    gauge!(UNREACHABLE, "pool" => name.clone()).set(unreachable);
    gauge!(WAITING, "pool" => name).set(gauges.waiting as f64);
}
