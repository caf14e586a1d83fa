//! What servers can be made to say, and what is made of it.
//!
//! `docs/errors.md` lists every code. Each is provoked here by its own cause, where a statement or two will do; the rest
//! are raised as the server lets one raise them, so that they take the same way through sqlx. Run with `--nocapture`, the
//! tests say which were which, and which could not be.

use std::collections::BTreeSet;

use demarcate::Error;
use demarcate::classify::{
    Category, Classification, Constraint, Timeout, Transaction, classify, classify_code,
};
use demarcate_tests::{OwnPostgres, TestDb, mariadb, postgres, sqlite};
use sqlx::{AssertSqlSafe, Connection, Executor, MySql, PgConnection, Postgres, Sqlite};

use crate::eventually;

const PAGE: &str = include_str!("../../docs/errors.md");

/// Code, category, and whether it is retryable, of each row under a heading of the page.
fn rows(heading: &str) -> Vec<(&'static str, &'static str, bool)> {
    let (_, section) = PAGE.split_once(&format!("## {heading}\n")).unwrap();
    let section = section.split("## ").next().unwrap();
    section
        .lines()
        .filter_map(
            |line| match line.split('|').map(str::trim).collect::<Vec<_>>()[..] {
                [_, code, _, category, retryable @ ("yes" | "no"), ..] => {
                    Some((code, category, retryable == "yes"))
                }
                _ => None,
            },
        )
        .collect()
}

fn expect(found: Classification<'_>, code: &str, heading: &str) {
    let row = rows(heading).into_iter().find(|row| row.0 == code);
    let (_, category, retryable) = row.unwrap_or_else(|| panic!("{code} is not in docs/errors.md"));
    assert_eq!(found.category.to_string(), category, "{code}: {found:?}");
    assert_eq!(found.retryable, retryable, "{code}: {found:?}");
    let said = found.user_message();
    assert!(
        !said.contains('\'') && !said.contains('"') && !said.contains("127.0.0.1"),
        "{code}: {said}"
    );
}

async fn fails<'c>(connection: impl Executor<'c>, sql: &str) -> sqlx::Error {
    match sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
    {
        Ok(_) => panic!("this did not fail: {sql}"),
        Err(error) => error,
    }
}

fn code(error: &sqlx::Error) -> String {
    let database = error.as_database_error();
    let database = database.unwrap_or_else(|| panic!("not of the database: {error}"));
    database.code().unwrap_or_default().into_owned()
}

const POSTGRES_TABLES: &str = "
    create table t (id int primary key, sku text unique, n int not null check (n > 0), parent int references t,
                    short varchar(1), always int generated always as identity);
    insert into t values (1, 'tea', 1);
    create table ranges (r int4range, exclude using gist (r with &&));
    insert into ranges values ('[1,5)');
    create view positive as select * from t where n > 5 with check option;
    create type kind as enum ('a');
    create sequence one minvalue 0 maxvalue 1;
    create function f() returns int language plpgsql as 'begin end';
    create function deep(i int) returns int language plpgsql as 'begin return deep(i + 1); end'";

