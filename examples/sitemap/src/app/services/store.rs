//! What a scan found: the domain, its sitemap files, and their URLs.

use demarcate::service;
use sqlx::QueryBuilder;

use super::{Database, Session};
use crate::{
    api::StoredFile,
    crawl::{PageUrl, Scan, ScannedFile},
};

/// Rows in one statement: five values each, and SQLite takes 32,766.
const PART: usize = 1000;

/// Stores a scan. The caller's boundary makes it all or nothing.
#[service]
pub(crate) async fn all(tx: &mut Session, job_id: i64, scan: &Scan) -> Result<(), sqlx::Error> {
    let domain_id = domain(tx, &scan.domain).await?;
    for scanned in &scan.files {
        let file_id = file(tx, job_id, domain_id, scanned).await?;
        for part in scanned.sitemap.urls().chunks(PART) {
            urls(tx, file_id, part).await?;
        }
    }
    Ok(())
}

/// Inserts the domain, or finds it.
#[service]
async fn domain(tx: &mut Session, name: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        // The update changes nothing: it is there because `do nothing` returns no row.
        "insert into domains (name) values ($1) \
         on conflict (name) do update set name = excluded.name returning id",
    )
    .bind(name)
    .fetch_one(&mut *tx)
    .await
}

#[service]
async fn file(
    tx: &mut Session,
    job_id: i64,
    domain_id: i64,
    file: &ScannedFile,
) -> Result<i64, sqlx::Error> {
    let sitemap = &file.sitemap;
    sqlx::query_scalar(
        "insert into sitemap_files \
         (job_id, domain_id, address, kind, gzipped, bytes, warnings, warning) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) returning id",
    )
    .bind(job_id)
    .bind(domain_id)
    .bind(&file.address)
    .bind(sitemap.kind())
    .bind(sitemap.gzipped)
    .bind(sitemap.bytes.cast_signed())
    .bind(sitemap.warnings.count.cast_signed())
    .bind(sitemap.warnings.first.first())
    .fetch_one(&mut *tx)
    .await
}

#[service]
async fn urls(tx: &mut Session, file_id: i64, urls: &[PageUrl]) -> Result<(), sqlx::Error> {
    let mut insert = QueryBuilder::<Database>::new(
        "insert into urls (sitemap_file_id, loc, lastmod, changefreq, priority) ",
    );
    insert.push_values(urls, |mut row, url| {
        row.push_bind(file_id)
            .push_bind(&url.loc)
            .push_bind(url.lastmod)
            .push_bind(&url.changefreq)
            .push_bind(url.priority);
    });
    insert.build().execute(&mut *tx).await?;
    Ok(())
}

/// What a job has stored, in the order in which it was read.
#[service]
pub(crate) async fn files(tx: &mut Session, job_id: i64) -> Result<Vec<StoredFile>, sqlx::Error> {
    sqlx::query_as(
        "select domains.name as domain, address, kind, gzipped, bytes, warnings, warning, \
         (select count(*) from urls where sitemap_file_id = sitemap_files.id) as urls \
         from sitemap_files join domains on domains.id = domain_id \
         where job_id = $1 order by sitemap_files.id",
    )
    .bind(job_id)
    .fetch_all(&mut *tx)
    .await
}
