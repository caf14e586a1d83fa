//! Reads the state of MySQL and MariaDB.

use std::borrow::Cow;
use std::collections::HashMap;

use futures_core::future::BoxFuture;
use sqlx::mysql::MySqlRow;
use sqlx::{MySql, Row, SqlSafeStr};

use super::examine::{Asker, Examine};
use super::history::History;
use super::kind::CheckKind;
use super::readings::{Connections, Counters, Lag, Reading, Readings, Session, Sessions, Share};

/// The query that every user may run: the counters of the server, and the privileges of this user.
const STATUS: &str = include_str!("mysql_status.sql");

/// The query that needs the privilege PROCESS.
const SESSIONS: &str = include_str!("mysql_sessions.sql");

const GRANT_PROCESS: &str = "this user may not see the transactions of others; `GRANT PROCESS ON *.* TO` the user itself, not to one of its roles";

const GRANT_REPLICAS: &str = "this user may not see the replication; `GRANT SLAVE MONITOR ON *.* TO` it on MariaDB, \
                              `GRANT REPLICATION CLIENT ON *.* TO` it on MySQL";

impl Examine for MySql {
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
        CheckKind::HistoryLength,
    ];

    /// To read a view of InnoDB without the privilege is an error, and the connection is not used again after one. So the
    /// privileges are read first; those that a role grants are not among them.
    fn examine<'a>(
        asker: &'a mut Asker<'_, Self>,
        _: &'a History,
    ) -> BoxFuture<'a, Result<Readings, sqlx::Error>> {
        Box::pin(async move {
            let row = asker.ask(STATUS.into_sql_str()).await?;
            let status = Status(pairs(&row.ok_or(sqlx::Error::RowNotFound)?)?);
            let sessions = match status.may(&["PROCESS"]) {
                true => Ok(asker.ask(SESSIONS.into_sql_str()).await?),
                false => Err(Cow::Borrowed(GRANT_PROCESS)),
            };
            let sessions = match sessions {
                Ok(Some(row)) => Ok(row),
                Ok(None) => return Err(sqlx::Error::RowNotFound),
                Err(reason) => Err(reason),
            };
            let sees_replicas = [
                "SLAVE MONITOR",
                "REPLICA MONITOR",
                "REPLICATION CLIENT",
                "SUPER",
            ];
            let replication = match status.may(&sees_replicas) {
                true => Ok(asker.ask("show replica status".into_sql_str()).await?),
                false => Err(Cow::Borrowed(GRANT_REPLICAS)),
            };
            let follows = replication.as_ref().map(Option::is_some);
            let follows = follows.map_err(Cow::clone);
            let readings = read(&status, sessions, replication.and_then(lag))?;
            Ok(Readings {
                // A reader of a cluster may follow by other means than replication.
                is_replica: match readings.read_only {
                    Ok(Some(_)) => Ok(true),
                    _ => follows,
                },
                ..readings
            })
        })
    }
}

/// Status values by name.
struct Status(HashMap<String, String>);

impl Status {
    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn count(&self, name: &'static str) -> Reading<u64> {
        let count = self.0.get(name).and_then(|value| value.parse().ok());
        count.ok_or_else(|| format!("this server does not count `{name}`").into())
    }

    /// Whether the user has one of these privileges.
    fn may(&self, one_of: &[&str]) -> bool {
        let rights = self.text("rights");
        rights.split(',').any(|right| one_of.contains(&right))
    }
}

/// Parses the single column of the row: a `name=value` pair in each line.
fn pairs(row: &MySqlRow) -> Result<HashMap<String, String>, sqlx::Error> {
    let text: String = row.try_get(0)?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect())
}

fn read(
    status: &Status,
    sessions: Reading<MySqlRow>,
    lag: Reading<Lag>,
) -> Result<Readings, sqlx::Error> {
    let version = status.text("version");
    let title = match version.contains("MariaDB") {
        true => "MariaDB",
        false => "MySQL",
    };
    let version = version.split('-').next().unwrap_or_default();
    let (sessions, of_innodb) = match sessions {
        Ok(row) => {
            let of_innodb = Status(HashMap::from([
                ("deadlocks".to_owned(), text(&row, "deadlocks")?),
                ("history_length".to_owned(), text(&row, "history_length")?),
            ]));
            (Ok(self::sessions(&row)?), Ok(of_innodb))
        }
        Err(reason) => (Err(reason.clone()), Err(reason)),
    };
    // MariaDB has the value among its counters, MySQL in a view of InnoDB.
    let either = |name, of_innodb_name| {
        status.count(name).or_else(|_| match &of_innodb {
            Ok(of_innodb) => of_innodb.count(of_innodb_name),
            Err(reason) => Err(reason.clone()),
        })
    };
    let sessions = sessions.or_else(|reason| waiting_of(status, reason));
    Ok(Readings {
        read_only: Ok((!matches!(status.text("read_only"), "0" | "OFF"))
            .then(|| "`read_only` is on".to_owned())),
        sessions,
        counters: Counters {
            cache: cache(status),
            deadlocks: either("innodb_deadlocks", "deadlocks"),
            ended: ended(status),
        },
        connections: connections(status),
        lag,
        history_length: either("innodb_history_list_length", "history_length"),
        ..Readings::of(format!("{title} {version}"))
    })
}

