//! The guard: what it finds, and that its short cut never disagrees with the whole reading.

use demarcate_sql::Dialect::{self, MySql, Postgres, Sqlite};
use demarcate_sql::{Effect, Kind, find, is_plain, statements, transaction_control};

fn found(sql: &str, dialect: Dialect) -> Option<(Kind, usize)> {
    transaction_control(sql, dialect).map(|statement| (statement.kind, statement.offset))
}

#[test]
fn plain_statements_pass() {
    for dialect in [Postgres, MySql, Sqlite] {
        for sql in [
            "",
            ";",
            " ; ",
            "select * from orders where id = $1",
            "select * from orders where id = $1;",
            "SELECT\n1;\n",
            "insert into orders values ('commit; rollback')",
            "update orders set a = 'x''; commit'",
            "delete from orders /* ; commit */",
            "with a as (select 1) select * from a",
            "explain select 1",
            "select begin, \"commit\" from rollback",
        ] {
            assert_eq!(found(sql, dialect), None, "{dialect:?}: {sql}");
        }
    }
}

/// Of those that could be plain, the ones that are; on any database, however they end.
#[test]
fn what_is_plain_is_seen_to_be() {
    for dialect in [Postgres, MySql, Sqlite] {
        for sql in [
            "select 1",
            "select id from orders where id = $1",
            " SELECT\n* from orders where created_at < now() and is_open ; \n;",
            "insert into orders (id, sku, amount, state, note) values ($1, $2, $3, $4, $5)",
            "update orders set state = $1 where id = $2",
            "delete from orders",
        ] {
            assert!(is_plain(sql, dialect), "{dialect:?}: {sql}");
        }
        for sql in [
            "",
            ";",
            "select",
            "select 1;a",
            "select 1; commit",
            "select a;;b",
            "selects 1",
            "set a = 1",
        ] {
            assert!(!is_plain(sql, dialect), "{dialect:?}: {sql}");
        }
    }
    for sql in [
        "insert or rollback into a values (1)",
        "update  or rollback a set b = 1",
        "update or/**/rollback a set b = 1",
        "update or",
        "select '\0'",
        "select 1 where a = 'long enough for more than one window \0'",
        "select 1 \0",
        "select 1 as long_enough_for_one \0",
    ] {
        assert!(!is_plain(sql, Sqlite), "{sql}");
    }
    assert!(!is_plain("select 1 /*! + 1 */", MySql));
    assert!(!is_plain("update pg_settings set setting = 'a'", Postgres));
}

#[test]
fn control_is_found() {
    for dialect in [Postgres, MySql, Sqlite] {
        for (sql, expected) in [
            ("commit", (Kind::Commit, 0)),
            (";commit", (Kind::Commit, 1)),
            (";; ; commit ;", (Kind::Commit, 5)),
            ("/* ; */ commit", (Kind::Commit, 8)),
            ("-- ;\ncommit", (Kind::Commit, 5)),
            ("select 1;commit", (Kind::Commit, 9)),
            ("select ';'; /* ; */ begin; commit", (Kind::Begin, 20)),
            ("savepoint a", (Kind::Savepoint, 0)),
            ("update a set b = 1; rollback to c", (Kind::RollbackTo, 20)),
        ] {
            assert_eq!(found(sql, dialect), Some(expected), "{dialect:?}: {sql}");
        }
    }
}

#[test]
fn control_by_dialect() {
    for (sql, dialect, expected) in [
        ("create table a (b int)", MySql, Some((Kind::Ddl, 0))),
        ("create table a (b int)", Postgres, None),
        ("create temporary table a (b int)", MySql, None),
        (
            "select 1 /*! ; commit */",
            MySql,
            Some((Kind::Ambiguous, 0)),
        ),
        ("select 1 /*! ; commit */", Sqlite, None),
        ("set autocommit = 0", MySql, Some((Kind::SetAutocommit, 0))),
        ("set autocommit = 0", Postgres, None),
        ("lock tables a read", MySql, Some((Kind::LockTables, 0))),
        ("lock table a", Postgres, None),
        (
            "insert or rollback into a values (1)",
            Sqlite,
            Some((Kind::RollbackOnConflict, 0)),
        ),
        (
            "insert  or rollback into a values (1)",
            Sqlite,
            Some((Kind::RollbackOnConflict, 0)),
        ),
        (
            "insert /**/ or rollback into a values (1)",
            Sqlite,
            Some((Kind::RollbackOnConflict, 0)),
        ),
        (
            "update or rollback a set b = 1",
            Sqlite,
            Some((Kind::RollbackOnConflict, 0)),
        ),
        ("update orders set b = 1", Sqlite, None),
        ("begin not atomic select 1; end", MySql, None),
        (
            "begin not atomic commit; end",
            MySql,
            Some((Kind::CompoundControl, 0)),
        ),
        ("select $$;$$; end", Postgres, Some((Kind::Commit, 14))),
        ("select 'a\\'; commit; --'", MySql, None),
        (
            "select 'a\\'; commit; --'",
            Postgres,
            Some((Kind::Commit, 13)),
        ),
        ("select E'a\\'; commit; --'", Postgres, None),
        ("explain commit", Sqlite, None),
    ] {
        assert_eq!(found(sql, dialect), expected, "{dialect:?}: {sql}");
    }
}

#[test]
fn other_effects_are_found() {
    let leak = |sql| find(sql, Postgres, Effect::leaks_to_session).map(|statement| statement.text);
    assert_eq!(leak("select 1; set a = 1; listen b"), Some("set a = 1"));
    assert_eq!(
        leak("set local a = 1; declare b cursor for select 1; commit"),
        None
    );
    assert!(find("select 1", Postgres, |_| true).is_none());
    assert_eq!(
        statements("vacuum", Sqlite).next().map(|s| s.effect()),
        Some(Effect::OutsideOnly)
    );
}
