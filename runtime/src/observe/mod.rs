//! What boundaries report: spans, metrics, statistics, and the log of statements.

pub(crate) mod histogram;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
pub(crate) mod spans;
pub(crate) mod sql_comments;
pub(crate) mod statement_log;
pub(crate) mod statement_observer;
pub(crate) mod stats;
