//! The database that the program runs on.

use std::process;

use anyhow::{Context, bail};
use axum::Router;
use demarcate::{BoundaryStats, Site};
use tempfile::TempDir;

use crate::{
    api::JobReport,
    crawl::{Crawler, Start},
    limit::ScanLimit,
    metrics::Metrics,
    postgres, sqlite,
};

/// A database with the tables of this program.
#[derive(Debug)]
pub struct Database {
    kind: Kind,
    place: Place,
}

#[derive(Debug)]
enum Kind {
    Sqlite(sqlite::SessionFactory),
    Postgres(postgres::SessionFactory),
}

/// Where the rows are, and with that for how long.
#[derive(Debug)]
enum Place {
    /// In the database that the URL names, to stay.
    Url,
    /// In a file of our own.
    File(TempDir),
    /// In a schema of our own.
    Schema(String),
}

impl Database {
    /// The database at `url`, whose rows stay; without a URL, one that is gone afterwards.
    ///
    /// # Errors
    ///
    /// Where it does not let us in, or the URL is of another database.
    pub async fn open(url: Option<&str>) -> anyhow::Result<Self> {
        let Some(url) = url else {
            return Self::temporary(None).await;
        };
        let kind = match url.split(':').next() {
            Some("sqlite") => Kind::Sqlite(sqlite::connect(url).await.context(AT)?),
            Some("postgres" | "postgresql") => {
                Kind::Postgres(postgres::connect(url).await.context(AT)?)
            }
            _ => bail!(NEITHER),
        };
        let place = Place::Url;
        Self { kind, place }.prepared().await
    }

    /// A database that is gone afterwards: a temporary file, or, where `url` names a PostgreSQL, a
    /// schema of our own there.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub async fn temporary(url: Option<&str>) -> anyhow::Result<Self> {
        let (kind, place) = match url.map(|url| (url, url.split(':').next())) {
            None | Some((_, Some("sqlite"))) => {
                let folder = tempfile::Builder::new().prefix("sitemap-").tempdir();
                let folder = folder.context("cannot create a temporary folder")?;
                let url = format!("sqlite://{}", folder.path().join("sitemap.db").display());
                (
                    Kind::Sqlite(sqlite::connect(&url).await?),
                    Place::File(folder),
                )
            }
            Some((url, Some("postgres" | "postgresql"))) => {
                let schema = format!("sitemap_demo_{}", process::id());
                let db = postgres::connect_to_schema(url, &schema)
                    .await
                    .context(AT)?;
                (Kind::Postgres(db), Place::Schema(schema))
            }
            _ => bail!(NEITHER),
        };
        Self { kind, place }.prepared().await
    }

    async fn prepared(self) -> anyhow::Result<Self> {
        let prepared = match &self.kind {
            Kind::Sqlite(db) => sqlite::app::prepare(db).await,
            Kind::Postgres(db) => postgres::app::prepare(db).await,
        };
        prepared.context("cannot create the tables")?;
        Ok(self)
    }

    /// Marks the jobs failed that an earlier process left behind, and says how many there were. For
    /// the only process that works on this database.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn recover(&self) -> anyhow::Result<u64> {
        Ok(match &self.kind {
            Kind::Sqlite(db) => sqlite::app::recover(db).await?,
            Kind::Postgres(db) => postgres::app::recover(db).await?,
        })
    }

    /// The HTTP API, the probes and the metrics of the program on this database.
    pub fn router(&self, crawler: Crawler, scans: ScanLimit, metrics: Metrics) -> Router {
        match &self.kind {
            Kind::Sqlite(db) => sqlite::app::router(db.clone(), crawler, scans, metrics),
            Kind::Postgres(db) => postgres::app::router(db.clone(), crawler, scans, metrics),
        }
    }

    /// Scans without the HTTP API; the scan is cancelled when `stop` comes back.
    ///
    /// # Errors
    ///
    /// Where the database fails. A scan that fails is a report that says so.
    pub async fn scan(
        &self,
        crawler: Crawler,
        start: &Start,
        stop: impl Future<Output = ()>,
    ) -> anyhow::Result<JobReport> {
        Ok(match &self.kind {
            Kind::Sqlite(db) => sqlite::app::scan(db, crawler, start, stop).await?,
            Kind::Postgres(db) => postgres::app::scan(db, crawler, start, stop).await?,
        })
    }

    /// What each boundary has done so far.
    pub fn stats(&self) -> Vec<(Site, BoundaryStats)> {
        match &self.kind {
            Kind::Sqlite(db) => db.stats(),
            Kind::Postgres(db) => db.stats(),
        }
    }

    /// Which one it is, for a person.
    pub fn title(&self) -> String {
        let name = match self.kind {
            Kind::Sqlite(_) => "SQLite",
            Kind::Postgres(_) => "PostgreSQL",
        };
        match self.place {
            Place::Url => format!("{name}, at DATABASE_URL"),
            Place::File(_) => format!("{name}, in a temporary file"),
            Place::Schema(_) => format!("{name}, in a temporary schema"),
        }
    }

    /// Waits for the boundaries that are open, closes the connections, and removes what is not to stay.
    ///
    /// # Errors
    ///
    /// Where something could not be removed.
    pub async fn close(self) -> anyhow::Result<()> {
        let dropped = match (&self.kind, &self.place) {
            (Kind::Postgres(db), Place::Schema(schema)) => postgres::drop_schema(db, schema).await,
            _ => Ok(()),
        };
        match &self.kind {
            Kind::Sqlite(db) => db.close(GRACE).await,
            Kind::Postgres(db) => db.close(GRACE).await,
        }
        dropped.context("cannot remove the temporary schema")?;
        if let Place::File(folder) = self.place {
            folder
                .close()
                .context("cannot remove the temporary folder")?;
        }
        Ok(())
    }
}

/// How long a scan that still runs has to come to its end.
const GRACE: std::time::Duration = std::time::Duration::from_secs(10);

const AT: &str = "the database that DATABASE_URL names";
const NEITHER: &str = "DATABASE_URL names neither SQLite nor PostgreSQL; write `sqlite://file.db` or \
                       `postgres://user@host/database`, or unset it";