/// What fails by itself, in one text.
const POSTGRES: &[(&str, &str)] = &[
    (
        "0A000",
        "alter table t add constraint c check (n > 0) deferrable",
    ),
    (
        "0LP01",
        "create role demarcate_a; grant demarcate_a to demarcate_a",
    ),
    (
        "20000",
        "do $$ begin case 1 when 2 then null; end case; end $$",
    ),
    ("21000", "select (select 1 union select 2)"),
    (
        "22001",
        "insert into t (id, n, short) values (2, 1, 'long')",
    ),
    ("22003", "select 99999999999::int4"),
    ("22004", "do $$ declare a int[]; begin a[null] := 1; end $$"),
    ("22007", "select 'x'::date"),
    ("22008", "select '2024-02-31'::date"),
    ("22009", "select '2024-01-01 00:00+99'::timestamptz"),
    ("22011", "select substring('a' from 1 for -1)"),
    ("22012", "select 1 / 0"),
    ("22013", "select sum(n) over (rows -1 preceding) from t"),
    ("22014", "select ntile(0) over ()"),
    ("22015", "select interval '10000000000 years'"),
    ("22016", "select nth_value(1, 0) over ()"),
    ("2201B", "select 'a' ~ '('"),
    ("2201E", "select ln(-1)"),
    ("2201F", "select power(-1, 0.5)"),
    ("2201G", "select width_bucket(1, 0, 1, 0)"),
    ("2201W", "select 1 limit -1"),
    ("2201X", "select 1 offset -1"),
    ("22021", "select convert_from('\\xff'::bytea, 'utf8')"),
    ("22023", "select set_config('work_mem', '0', true)"),
    ("22025", "select 'a' like 'b' escape 'cc'"),
    ("2202E", "select array_fill(1, array[1], array[1, 2])"),
    (
        "2202G",
        "select * from t tablesample system (1) repeatable (null)",
    ),
    ("2202H", "select * from t tablesample system (101)"),
    (
        "2200H",
        "select nextval('one'), nextval('one'), nextval('one')",
    ),
    ("22031", "select jsonb_path_query('\"x\"', '$.datetime()')"),
    ("22033", "select jsonb_path_query('[1]', 'strict $[5]')"),
    ("22036", "select jsonb_path_query('\"x\"', '$.double()')"),
    ("22038", "select jsonb_path_query('[1, 2]', '$[*] + 1')"),
    ("22039", "select jsonb_path_query('{}', 'strict $[*]')"),
    ("2203A", "select jsonb_path_query('{}', 'strict $.a')"),
    (
        "2203C",
        "select jsonb_path_query('1', 'strict $.keyvalue()')",
    ),
    ("22P02", "select 'x'::int"),
    ("22P05", "select convert_to('ж', 'LATIN1')"),
    ("23502", "insert into t (id) values (2)"),
    ("23503", "insert into t (id, n, parent) values (2, 1, 9)"),
    ("23505", "insert into t (id, n, sku) values (2, 1, 'tea')"),
    ("23514", "insert into t (id, n) values (2, 0)"),
    ("23P01", "insert into ranges values ('[2,3)')"),
    ("25001", "begin; vacuum t"),
    ("25006", "begin read only; create table x ()"),
    ("25P01", "savepoint s"),
    ("26000", "execute nope"),
    ("2BP01", "drop table t"),
    (
        "2D000",
        "do $$ begin begin commit; exception when division_by_zero then null; end; end $$",
    ),
    ("2F005", "select f()"),
    ("34000", "begin; fetch nope"),
    ("3B001", "begin; rollback to nope"),
    ("3D000", "alter database nope set work_mem = '1MB'"),
    ("3F000", "create table nope.x ()"),
    (
        "42501",
        "create role demarcate_b; set role demarcate_b; select * from pg_authid",
    ),
    ("42601", "selct"),
    ("42701", "create table x (a int, a int)"),
    ("42702", "select id from t a, t b"),
    ("42703", "select nope from t"),
    ("42704", "drop type nope"),
    ("42710", "create extension plpgsql"),
    ("42712", "select 1 from t, t"),
    (
        "42723",
        "create function f() returns int language sql as 'select 1'",
    ),
    ("42803", "select id, count(*) from t group by n"),
    ("42804", "select case when 1 then 2 end"),
    ("42809", "drop view t"),
    ("42830", "create table x (a int references t (n))"),
    ("42846", "select row(1)::int"),
    ("42883", "select nope()"),
    ("428C9", "insert into t (id, n, always) values (2, 1, 1)"),
    ("42P01", "select * from nope"),
    ("42P02", "select $1"),
    (
        "42P03",
        "begin; declare c cursor for select 1; declare c cursor for select 1",
    ),
    ("42P04", "create database postgres"),
    ("42P05", "prepare p as select 1; prepare p as select 1"),
    ("42P06", "create schema public"),
    ("42P07", "create table t ()"),
    ("42P10", "select distinct on (id) * from t order by n"),
    ("42P13", "create function g() returns int as 'x'"),
    (
        "42P16",
        "create table x (a int primary key, b int primary key)",
    ),
    (
        "42P17",
        "create table x (a int generated always as (random()) stored)",
    ),
    ("42P18", "prepare p as select $1 is null"),
    (
        "42P19",
        "with recursive x as (select 1 union all select (select count(*) from x)) select * from x",
    ),
    ("42P20", "select 1 from t where row_number() over () = 1"),
    ("42P21", "select 'a' collate \"C\" < 'b' collate \"POSIX\""),
    ("44000", "insert into positive (id, n) values (2, 1)"),
    (
        "53400",
        "set temp_file_limit = '64kB'; set work_mem = '64kB'; select 1 from generate_series(1, 100000) g order by random()",
    ),
    ("54001", "select deep(1)"),
    (
        "54011",
        "do $$ begin execute 'create table x (' || (select string_agg('c' || i || ' int', ',') from generate_series(1, 1601) i) || ')'; end $$",
    ),
    (
        "54023",
        "do $$ begin execute 'select f(' || repeat('1,', 100) || '1)'; end $$",
    ),
    ("55000", "select currval('one')"),
    ("55P02", "set shared_buffers = 1"),
    (
        "55P04",
        "begin; alter type kind add value 'b'; select 'b'::kind",
    ),
    (
        "57014",
        "select pg_cancel_backend(pg_backend_pid()), pg_sleep(5)",
    ),
    (
        "57P01",
        "select pg_terminate_backend(pg_backend_pid()), pg_sleep(5)",
    ),
    ("58P01", "select pg_read_file('nope')"),
    ("P0001", "do $$ begin raise exception 'no'; end $$"),
    (
        "P0002",
        "do $$ declare i int; begin select 1 into strict i where false; end $$",
    ),
    (
        "P0003",
        "do $$ declare i int; begin select 1 into strict i from generate_series(1, 2); end $$",
    ),
    ("P0004", "do $$ begin assert false; end $$"),
];

