//! The kind of one statement, from its first words.

use super::set::POSTGRES_READING;
use super::words::{Head, InLiteral};
use super::{create, dynamic, pragma, set};
use crate::dialect::Dialect;
use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::set_statement::skip_statement_variables;
use crate::stored_body::Body;
use crate::token::Shape;

/// Reads the statement that starts here, but not the statements inside a compound one.
pub(crate) fn read(mut lexer: Lexer<'_>, in_literal: InLiteral) -> Head {
    let dialect = lexer.dialect();
    let mut reading = false;
    let mut head = read_wrapped(&mut lexer, &mut reading, in_literal);
    if head.kind == Kind::Compound {
        head.body = Body::Compound;
    }
    if reading && !head.kind.effect(dialect).controls_transaction() {
        head.kind = Kind::SetReading;
    }
    head
}

/// Sets `reading` where a wrapper around the statement changes how text is read.
fn read_wrapped(lexer: &mut Lexer<'_>, reading: &mut bool, in_literal: InLiteral) -> Head {
    use Dialect::{MySql, Postgres, Sqlite};
    let dialect = lexer.dialect();
    // Round again for a statement that wraps the one which follows.
    loop {
        let Some(first) = lexer.next_inside() else {
            return Kind::Other.into();
        };
        if first.is_mark(b'(') {
            continue;
        }
        let kind = match (first.keyword().as_bytes(), dialect) {
            (b"select" | b"values", _) => Kind::Select,
            (b"insert" | b"update", Sqlite) if rolls_back_on_conflict(lexer) => {
                Kind::RollbackOnConflict
            }
            (b"insert" | b"replace", _) => Kind::Insert,
            (b"update", _) => Kind::Update,
            (b"delete", _) => Kind::Delete,
            (b"with", Sqlite) if main_rolls_back_on_conflict(*lexer) => Kind::RollbackOnConflict,
            (b"with", _) => Kind::With,
            (b"merge", _) => Kind::Merge,
            (b"table", _) => Kind::Select,

            (b"begin", MySql) if lexer.accept("not") => Kind::Compound,
            (b"if" | b"case" | b"loop" | b"while" | b"repeat" | b"for", MySql) => Kind::Compound,
            (b"begin", _) => Kind::Begin,
            (b"start", _) => start_what(lexer),
            (b"commit", Postgres) if lexer.accept("prepared") => Kind::CommitPrepared,
            (b"commit", _) | (b"end", Postgres | Sqlite) => Kind::Commit,
            (b"rollback", _) => rollback(lexer),
            (b"abort", Postgres) => Kind::Rollback,
            (b"savepoint", _) => Kind::Savepoint,
            (b"release", _) => Kind::Release,
            (b"xa", MySql) if !lexer.accept("recover") => Kind::Xa,

            (b"set", MySql) => {
                // MariaDB's `SET STATEMENT a = 1 FOR b` runs b.
                if lexer.accept("statement")
                    && let Some(changes) = skip_statement_variables(lexer)
                {
                    *reading |= changes;
                    continue;
                }
                set::mysql(lexer)
            }
            (b"set", Postgres) => set::postgres(lexer),
            (b"reset", MySql) if lexer.accept("persist") => Kind::SetGlobal,
            (b"reset", MySql) => Kind::Maintenance,
            (b"reset", Postgres) => Kind::Reset,
            (b"discard", Postgres) => Kind::Discard,
            (b"use", MySql) => Kind::Use,
            (b"load", Postgres) => Kind::Load,
            (b"load", MySql) if lexer.accept("index") => Kind::Maintenance,
            (b"load", MySql) if lexer.accept_any(&["data", "xml"]) => Kind::Copy,
            (b"copy", Postgres) => copy(lexer),

            (b"listen", Postgres) => Kind::Listen,
            (b"unlisten", Postgres) => Kind::Unlisten,
            (b"notify", Postgres) => Kind::Notify,
            (b"prepare", Postgres) if prepares_transaction(lexer) => Kind::PrepareTransaction,
            (b"prepare", Postgres) => Kind::Prepare,
            (b"execute", Postgres) => Kind::Execute,
            (b"prepare", MySql) => dynamic::prepare(lexer, in_literal),
            (b"execute", MySql) => dynamic::execute(lexer, in_literal),
            (b"deallocate", Postgres | MySql) => Kind::Deallocate,
            (b"declare", Postgres) => declare(lexer),

            (b"handler", MySql) if opens_handler(lexer) => Kind::HandlerOpen,
            (b"lock", Postgres) => Kind::LockTable,
            (b"lock", MySql) => Kind::LockTables,
            (b"unlock", MySql) => Kind::UnlockTables,

            (b"create", _) => return create::read(lexer),
            (b"drop", MySql) if create::is_temporary_table(lexer) => Kind::Temporary,
            (b"drop", MySql) if lexer.accept("prepare") => Kind::Deallocate,
            (b"drop", Postgres) => drop_what(lexer),
            (b"alter", Postgres) if lexer.accept("system") => Kind::DdlOutside,
            (b"alter", MySql) => return create::read_alter(lexer),
            (b"alter" | b"drop", _) => Kind::Ddl,
            (b"truncate" | b"grant" | b"revoke", Postgres | MySql) => Kind::Ddl,
            (b"rename" | b"install" | b"uninstall", MySql) => Kind::Ddl,
            (b"comment" | b"security" | b"reassign" | b"refresh" | b"import", Postgres) => {
                Kind::Ddl
            }

            (b"analyze", MySql) => {
                lexer.accept_any(&["no_write_to_binlog", "local"]);
                if !lexer.accept_any(&["table", "tables"]) {
                    // MariaDB's `ANALYZE FORMAT=JSON a` runs a.
                    skip_format(lexer);
                    continue;
                }
                Kind::Maintenance
            }
            (b"explain" | b"describe" | b"desc", _) => {
                if explain_runs(lexer) {
                    continue;
                }
                Kind::Explain
            }
            (b"analyze", _) => Kind::Maintenance,
            (b"reindex", Postgres) => reindex(lexer),
            (b"cluster", Postgres) if is_whole_database(lexer) => Kind::DdlOutside,
            (b"reindex", Sqlite) | (b"cluster" | b"checkpoint", Postgres) => Kind::Maintenance,
            (
                b"optimize" | b"repair" | b"check" | b"cache" | b"flush" | b"change" | b"stop",
                MySql,
            ) => Kind::Maintenance,
            // `BINLOG` runs events of a log, which may commit.
            (b"import" | b"clone" | b"backup" | b"binlog", MySql) => Kind::Maintenance,
            (b"vacuum", Postgres | Sqlite) => Kind::Vacuum,

            (b"call", _) => Kind::Call,
            (b"do", Postgres) if mentions_reading(lexer) => Kind::SetReading,
            (b"do", _) => Kind::Do,

            (b"attach", Sqlite) => Kind::Attach,
            (b"detach", Sqlite) => Kind::Detach,
            (b"pragma", Sqlite) => pragma::read(lexer),

            _ => Kind::Other,
        };
        return kind.into();
    }
}

