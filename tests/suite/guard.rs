//! The statement guard: SQL that was put together at run time.

use demarcate::{Error, service};
use demarcate_tests::on_every_database;
use sqlx::{AssertSqlSafe, Executor, QueryBuilder, SqlSafeStr, Statement};

use crate::{ITEMS, items};

on_every_database! {
    #[tokio::test]
    async fn every_way_into_the_executor_is_guarded() {
        use futures_util::TryStreamExt;

        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let commit = ["COM", "MIT"].concat();
        for way in 0..8 {
            let result = factory
                .transaction(async |tx| {
                    sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                    let sql = AssertSqlSafe(commit.clone());
                    let refused = match way {
                        0 => sqlx::query(sql).execute(&mut *tx).await.err(),
                        1 => sqlx::query(sql).fetch_all(&mut *tx).await.err(),
                        2 => sqlx::query(sql).fetch_optional(&mut *tx).await.err(),
                        3 => sqlx::query(sql).fetch(&mut *tx).try_next().await.err(),
                        4 => sqlx::raw_sql(sql).execute(&mut *tx).await.err(),
                        5 => QueryBuilder::<Database>::new(commit.clone()).build().execute(&mut *tx).await.err(),
                        6 => tx.prepare(sql.into_sql_str()).await.err(),
                        _ => (&mut *tx).execute(sql).await.err(),
                    };
                    let refused = refused.unwrap_or_else(|| panic!("way {way} let a COMMIT through"));
                    assert_eq!(refused.as_database_error().unwrap().code().unwrap(), "2D000");
                    Ok::<_, Error>(())
                })
                .await;
            match result {
                Err(Error::Forbidden { rule, statement, reason, .. }) => {
                    assert_eq!(rule, "D013");
                    assert_eq!(statement, "COMMIT");
                    assert!(reason.contains("only the boundary"), "{reason}");
                }
                other => panic!("way {way}: {other:?}"),
            }
        }
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn a_statement_behind_another_is_found() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let sql = "insert into items (id) values (1); /* now */ ROLLBACK; insert into items (id) values (2)";
        let result: Result<(), Error> = factory
            .transaction(async |tx| {
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await?;
                Ok(())
            })
            .await;
        assert!(matches!(result, Err(Error::Forbidden { .. })), "{result:?}");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn a_prepared_statement_runs_like_any_other() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        factory
            .transaction(async |tx| {
                let insert = tx.prepare("insert into items (id) values (1)".into_sql_str()).await?;
                insert.query().execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(items(&db).await, 1);
    }
}

/// DDL commits what came before it on MySQL, and is part of the transaction elsewhere.
#[tokio::test]
async fn on_mariadb_ddl_is_refused_since_it_would_commit() {
    let db = demarcate_tests::mariadb().await;
    db.admin(ITEMS).await;
    let factory = demarcate::mysql::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let result: Result<(), Error> = factory
        .transaction(async |tx| {
            sqlx::query("insert into items (id) values (1)")
                .execute(&mut *tx)
                .await?;
            sqlx::query("create table more (id int)")
                .execute(&mut *tx)
                .await?;
            Ok(())
        })
        .await;
    assert!(matches!(result, Err(Error::Forbidden { .. })), "{result:?}");
    factory.close(crate::GRACE).await;
    assert_eq!(items(&db).await, 0);
}

#[tokio::test]
async fn on_postgres_and_sqlite_ddl_is_part_of_the_transaction() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let result: Result<(), Error> = factory
        .transaction(async |tx| {
            sqlx::query("create table more (id int)")
                .execute(&mut *tx)
                .await?;
            Err(sqlx::Error::RowNotFound.into())
        })
        .await;
    assert!(result.is_err());
    factory.close(crate::GRACE).await;
    let there: bool = db
        .admin_value("select to_regclass('more') is not null")
        .await;
    assert!(!there);
}

/// Lifts the rule for the rest of the boundary.
#[service(allow(D040, reason = "the connection is closed afterwards"))]
async fn leave_something(_tx: &mut demarcate::postgres::Session) -> Result<(), Error> {
    Ok(())
}

/// What outlives the transaction would reach whoever has the connection next.
#[tokio::test]
async fn on_postgres_nothing_is_left_on_the_servers_session() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::builder()
        .url(db.url())
        .max_connections(1);
    let factory = factory.connect().await.unwrap();
    let run = async |sql: &'static str, leave: bool| {
        factory
            .transaction(async |tx| {
                if leave {
                    leave_something(tx).await?;
                }
                sqlx::raw_sql(sql).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
    };
    let refused = run("set application_name = 'mine'", false).await;
    assert!(
        matches!(refused, Err(Error::Forbidden { rule: "D040", .. })),
        "{refused:?}"
    );
    run("set local application_name = 'mine'", false)
        .await
        .unwrap();
    // With leave it is done, and the connection is not lent again.
    run("set application_name = 'mine'", true).await.unwrap();
    let name: String = factory
        .transaction(async |tx| {
            Ok::<_, Error>(
                sqlx::query_scalar("show application_name")
                    .fetch_one(&mut *tx)
                    .await?,
            )
        })
        .await
        .unwrap();
    assert_eq!(name, "");
}

mod leave {
    use demarcate::postgres::Session;
    use demarcate::{Error, router_tx, service};

    #[service(allow(temporary_table, reason = "the report is built in steps"))]
    async fn build(tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("create temporary table steps (id int)")
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    #[router_tx]
    pub(super) async fn report(tx: &mut Session) -> Result<i64, Error> {
        build(tx).await?;
        Ok(sqlx::query_scalar("select count(*) from steps")
            .fetch_one(&mut *tx)
            .await?)
    }

    #[router_tx(allow(unguarded, reason = "a test of it"))]
    pub(super) async fn escape(tx: &mut Session, sql: &'static str) -> Result<(), Error> {
        sqlx::query("insert into items (id) values (1)")
            .execute(&mut *tx)
            .await?;
        let connection = tx.unguarded().await?;
        sqlx::raw_sql(sql).execute(&mut *connection).await?;
        Ok(())
    }
}

/// What a rule lifts at compile time, the guard lifts at run time.
#[tokio::test]
async fn on_postgres_leave_reaches_the_guard() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::builder()
        .url(db.url())
        .max_connections(1);
    let factory = factory.connect().await.unwrap();
    for _ in 0..2 {
        // Twice: the second finds no table that the first has left.
        assert_eq!(leave::report(factory.clone()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn on_postgres_the_raw_connection_cannot_swap_the_transaction_unseen() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    leave::escape(factory.clone(), "select 1").await.unwrap();
    assert_eq!(items(&db).await, 1);
    db.admin("delete from items").await;
    for sql in ["rollback; begin", "rollback"] {
        let swapped = leave::escape(factory.clone(), sql).await;
        assert!(matches!(swapped, Err(Error::Aborted { .. })), "{swapped:?}");
    }
    assert_eq!(items(&db).await, 0);
    for sql in ["commit", "commit; begin"] {
        let swapped = leave::escape(factory.clone(), sql).await;
        let said = swapped.unwrap_err().to_string();
        assert!(!said.contains("rolled back"), "{said}");
        assert!(said.contains("may be committed"), "{said}");
        db.admin("delete from items").await;
    }
    factory.close(crate::GRACE).await;
}

/// What a boundary has left on its session that the rules do not know.
const LEFT: &str = "set session work_mem = '77MB'; create temp table steps (id int); listen news; \
     prepare of_mine as select 1; select pg_advisory_lock(77)";

/// The number of the session, and what is left on it.
const SESSION: &str = "select pg_backend_pid()::text, current_setting('work_mem') = '77MB' \
     or to_regclass('pg_temp.steps') is not null or exists (select from pg_listening_channels()) \
     or exists (select from pg_prepared_statements where name = 'of_mine') \
     or exists (select from pg_locks where locktype = 'advisory' and objid = 77 and pid = pg_backend_pid())";

/// The raw connection is reset and kept: whoever moves a program function by function would open a connection for each
/// boundary otherwise.
#[tokio::test]
async fn on_postgres_the_raw_connection_is_reset_and_kept() {
    let db = demarcate_tests::postgres().await;
    let own = demarcate::postgres::SessionFactory::builder()
        .url(db.own_url())
        .max_connections(1);
    let own = own.connect().await.unwrap();
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1);
    let users = pool.connect(db.own_url()).await.unwrap();
    let users = demarcate::postgres::SessionFactory::from(users);
    for (factory, is_own) in [(own, true), (users, false)] {
        let look = async || {
            let looked = factory.transaction(async |tx| {
                Ok::<(String, bool), Error>(sqlx::query_as(SESSION).fetch_one(&mut *tx).await?)
            });
            looked.await.unwrap()
        };
        let (session, _) = look().await;
        for is_kept in [true, false] {
            let ended: Result<(), Error> = factory
                .transaction(async |tx| {
                    let connection = tx.unguarded().await?;
                    sqlx::raw_sql(LEFT).execute(&mut *connection).await?;
                    sqlx::query("select $1::int")
                        .bind(1)
                        .execute(&mut *connection)
                        .await?;
                    match is_kept {
                        true => Ok(()),
                        false => Err(sqlx::Error::RowNotFound.into()),
                    }
                })
                .await;
            assert_eq!(ended.is_ok(), is_kept);
            let (now, is_left) = look().await;
            assert!(!is_left);
            // What a pool of the user's has prepared is not reset.
            assert_eq!(now == session, is_own);
        }
        factory.close(crate::GRACE).await;
    }
}

/// Settings that somebody else has made for the whole of a session would go with what is reset.
#[tokio::test]
async fn on_postgres_a_connection_with_settings_of_the_users_is_closed_and_not_reset() {
    let db = demarcate_tests::postgres().await;
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::raw_sql("set search_path = of_a_tenant; set app.tenant = '7'")
                    .execute(connection)
                    .await
                    .map(drop)
            })
        });
    let factory: demarcate::postgres::SessionFactory =
        pool.connect(db.own_url()).await.unwrap().into();
    for _ in 0..2 {
        factory
            .transaction(async |tx| {
                let path: String = sqlx::query_scalar("show search_path")
                    .fetch_one(&mut *tx)
                    .await?;
                assert_eq!(path, "of_a_tenant");
                let tenant = "select current_setting('app.tenant')";
                let tenant: String = sqlx::query_scalar(tenant).fetch_one(&mut *tx).await?;
                assert_eq!(tenant, "7");
                tx.unguarded().await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
    factory.close(crate::GRACE).await;
}

mod handler_of_mariadb {
    use demarcate::mysql::Session;
    use demarcate::{Error, router_tx};

    #[router_tx]
    pub(super) async fn send(tx: &mut Session, sql: &'static str) -> Result<(), Error> {
        sqlx::raw_sql(sql).execute(&mut *tx).await?;
        Ok(())
    }

    #[router_tx(allow(cursor_with_hold, reason = "a test of it"))]
    pub(super) async fn open(tx: &mut Session) -> Result<(), Error> {
        sqlx::raw_sql("handler items open")
            .execute(&mut *tx)
            .await?;
        Ok(())
    }
}

/// An open handler outlives the commit and blocks changes of its table, so that it is refused in every spelling. With the
/// rule lifted it ends with the connection.
#[tokio::test]
async fn on_mariadb_no_handler_stays_open() {
    let db = demarcate_tests::mariadb().await;
    db.admin(ITEMS).await;
    let alter = async |column: &str| {
        let mut other = db.connect().await;
        other.execute("set lock_wait_timeout = 1").await.unwrap();
        let alter = format!("alter table items add {column} int");
        other
            .execute(sqlx::raw_sql(AssertSqlSafe(alter)))
            .await
            .map(drop)
    };
    // What the rule is for.
    let mut connection = db.connect().await;
    for sql in ["begin", "handler items open", "commit"] {
        connection.execute(sqlx::raw_sql(sql)).await.unwrap();
    }
    let blocked = alter("a").await.unwrap_err();
    assert!(blocked.to_string().contains("1205"), "{blocked}");
    sqlx::Connection::close(connection).await.unwrap();

    let factory = demarcate::mysql::SessionFactory::builder()
        .url(db.url())
        .max_connections(1);
    let factory = factory.connect().await.unwrap();
    for sql in [
        "handler items open",
        "HANDLER items /* a */ OPEN as b",
        "/*! handler items open */",
        "set statement max_statement_time = 1 for handler items open",
        "execute immediate 'handler items open'",
        "begin not atomic handler items open; end",
    ] {
        let refused = handler_of_mariadb::send(factory.clone(), sql).await;
        assert!(
            matches!(refused, Err(Error::Forbidden { rule: "D045", .. })),
            "{sql}: {refused:?}"
        );
    }
    handler_of_mariadb::open(factory.clone()).await.unwrap();
    let next = handler_of_mariadb::send(factory.clone(), "select 1").await;
    next.unwrap();
    alter("a").await.unwrap();
}

/// Blocks, and texts that are run, are read.
#[tokio::test]
async fn on_mariadb_nothing_is_left_by_a_block() {
    let db = demarcate_tests::mariadb().await;
    let factory = demarcate::mysql::SessionFactory::connect(db.url())
        .await
        .unwrap();
    for (sql, expected) in [
        (
            "begin not atomic set session group_concat_max_len = 7; end",
            "D040",
        ),
        (
            "begin not atomic create temporary table left_behind (id int); end",
            "D044",
        ),
        (
            "execute immediate 'set session group_concat_max_len = 7'",
            "D040",
        ),
        ("execute immediate \"do get_lock('a', 1)\"", "D043"),
    ] {
        let refused = handler_of_mariadb::send(factory.clone(), sql).await;
        assert!(
            matches!(refused, Err(Error::Forbidden { rule, .. }) if rule == expected),
            "{sql}: {refused:?}"
        );
    }
}

/// What the server runs, so that the rules are about what is there.
#[tokio::test]
async fn on_postgres_nothing_is_left_by_a_block_or_in_the_schema_of_temporaries() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::builder()
        .url(db.url())
        .max_connections(1);
    let factory = factory.connect().await.unwrap();
    let left = "select (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())
        + (select count(*) from pg_listening_channels())
        + (select count(*) from pg_proc where pronamespace = pg_my_temp_schema())
        + (select count(*) from pg_class where relnamespace = pg_my_temp_schema())
        + (select count(*) from pg_type where typnamespace = pg_my_temp_schema())
        + (current_setting('application_name') = 'left')::int";
    for (sql, expected) in [
        ("do $$ begin set application_name = 'left'; end $$", "D040"),
        (
            "do 'begin perform set_config(''application_name'', ''left'', false); end'",
            "D040",
        ),
        ("do $$ begin perform pg_advisory_lock(1); end $$", "D043"),
        ("do $$ begin create temp table t (id int); end $$", "D044"),
        ("do $$ begin listen left_channel; end $$", "D041"),
        ("do $$ begin execute 'listen left_channel'; end $$", "D041"),
        (
            "create function pg_temp.f() returns int language sql return 1",
            "D044",
        ),
        ("create type pg_temp.e as enum ('a')", "D044"),
        ("create sequence pg_temp.s", "D044"),
        ("create table U&\"pg\\005ftemp\".t (id int)", "D044"),
    ] {
        let refused = factory
            .transaction(async |tx| {
                sqlx::raw_sql(sql).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await;
        assert!(
            matches!(refused, Err(Error::Forbidden { rule, .. }) if rule == expected),
            "{sql}: {refused:?}"
        );
        // It would have stayed.
        let mut connection = db.connect().await;
        for sql in ["begin", sql, "commit"] {
            connection.execute(sqlx::raw_sql(sql)).await.unwrap();
        }
        let count: i64 = sqlx::query_scalar(left)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert!(count > 0, "{sql}");
    }
}

#[tokio::test]
async fn on_sqlite_nothing_is_left_in_the_schema_of_temporaries() {
    let db = demarcate_tests::sqlite().await;
    db.admin(ITEMS).await;
    let factory = demarcate::sqlite::SessionFactory::connect(db.url())
        .await
        .unwrap();
    for sql in [
        "create trigger temp.t after insert on items begin delete from items; end",
        "create table 'temp'.t (id)",
        "create view [temp].v as select 1",
    ] {
        let refused = factory
            .transaction(async |tx| {
                sqlx::raw_sql(sql).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await;
        assert!(
            matches!(refused, Err(Error::Forbidden { rule: "D044", .. })),
            "{sql}: {refused:?}"
        );
        let mut connection = db.connect().await;
        for sql in ["begin", sql, "commit"] {
            connection.execute(sqlx::raw_sql(sql)).await.unwrap();
        }
        let count: i64 = sqlx::query_scalar("select count(*) from sqlite_temp_schema")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(count, 1, "{sql}");
    }
}
