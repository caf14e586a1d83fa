//! The kinds of statements.

/// The kind of a statement, by its first words.
///
/// [`Kind::effect`] is its effect on the transaction, which differs by database.
///
/// ```
/// use demarcate_sql::{Dialect, Kind, statements};
///
/// let kinds: Vec<Kind> = statements("ROLLBACK WORK TO a; ROLLBACK", Dialect::Postgres).map(|s| s.kind).collect();
/// assert_eq!(kinds, [Kind::RollbackTo, Kind::Rollback]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `SELECT`, `VALUES`, `TABLE`, also in parentheses.
    Select,
    /// `INSERT`, `REPLACE`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
    /// `MERGE`.
    Merge,
    /// `WITH`, with any main statement.
    With,
    /// `INSERT OR ROLLBACK`, `UPDATE OR ROLLBACK` (SQLite).
    RollbackOnConflict,

    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, with and without `AND CHAIN`, and `END` where it means the same.
    Commit,
    /// `ROLLBACK` of the whole transaction, and `ABORT` where it means the same.
    Rollback,
    /// `SAVEPOINT`.
    Savepoint,
    /// `ROLLBACK TO`.
    RollbackTo,
    /// `RELEASE`.
    Release,
    /// `PREPARE TRANSACTION` (PostgreSQL).
    PrepareTransaction,
    /// `COMMIT PREPARED` (PostgreSQL).
    CommitPrepared,
    /// `ROLLBACK PREPARED` (PostgreSQL).
    RollbackPrepared,
    /// `XA START`, `XA END`, `XA PREPARE`, `XA COMMIT`, `XA ROLLBACK` (MySQL).
    Xa,

    /// `SET TRANSACTION`, and on PostgreSQL `SET transaction_isolation` and its like.
    SetTransaction,
    /// `SET CONSTRAINTS` (PostgreSQL).
    SetConstraints,
    /// `SET LOCAL` (PostgreSQL). On MySQL `LOCAL` means `SESSION`, and it is [`Kind::SetSession`].
    SetLocal,
    /// `SET`, `SET SESSION`, `SET NAMES`, `SET ROLE`, `SET SESSION CHARACTERISTICS` and their like.
    SetSession,
    /// `SET @variable` (MySQL).
    SetUserVariable,
    /// `SET GLOBAL`, `SET PERSIST`, `RESET PERSIST` (MySQL).
    SetGlobal,
    /// `SET autocommit`, in any of its spellings (MySQL).
    SetAutocommit,
    /// `SET` of what decides how later text is read: `sql_mode`, a client character set that is not UTF-8 (MySQL);
    /// `standard_conforming_strings`, `backslash_quote`, `client_encoding`, also by a `set_config` that can be seen
    /// (PostgreSQL).
    SetReading,
    /// `RESET` (PostgreSQL).
    Reset,
    /// `DISCARD` (PostgreSQL).
    Discard,
    /// `USE` (MySQL).
    Use,
    /// `LOAD` of a library (PostgreSQL).
    Load,

    /// `LISTEN` (PostgreSQL).
    Listen,
    /// `UNLISTEN` (PostgreSQL).
    Unlisten,
    /// `NOTIFY` (PostgreSQL).
    Notify,
    /// `PREPARE` of a statement, in SQL. On MySQL, `PREPARE a FROM 'commit'` is a [`Kind::Commit`]: a literal that holds
    /// what only the boundary may do is read through.
    Prepare,
    /// `EXECUTE`, and `EXECUTE IMMEDIATE` (MariaDB), whose literal is read through likewise.
    Execute,
    /// `DEALLOCATE`, and `DROP PREPARE` (MySQL).
    Deallocate,
    /// `DECLARE .. CURSOR`, which ends with the transaction (PostgreSQL).
    DeclareCursor,
    /// `DECLARE .. CURSOR WITH HOLD`, which outlives it (PostgreSQL).
    DeclareCursorWithHold,
    /// `HANDLER .. OPEN`: a cursor on a table, which stays open until it is closed (MySQL).
    HandlerOpen,

    /// `LOCK TABLE`, until the transaction ends (PostgreSQL).
    LockTable,
    /// `LOCK TABLES`, until `UNLOCK TABLES` (MySQL).
    LockTables,
    /// `UNLOCK TABLES` (MySQL).
    UnlockTables,

    /// `CREATE`, `ALTER`, `DROP`, `TRUNCATE`, `RENAME`, `GRANT`, `REVOKE`, `SET PASSWORD` and their like.
    Ddl,
    /// DDL that PostgreSQL runs outside a transaction only: `CREATE DATABASE`, `CREATE INDEX CONCURRENTLY` ..
    DdlOutside,
    /// `CREATE TEMPORARY`, `DROP TEMPORARY`: objects of the session.
    Temporary,
    /// `CREATE TEMPORARY TABLE .. ON COMMIT DROP` (PostgreSQL).
    TemporaryOnCommitDrop,
    /// `CREATE FUNCTION`, `PROCEDURE`, `TRIGGER` or `EVENT`, with its body.
    Routine,
    /// `ANALYZE`, `REINDEX`, `OPTIMIZE TABLE`, `FLUSH`, `START REPLICA` and their like.
    Maintenance,
    /// `VACUUM`.
    Vacuum,

    /// `COPY` (PostgreSQL), `LOAD DATA` (MySQL).
    Copy,
    /// `COPY .. FROM STDIN`, after which the server waits for data (PostgreSQL).
    CopyFromStdin,
    /// `COPY .. TO STDOUT`, whose rows do not come as those of a query do (PostgreSQL).
    CopyToStdout,
    /// `COPY .. TO 'file'`, `COPY .. TO PROGRAM 'command'`: the server writes the file, or runs the command (PostgreSQL).
    CopyToFile,
    /// `CALL`.
    Call,
    /// `DO`: a block of code (PostgreSQL), or an expression (MySQL).
    Do,
    /// `BEGIN NOT ATOMIC .. END`, or a bare `IF`, `LOOP`, `WHILE` .. (MariaDB), with nothing of the next kind inside.
    Compound,
    /// A compound statement in which some statement begins, ends or nests a transaction (MariaDB).
    CompoundControl,
    /// `EXPLAIN` that only plans. `EXPLAIN ANALYZE` runs its statement, and has that statement's kind.
    Explain,

    /// `ATTACH` (SQLite).
    Attach,
    /// `DETACH` (SQLite).
    Detach,
    /// `PRAGMA` that reads, or whose effect belongs to the database or the transaction (SQLite).
    Pragma,
    /// `PRAGMA` that changes the connection (SQLite).
    SetPragma,

    /// What servers of different versions read in different ways, because of an executable comment (MySQL): one that
    /// leaves a quote open or holds a semicolon, and everything after it.
    Ambiguous,
    /// Anything else: `SHOW`, `FETCH`, `KILL`, and text that is not SQL.
    Other,
}