#[tokio::test]
async fn postgresql_is_understood_in_every_code_that_it_can_be_made_to_say() {
    let db = postgres().await;
    db.admin(POSTGRES_TABLES).await;
    let mut provoked = BTreeSet::new();
    let mut wrong = Vec::new();
    for (expected, sql) in POSTGRES {
        let mut connection = db.connect().await;
        match sqlx::raw_sql(*sql).execute(&mut connection).await {
            Err(error)
                if error
                    .as_database_error()
                    .is_some_and(|_| code(&error) == *expected) =>
            {
                expect(classify(&error), expected, "PostgreSQL");
                provoked.insert(*expected);
            }
            other => wrong.push(format!("{expected}: {sql}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (expected, error) in [
        ("25P02", in_a_failed_transaction(&db).await),
        (
            "25P03",
            idle_for_too_long(&db, "idle_in_transaction_session_timeout", "begin").await,
        ),
        (
            "57P05",
            idle_for_too_long(&db, "idle_session_timeout", "select 1").await,
        ),
        ("28P01", with_another_password(&db).await),
        ("40001", not_serializable(&db).await),
        ("40P01", deadlock(&db).await),
        ("55P03", locked(&db).await),
        ("55006", in_use(&db).await),
    ] {
        assert_eq!(code(&error), expected, "{error}");
        expect(classify(&error), expected, "PostgreSQL");
        provoked.insert(expected);
    }

    // The others, as a function of the application's may raise them.
    let mut connection = db.connect().await;
    let (mut raised, mut silent) = (Vec::new(), Vec::new());
    for (expected, ..) in rows("PostgreSQL") {
        if provoked.contains(expected) {
            continue;
        }
        if expected == "00000" {
            silent.push(expected);
            continue;
        }
        let sql = format!(
            "do $$ begin raise exception using errcode = '{expected}', message = 'x'; end $$"
        );
        let error = fails(&mut connection, &sql).await;
        assert_eq!(code(&error), expected);
        expect(classify(&error), expected, "PostgreSQL");
        raised.push(expected);
    }
    println!(
        "PostgreSQL: {} by their own cause: {provoked:?}",
        provoked.len()
    );
    println!(
        "PostgreSQL: {} raised: {raised:?}; could not be: {silent:?}",
        raised.len()
    );
}

async fn in_a_failed_transaction(db: &TestDb<Postgres>) -> sqlx::Error {
    let mut connection = db.connect().await;
    fails(&mut connection, "begin; select 1 / 0").await;
    fails(&mut connection, "select 1").await
}

async fn idle_for_too_long(db: &TestDb<Postgres>, setting: &str, then: &str) -> sqlx::Error {
    let mut connection = db.connect().await;
    let session = "select pg_backend_pid()";
    let session: i32 = sqlx::query_scalar(session)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    // One message: between two it may be idle for that long.
    let sql = format!("set {setting} = 20; {then}");
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
    let there = format!("select exists (select from pg_stat_activity where pid = {session})");
    eventually("the server ends the session", async || {
        !db.admin_value::<bool>(&there).await
    })
    .await;
    fails(&mut connection, "select 1").await
}

async fn with_another_password(db: &TestDb<Postgres>) -> sqlx::Error {
    let (start, place) = db.url().rsplit_once('@').unwrap();
    let (user, _) = start.rsplit_once(':').unwrap();
    let url = format!("{user}:wrong@{place}");
    sqlx::PgConnection::connect(&url).await.unwrap_err()
}

async fn not_serializable(db: &TestDb<Postgres>) -> sqlx::Error {
    let mut one = db.connect().await;
    let sql = "begin isolation level repeatable read; select * from t";
    sqlx::raw_sql(sql).execute(&mut one).await.unwrap();
    db.admin("update t set n = n + 1").await;
    fails(&mut one, "update t set n = n + 1").await
}

async fn deadlock(db: &TestDb<Postgres>) -> sqlx::Error {
    db.admin("insert into t (id, n) values (100, 1), (101, 1)")
        .await;
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    sqlx::raw_sql("begin; update t set n = 2 where id = 100")
        .execute(&mut one)
        .await
        .unwrap();
    sqlx::raw_sql("begin; update t set n = 2 where id = 101")
        .execute(&mut two)
        .await
        .unwrap();
    let (first, second) = tokio::join!(
        sqlx::raw_sql("update t set n = 3 where id = 101").execute(&mut one),
        sqlx::raw_sql("update t set n = 3 where id = 100").execute(&mut two),
    );
    first
        .err()
        .or(second.err())
        .expect("one of them is the victim")
}

async fn locked(db: &TestDb<Postgres>) -> sqlx::Error {
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    sqlx::raw_sql("begin; lock table ranges")
        .execute(&mut one)
        .await
        .unwrap();
    fails(&mut two, "begin; lock table ranges nowait").await
}

async fn in_use(db: &TestDb<Postgres>) -> sqlx::Error {
    fails(
        &mut db.connect().await,
        &format!("drop database {}", db.name()),
    )
    .await
}

/// The same code by a deadline and by somebody's hand, a plan that has become stale, and a server that speaks German.
#[tokio::test]
async fn on_postgresql_more_than_the_code_counts() {
    let db = postgres().await;
    let mut connection = db.connect().await;
    // One message, with which the setting goes as well.
    let error = fails(
        &mut connection,
        "set statement_timeout = 20; select pg_sleep(5)",
    )
    .await;
    assert_eq!(
        classify(&error).category,
        Category::Timeout(Timeout::Statement)
    );

    db.admin("create table plan (a int)").await;
    sqlx::query("select * from plan")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    db.admin("alter table plan add b int").await;
    let error = sqlx::query("select * from plan")
        .fetch_all(&mut connection)
        .await
        .unwrap_err();
    let found = classify(&error);
    assert_eq!(
        (found.sqlstate, found.category, found.retryable),
        (Some("0A000"), Category::Query, true)
    );

    // A message that says nothing of what happened, in bytes that are no ASCII.
    let raise = "do $$ begin raise exception using errcode = '23505', message = 'Schlüssel doppelt ☠', \
                 constraint = 'ünïque \"key\" of sixty-three bytes', table = 'bestellungen'; end $$";
    let error = fails(&mut connection, raise).await;
    let found = classify(&error);
    assert_eq!(found.category, Category::Constraint(Constraint::Unique));
    assert_eq!(
        found.constraint(),
        Some("ünïque \"key\" of sixty-three bytes")
    );
    assert_eq!(
        found.user_message(),
        "there is already such an entry in bestellungen"
    );
}

/// What nobody has foreseen: a code that there is not, a name as long as a name can be, and bytes that are no text.
#[tokio::test]
async fn what_is_strange_is_understood_as_far_as_it_goes() {
    let db = postgres().await;
    let mut connection = db.connect().await;
    let raise = "do $$ begin raise exception using errcode = 'ZZ999', message = 'x'; end $$";
    let error = fails(&mut connection, raise).await;
    let found = classify(&error);
    assert_eq!(
        (found.category, found.sqlstate),
        (Category::Unknown, Some("ZZ999"))
    );
    assert_eq!(found.user_message(), "something went wrong on our side");

    let name = format!("it's \"the\" {}", "ü".repeat(26));
    assert_eq!(name.len(), 63);
    let quoted = name.replace('"', "\"\"");
    db.admin(&format!(
        "create table long (a int, constraint \"{quoted}\" unique (a))"
    ))
    .await;
    let error = fails(&mut connection, "insert into long values (1), (1)").await;
    let found = classify(&error);
    assert_eq!(found.constraint(), Some(name.as_str()));
    assert_eq!(
        found.user_message(),
        "there is already such an entry in long"
    );
    let name: &'static str = Box::leak(name.into_boxed_str());
    demarcate::classify::register(&[(name, "that is taken")]);
    assert_eq!(found.user_message(), "that is taken");

    // In a database without an encoding the server hands on what it was given.
    let ascii = format!("{}_ascii", db.name());
    db.admin(&format!(
        "create database {ascii} encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'"
    ))
    .await;
    let url = db
        .url()
        .replace(&format!("/{}", db.name()), &format!("/{ascii}"));
    let factory = demarcate::postgres::SessionFactory::builder()
        .url(&url)
        .max_connections(1)
        .connect()
        .await
        .unwrap();
    let garbled =
        "do $$ begin raise exception using errcode = '23505', message = chr(255) || 'x'; end $$";
    let error = factory
        .transaction(async |tx: &mut demarcate::postgres::Session| {
            sqlx::raw_sql(garbled).execute(&mut *tx).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    println!("{error:#}\n{:?}", error.classification());
    assert!(!error.classification().user_message().is_empty());
    // And the next boundary is none the worse for it.
    let answer: i32 = factory
        .transaction(async |tx: &mut demarcate::postgres::Session| {
            sqlx::query_scalar("select 42").fetch_one(&mut *tx).await
        })
        .await
        .unwrap();
    assert_eq!(answer, 42);
    factory.close(crate::GRACE).await;
    db.admin(&format!("drop database {ascii} with (force)"))
        .await;
}

/// What was sent is in no line for a log, in no statistics, and in no answer to a client; what the server's own text quotes is
/// there for who asks for the source.
#[tokio::test]
async fn values_that_a_server_quotes_are_not_repeated() {
    const USERS: &str = "create table users (id int primary key, n int, email varchar(40), constraint email unique (email)); \
        insert into users values (1, 0, 'bob@hunter2.org'), (2, 0, 'x`hunter2`y')";
    let statements = [
        "insert into users values (3, 0, 'bob@hunter2.org')",
        "insert into users values (4, 'hunter2', 'x')",
        "insert into users values (4 'hunter2')",
        "update users set n = email + 0",
        "insert into parts values (2147114711)",
        "select * from users where n = cast('hunter2' as decimal(3)) + str_to_date('hunter2', '%Y') for update",
    ];
    let (postgres, mariadb, sqlite) = tokio::join!(postgres(), mariadb(), sqlite());
    macro_rules! check {
        ($db:ident, $session:ty) => {{
            $db.admin(USERS).await;
            let factory = demarcate::SessionFactory::connect($db.url()).await.unwrap();
            let mut failures = 0;
            for sql in statements {
                let failed = factory.transaction(async |tx: &mut $session| {
                    sqlx::query(sql).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                });
                let Err(failed) = failed.await else { continue };
                failures += 1;
                let told = factory.stats()[0].1.last_error.clone().unwrap().message;
                let problem = failed.problem();
                println!(
                    "{failed}\n    {problem:?}\n    {}",
                    std::error::Error::source(&failed).unwrap()
                );
                for said in [
                    failed.to_string(),
                    format!("{failed:#}"),
                    told,
                    format!("{problem:?}"),
                ] {
                    assert!(
                        !said.contains("hunter2") && !said.contains("2147114711"),
                        "{said}"
                    );
                }
            }
            assert!(failures >= 2, "{failures}");
            factory.close(crate::GRACE).await;
        }};
    }
    mariadb
        .admin("create table parts (id int) partition by list (id) (partition a values in (1))")
        .await;
    check!(postgres, demarcate::postgres::Session);
    check!(mariadb, demarcate::mysql::Session);
    check!(sqlite, demarcate::sqlite::Session);

    // The names are.
    let mut connection = mariadb.connect().await;
    let error = Error::from(fails(&mut connection, statements[0]).await);
    assert!(
        error
            .to_string()
            .ends_with("Duplicate entry '?' for key 'email'"),
        "{error}"
    );
}

/// What each says in German: the code and the names count, and the one text that says more than its code is not understood.
#[tokio::test]
async fn what_is_said_in_another_language_is_understood() {
    const TABLES: &str = "create table parents (id int primary key); \
        create table children (sku varchar(9) not null, n int, parent int, \
        constraint positive check (n > 0), constraint sku_key unique (sku), \
        constraint of_parent foreign key (parent) references parents (id)); \
        insert into children (sku) values ('s3cret')";
    // With what each has said, and what it is about.
    let cases = [
        (
            "insert into children (sku) values ('s3cret')",
            Constraint::Unique,
            "doppelter",
            (Some("sku_key"), None),
        ),
        (
            "insert into children (sku, parent) values ('a', 1)",
            Constraint::ForeignKey,
            "fremdschlüssel",
            (Some("of_parent"), None),
        ),
        (
            "insert into children (sku) values (null)",
            Constraint::NotNull,
            "null",
            (None, Some("sku")),
        ),
        (
            "insert into children (sku, n) values ('a', -1)",
            Constraint::Check,
            "constraint",
            (Some("positive"), None),
        ),
    ];

    demarcate::messages! {
        "children.sku" => "there is such a child",
        "children_sku_not_null" => "a child needs a sku",
    }
    let mut server = OwnPostgres::start().await;
    server.stop().await;
    server.translate("de");
    server.start_again().await;
    let mut german = PgConnection::connect(server.url()).await.unwrap();
    german.execute("set lc_messages = 'C.UTF-8'").await.unwrap();
    german.execute(TABLES).await.unwrap();
    for (sql, constraint, word, names) in &cases {
        let error = fails(&mut german, sql).await;
        is_about(&error, *constraint, word, *names);
        assert_eq!(classify(&error).table(), Some("children"), "{error}");
        if *constraint == Constraint::NotNull {
            assert_eq!(classify(&error).user_message(), "a child needs a sku");
        }
    }
    german.execute("set statement_timeout = 50").await.unwrap();
    let error = fails(&mut german, "select pg_sleep(5)").await;
    assert!(error.to_string().contains("Zeitüberschreitung"), "{error}");
    assert_eq!(classify(&error).category, Category::Canceled);

    let db = mariadb().await;
    let mut german = db.connect().await;
    german.execute("set lc_messages = 'de_DE'").await.unwrap();
    german.execute(TABLES).await.unwrap();
    for (sql, constraint, word, names) in &cases {
        let error = fails(&mut german, sql).await;
        is_about(&error, *constraint, word, *names);
    }
}

/// The word is in what was said, in whatever case.
#[track_caller]
fn is_about(
    error: &sqlx::Error,
    constraint: Constraint,
    word: &str,
    (name, column): (Option<&str>, Option<&str>),
) {
    let said = error.to_string().to_lowercase();
    assert!(said.contains(word), "{said}");
    let found = classify(error);
    assert_eq!(found.category, Category::Constraint(constraint), "{said}");
    if name.is_some() {
        assert_eq!(found.constraint(), name, "{said}");
    }
    if column.is_some() {
        assert_eq!(found.column(), column, "{said}");
    }
    assert!(!found.user_message().contains("s3cret"));
}

#[tokio::test]
async fn the_names_and_not_the_values_are_in_what_users_are_told() {
    let names = |error: &sqlx::Error| {
        let found = classify(error);
        let text = |name: Option<&str>| name.unwrap_or("-").to_owned();
        [
            text(found.constraint()),
            text(found.table()),
            text(found.column()),
            found.user_message().into_owned(),
        ]
    };
    demarcate::messages! { "orders_sku_unique" => "an order with this sku already exists" }
    let ddl = "create table orders (id int primary key, sku varchar(20), n int not null, \
               constraint orders_sku_unique unique (sku), constraint orders_n_positive check (n > 0))";
    let rows = [
        "insert into orders values (1, 'hunter2', 1)",
        "insert into orders values (2, 'hunter2', 1)",
        "insert into orders values (3, 'a', null)",
        "insert into orders values (4, 'b', 0)",
    ];

    let db = postgres().await;
    db.admin(ddl).await;
    db.admin(rows[0]).await;
    let mut connection = db.connect().await;
    let mut said = Vec::new();
    for sql in &rows[1..] {
        let error = fails(&mut connection, sql).await;
        assert!(classify(&error).value_present(), "{error}");
        said.push(names(&error));
    }
    assert_eq!(
        said,
        [
            [
                "orders_sku_unique",
                "orders",
                "-",
                "an order with this sku already exists"
            ],
            ["-", "orders", "n", "the n is missing"],
            [
                "orders_n_positive",
                "orders",
                "-",
                "a value is not allowed in orders"
            ],
        ]
    );

    let db = mariadb().await;
    db.admin(ddl).await;
    db.admin(rows[0]).await;
    let mut connection = db.connect().await;
    let mut said = Vec::new();
    for sql in &rows[1..] {
        said.push(names(
            &sqlx::raw_sql(*sql)
                .execute(&mut connection)
                .await
                .unwrap_err(),
        ));
    }
    assert_eq!(
        said,
        [
            [
                "orders_sku_unique",
                "-",
                "-",
                "an order with this sku already exists"
            ],
            ["-", "-", "n", "the n is missing"],
            [
                "orders_n_positive",
                "orders",
                "-",
                "a value is not allowed in orders"
            ],
        ]
    );

    let db = sqlite().await;
    db.admin(ddl).await;
    db.admin(rows[0]).await;
    let mut connection = db.connect().await;
    let mut said = Vec::new();
    for sql in &rows[1..] {
        said.push(names(
            &sqlx::raw_sql(*sql)
                .execute(&mut connection)
                .await
                .unwrap_err(),
        ));
    }
    assert_eq!(
        said,
        [
            [
                "-",
                "orders",
                "sku",
                "there is already an entry with this sku in orders"
            ],
            ["-", "orders", "n", "the n is missing"],
            ["orders_n_positive", "-", "-", "a value is not allowed"],
        ]
    );
}

/// What the session keeps of its first failure means the same as the failure.
#[tokio::test]
async fn an_aborted_boundary_means_what_its_first_failure_means() {
    let db = mariadb().await;
    db.admin("create table items (id int primary key)").await;
    let factory = demarcate::mysql::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let error = factory
        .transaction(async |tx| {
            sqlx::query("insert into items values (1), (1)")
                .execute(&mut *tx)
                .await
                .ok();
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Aborted { .. }), "{error:?}");
    let found = error.classification();
    assert_eq!(found.category, Category::Constraint(Constraint::Unique));
    assert_eq!(
        (found.sqlstate, found.constraint()),
        (Some("23000"), Some("PRIMARY"))
    );
    assert!(found.value_present());
    factory.close(crate::GRACE).await;
}

const MARIADB_TABLES: &str = "
    create table t (id int primary key, sku varchar(5) unique, n int not null, parent int, constraint positive check (n > 0),
                    constraint parents foreign key (parent) references t (id));
    insert into t values (1, 'tea', 1, null);
    insert into t values (2, 'tee', 1, 1);
    create view positive as select * from t where n > 5 with check option;
    create table locked (id int)";

const MARIADB: &[(u16, &str)] = &[
    (1007, "create database mysql"),
    (1048, "insert into t values (3, 'a', null, null)"),
    (1049, "use nope"),
    (1050, "create table t (a int)"),
    (1051, "drop table nope"),
    (1052, "select id from t a, t b"),
    (1054, "select nope from t"),
    (1062, "insert into t values (1, 'a', 1, null)"),
    (1064, "selct"),
    (1066, "select 1 from t, t"),
    (1100, "lock tables t read; select * from locked"),
    (1099, "lock tables locked read; delete from locked"),
    (1109, "delete nope from t"),
    (1136, "insert into t values (1)"),
    (1146, "select * from nope"),
    (1193, "set nope = 1"),
    (1210, "prepare p from 'select ?'; execute p"),
    (1231, "set sql_mode = 'nope'"),
    (1242, "select (select 1 union select 2)"),
    (1243, "execute nope"),
    (1264, "insert into t values (99999999999, 'a', 1, null)"),
    (
        1292,
        "select cast('x' as date) from t where cast('x' as date) = 1; update t set n = 'x' + 1",
    ),
    (
        1304,
        "create procedure q() select 1; create procedure q() select 1",
    ),
    (1305, "call nope()"),
    (1317, "kill query connection_id()"),
    (1364, "insert into t (id) values (3)"),
    (
        1365,
        "set sql_mode = 'strict_all_tables,error_for_division_by_zero'; update t set n = 1 / 0",
    ),
    (1366, "insert into t values ('x', 'a', 1, null)"),
    (1369, "insert into positive values (3, 'a', 1, null)"),
    (1406, "insert into t values (3, 'too long', 1, null)"),
    (1451, "delete from t where id = 1"),
    (1452, "insert into t values (3, 'a', 1, 9)"),
    (1568, "begin; set transaction isolation level serializable"),
    (
        1690,
        "select 18446744073709551615 + 1 + cast(18446744073709551615 as unsigned)",
    ),
    (1792, "start transaction read only; delete from t"),
    (1927, "kill connection_id()"),
    (
        1969,
        "set statement max_statement_time = 0.02 for select count(*) from seq_1_to_100000 a, seq_1_to_100000 b where a.seq + b.seq < 0",
    ),
    (4025, "insert into t values (3, 'a', 0, null)"),
];

#[tokio::test]
async fn mariadb_is_understood_in_every_number_that_it_can_be_made_to_say() {
    let db = mariadb().await;
    db.admin(MARIADB_TABLES).await;
    let mut provoked = BTreeSet::new();
    let mut wrong = Vec::new();
    for (expected, sql) in MARIADB {
        let mut connection = db.connect().await;
        match sqlx::raw_sql(*sql).execute(&mut connection).await {
            Err(error) if number(&error) == Some(*expected) => {
                expect(classify(&error), &expected.to_string(), "MySQL and MariaDB");
                provoked.insert(expected.to_string());
            }
            other => wrong.push(format!("{expected}: {sql}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (expected, error) in [
        (1205, waits_for_a_lock(&db).await),
        (1213, deadlock_on_mariadb(&db).await),
    ] {
        assert_eq!(number(&error), Some(expected), "{error}");
        expect(classify(&error), &expected.to_string(), "MySQL and MariaDB");
        provoked.insert(expected.to_string());
    }

    let mut connection = db.connect().await;
    let mut signalled = Vec::new();
    for (expected, ..) in rows("MySQL and MariaDB") {
        // 4031 with MariaDB's own SQLSTATE is something else.
        let state = if expected == "4031" { "08S01" } else { "45000" };
        if provoked.contains(expected) {
            continue;
        }
        let sql =
            format!("signal sqlstate '{state}' set mysql_errno = {expected}, message_text = 'x'");
        let error = sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .unwrap_err();
        assert_eq!(
            number(&error).map(|number| number.to_string()).as_deref(),
            Some(expected)
        );
        expect(classify(&error), expected, "MySQL and MariaDB");
        signalled.push(expected);
    }
    println!(
        "MariaDB: {} by their own cause: {provoked:?}",
        provoked.len()
    );
    println!("MariaDB: {} signalled: {signalled:?}", signalled.len());
}

fn number(error: &sqlx::Error) -> Option<u16> {
    Some(
        error
            .as_database_error()?
            .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()?
            .number(),
    )
}

async fn waits_for_a_lock(db: &TestDb<MySql>) -> sqlx::Error {
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    sqlx::raw_sql("begin; update t set n = 2 where id = 1")
        .execute(&mut one)
        .await
        .unwrap();
    let sql = "set innodb_lock_wait_timeout = 1; begin; update t set n = 2 where id = 1";
    sqlx::raw_sql(sql).execute(&mut two).await.unwrap_err()
}

async fn deadlock_on_mariadb(db: &TestDb<MySql>) -> sqlx::Error {
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    sqlx::raw_sql("begin; update t set n = 2 where id = 1")
        .execute(&mut one)
        .await
        .unwrap();
    sqlx::raw_sql("begin; update t set n = 2 where id = 2")
        .execute(&mut two)
        .await
        .unwrap();
    let (first, second) = tokio::join!(
        sqlx::raw_sql("update t set n = 3 where id = 2").execute(&mut one),
        sqlx::raw_sql("update t set n = 3 where id = 1").execute(&mut two),
    );
    first
        .err()
        .or(second.err())
        .expect("one of them is the victim")
}

const SQLITE_TABLES: &str = "
    create table t (id integer primary key, sku text unique, n int not null check (n > 0), parent int references t);
    create table strict_one (n int) strict;
    create table pairs (a int, b int, primary key (a, b)) without rowid;
    insert into t values (1, 'tea', 1, null);
    insert into pairs values (1, 1);
    create trigger no_delete before delete on t begin select raise(abort, 'no'); end";

const SQLITE: &[(&str, &str)] = &[
    ("1", "selct"),
    ("1", "select * from nope"),
    ("8", "pragma query_only = 1; delete from pairs"),
    (
        "13",
        "pragma max_page_count = 1; create table full as select randomblob(100000)",
    ),
    ("14", "attach '/nope/nope.db' as nope"),
    ("18", "select zeroblob(3000000000)"),
    ("20", "insert into t values ('x', 'a', 1, null)"),
    ("275", "insert into t values (2, 'a', 0, null)"),
    ("787", "insert into t values (2, 'a', 1, 9)"),
    ("1299", "insert into t values (2, 'a', null, null)"),
    ("1555", "insert into t values (1, 'a', 1, null)"),
    ("1555", "insert into pairs values (1, 1)"),
    ("1811", "delete from t"),
    ("2067", "insert into t values (2, 'tea', 1, null)"),
    ("3091", "insert into strict_one values ('x')"),
];

#[tokio::test]
async fn sqlite_is_understood_in_every_code_that_it_can_be_made_to_say() {
    let db = sqlite().await;
    db.admin(SQLITE_TABLES).await;
    let mut provoked = BTreeSet::new();
    let mut wrong = Vec::new();
    for (expected, sql) in SQLITE {
        let mut connection = db.connect().await;
        match sqlx::raw_sql(*sql).execute(&mut connection).await {
            Err(error)
                if error
                    .as_database_error()
                    .is_some_and(|_| code(&error) == *expected) =>
            {
                expect(classify(&error), expected, "SQLite");
                provoked.insert((*expected).to_owned());
            }
            other => wrong.push(format!("{expected}: {sql}: {other:?}")),
        }
        connection.close().await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for error in [
        busy(&db).await,
        stale_snapshot(&db).await,
        not_a_database(&db).await,
    ] {
        expect(classify(&error), &code(&error), "SQLite");
        provoked.insert(code(&error));
    }
    let rest: Vec<_> = rows("SQLite")
        .into_iter()
        .map(|row| row.0)
        .filter(|code| !provoked.contains(*code))
        .collect();
    println!(
        "SQLite: {} by their own cause: {provoked:?}",
        provoked.len()
    );
    println!("SQLite: {} not by a statement alone: {rest:?}", rest.len());
}

async fn busy(db: &TestDb<Sqlite>) -> sqlx::Error {
    let (mut one, mut two) = (db.connect().await, db.connect().await);
    sqlx::raw_sql("begin immediate")
        .execute(&mut one)
        .await
        .unwrap();
    let error = sqlx::raw_sql("pragma busy_timeout = 0; begin immediate")
        .execute(&mut two)
        .await
        .unwrap_err();
    assert_eq!(classify(&error).category, Category::Timeout(Timeout::Lock));
    // What is only dropped is closed a little later, and holds its lock until then.
    one.close().await.unwrap();
    two.close().await.unwrap();
    error
}

async fn stale_snapshot(db: &TestDb<Sqlite>) -> sqlx::Error {
    db.admin("pragma journal_mode = wal").await;
    let mut one = db.connect().await;
    sqlx::raw_sql("begin; select * from t")
        .execute(&mut one)
        .await
        .unwrap();
    db.admin("update t set n = n + 1").await;
    let error = sqlx::raw_sql("update t set n = n + 1")
        .execute(&mut one)
        .await
        .unwrap_err();
    assert_eq!(
        classify(&error).category,
        Category::Transaction(Transaction::Serialization)
    );
    error
}

async fn not_a_database(db: &TestDb<Sqlite>) -> sqlx::Error {
    let path = db
        .url()
        .trim_start_matches("sqlite://")
        .replace("test.db", "text.db");
    std::fs::write(
        &path,
        "this is no database, and it is longer than the header of one would be; ".repeat(4),
    )
    .unwrap();
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{path}"))
        .await
        .unwrap();
    sqlx::raw_sql("select * from sqlite_schema")
        .execute(&mut connection)
        .await
        .unwrap_err()
}

#[test]
fn a_bare_code_means_what_the_page_says() {
    for (code, ..) in rows("PostgreSQL") {
        expect(classify_code(code), code, "PostgreSQL");
    }
}

demarcate_tests::on_every_database! {
    /// Of a statement that the server cannot read.
    #[tokio::test]
    async fn a_syntax_error_shows_the_word_that_is_wrong_and_no_value() {
        let db = test_db().await;
        db.admin("create table items (id int primary key, name varchar(40))").await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let fails = async |sql: &'static str| {
            let run = factory.transaction(async |tx| {
                sqlx::query(sql).fetch_all(&mut *tx).await?;
                Ok::<_, Error>(())
            });
            run.await.unwrap_err().to_string()
        };
        for (sql, word) in [
            ("select * form items where name = 'hunter2'", "form"),
            ("select id from items wehre_is name = 'hunter2'", "name"),
            ("selct id from items where id = 4711", "selct"),
            ("select id from items where nmae = 'hunter2'", "nmae"),
            ("select id from imtes where name = 'hunter2'", "imtes"),
        ] {
            let told = fails(sql).await;
            assert!(told.contains(word), "{sql}: {told}");
            assert!(!told.contains("hunter2") && !told.contains("4711"), "{sql}: {told}");
        }
        // A literal, a number, a literal that is not closed, and a value with a quotation mark of its own.
        for (sql, value) in [
            ("select id from items where name = 'a' 'b' = 'hunter2' 'hunter2' 1", "hunter2"),
            ("select id from items where id = 1 4711", "4711"),
            ("select id from items where name = 'hunter2", "hunter2"),
            ("select id from items where name = 'O'Brien'", "Brien"),
            ("select id from items where name = 'James' book!'", "book"),
        ] {
            let told = fails(sql).await;
            assert!(!told.contains(value), "{sql}: {told}");
        }
        // The copy that a session keeps of its first failure.
        let told = factory
            .transaction(async |tx| {
                sqlx::query("select * form items where name = 'hunter2'").fetch_all(&mut *tx).await.ok();
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err()
            .to_string();
        assert!(told.contains("a statement failed and the body continued"), "{told}");
        assert!(told.contains("form") && !told.contains("hunter2"), "{told}");
        factory.close(crate::GRACE).await;
    }
}
