//! What works on the tables. A service is lent a session: whether what it did stays is decided by
//! the router or job that lent it.

pub(super) mod batches;
pub(super) mod jobs;
pub(super) mod scans;
pub(super) mod schema;
pub(super) mod store;

// The jobs that services start; `jobs` here has their rows.
use super::jobs as background;
use super::{Database, SCHEMA, Session};
