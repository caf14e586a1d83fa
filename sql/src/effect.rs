//! The effect of a statement on its transaction.

use crate::dialect::Dialect;
use crate::kind::Kind;

/// The effect of a statement on the transaction that it is sent in.
///
/// ```
/// use demarcate_sql::{Dialect, Effect, Kind};
///
/// // On MySQL DDL commits what came before it; elsewhere it is part of the transaction.
/// assert_eq!(Kind::Ddl.effect(Dialect::MySql), Effect::ImplicitCommit);
/// assert_eq!(Kind::Ddl.effect(Dialect::Sqlite), Effect::None);
/// assert!(Effect::ImplicitCommit.ends_transaction());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// It is part of the transaction, and leaves nothing behind.
    None,
    /// It begins a transaction. Inside one: a warning on PostgreSQL, an error on SQLite, a commit on MySQL.
    Begins,
    /// It commits.
    Commits,
    /// It rolls back.
    RollsBack,
    /// It sets, releases or returns to a savepoint.
    Nests,
    /// It is a step of a two-phase commit, which takes the transaction from its session.
    TwoPhase,
    /// It changes isolation, access mode or snapshot of the transaction (PostgreSQL) or of the next one (MySQL).
    Characteristics,
    /// It commits without having been asked to (MySQL).
    ImplicitCommit,
    /// It rolls the whole transaction back when a constraint is violated (SQLite).
    RollsBackOnConflict,
    /// It leaves something on the server's session, where the next user of the connection finds it.
    SessionState,
    /// It changes the server at once, and no rollback takes it back.
    ServerState,
    /// The database refuses it inside a transaction.
    OutsideOnly,
    /// It runs code that the text does not show and that may commit.
    Opaque,
    /// It changes how later text is read, so the effect of that text cannot be known beforehand.
    ChangesReading,
    /// It talks to the server in a way of its own, for which it needs the connection itself.
    NeedsConnection,
    /// It can be read in more than one way, so its effect is unknown.
    Ambiguous,
}

impl Effect {
    /// Whether the transaction is over afterwards, or can be.
    ///
    /// ```
    /// use demarcate_sql::Effect;
    ///
    /// assert!(Effect::Commits.ends_transaction());
    /// assert!(!Effect::Nests.ends_transaction());
    /// ```
    #[must_use]
    pub const fn ends_transaction(self) -> bool {
        matches!(
            self,
            Self::Commits
                | Self::RollsBack
                | Self::TwoPhase
                | Self::ImplicitCommit
                | Self::RollsBackOnConflict
                | Self::Ambiguous
        )
    }

    /// Whether it begins a transaction, or a savepoint's part of one.
    ///
    /// ```
    /// use demarcate_sql::Effect;
    ///
    /// assert!(Effect::Begins.begins_or_nests());
    /// assert!(Effect::Nests.begins_or_nests());
    /// ```
    #[must_use]
    pub const fn begins_or_nests(self) -> bool {
        matches!(self, Self::Begins | Self::Nests)
    }

    /// Whether it does what only the boundary may do: begin, end or nest, or can be read as if it did.
    ///
    /// Not [`Effect::Characteristics`] and [`Effect::OutsideOnly`], which the database judges itself, and not
    /// [`Effect::Opaque`], about which nothing is known.
    ///
    /// ```
    /// use demarcate_sql::Effect;
    ///
    /// assert!(Effect::ImplicitCommit.controls_transaction());
    /// assert!(!Effect::SessionState.controls_transaction());
    /// ```
    #[must_use]
    pub const fn controls_transaction(self) -> bool {
        self.ends_transaction() || self.begins_or_nests()
    }

    /// Whether it changes how later text is read.
    ///
    /// ```
    /// use demarcate_sql::{Dialect, statements};
    ///
    /// let set = statements("set @@session.sql_mode = 'ANSI_QUOTES'", Dialect::MySql).next().unwrap();
    /// assert!(set.effect().changes_reading());
    /// ```
    #[must_use]
    pub const fn changes_reading(self) -> bool {
        matches!(self, Self::ChangesReading)
    }

    /// Whether it needs the connection itself.
    ///
    /// ```
    /// use demarcate_sql::{Dialect, statements};
    ///
    /// let copy = statements("copy orders from stdin", Dialect::Postgres).next().unwrap();
    /// assert!(copy.effect().needs_connection());
    /// ```
    #[must_use]
    pub const fn needs_connection(self) -> bool {
        matches!(self, Self::NeedsConnection)
    }

