//! Telemetry of boundaries: spans, metrics, statistics, comments on statements, and the statement log.

pub(crate) mod callsite;
pub(crate) mod histogram;
#[cfg(feature = "metrics")]
pub(crate) mod metrics;
pub(crate) mod spans;
pub(crate) mod sql_comments;
pub(crate) mod statement_log;
pub(crate) mod statement_observer;
pub(crate) mod stats;
