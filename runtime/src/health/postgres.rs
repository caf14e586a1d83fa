//! Reads the state of PostgreSQL.

use std::borrow::Cow;
use std::time::Duration;

use futures_core::future::BoxFuture;
use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row, SqlSafeStr};

use super::examine::{Asker, Examine};
use super::history::History;
use super::kind::CheckKind;
use super::readings::{
    Age, Connections, Counters, Lag, Reading, Readings, Session, Sessions, Share,
};

/// The query: one message, with one row as its result. It reads system views that every role may read; a role without
/// `pg_monitor` sees little of the sessions of others and of standbys in them. Its timeouts keep it from waiting for a
/// lock on the catalogue.
const QUESTION: &str = include_str!("postgres.sql");

/// The role that sees everything: <https://www.postgresql.org/docs/current/predefined-roles.html>.
const GRANT: &str = "this role may not see sessions of others: `GRANT pg_monitor TO` it";

impl Examine for Postgres {
    const CHECKS: &'static [CheckKind] = &[
        CheckKind::Connection,
        CheckKind::Writable,
        CheckKind::PoolUsage,
        CheckKind::AverageStatement,
        CheckKind::P99Statement,
        CheckKind::CacheHits,
        CheckKind::LongTransactions,
        CheckKind::IdleInTransaction,
        CheckKind::Blocked,
        CheckKind::Deadlocks,
        CheckKind::Rollbacks,
        CheckKind::ServerConnections,
        CheckKind::ReplicationLag,
        CheckKind::Replicas,
        CheckKind::TransactionAge,
        CheckKind::Integrity,
    ];

    fn examine<'a>(
        asker: &'a mut Asker<'_, Self>,
        history: &'a History,
    ) -> BoxFuture<'a, Result<Readings, sqlx::Error>> {
        Box::pin(async move {
            let row = asker.ask(QUESTION.into_sql_str()).await?;
            let row = row.ok_or(sqlx::Error::RowNotFound)?;
            let mut readings = read(&row, history)?;
            if follows_closely(asker, &row).await? {
                readings.lag = Ok(Lag {
                    seconds: Some(0.0),
                    evidence: "the standby has replayed all that it had received a moment ago"
                        .to_owned(),
                });
            }
            Ok(readings)
        })
    }
}

fn read(row: &PgRow, history: &History) -> Result<Readings, sqlx::Error> {
    let version: i32 = row.try_get("version")?;
    let may_look: bool = row.try_get("may_look")?;
    Ok(Readings {
        read_only: Ok(read_only(row)?),
        is_replica: Ok(row.try_get("is_standby")?),
        sessions: Ok(sessions(row)?),
        counters: Counters {
            cache: Ok(Share {
                part: count(row, "blks_hit")?,
                whole: count(row, "blks_asked")?,
            }),
            deadlocks: Ok(count(row, "deadlocks")?),
            ended: Ok(ended(row)?),
        },
        connections: Ok(Connections {
            used: count(row, "backends")?,
            most: count(row, "max_connections")?,
            reserved: count(row, "reserved")?,
        }),
        lag: lag(row, may_look, history)?,
        age: Ok(Age {
            transactions: count(row, "oldest")?,
            evidence: format!(
                "in database `{}`",
                row.try_get::<String, _>("oldest_database")?
            ),
        }),
        integrity: integrity(row)?,
        ..Readings::of(format!(
            "PostgreSQL {}.{}",
            version / 10_000,
            version % 10_000
        ))
    })
}

fn count(row: &PgRow, name: &str) -> Result<u64, sqlx::Error> {
    let count: Option<i64> = row.try_get(name)?;
    Ok(count.and_then(|count| count.try_into().ok()).unwrap_or(0))
}

fn read_only(row: &PgRow) -> Result<Option<String>, sqlx::Error> {
    if row.try_get("is_standby")? {
        return Ok(Some("the server is a standby".to_owned()));
    }
    let is_read_only: bool = row.try_get("is_read_only")?;
    Ok(is_read_only.then(|| "`default_transaction_read_only` is on".to_owned()))
}

fn ended(row: &PgRow) -> Result<Share, sqlx::Error> {
    let (committed, rolled_back) = (count(row, "xact_commit")?, count(row, "xact_rollback")?);
    Ok(Share {
        part: rolled_back,
        whole: committed + rolled_back,
    })
}

fn sessions(row: &PgRow) -> Result<Sessions, sqlx::Error> {
    let hidden = count(row, "hidden")?;
    Ok(Sessions {
        longest_open: row.try_get("longest_open")?,
        longest_idle: row.try_get("longest_idle")?,
        longest_wait: row.try_get("longest_wait")?,
        waiting: count(row, "waiting")?,
        shown: shown(row)?,
        hidden: (hidden > 0).then_some(Cow::Borrowed(GRANT)),
    })
}

