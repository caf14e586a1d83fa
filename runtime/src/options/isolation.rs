//! The isolation levels of the SQL standard.

/// How far a transaction is isolated from concurrent ones.
///
/// The names are those of the SQL standard; which anomalies a level prevents depends on the database.
/// SQLite has only `Serializable`: a boundary with another level is rejected there.
///
/// The levels are ordered, from weaker to stronger isolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Each statement sees the data committed before the statement began.
    ReadCommitted,
    /// All statements see one snapshot.
    RepeatableRead,
    /// The result is the same as if the transactions had run one after the other, in some order.
    Serializable,
}

impl Isolation {
    /// Returns the level in SQL syntax.
    #[must_use]
    pub const fn as_sql(self) -> &'static str {
        match self {
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}
