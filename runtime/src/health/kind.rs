//! The kinds of checks, with their units, default thresholds and advice.

use std::fmt;

/// A kind of check.
///
/// Each documents its unit and its default thresholds: the three values from which on it is
/// [`Degraded`](super::Status::Degraded), [`Unhealthy`](super::Status::Unhealthy) and
/// [`Critical`](super::Status::Critical). [`Thresholds::levels`](super::Thresholds::levels) sets others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CheckKind {
    /// The round-trip time of the shortest query, in milliseconds: 100, 500, 2,000. Critical if no connection can be made,
    /// if there is no answer in time, and if the factory is closed.
    Connection,
    /// Whether the database is writable. It has no levels: it is unhealthy on a standby and on a read-only server or file,
    /// unless the defaults of the factory are [read-only](crate::TxOptions::read_only) too.
    Writable,
    /// The share of the pool's connections that is in use, in percent: 70, 85, 95. A pool of one connection is either idle
    /// or full, so it is checked only while a boundary waits for the connection.
    PoolUsage,
    /// The average duration of a statement of this factory, in milliseconds: 100, 250, 500. Over the
    /// [window](super::Thresholds::window).
    AverageStatement,
    /// The 99th percentile of the duration of those statements, in milliseconds: 1,000, 2,500, 5,000. Over the window.
    P99Statement,
    /// The share of reads that were served from the cache, in percent. Degraded *below* 90, unhealthy below 80, critical
    /// below 70. Over the window; in the first report, since the counters were last reset. PostgreSQL: blocks of this
    /// database in shared buffers. MySQL and MariaDB: pages of the server in the buffer pool.
    CacheHits,
    /// The age of the oldest open transaction on this database, in seconds: 60, 300, 900.
    ///
    /// InnoDB refreshes its view of transactions only if no client has read it in the last 0.1 s. Programs that monitor the
    /// same MySQL or MariaDB should together read it less often than that.
    LongTransactions,
    /// The longest time that a session has been idle in its transaction, in seconds: 10, 60, 300.
    IdleInTransaction,
    /// The longest time that a statement has waited for a lock, in seconds: 1, 10, 60.
    Blocked,
    /// Deadlocks per minute: 1, 10, 60. Over the window; a window shorter than a minute counts as a minute.
    Deadlocks,
    /// The share of transactions that were rolled back, in percent: degraded from 50, and never worse, since clients cause
    /// rollbacks with requests for rows that do not exist or exist already. Over the window. On a server, the transactions
    /// of all programs; on SQLite, those of this factory.
    Rollbacks,
    /// The share of the server's unreserved connections that is in use, in percent: 70, 85, 95.
    ServerConnections,
    /// The lag of a standby behind its primary, in seconds: 10, 60, 300.
    ReplicationLag,
    /// The largest lag of the factory's own [replicas](crate::Builder::replica), in seconds: degraded from 10, and never
    /// worse, since boundaries that prefer a replica run on the primary where there is none. Degraded as well if a replica
    /// cannot be reached, if its lag is not known, or if it is not a replica. A factory without replicas has no such check.
    Replicas,
    /// The age of the oldest unfrozen row of the server, in transactions: 500 million, 1,000 million, 1,600 million. At
    /// about 2,147 million, PostgreSQL refuses to write.
    TransactionAge,
    /// The length of InnoDB's history list, the undo records that open transactions may still read, in transactions:
    /// 100,000, 1 million, 5 million.
    HistoryLength,
    /// The size of SQLite's write-ahead log, in bytes: 64 MiB, 256 MiB, 1 GiB.
    WalSize,
    /// The share of runs of this factory's boundaries that found the database locked and were
    /// [retried](crate::Retry), in percent: 1, 5, 20. Over the window. Unhealthy while the whole file is locked
    /// exclusively, so that not even reads are possible.
    Busy,
    /// Whether the stored data is intact. It has no levels: corruption is critical. SQLite: `PRAGMA quick_check`, for at
    /// most half a second, once an hour. PostgreSQL: checksum failures.
    Integrity,
}

/// The unit of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Percent.
    Percent,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Events per minute.
    PerMinute,
    /// Transactions.
    Transactions,
    /// Bytes.
    Bytes,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Percent => "%",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::PerMinute => "per minute",
            Self::Transactions => "transactions",
            Self::Bytes => "bytes",
        })
    }
}

/// The side of a level on which a value is unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// At the level and above it.
    Above,
    /// Below the level.
    Below,
}

/// The properties of a kind.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Unit, side and default levels; `None` if the check only passes or fails.
    pub(super) levels: Option<(Unit, Side, [f64; 3])>,
    /// The recommendation if the check fails.
    pub(super) advice: &'static str,
}

const MIB: f64 = 1024.0 * 1024.0;

impl CheckKind {
    /// All kinds, in the order of a report. A report has those that apply to its database.
    pub const ALL: [Self; 19] = [
        Self::Connection,
        Self::Writable,
        Self::PoolUsage,
        Self::AverageStatement,
        Self::P99Statement,
        Self::CacheHits,
        Self::LongTransactions,
        Self::IdleInTransaction,
        Self::Blocked,
        Self::Deadlocks,
        Self::Rollbacks,
        Self::ServerConnections,
        Self::ReplicationLag,
        Self::Replicas,
        Self::TransactionAge,
        Self::HistoryLength,
        Self::WalSize,
        Self::Busy,
        Self::Integrity,
    ];

