//! The kind of a `CREATE` or `ALTER`, and how it holds a body.

use super::words::Head;
use crate::dialect::Dialect;
use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::stored_body::Body;
use crate::temporary;

/// Reads on after `CREATE`.
pub(super) fn read(lexer: &mut Lexer<'_>) -> Head {
    use Dialect::{MySql, Postgres, Sqlite};
    let dialect = lexer.dialect();
    let mut temporary = false;
    loop {
        let Some(token) = lexer.next_inside() else {
            return Kind::Ddl.into();
        };
        let body = match (token.keyword().as_bytes(), dialect) {
            (b"or" | b"replace" | b"unique" | b"constraint", _) => continue,
            (b"aggregate", MySql) => continue,
            (b"local" | b"global", Postgres) => continue,
            // MySQL 8.4 manual 15.3.3: `CREATE TABLE` and `DROP TABLE` do not commit "if the `TEMPORARY` keyword is
            // used". MariaDB's `CREATE TEMPORARY SEQUENCE` does.
            (b"temporary", MySql) if lexer.accept_any(&["table", "tables"]) => {
                return Kind::Temporary.into();
            }
            (b"temp" | b"temporary", Postgres | Sqlite) => {
                temporary = true;
                continue;
            }
            (b"definer", MySql) => {
                skip_definer(lexer);
                continue;
            }
            (b"function" | b"procedure", Postgres) => {
                temporary |= is_in_schema_of_temporaries(lexer);
                Body::Atomic
            }
            (b"trigger", Sqlite) => {
                temporary |= is_in_schema_of_temporaries(lexer);
                Body::Trigger
            }
            (b"function" | b"procedure" | b"trigger" | b"event" | b"package", MySql) => {
                Body::Routine
            }
            (b"trigger", Postgres) => Body::None,
            (b"rule", Postgres) => {
                return Head {
                    kind: Kind::Ddl,
                    body: Body::Parentheses,
                };
            }
            (b"database" | b"tablespace", Postgres) => return Kind::DdlOutside.into(),
            (b"index", Postgres) if lexer.accept("concurrently") => return Kind::DdlOutside.into(),
            _ if temporary && dialect == Postgres && drops_on_commit(lexer) => {
                return Kind::TemporaryOnCommitDrop.into();
            }
            _ if temporary => return Kind::Temporary.into(),
            _ if is_in_schema_of_temporaries(lexer) => {
                return match drops_on_commit(lexer) {
                    true if dialect == Postgres => Kind::TemporaryOnCommitDrop.into(),
                    _ => Kind::Temporary.into(),
                };
            }
            _ => return Kind::Ddl.into(),
        };
        return Head {
            kind: if temporary {
                Kind::Temporary
            } else {
                Kind::Routine
            },
            body,
        };
    }
}

/// `TABLE [IF NOT EXISTS] pg_temp.name`, behind its first word, and what else can be made in that schema.
fn is_in_schema_of_temporaries(lexer: &mut Lexer<'_>) -> bool {
    const BEFORE_A_NAME: [&str; 17] = [
        "class",
        "configuration",
        "conversion",
        "dictionary",
        "exists",
        "family",
        "if",
        "not",
        "parser",
        "recursive",
        "search",
        "table",
        "template",
        // `UNLOGGED`, `MATERIALIZED` and `FOREIGN` were the first word.
        "sequence",
        "text",
        "view",
        "virtual",
    ];
    let mut name = *lexer;
    while !temporary::is_in_schema(name) {
        if !name.accept_any(&BEFORE_A_NAME) {
            return false;
        }
    }
    true
}

/// Reads on after MySQL's `ALTER`, of which only `ALTER EVENT .. DO` has a body.
pub(super) fn read_alter(lexer: &mut Lexer<'_>) -> Head {
    if lexer.accept("definer") {
        skip_definer(lexer);
    }
    if lexer.accept("event") {
        return Head {
            kind: Kind::Routine,
            body: Body::Routine,
        };
    }
    Kind::Ddl.into()
}

/// Reads past `TEMPORARY TABLE`.
pub(super) fn is_temporary_table(lexer: &mut Lexer<'_>) -> bool {
    lexer.accept("temporary") && lexer.accept_any(&["table", "tables"])
}

/// `= 'user'@'host'`, `= user`, `= CURRENT_USER()`.
fn skip_definer(lexer: &mut Lexer<'_>) {
    lexer.accept_mark(b'=');
    lexer.next_inside();
    if lexer.accept_mark(b'(') {
        lexer.accept_mark(b')');
    }
    if lexer.accept_mark(b'@') {
        lexer.next_inside();
    }
}

/// `ON COMMIT DROP`: PostgreSQL, "CREATE TABLE".
fn drops_on_commit(lexer: &mut Lexer<'_>) -> bool {
    while let Some(token) = lexer.next_inside() {
        if token.is("on") && lexer.accept("commit") && lexer.accept("drop") {
            return true;
        }
    }
    false
}
