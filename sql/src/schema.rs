//! What changes the schema, so that statements that were prepared before it may no longer fit.

use crate::dialect::Dialect;
use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::scan::any_three;
use crate::split::Statement;

impl Kind {
    /// Whether a statement of this kind can change the schema: [`Statement::changes_schema`], which has the text, says
    /// whether it does.
    ///
    /// ```
    /// use demarcate_sql::{Dialect, Kind};
    ///
    /// assert!(Kind::Ddl.may_change_schema(Dialect::Postgres));
    /// assert!(!Kind::Update.may_change_schema(Dialect::Postgres));
    /// // Of `sqlite_schema`.
    /// assert!(Kind::Update.may_change_schema(Dialect::Sqlite));
    /// ```
    #[must_use]
    pub const fn may_change_schema(self, dialect: Dialect) -> bool {
        match self {
            Self::Ddl
            | Self::DdlOutside
            | Self::Temporary
            | Self::TemporaryOnCommitDrop
            | Self::Routine
            | Self::Ambiguous => true,
            // The code of a procedure or a block.
            Self::Call | Self::Do if matches!(dialect, Dialect::Postgres) => true,
            Self::Call | Self::Execute | Self::Compound | Self::CompoundControl => {
                matches!(dialect, Dialect::MySql)
            }
            Self::Maintenance
            | Self::Vacuum
            | Self::Attach
            | Self::Detach
            | Self::Pragma
            | Self::SetPragma
            | Self::Insert
            | Self::Update
            | Self::Delete
            | Self::With
            | Self::RollbackOnConflict => matches!(dialect, Dialect::Sqlite),
            _ => false,
        }
    }
}

impl Statement<'_> {
    /// Whether it changes the schema, or may: it creates, alters or drops, or it runs code that the text does not show.
    ///
    /// On SQLite also what has every statement prepared again (`ANALYZE`, `REINDEX`, `VACUUM`, `ATTACH`, a `PRAGMA` that
    /// changes the connection, `PRAGMA optimize`), and writes to `sqlite_schema`.
    ///
    /// A function that a query calls is not seen, nor a table that PostgreSQL's `SELECT .. INTO` makes.
    ///
    /// ```
    /// use demarcate_sql::{Dialect, statements};
    ///
    /// let changes = |sql, dialect| statements(sql, dialect).next().unwrap().changes_schema();
    /// assert!(changes("alter table orders add note text", Dialect::Postgres));
    /// assert!(!changes("truncate orders", Dialect::Postgres));
    /// assert!(changes("update sqlite_schema set sql = ?", Dialect::Sqlite));
    /// ```
    #[must_use]
    pub fn changes_schema(&self) -> bool {
        let mut words = Lexer::new(self.text, self.dialect);
        match self.kind {
            Kind::Ddl => !words.accept_any(&[
                "truncate", "grant", "revoke", "comment", "security", "reassign", "refresh",
            ]),
            Kind::Pragma => words.any(|word| word.names("optimize")),
            Kind::RollbackOnConflict if words.accept_any(&["create", "alter"]) => true,
            Kind::Insert | Kind::Update | Kind::Delete | Kind::With | Kind::RollbackOnConflict => {
                self.dialect == Dialect::Sqlite && mentions_schema(self.text)
            }
            kind => kind.may_change_schema(self.dialect),
        }
    }
}

/// Whether a text of SQLite names one of the tables that hold its schema, in any quotes.
fn mentions_schema(sql: &str) -> bool {
    const TABLES: [&str; 4] = [
        "sqlite_schema",
        "sqlite_master",
        "sqlite_temp_schema",
        "sqlite_temp_master",
    ];
    let sql = sql.as_bytes();
    any_three(sql, may_name)
        && TABLES.into_iter().any(|table| {
            sql.windows(table.len())
                .any(|window| window.eq_ignore_ascii_case(table.as_bytes()))
        })
}

