//! The isolation levels of the SQL standard.

/// How far a transaction is kept apart from those that run beside it.
///
/// The names are those of the SQL standard; what each level really prevents is the database's own
/// matter. SQLite knows only `Serializable`, and a boundary that asks it for another is refused.
///
/// They are ordered: what is greater keeps transactions further apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Each statement sees what was committed before it began.
    ReadCommitted,
    /// All statements see one snapshot.
    RepeatableRead,
    /// The outcome is that of some order of the transactions, one after the other.
    Serializable,
}

impl Isolation {
    /// The level as SQL writes it.
    #[must_use]
    pub const fn as_sql(self) -> &'static str {
        match self {
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}