fn shown(row: &PgRow) -> Result<Vec<Session>, sqlx::Error> {
    let pids: Option<Vec<i32>> = row.try_get("pids")?;
    let Some(pids) = pids else {
        return Ok(Vec::new());
    };
    let open_for: Vec<f64> = row.try_get("open_for")?;
    let idle_for: Vec<f64> = row.try_get("idle_for")?;
    let waits_for: Vec<f64> = row.try_get("waits_for")?;
    let blockers: Vec<Option<String>> = row.try_get("blockers")?;
    let applications: Vec<String> = row.try_get("applications")?;
    let statements: Vec<String> = row.try_get("statements")?;
    // The query returns arrays without nulls, since sqlx decodes an array with nulls only as a type of its own.
    let known = |seconds: f64| (seconds >= 0.0).then_some(seconds);
    let process = |pid: i32| u64::try_from(pid).unwrap_or(0);
    let sessions = pids.into_iter().zip(open_for).zip(idle_for).zip(waits_for);
    let words = blockers.into_iter().zip(applications).zip(statements);
    Ok(sessions
        .zip(words)
        .map(
            |((((pid, open_for), idle_for), waits_for), ((blockers, application), statement))| {
                Session {
                    process: process(pid),
                    open_for,
                    idle_for: known(idle_for),
                    waits_for: known(waits_for),
                    blockers: numbers(&blockers.unwrap_or_default()),
                    application,
                    statement,
                }
            },
        )
        .collect())
}

fn numbers(text: &str) -> Vec<u64> {
    // 0 is a prepared transaction, which has no session.
    text.split(' ')
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// How often, and at which interval, a standby is asked whether it has replayed everything that it had received.
const CLOSELY: (u32, Duration) = (4, Duration::from_millis(50));

/// Whether a standby that has not replayed everything does so within a moment. The time of its last replayed transaction
/// would show a lag as long as the primary was idle.
async fn follows_closely(
    asker: &mut Asker<'_, Postgres>,
    row: &PgRow,
) -> Result<bool, sqlx::Error> {
    let receives = row.try_get::<bool, _>("is_standby")? && row.try_get::<bool, _>("receives")?;
    let (received, replayed) = (position(row, "written")?, position(row, "replayed")?);
    let Some(received) = received.filter(|_| receives && received > replayed) else {
        return Ok(false);
    };
    let (times, pause) = CLOSELY;
    for _ in 0..times {
        tokio::time::sleep(pause).await;
        let sql = "select (pg_last_wal_replay_lsn() - '0/0')::text as replayed";
        let row = asker.ask(sql.into_sql_str()).await?;
        if position(&row.ok_or(sqlx::Error::RowNotFound)?, "replayed")? >= Some(received) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the replication lag. A standby knows the time of the last transaction that it has replayed, which is not the
/// lag if the primary is idle: <https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL>.
fn lag(row: &PgRow, may_look: bool, history: &History) -> Result<Reading<Lag>, sqlx::Error> {
    let (written, replayed) = (position(row, "written")?, position(row, "replayed")?);
    let behind = match (written, replayed) {
        (Some(written), Some(replayed)) => Some(history.behind(written, replayed)),
        _ => None,
    };
    if row.try_get("is_standby")? {
        let replayed_ago: Option<f64> = row.try_get("replayed_ago")?;
        if !row.try_get("receives")? {
            return Ok(Ok(Lag {
                seconds: replayed_ago,
                evidence: "the standby is not connected to its primary; lag since the last transaction that it has \
                           replayed"
                    .to_owned(),
            }));
        }
        if written <= replayed {
            return Ok(Ok(Lag {
                seconds: Some(0.0),
                evidence: "the standby has replayed all that it has received".to_owned(),
            }));
        }
        let at_most = behind.and_then(|behind| behind.at_most);
        let at_most = at_most.map(|at_most| at_most.as_secs_f64());
        return Ok(Ok(match (at_most, replayed_ago) {
            (Some(at_most), ago) if ago.is_none_or(|ago| at_most < ago) => Lag {
                seconds: Some(at_most),
                evidence:
                    "lag since the standby was last seen to have replayed all that it had received"
                        .to_owned(),
            },
            (_, replayed_ago) => Lag {
                seconds: replayed_ago,
                evidence: "lag since the last transaction that the standby has replayed".to_owned(),
            },
        }));
    }
    if !may_look && count(row, "senders")? > 0 {
        return Ok(Err(GRANT.into()));
    }
    let standbys = count(row, "standbys")?;
    if standbys == 0 {
        return Ok(Err("no standby is connected".into()));
    }
    let names: Option<String> = row.try_get("standby_names")?;
    let lag: Option<f64> = row.try_get("standby_lag")?;
    // The lag that the server reports is updated at each replay, and does not grow while the replay stands still.
    let behind = behind.map_or(0.0, |behind| behind.at_least.as_secs_f64());
    Ok(Ok(Lag {
        seconds: Some(lag.unwrap_or(0.0).max(behind)),
        evidence: format!("{standbys} connected: {}", names.unwrap_or_default()),
    }))
}

/// Returns a position in the write-ahead log, in bytes.
fn position(row: &PgRow, name: &str) -> Result<Option<u64>, sqlx::Error> {
    let position: Option<String> = row.try_get(name)?;
    Ok(position.and_then(|position| position.parse().ok()))
}

/// Returns the checksum failures. A cluster without checksums does not count them.
fn integrity(row: &PgRow) -> Result<Reading<Option<String>>, sqlx::Error> {
    let failures: Option<i64> = row.try_get("checksum_failures")?;
    Ok(match failures {
        None => {
            Err("the server has no data checksums; stop it and run `pg_checksums --enable`".into())
        }
        Some(0) => Ok(None),
        Some(failures) => Ok(Some(format!(
            "{failures} pages did not match their checksum; the server's log names them"
        ))),
    })
}