/// `qli`, which all of these names have in them, in either case.
pub(crate) fn may_name(a: u8, b: u8, c: u8) -> bool {
    ((a | 0x20) == b'q') & ((b | 0x20) == b'l') & ((c | 0x20) == b'i')
}

#[cfg(test)]
mod tests {
    use crate::{Dialect, is_plain, is_single, statements};

    #[track_caller]
    fn check(dialect: Dialect, changes: bool, texts: &[&str]) {
        for sql in texts {
            let found = statements(sql, dialect).any(|statement| statement.changes_schema());
            assert_eq!(found, changes, "{dialect:?}: {sql}");
            assert!(!(changes && is_plain(sql, dialect)), "{dialect:?}: {sql}");
        }
    }

    #[test]
    fn what_creates_alters_or_drops() {
        for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
            check(
                dialect,
                true,
                &[
                    "create table t (id int)",
                    "/* a */ alter table t add b int",
                    "select 1; drop table t",
                    "create temporary table t (id int)",
                    "create view v as select 1",
                ],
            );
            check(
                dialect,
                false,
                &[
                    "select 'create table t (id int)' from a",
                    "insert into t values ('drop table t')",
                    "with a as (select 1) select * from a",
                    "explain select 1",
                    "",
                ],
            );
        }
    }

    #[test]
    fn what_may_run_it_unseen() {
        check(
            Dialect::Postgres,
            true,
            &[
                "call grow()",
                "do $$ begin execute 'create table t ()'; end $$",
                "explain analyze create table t as select 1",
                "create temp table t (id int) on commit drop",
                "create index concurrently i on t (a)",
                "create function f() returns int language sql return 1",
            ],
        );
        check(
            Dialect::Postgres,
            false,
            &[
                "truncate t",
                "grant select on t to a",
                "comment on table t is 'a'",
                "refresh materialized view v",
                "execute a",
                "analyze t",
                "update sqlite_master set a = 1",
            ],
        );
        check(
            Dialect::MySql,
            true,
            &[
                "call grow()",
                "execute p",
                "begin not atomic drop table t; end",
                "begin not atomic select 1; end",
                "select 1 /*!50701 ' */; drop table t; -- '",
            ],
        );
        check(Dialect::MySql, false, &["do sleep(1)", "set @a = 1"]);
    }

    #[test]
    fn what_has_sqlite_prepare_again() {
        check(
            Dialect::Sqlite,
            true,
            &[
                "analyze",
                "reindex t",
                "vacuum",
                "attach 'a.db' as a",
                "detach a",
                "pragma writable_schema = on",
                "pragma writable_schema(1)",
                "pragma schema_version = 7",
                "pragma optimize",
                "update sqlite_schema set sql = ?",
                "update main.\"SQLite_Master\" set sql = ?",
                "delete from 'sqlite_temp_master' where name = ?",
                "with a as (select 1) insert into sqlite_master select * from a",
            ],
        );
        check(
            Dialect::Sqlite,
            false,
            &[
                "select sql from sqlite_schema",
                "pragma schema_version",
                "pragma table_info(t)",
                "pragma user_version = 3",
                "pragma defer_foreign_keys = on",
            ],
        );
    }

    #[test]
    fn one_statement_is_single() {
        for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
            for sql in [
                "select 1",
                " select 1 ; ;\n",
                "/* a; b */ select 1 -- c; d",
                "select ';' ; -- behind it",
                "create table t (a int)",
            ] {
                assert!(is_single(sql, dialect), "{dialect:?}: {sql}");
            }
            for sql in [
                "",
                " -- select 1",
                ";;",
                "select 1; select 2",
                "select 1;select 2;",
            ] {
                assert!(!is_single(sql, dialect), "{dialect:?}: {sql}");
                assert!(!is_plain(sql, dialect), "{dialect:?}: {sql}");
            }
        }
        let trigger = "create trigger t after insert on a begin delete from b; delete from c; end;";
        assert!(is_single(trigger, Dialect::Sqlite));
    }
}
