//! Spans for `tracing`, with fields named as in OpenTelemetry's
//! [conventions for databases](https://opentelemetry.io/docs/specs/semconv/database/database-spans/).
//!
//! The spans of jobs, boundaries and services have the names of their functions, and are entered while their code runs, so
//! that lines logged there belong to them. The span of a statement is created and closed, but not entered.

use std::time::Duration;

use demarcate_sql::Dialect;
use tracing::Span;
use tracing::field::{Empty, display};

use crate::classify::{Category, classify};
use crate::observe::callsite::span_of;
use crate::observe::stats::{JobOutcome, RunOutcome, RunTotals};
use crate::options::TxOptions;
use crate::scope::place::TransactionId;
use crate::scope::site::{Site, SiteKind};
use crate::scope::sql_text::shown;
use crate::targets;

/// Returns the `db.system.name` of <https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/>.
const fn system(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "postgresql",
        Dialect::MySql => "mysql",
        Dialect::Sqlite => "sqlite",
    }
}

/// Creates the span of one run of a boundary.
pub(crate) fn boundary(
    dialect: Dialect,
    site: Site,
    options: &TxOptions,
    transaction: TransactionId,
    run: u32,
) -> Span {
    span_of!(site, {
        "otel.name" = display(format_args!("{} {}", site.kind(), site.name())),
        "name" = site.name(),
        "kind" = site.kind().as_str(),
        "code.file.path" = site.file(),
        "code.line.number" = site.line(),
        "db.system.name" = system(dialect),
        "isolation" = options.isolation.map(|isolation| isolation.as_sql()),
        "read_only" = options.is_read_only(),
        "transaction.id" = display(transaction),
        "run" = run,
    }, later {
        "otel.status_code", "outcome", "error.type", "statements", "rows", "round_trips", "acquire_us", "statements_us",
        "commit_us",
    })
}

/// Creates the span of a background job, which lasts until its failure handler has ended.
pub(crate) fn job(site: Site) -> Span {
    span_of!(site, {
        "otel.name" = display(format_args!("{} {}", site.kind(), site.name())),
        "name" = site.name(),
        "kind" = site.kind().as_str(),
        "code.file.path" = site.file(),
        "code.line.number" = site.line(),
    }, later { "otel.status_code", "outcome" })
}

/// Records on the span how the job ended.
pub(crate) fn job_ended(span: &Span, outcome: JobOutcome) {
    if span.is_disabled() {
        return;
    }
    span.record("outcome", outcome.as_str());
    if outcome == JobOutcome::Failed {
        span.record("otel.status_code", "ERROR");
    }
}

/// Records on the span how the run ended.
pub(crate) fn boundary_ended(
    span: &Span,
    kind: SiteKind,
    outcome: RunOutcome,
    failure: Option<Category>,
    sent: &RunTotals,
) {
    if span.is_disabled() {
        return;
    }
    span.record("outcome", outcome.in_word(kind));
    // An `Err` of the body's own is not an error of the database, and leaves the status unset.
    if let Some(failure) = failure {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", failure.as_str());
    }
    span.record("statements", sent.statements);
    span.record("rows", sent.rows);
    span.record("round_trips", sent.round_trips);
    span.record("acquire_us", microseconds(sent.acquiring));
    span.record("statements_us", microseconds(sent.executing));
    span.record("commit_us", microseconds(sent.committing));
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Creates the span of a service, which lasts while its function runs. It lies under the current span: that of the
/// service or the boundary that called it, or one of the user's inside that.
pub(crate) fn service(site: Site) -> Span {
    span_of!(site, {
        "otel.name" = display(format_args!("{} {}", site.kind(), site.name())),
        "name" = site.name(),
        "code.file.path" = site.file(),
        "code.line.number" = site.line(),
    })
}

/// Creates the span of a statement, which lasts from sending it to the end of its answer.
pub(crate) fn statement(parent: &Span, sql: &str, dialect: Dialect) -> Span {
    let operation = operation(sql);
    tracing::debug_span!(
        target: targets::ROOT,
        parent: parent,
        "statement",
        otel.kind = "client",
        otel.name = operation.unwrap_or("statement"),
        otel.status_code = Empty,
        db.system.name = system(dialect),
        db.operation.name = operation,
        db.query.text = shown(sql, dialect),
        db.response.returned_rows = Empty,
        db.response.status_code = Empty,
        affected_rows = Empty,
        error.type = Empty,
    )
}

/// Returns the first word of a statement. `None` if it begins with a parenthesis or a comment.
fn operation(sql: &str) -> Option<&str> {
    let sql = sql.trim_start();
    let end = sql.find(|c: char| !c.is_ascii_alphabetic());
    Some(&sql[..end.unwrap_or(sql.len())]).filter(|word| !word.is_empty())
}

/// Records the row counts of an answered statement.
pub(crate) fn answered(span: &Span, affected: u64, returned: u64) {
    if !span.is_disabled() {
        span.record("affected_rows", affected);
        span.record("db.response.returned_rows", returned);
    }
}

/// Records that the statement's future was dropped before its end.
pub(crate) fn dropped(span: &Span) {
    if !span.is_disabled() {
        span.record("otel.status_code", "ERROR");
        span.record("error.type", "dropped");
    }
}

/// Records the error of a failed statement.
pub(crate) fn failed(span: &Span, error: &sqlx::Error) {
    if span.is_disabled() {
        return;
    }
    span.record("otel.status_code", "ERROR");
    span.record("error.type", classify(error).category.as_str());
    if let Some(code) = error.as_database_error().and_then(|error| error.code()) {
        span.record("db.response.status_code", &*code);
    }
}
