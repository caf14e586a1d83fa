//! The HTTP API, as the demo and the tests call it.

use std::time::Duration;

use anyhow::{Context, bail};
use demarcate::Problem;
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{
    api::{Batch, BatchAccepted, BatchRequest, Health, JobReport, ScanAccepted, ScanRequest},
    crawl,
};

/// What the program answered: what was asked for, or a refusal.
pub type Answer<T> = Result<T, Problem>;

/// Calls the program.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    server: Url,
}

impl Client {
    /// How long a scan of a demo site may take: a thousand times what it does take.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// A client of the program at that URL.
    ///
    /// # Errors
    ///
    /// Where the settings of the machine cannot be used.
    pub fn new(server: &Url) -> anyhow::Result<Self> {
        crawl::prepare_tls();
        // A proxy would look for loopback on its own machine.
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        Ok(Self {
            http: http.build()?,
            server: server.clone(),
        })
    }

    /// `GET /health`
    ///
    /// # Errors
    ///
    /// Where the program does not answer, or not in its own words; so do all the others.
    pub async fn health(&self) -> anyhow::Result<Answer<Health>> {
        answer(self.http.get(self.at("/health")?)).await
    }

    /// `POST /api/v3/sitemap/scan`
    ///
    /// # Errors
    ///
    /// As [`health`](Self::health).
    pub async fn scan(&self, url: &str) -> anyhow::Result<Answer<ScanAccepted>> {
        let url = url.to_owned();
        let request = self.http.post(self.at("/api/v3/sitemap/scan")?);
        answer(request.json(&ScanRequest { url })).await
    }

    /// `GET /api/v3/sitemap/status/{job_id}`
    ///
    /// # Errors
    ///
    /// As [`health`](Self::health).
    pub async fn status(&self, job_id: i64) -> anyhow::Result<Answer<JobReport>> {
        answer(
            self.http
                .get(self.at(&format!("/api/v3/sitemap/status/{job_id}"))?),
        )
        .await
    }

    /// `POST /api/v3/sitemap/batch/create`
    ///
    /// # Errors
    ///
    /// As [`health`](Self::health).
    pub async fn create_batch(&self, urls: &[&str]) -> anyhow::Result<Answer<BatchAccepted>> {
        let urls = urls.iter().map(ToString::to_string).collect();
        let request = self.http.post(self.at("/api/v3/sitemap/batch/create")?);
        answer(request.json(&BatchRequest { urls })).await
    }

    /// `GET /api/v3/sitemap/batch/{id}`
    ///
    /// # Errors
    ///
    /// As [`health`](Self::health).
    pub async fn batch(&self, id: i64) -> anyhow::Result<Answer<Batch>> {
        answer(
            self.http
                .get(self.at(&format!("/api/v3/sitemap/batch/{id}"))?),
        )
        .await
    }

    /// Asks for the status of a job until it is final.
    ///
    /// # Errors
    ///
    /// As [`health`](Self::health), and where the job takes longer than half a minute.
    pub async fn wait(&self, job_id: i64) -> anyhow::Result<JobReport> {
        let start = Instant::now();
        while start.elapsed() < Self::PATIENCE {
            let report = self.status(job_id).await??;
            if report.job.status.is_final() {
                return Ok(report);
            }
            sleep(Duration::from_millis(20)).await;
        }
        bail!("job {job_id} did not end within {:?}", Self::PATIENCE)
    }

    fn at(&self, path: &str) -> anyhow::Result<Url> {
        Ok(self.server.join(path)?)
    }
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> anyhow::Result<Answer<T>> {
    let response = request.send().await?;
    let status = response.status();
    let body = response.bytes().await?;
    Ok(match status {
        StatusCode::OK | StatusCode::ACCEPTED => Ok(serde_json::from_slice(&body)?),
        _ => Err(serde_json::from_slice(&body)
            .with_context(|| format!("the program answered {status} and did not say why"))?),
    })
}
