//! What the HTTP API takes and gives, in Rust; the same for every database.

mod error;
mod extract;
mod types;

pub use self::types::{
    Batch, BatchAccepted, BatchRequest, Health, Job, JobReport, ScanAccepted, ScanRequest, Status,
    StoredFile,
};
pub(crate) use self::{
    error::ApiError,
    extract::{Json, Path},
};
