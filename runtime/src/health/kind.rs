//! What is checked, in which unit, and from where on it is sick.

use std::fmt;

/// One thing that is looked at.
///
/// Each says its unit, and the three values from which on it is [`Degraded`](super::Status::Degraded),
/// [`Unhealthy`](super::Status::Unhealthy) and [`Critical`](super::Status::Critical) where nothing else is
/// [set](super::Thresholds::levels).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CheckKind {
    /// How long the shortest question takes to be answered, in milliseconds: 100, 500, 2,000. Critical where no
    /// connection can be made, where there is no answer in time, and where the factory closes.
    Connection,
    /// Whether anything can be written, which has no levels: unhealthy on a standby and on a server, or a file, that
    /// is read-only, unless the factory's defaults are [read-only](crate::TxOptions::read_only) too.
    Writable,
    /// Connections of the pool that are in use, in percent: 70, 85, 95. A pool of one connection is either idle or
    /// full: it is judged while somebody waits for it.
    PoolUsage,
    /// How long a statement of this factory's takes on average, in milliseconds: 100, 250, 500. Over the
    /// [window](super::Thresholds::window).
    AverageStatement,
    /// How long all but the slowest hundredth of them take at most, in milliseconds: 1,000, 2,500, 5,000. Over the
    /// window.
    P99Statement,
    /// Reads that were answered from memory, in percent, sick *under* 90, 80, 70. Over the window, and in the first
    /// report since the server began to count. PostgreSQL: blocks of this database in shared buffers. MySQL and
    /// MariaDB: pages of the server in the buffer pool.
    CacheHits,
    /// How long the oldest transaction on this database has been open, in seconds: 60, 300, 900.
    ///
    /// InnoDB looks at its transactions anew only where nobody has read of them in the last 0.1 s, whoever that is: where
    /// several programs monitor a MySQL or MariaDB, together they should look less often than that.
    LongTransactions,
    /// How long a session has been idle in its transaction, in seconds: 10, 60, 300.
    IdleInTransaction,
    /// How long a statement has waited for a lock, in seconds: 1, 10, 60.
    Blocked,
    /// Deadlocks a minute: 1, 10, 60. Over the window, which counts as a minute where it is shorter.
    Deadlocks,
    /// Transactions that were rolled back, in percent: 50, and no worse than degraded: what clients ask for that does not
    /// exist, or is there already, is rolled back as well. Over the window. On servers those of everybody, on SQLite those of
    /// this factory.
    Rollbacks,
    /// Connections of the server that are in use, in percent of those that are not reserved: 70, 85, 95.
    ServerConnections,
    /// How far a standby is behind its primary, in seconds: 10, 60, 300.
    ReplicationLag,
    /// How many transactions old the oldest row of the server is that was not frozen, in transactions: 500 million,
    /// 1,000 million, 1,600 million. At about 2,147 million PostgreSQL stops to write.
    TransactionAge,
    /// How many changes InnoDB keeps for transactions that may still look at what was before them, in transactions:
    /// 100,000, 1 million, 5 million.
    HistoryLength,
    /// The size of SQLite's write-ahead log, in bytes: 64 MiB, 256 MiB, 1 GiB.
    WalSize,
    /// Runs of this factory's boundaries that met a locked database and were [tried again](crate::Retry), in percent: 1, 5,
    /// 20. Over the window. Unhealthy while somebody has locked the whole file, so that not even reading is possible.
    Busy,
    /// Whether what is stored is whole, which has no levels: critical where it is not. SQLite: `PRAGMA quick_check`,
    /// for half a second at most, once in an hour. PostgreSQL: failures of checksums.
    Integrity,
}

/// A number, and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Of a whole that is 100.
    Percent,
    /// Thousandths of a second.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Events a minute.
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

/// On which side of its levels a value is sick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// At a level and above.
    Above,
    /// Under it.
    Below,
}

/// What there is to know of a kind.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// `None` where it is one of two.
    pub(super) levels: Option<(Unit, Side, [f64; 3])>,
    /// What to do where it is sick.
    pub(super) advice: &'static str,
}

const MIB: f64 = 1024.0 * 1024.0;

impl CheckKind {
    /// Every kind, in the order of a report. Of each database there are those that it has.
    pub const ALL: [Self; 18] = [
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
        Self::TransactionAge,
        Self::HistoryLength,
        Self::WalSize,
        Self::Busy,
        Self::Integrity,
    ];

    /// Its name, in lower case and with underscores: `pool_usage`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// What its values and levels count; nothing where it has none.
    pub fn unit(self) -> Option<Unit> {
        self.row().levels.map(|(unit, ..)| unit)
    }

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
                advice: "point the factory to the primary; what only reads can say so: `TxOptions::read_only` among the \
                         factory's defaults",
            },
            Self::PoolUsage => row(
                "pool_usage",
                Unit::Percent,
                Above,
                [70.0, 85.0, 95.0],
                "look for a boundary that waits for something else than the database, or raise `max_connections`",
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
                "make the transaction shorter, or give its boundary a `timeout`: what was deleted and its locks stay for \
                 as long as it is open",
            ),
            Self::IdleInTransaction => row(
                "idle_in_transaction",
                Unit::Seconds,
                Above,
                [10.0, 60.0, 300.0],
                "do what is not of the database before the first statement or after the commit; a boundary's `timeout`, \
                 and its `idle_timeout` on PostgreSQL, end one that does not",
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
                "look whether the standby is connected, has the disk and the network for what the primary writes, and \
                 whether a long query there holds it up",
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
                "end the oldest transaction: what it could still look at is not purged",
            ),
            Self::WalSize => row(
                "wal_size",
                Unit::Bytes,
                Above,
                [64.0 * MIB, 256.0 * MIB, 1024.0 * MIB],
                "end what reads for long, which keeps the log from being written back, and then \
                 `PRAGMA wal_checkpoint(TRUNCATE)`",
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
                advice: "write no more to it, copy what there is, and restore a backup: \
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