/// `START TRANSACTION` begins one; `START REPLICA` and its like are MySQL's.
fn start_what(lexer: &mut Lexer<'_>) -> Kind {
    match lexer.dialect() {
        _ if lexer.accept("transaction") => Kind::Begin,
        Dialect::MySql => Kind::Maintenance,
        _ => Kind::Other,
    }
}

/// `ROLLBACK [WORK | TRANSACTION [name]] [TO ..]`, where only SQLite has the name.
fn rollback(lexer: &mut Lexer<'_>) -> Kind {
    if lexer.dialect() == Dialect::Postgres && lexer.accept("prepared") {
        return Kind::RollbackPrepared;
    }
    if lexer.accept_any(&["work", "transaction"])
        && lexer.dialect() == Dialect::Sqlite
        && !lexer.peek().is_some_and(|next| next.is("to"))
    {
        lexer.next_inside();
    }
    if lexer.accept("to") {
        Kind::RollbackTo
    } else {
        Kind::Rollback
    }
}

/// `PREPARE TRANSACTION 'id'`, and not a statement of that name: `PREPARE transaction AS ..`.
fn prepares_transaction(lexer: &mut Lexer<'_>) -> bool {
    lexer.accept("transaction")
        && !lexer
            .peek()
            .is_some_and(|next| next.is("as") || next.is_mark(b'('))
}

/// `INSERT OR ROLLBACK`: SQLite, "The ON CONFLICT Clause".
fn rolls_back_on_conflict(lexer: &mut Lexer<'_>) -> bool {
    lexer.accept("or") && lexer.accept("rollback")
}

/// The same after `WITH a AS (..)`. `INSERT` and `UPDATE` are reserved, so that they are no names.
fn main_rolls_back_on_conflict(mut lexer: Lexer<'_>) -> bool {
    while let Some(token) = lexer.next_inside() {
        if token.is_any(&["insert", "update"]) {
            return rolls_back_on_conflict(&mut lexer);
        }
    }
    false
}