    /// Returns the name, in lower case and with underscores: `pool_usage`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the unit of its values and levels; `None` if it has none.
    pub fn unit(self) -> Option<Unit> {
        self.row().levels.map(|(unit, ..)| unit)
    }

    /// Returns the properties of the kind.
    pub(super) fn row(self) -> Row {
        use Side::{Above, Below};
        let row = |name, unit, side, levels, advice| Row {
            name,
            levels: Some((unit, side, levels)),
            advice,
        };
        match self {
            Self::Connection => row(
                "connection",
                Unit::Milliseconds,
                Above,
                [100.0, 500.0, 2_000.0],
                "look at the load of the server, and at the network between it and here",
            ),
            Self::Writable => Row {
                name: "writable",
                levels: None,
                advice: "connect the factory to the primary; if it only reads, set `TxOptions::read_only` in its defaults",
            },
            Self::PoolUsage => row(
                "pool_usage",
                Unit::Percent,
                Above,
                [70.0, 85.0, 95.0],
                "look for a boundary that waits for something other than the database, or raise `max_connections`",
            ),
            Self::AverageStatement => row(
                "average_statement",
                Unit::Milliseconds,
                Above,
                [100.0, 250.0, 500.0],
                "look at `db.stats()` for the boundaries that take long, and at the plans of their statements",
            ),
            Self::P99Statement => row(
                "p99_statement",
                Unit::Milliseconds,
                Above,
                [1_000.0, 2_500.0, 5_000.0],
                "look for statements that wait for locks, or whose plan is bad for some values",
            ),
            Self::CacheHits => row(
                "cache_hits",
                Unit::Percent,
                Below,
                [90.0, 80.0, 70.0],
                "give the server more memory for its cache (`shared_buffers`, `innodb_buffer_pool_size`), or look for \
                 statements that read whole tables for want of an index",
            ),
            Self::LongTransactions => row(
                "long_transactions",
                Unit::Seconds,
                Above,
                [60.0, 300.0, 900.0],
                "make the transaction shorter, or give its boundary a `timeout`: deleted rows and locks are kept while it is open",
            ),
            Self::IdleInTransaction => row(
                "idle_in_transaction",
                Unit::Seconds,
                Above,
                [10.0, 60.0, 300.0],
                "do work without the database before the first statement or after the commit; a `timeout` of the boundary, and \
                 its `idle_timeout` on PostgreSQL, end an idle transaction",
            ),
            Self::Blocked => row(
                "blocked",
                Unit::Seconds,
                Above,
                [1.0, 10.0, 60.0],
                "end the transaction that holds the lock, and make it shorter; a `lock_timeout` ends the wait",
            ),
            Self::Deadlocks => row(
                "deadlocks",
                Unit::PerMinute,
                Above,
                [1.0, 10.0, 60.0],
                "lock rows in the same order everywhere; a boundary with `retry` runs again",
            ),
            Self::Rollbacks => row(
                "rollbacks",
                Unit::Percent,
                Above,
                [50.0, f64::INFINITY, f64::INFINITY],
                "look at `db.stats()` for the boundaries that are rolled back, and at the log for why",
            ),
            Self::ServerConnections => row(
                "server_connections",
                Unit::Percent,
                Above,
                [70.0, 85.0, 95.0],
                "lower `max_connections` of the programs that share the server, put a pooler before it, or raise the \
                 server's limit",
            ),
            Self::ReplicationLag => row(
                "replication_lag",
                Unit::Seconds,
                Above,
                [10.0, 60.0, 300.0],
                "check that the standby is connected, that its disk and network keep up with the primary, and that no long query \
                 there delays the replay",
            ),
            Self::Replicas => row(
                "replicas",
                Unit::Seconds,
                Above,
                [10.0, f64::INFINITY, f64::INFINITY],
                "look at that replica, and at whether its URL still leads to one; boundaries with `replica = Require` fail \
                 while none can be reached",
            ),
            Self::TransactionAge => row(
                "transaction_age",
                Unit::Transactions,
                Above,
                [500e6, 1_000e6, 1_600e6],
                "let autovacuum run: end transactions, prepared ones and replication slots that are old, and \
                 `VACUUM (FREEZE)` that database",
            ),
            Self::HistoryLength => row(
                "history_length",
                Unit::Transactions,
                Above,
                [1e5, 1e6, 5e6],
                "end the oldest transaction: the rows that it may still read are not purged",
            ),
            Self::WalSize => row(
                "wal_size",
                Unit::Bytes,
                Above,
                [64.0 * MIB, 256.0 * MIB, 1024.0 * MIB],
                "end long reads, which keep the log from being checkpointed, and then run `PRAGMA wal_checkpoint(TRUNCATE)`",
            ),
            Self::Busy => row(
                "busy",
                Unit::Percent,
                Above,
                [1.0, 5.0, 20.0],
                "make writing boundaries shorter, raise `busy_timeout`, and let no other program keep the file locked",
            ),
            Self::Integrity => Row {
                name: "integrity",
                levels: None,
                advice: "stop writing to it, copy the data, and restore a backup: \
                         https://www.sqlite.org/howtocorrupt.html, \
                         https://www.postgresql.org/docs/current/checksums.html",
            },
        }
    }
}

impl fmt::Display for CheckKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_of_them_are_listed_once_and_have_names_of_their_own() {
        let names: BTreeSet<_> = CheckKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), CheckKind::ALL.len());
        assert!(CheckKind::ALL.is_sorted(), "in the order of the enum");
        assert_eq!(CheckKind::Integrity as usize + 1, CheckKind::ALL.len());
    }
}