/// Returns the number of waiting statements, which can be read without privileges; the sessions cannot.
fn waiting_of(status: &Status, reason: Cow<'static, str>) -> Reading<Sessions> {
    match status.count("innodb_row_lock_current_waits") {
        Ok(waiting) if waiting > 0 => Ok(Sessions {
            waiting,
            hidden: Some(format!("{waiting} statements wait for row locks; {reason}").into()),
            ..Sessions::default()
        }),
        _ => Err(reason),
    }
}

/// <https://mariadb.com/kb/en/innodb-buffer-pool/>: page requests, and those that were read from disk.
fn cache(status: &Status) -> Reading<Share> {
    let whole = status.count("innodb_buffer_pool_read_requests")?;
    let from_disk = status.count("innodb_buffer_pool_reads")?;
    Ok(Share {
        part: whole.saturating_sub(from_disk),
        whole,
    })
}

/// Returns the transactions that ended. The server counts COMMIT statements, so implicit commits are missing.
fn ended(status: &Status) -> Reading<Share> {
    let (committed, rolled_back) = (status.count("com_commit")?, status.count("com_rollback")?);
    Ok(Share {
        part: rolled_back,
        whole: committed + rolled_back,
    })
}

fn connections(status: &Status) -> Reading<Connections> {
    Ok(Connections {
        used: status.count("threads_connected")?,
        most: status.count("max_connections")?,
        // The connection for administrators is beyond `max_connections`.
        reserved: 0,
    })
}

fn text(row: &MySqlRow, name: &str) -> Result<String, sqlx::Error> {
    let text: Option<String> = row.try_get(name)?;
    Ok(text.unwrap_or_default())
}

fn sessions(row: &MySqlRow) -> Result<Sessions, sqlx::Error> {
    let number = |name| text(row, name).map(|text| text.parse::<f64>().ok());
    let shown = text(row, "shown")?;
    Ok(Sessions {
        longest_open: number("longest_open")?,
        longest_idle: number("longest_idle")?,
        longest_wait: number("longest_wait")?,
        waiting: text(row, "waiting")?.parse().unwrap_or(0),
        shown: shown.split('\u{1e}').filter_map(session).collect(),
        hidden: None,
    })
}

/// Parses a session: columns with unit separators between them, the statement last.
fn session(line: &str) -> Option<Session> {
    let mut columns = line.splitn(6, '\u{1f}');
    let mut next = || columns.next();
    Some(Session {
        process: next()?.parse().ok()?,
        open_for: next()?.parse().ok()?,
        idle_for: next()?.parse().ok(),
        waits_for: next()?.parse().ok(),
        blockers: next()?
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect(),
        statement: next()?.to_owned(),
        application: String::new(),
    })
}

/// Returns the lag from the row of a replica. MariaDB still has the former column names.
fn lag(row: Option<MySqlRow>) -> Reading<Lag> {
    let Some(row) = row else {
        return Err(
            "the server is not a replica; the lag of its own replicas can be read only there"
                .into(),
        );
    };
    let first = |names: [&str; 2]| {
        names.into_iter().find_map(|name| {
            row.try_get_unchecked::<Option<String>, _>(name)
                .ok()
                .flatten()
        })
    };
    let seconds = first(["Seconds_Behind_Source", "Seconds_Behind_Master"]);
    let receives = first(["Replica_IO_Running", "Slave_IO_Running"]).unwrap_or_default();
    let replays = first(["Replica_SQL_Running", "Slave_SQL_Running"]).unwrap_or_default();
    Ok(Lag {
        // Unknown if one of the two threads is stopped.
        seconds: seconds.and_then(|seconds| seconds.parse().ok()),
        evidence: format!("receives: {receives}, replays: {replays}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_whatever_its_statement_is() {
        let line = "12\u{1f}3.5\u{1f}\u{1f}2\u{1f}7 8\u{1f}select '\u{1f}', 'é'";
        let session = session(line).unwrap();
        assert_eq!((session.process, session.open_for), (12, 3.5));
        assert_eq!((session.idle_for, session.waits_for), (None, Some(2.0)));
        assert_eq!(session.blockers, [7, 8]);
        assert_eq!(session.statement, "select '\u{1f}', 'é'");
        assert!(super::session("").is_none());
    }
}
