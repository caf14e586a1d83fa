//! The bodies of requests and answers.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// `POST /api/v3/sitemap/scan`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScanRequest {
    /// The URL of a site or of a sitemap.
    pub url: String,
}

/// A scan that was accepted, and has not begun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScanAccepted {
    /// What to ask the status of.
    pub job_id: i64,
}

/// `POST /api/v3/sitemap/batch/create`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BatchRequest {
    /// The URLs of sites or sitemaps, each of them once.
    pub urls: Vec<String>,
}

/// A batch that was accepted: one job for each URL.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BatchAccepted {
    /// What to ask for.
    pub batch_id: i64,
    /// Its jobs, in the order of the URLs.
    pub job_ids: Vec<i64>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// It was accepted.
    Queued,
    /// The site is being read.
    Running,
    /// All that was found is stored.
    Complete,
    /// Nothing was stored, and the job says why.
    Failed,
}

impl Status {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Failed => "failed",
        })
    }
}

/// The row of a job.
#[derive(Debug, Clone, Serialize, Deserialize, sqlx::FromRow)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// The batch that it belongs to.
    pub batch_id: Option<i64>,
    /// What is scanned.
    pub url: String,
    /// How far it is.
    pub status: Status,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When it was complete, or failed.
    pub finished_at: Option<DateTime<Utc>>,
}

/// `GET /api/v3/sitemap/status/{job_id}`: a job, and what it has stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobReport {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// The sitemap files, in the order in which they were read.
    pub files: Vec<StoredFile>,
}

impl JobReport {
    /// How many URLs are stored.
    pub fn url_count(&self) -> i64 {
        self.files.iter().map(|file| file.urls).sum()
    }
}

/// A sitemap file, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize, sqlx::FromRow)]
pub struct StoredFile {
    /// The site, with its port where that is not the usual one.
    pub domain: String,
    /// Its URL, or its path.
    pub address: String,
    /// `urlset` or `sitemapindex`.
    pub kind: String,
    /// Whether it was compressed.
    pub gzipped: bool,
    /// Its size, inflated.
    pub bytes: i64,
    /// How many things were wrong with it and could be passed over.
    pub warnings: i64,
    /// The first of them, in words.
    pub warning: Option<String>,
    /// How many URLs of it are stored.
    pub urls: i64,
}

/// `GET /api/v3/sitemap/batch/{id}`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Batch {
    /// Its number.
    pub id: i64,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// Its jobs, in the order of the URLs.
    pub jobs: Vec<Job>,
}

/// `GET /health`, without the checks: how well the database and its connections are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Health {
    /// `pass` or `warn`; `fail`, with a status of 503, if requests cannot be served.
    pub status: String,
}