    /// Whether a session must not send it: it controls the transaction or sets its characteristics, changes how later
    /// text is read, or needs the connection itself. It is what [`guard`](crate::guard) looks for.
    ///
    /// ```
    /// use demarcate_sql::Effect;
    ///
    /// assert!(Effect::Characteristics.is_guarded());
    /// assert!(Effect::Ambiguous.is_guarded());
    /// assert!(!Effect::SessionState.is_guarded());
    /// ```
    #[must_use]
    pub const fn is_guarded(self) -> bool {
        self.controls_transaction()
            || self.changes_reading()
            || self.needs_connection()
            || matches!(self, Self::Characteristics)
    }

    /// Whether something stays on the server's session after the transaction.
    ///
    /// ```
    /// use demarcate_sql::Effect;
    ///
    /// assert!(Effect::SessionState.leaks_to_session());
    /// ```
    #[must_use]
    pub const fn leaks_to_session(self) -> bool {
        matches!(self, Self::SessionState)
    }
}

impl Kind {
    /// Returns the effect of a statement of this kind on the transaction that it is sent in.
    ///
    /// ```
    /// use demarcate_sql::{Dialect, Effect, Kind};
    ///
    /// // PostgreSQL refuses COMMIT inside a procedure that was called in a transaction; MySQL does not.
    /// assert_eq!(Kind::Call.effect(Dialect::Postgres), Effect::None);
    /// assert_eq!(Kind::Call.effect(Dialect::MySql), Effect::Opaque);
    /// ```
    #[must_use]
    pub const fn effect(self, dialect: Dialect) -> Effect {
        let mysql = matches!(dialect, Dialect::MySql);
        match self {
            Self::Begin => Effect::Begins,
            Self::Commit => Effect::Commits,
            Self::Rollback => Effect::RollsBack,
            Self::Savepoint | Self::RollbackTo | Self::Release => Effect::Nests,
            Self::PrepareTransaction | Self::CommitPrepared | Self::RollbackPrepared | Self::Xa => {
                Effect::TwoPhase
            }
            Self::SetTransaction => Effect::Characteristics,
            // SQLite, "The ON CONFLICT Clause": ROLLBACK "aborts the current SQL statement [..] and rolls back
            // the current transaction".
            Self::RollbackOnConflict => Effect::RollsBackOnConflict,

            // MySQL 8.4 manual 15.3.3, "Statements That Cause an Implicit Commit"; MariaDB knowledge base, "SQL
            // statements that cause an implicit commit". `SET autocommit` does where it changes 0 to 1, and UNLOCK
            // TABLES where a lock is held: neither is seen in the text, so both always count.
            Self::Ddl | Self::Routine | Self::Maintenance if mysql => Effect::ImplicitCommit,
            Self::SetAutocommit | Self::LockTables | Self::UnlockTables | Self::CompoundControl => {
                Effect::ImplicitCommit
            }
            // PostgreSQL, "CALL" and "DO": in a transaction block the procedure cannot execute transaction control
            // statements (2D000). MySQL 8.4 manual 27.8 forbids that in functions and triggers only.
            Self::Call | Self::Execute | Self::Compound if mysql => Effect::Opaque,

            Self::SetSession
            | Self::SetUserVariable
            | Self::Reset
            | Self::Discard
            | Self::Use
            | Self::Load
            | Self::Listen
            | Self::Unlisten
            | Self::Prepare
            | Self::Deallocate
            | Self::DeclareCursorWithHold
            | Self::HandlerOpen
            | Self::Temporary
            | Self::Attach
            | Self::Detach
            | Self::SetPragma => Effect::SessionState,
            Self::SetGlobal | Self::CopyToFile => Effect::ServerState,
            // MySQL 8.4 manual 7.1.11, ANSI_QUOTES and NO_BACKSLASH_ESCAPES; PostgreSQL 20.13.1.
            Self::SetReading => Effect::ChangesReading,
            // PostgreSQL 53.2.6 "COPY Operations".
            Self::CopyFromStdin | Self::CopyToStdout => Effect::NeedsConnection,
            Self::Ambiguous => Effect::Ambiguous,
            Self::Vacuum | Self::DdlOutside => Effect::OutsideOnly,

            Self::Select
            | Self::Insert
            | Self::Update
            | Self::Delete
            | Self::Merge
            | Self::With
            | Self::SetConstraints
            | Self::SetLocal
            | Self::Notify
            | Self::Execute
            | Self::DeclareCursor
            | Self::LockTable
            | Self::Ddl
            | Self::TemporaryOnCommitDrop
            | Self::Routine
            | Self::Maintenance
            | Self::Copy
            | Self::Call
            | Self::Do
            | Self::Compound
            | Self::Explain
            | Self::Pragma
            | Self::Other => Effect::None,
        }
    }
}