/// `DECLARE a CURSOR [WITH | WITHOUT] HOLD FOR ..`.
fn declare(lexer: &mut Lexer<'_>) -> Kind {
    while let Some(token) = lexer.next_inside() {
        if token.is("cursor") {
            let holds = lexer.accept("with") && lexer.accept("hold");
            return if holds {
                Kind::DeclareCursorWithHold
            } else {
                Kind::DeclareCursor
            };
        }
    }
    Kind::Other
}

/// `COPY t (a, b) FROM STDIN` and `TO STDOUT`, where either word means both (`copy_file_name` in PostgreSQL's gram.y).
fn copy(lexer: &mut Lexer<'_>) -> Kind {
    let mut depth = 0_usize;
    while let Some(token) = lexer.next_inside() {
        match token.shape {
            Shape::Mark(b'(') => depth += 1,
            Shape::Mark(b')') => depth = depth.saturating_sub(1),
            _ if depth == 0 && token.is_any(&["from", "to"]) => {
                return match lexer.accept_any(&["stdin", "stdout"]) {
                    true if token.is("from") => Kind::CopyFromStdin,
                    true => Kind::CopyToStdout,
                    false if token.is("to") && names_file(lexer) => Kind::CopyToFile,
                    false => Kind::Copy,
                };
            }
            _ => {}
        }
    }
    Kind::Copy
}

/// `[PROGRAM] 'a'`
fn names_file(lexer: &mut Lexer<'_>) -> bool {
    lexer.accept("program");
    lexer
        .peek()
        .is_some_and(|next| next.shape == Shape::Text || next.is("u"))
}

/// `HANDLER [a.]b OPEN [[AS] c]`: MySQL 8.4 manual 15.2.5, MariaDB "HANDLER".
fn opens_handler(lexer: &mut Lexer<'_>) -> bool {
    lexer.next_inside();
    while lexer.accept_mark(b'.') {
        lexer.next_inside();
    }
    lexer.accept("open")
}

/// Whether a block of PostgreSQL's code names a setting that changes how text is read.
fn mentions_reading(lexer: &mut Lexer<'_>) -> bool {
    let mut code = *lexer;
    core::iter::from_fn(|| code.next_inside()).any(|token| {
        token.shape == Shape::Text
            && POSTGRES_READING.iter().any(|setting| {
                let mut windows = token.text.as_bytes().windows(setting.len());
                windows.any(|window| window.eq_ignore_ascii_case(setting.as_bytes()))
            })
    })
}

/// PostgreSQL's `DROP DATABASE`, `DROP TABLESPACE` and `DROP INDEX CONCURRENTLY` "cannot be executed inside a
/// transaction block".
fn drop_what(lexer: &mut Lexer<'_>) -> Kind {
    let outside = lexer.accept_any(&["database", "tablespace"])
        || (lexer.accept("index") && lexer.accept("concurrently"));
    if outside { Kind::DdlOutside } else { Kind::Ddl }
}

/// PostgreSQL's `REINDEX [(..)] DATABASE`, `SYSTEM` or `CONCURRENTLY`: likewise.
fn reindex(lexer: &mut Lexer<'_>) -> Kind {
    while let Some(token) = lexer.next_inside() {
        if token.is_any(&["database", "system", "concurrently"]) {
            return Kind::DdlOutside;
        }
    }
    Kind::Maintenance
}

/// PostgreSQL's `CLUSTER` without a table: likewise.
fn is_whole_database(lexer: &mut Lexer<'_>) -> bool {
    lexer.accept("verbose");
    lexer.next_inside().is_none()
}

/// Reads past the options of an `EXPLAIN`, and says whether it runs its statement: PostgreSQL, "EXPLAIN", "`ANALYZE`:
/// carry out the command"; MySQL 8.4 manual 15.8.2, "`EXPLAIN ANALYZE` runs the statement".
fn explain_runs(lexer: &mut Lexer<'_>) -> bool {
    if lexer.dialect() == Dialect::Postgres && lexer.accept_mark(b'(') {
        let mut runs = false;
        while let Some(token) = lexer.next_inside() {
            if token.is_mark(b')') {
                break;
            }
            if token.is_any(&["analyze", "analyse"]) {
                runs = !lexer
                    .peek()
                    .is_some_and(|value| value.is_any(&["false", "off"]) || value.text == "0");
            }
        }
        return runs;
    }
    let runs = lexer.dialect() != Dialect::Sqlite && lexer.accept_any(&["analyze", "analyse"]);
    if runs {
        lexer.accept("verbose");
        skip_format(lexer);
    }
    runs
}

/// `FORMAT = JSON`.
fn skip_format(lexer: &mut Lexer<'_>) {
    if lexer.accept("format")
        && lexer.accept_mark(b'=')
        && lexer.peek().is_some_and(|name| name.shape == Shape::Word)
    {
        lexer.next_inside();
    }
}
