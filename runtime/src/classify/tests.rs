//! Tests of the tables of codes, the texts for end users, and the page that lists the codes.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use super::category::{Advice, Fate};
use super::codes::{SQLITE, SQLSTATES};
use super::mysql::NUMBERS;
use super::*;

#[test]
fn every_documented_code_is_mapped() {
    for (code, name) in SQLSTATES {
        assert!(sqlstate::of(code).is_some(), "{code} {name}");
    }
    for (code, name) in SQLITE {
        assert!(sqlite::of(*code).is_some(), "{code} {name}");
    }
}

#[test]
fn the_lists_are_those_of_the_servers_files() {
    assert_eq!(SQLSTATES.len(), 263);
    assert_eq!(SQLITE.len(), 113);
    assert!(
        NUMBERS.is_sorted_by_key(|row| row.0),
        "it is searched by halves"
    );
    // Of a server that is installed here, if one is.
    for version in fs::read_dir("/usr/share/postgresql")
        .into_iter()
        .flatten()
        .flatten()
    {
        let Ok(errcodes) = fs::read_to_string(version.path().join("errcodes.txt")) else {
            continue;
        };
        for line in errcodes.lines() {
            let mut words = line.split_whitespace();
            if let (Some(code), Some("E" | "W" | "S")) = (words.next(), words.next()) {
                assert!(
                    SQLSTATES.iter().any(|(known, _)| *known == code),
                    "{line}; run `cargo xtask codes`"
                );
            }
        }
    }
}

/// Each row of each table is in the page, as it is mapped: a change of one shows there.
#[test]
fn the_page_lists_every_code_as_it_is_mapped() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    let page = fs::read_to_string(&path).unwrap();
    let (text, _) = page
        .split_once("## PostgreSQL\n")
        .expect("the page has its tables");
    let mut made = text.to_owned();
    let row = |made: &mut String, code: &dyn fmt::Display, name: &str, verdict: Advice| {
        let Advice {
            category,
            retryable,
            recovery,
            fate,
        } = verdict;
        let retryable = if retryable { "yes" } else { "no" };
        let fate = fate.as_str();
        writeln!(
            made,
            "| {code} | {name} | {category} | {retryable} | {recovery} | {fate} |"
        )
        .unwrap();
    };
    let head = |made: &mut String, title: &str| {
        writeln!(
            made,
            "## {title}\n\n| code | name | category | retryable | recovery | connection |\n|---|---|---|---|---|---|"
        )
        .unwrap();
    };
    head(&mut made, "PostgreSQL");
    for (code, name) in SQLSTATES {
        row(&mut made, code, name, sqlstate::of(code).unwrap());
    }
    made.push('\n');
    head(&mut made, "MySQL and MariaDB");
    for (number, name, verdict) in NUMBERS {
        row(&mut made, number, name, *verdict);
    }
    made.push('\n');
    head(&mut made, "SQLite");
    for (code, name) in SQLITE {
        row(&mut made, code, name, sqlite::of(*code).unwrap());
    }
    if env::var_os("OVERWRITE").is_some() {
        fs::write(&path, &made).unwrap();
        return;
    }
    for (ours, theirs) in made.lines().zip(page.lines()) {
        assert_eq!(
            ours, theirs,
            "`OVERWRITE=1 cargo test -p demarcate` writes docs/errors.md"
        );
    }
    assert_eq!(made.lines().count(), page.lines().count());
}

/// What another connection cures is worth another run.
#[test]
fn what_another_attempt_cures_is_retryable() {
    let sqlstates = SQLSTATES
        .iter()
        .map(|(code, _)| sqlstate::of(code).unwrap());
    let numbers = NUMBERS.iter().map(|(number, _, verdict)| {
        assert_eq!(mysql::of(*number, None), *verdict);
        *verdict
    });
    let sqlite = SQLITE.iter().map(|(code, _)| sqlite::of(*code).unwrap());
    for verdict in sqlstates.chain(numbers).chain(sqlite) {
        let is_cured = verdict.fate.is_cured_by_another_connection();
        assert!(!is_cured || verdict.retryable, "{verdict:?}");
    }
    for verdict in [
        words::STALE,
        words::SHARED,
        words::READ_ONLY,
        words::UNPREPARED,
    ] {
        assert!(verdict.retryable, "{verdict:?}");
    }
}

/// What PostgreSQL says of a statement or a type that the connection knows and the server does not.
#[test]
fn what_a_connection_knows_wrongly_is_known_by_code_and_place() {
    for (code, message, routine, fate) in [
        (
            "42P05",
            "prepared statement \"sqlx_s_1\" already exists",
            None,
            Fate::Shared,
        ),
        (
            "26000",
            "prepared statement \"sqlx_s_9\" does not exist",
            None,
            Fate::Shared,
        ),
        (
            "26000",
            "prepared statement \"of_the_users\" does not exist",
            None,
            Fate::Usable,
        ),
        (
            "26000",
            "unnamed prepared statement does not exist",
            Some("exec_bind_message"),
            Fate::Unprepared,
        ),
        (
            "XX000",
            "cache lookup failed for type 16404",
            None,
            Fate::Stale,
        ),
        ("XX000", "something else", None, Fate::Usable),
        (
            "42704",
            "type with OID 16404 does not exist",
            Some("lookup_type_cache"),
            Fate::Stale,
        ),
        (
            "42704",
            "type \"mood\" does not exist",
            Some("typenameType"),
            Fate::Usable,
        ),
        (
            "42804",
            "wrong element type",
            Some("array_recv"),
            Fate::Stale,
        ),
        (
            "25006",
            "cannot execute INSERT in a read-only transaction",
            None,
            Fate::ReadOnly,
        ),
        (
            "08P01",
            "bind message supplies 1 parameters",
            None,
            Fate::Usable,
        ),
        ("57P01", "terminating connection", None, Fate::Lost),
    ] {
        let verdict = sqlstate::besides(code, message, routine).or_else(|| sqlstate::of(code));
        assert_eq!(verdict.unwrap().fate, fate, "{code} {message}");
    }
    let read_only = "The MariaDB server is running with the --read-only option so it cannot execute this statement";
    assert_eq!(mysql::besides(1290, read_only), Some(words::READ_ONLY));
    assert_eq!(
        mysql::besides(1290, "running with the --secure-file-priv option"),
        None
    );
}

/// The SQLSTATE decides where a number alone does not.
#[test]
fn a_serialization_failure_of_mysql_is_retryable_whatever_its_number() {
    assert!(mysql::of(9999, Some("40001")).retryable);
    assert!(mysql::of(1105, Some("40001")).retryable);
    assert!(!mysql::of(1105, Some("HY000")).retryable);
    // Another connection than ours may be meant.
    assert_eq!(mysql::of(9999, Some("08S01")).fate, Fate::Usable);
}

fn category(code: &str, message: &str) -> Category {
    sqlstate::besides(code, message, None)
        .or_else(|| sqlstate::of(code))
        .unwrap_or(words::UNKNOWN)
        .category
}

#[test]
fn the_text_decides_where_the_code_means_several_things() {
    for (code, message, expected) in [
        (
            "57014",
            "canceling statement due to statement timeout",
            Category::Timeout(Timeout::Statement),
        ),
        (
            "57014",
            "canceling statement due to user request",
            Category::Canceled,
        ),
        (
            "57014",
            "storniere Anfrage wegen Benutzeraufforderung",
            Category::Canceled,
        ),
        ("08P01", "invalid message format", Category::Query),
        // PgBouncer
        (
            "08P01",
            "no more connections allowed (max_client_conn)",
            Category::Timeout(Timeout::Pool),
        ),
        (
            "08P01",
            "client connections exceeded (max_db_client_connections)",
            Category::Timeout(Timeout::Pool),
        ),
        (
            "08P01",
            "query_wait_timeout",
            Category::Timeout(Timeout::Pool),
        ),
        (
            "08P01",
            "query_timeout",
            Category::Timeout(Timeout::Statement),
        ),
        (
            "08P01",
            "query timeout",
            Category::Timeout(Timeout::Statement),
        ),
        (
            "08P01",
            "client_idle_timeout",
            Category::Timeout(Timeout::Idle),
        ),
        (
            "08P01",
            "idle transaction timeout",
            Category::Timeout(Timeout::Idle),
        ),
        (
            "08P01",
            "transaction timeout",
            Category::Timeout(Timeout::Transaction),
        ),
        (
            "08P01",
            "server login has been failing, try again later (server_login_retry)",
            Category::Connection,
        ),
        (
            "08P01",
            "client_login_timeout (server down)",
            Category::Connection,
        ),
        ("08P01", "server DNS lookup failed", Category::Connection),
        ("08P01", "server conn crashed?", Category::Connection),
        ("08P01", "server shutting down", Category::Connection),
        (
            "08P01",
            "server login failed: FATAL password authentication failed for user \"me\"",
            Category::Permission,
        ),
        (
            "08P01",
            "database configuration changed",
            Category::Connection,
        ),
        ("08P01", "SASL authentication failed", Category::Permission),
        ("08P01", "no such user: me", Category::Permission),
        ("08P01", "no such database: shop", Category::Connection),
        (
            "08P01",
            "unsupported startup parameter: search_path",
            Category::Query,
        ),
        // Supavisor
        (
            "XX000",
            "Max client connections reached",
            Category::Timeout(Timeout::Pool),
        ),
        (
            "XX000",
            "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size",
            Category::Timeout(Timeout::Pool),
        ),
        (
            "XX000",
            "(EMAXCLIENTSESSION) max clients reached in session mode",
            Category::Timeout(Timeout::Pool),
        ),
        (
            "XX000",
            "Unable to check out process from the pool due to timeout",
            Category::Timeout(Timeout::Pool),
        ),
        (
            "XX000",
            "Pool checkout timeout. Request was dropped after 15000ms in Session mode.",
            Category::Timeout(Timeout::Pool),
        ),
        ("XX000", "Tenant or user not found", Category::Permission),
        ("XX000", "SSL connection is required", Category::Permission),
        ("XX000", "DbHandler exited", Category::Connection),
        (
            "XX000",
            "cache lookup failed for relation 1",
            Category::Query,
        ),
    ] {
        assert_eq!(category(code, message), expected, "{code} {message}");
    }
    assert!(
        sqlstate::besides("0A000", "gecachter Plan ..", Some("RevalidateCachedQuery"))
            .unwrap()
            .retryable
    );
    assert!(sqlstate::besides("0A000", "no such feature", Some("transformStmt")).is_none());
}

#[test]
fn the_codes_that_matter_most_are_what_they_should_be() {
    for (code, category, retryable) in [
        (
            "40001",
            Category::Transaction(Transaction::Serialization),
            true,
        ),
        ("40P01", Category::Transaction(Transaction::Deadlock), true),
        ("40003", Category::UnknownOutcome, false),
        ("08007", Category::UnknownOutcome, false),
        ("25P02", Category::Transaction(Transaction::Aborted), false),
        ("25P03", Category::Timeout(Timeout::Idle), true),
        ("57P01", Category::Connection, true),
        ("57P02", Category::Connection, true),
        ("57P03", Category::Connection, true),
        ("57P04", Category::Connection, false),
        ("57P05", Category::Timeout(Timeout::Idle), true),
        ("55P03", Category::Timeout(Timeout::Lock), true),
        ("53300", Category::Resources, true),
        ("PGRST116", Category::NotFound, false),
        ("PGRST301", Category::Permission, false),
        ("PGRST003", Category::Timeout(Timeout::Pool), true),
        ("PGRST999", Category::Unknown, false),
        // A code of a class that is known, and what is no code at all.
        ("22ZZZ", Category::Data, false),
        ("ZZ000", Category::Unknown, false),
        ("", Category::Unknown, false),
        ("äöü", Category::Unknown, false),
        ("12345678", Category::Unknown, false),
    ] {
        let found = classify_code(code);
        assert_eq!(
            (found.category, found.retryable),
            (category, retryable),
            "{code}"
        );
    }
    assert_eq!(classify_code("40001").sqlstate, Some("40001"));
    assert_eq!(classify_code("PGRST116").sqlstate, None);
}

#[test]
fn a_number_that_the_two_servers_use_differently_is_told_apart_by_its_sqlstate() {
    assert_eq!(mysql::of(4025, Some("23000")), words::CHECK);
    assert_eq!(mysql::of(4025, Some("HY000")), words::UNKNOWN);
    assert_eq!(mysql::of(4031, Some("08S01")), words::IDLE_TIMEOUT.lost());
    assert_eq!(mysql::of(4031, Some("HY000")), words::UNKNOWN);
    // One that is not listed goes by its SQLSTATE, where that says something.
    assert_eq!(mysql::of(9999, Some("42000")), words::QUERY);
    assert_eq!(mysql::of(9999, Some("HY000")), words::UNKNOWN);
    assert_eq!(mysql::of(9999, None), words::UNKNOWN);
}

#[test]
fn an_extended_code_that_is_not_known_means_what_its_primary_one_means() {
    assert_eq!(sqlite::of(5 | (99 << 8)), Some(words::LOCK_TIMEOUT));
    assert_eq!(sqlite::of(99), None);
}

#[cfg(feature = "mysql")]
#[test]
fn mysqls_names_are_found_in_any_language() {
    let names = |number, message| {
        let names = mysql::names::of(number, message);
        (names.constraint, names.table, names.column)
    };
    for message in [
        "Duplicate entry 'tea's' for key 'orders.orders_sku'",
        "Doppelter Eintrag 'tea' für Schlüssel 'orders_sku'",
        "Duplikat 'te\u{fffd}' 'x' 'orders_sku'",
    ] {
        assert_eq!(
            names(1062, message),
            (Some("orders_sku"), None, None),
            "{message}"
        );
    }
    assert_eq!(
        names(
            1452,
            "Cannot add or update a child row: a foreign key constraint fails (`shop`.`lines`, CONSTRAINT `lines_ibfk_1` \
             FOREIGN KEY (`order_id`) REFERENCES `orders` (`id`))"
        ),
        (Some("lines_ibfk_1"), Some("lines"), Some("order_id"))
    );
    assert_eq!(
        names(1048, "Feld 'sku' darf nicht NULL sein"),
        (None, None, Some("sku"))
    );
    assert_eq!(
        names(3819, "Check constraint 'positive' is violated."),
        (Some("positive"), None, None)
    );
    assert_eq!(
        names(4025, "CONSTRAINT `positive` failed for `shop`.`orders`"),
        (Some("positive"), Some("orders"), None)
    );
    assert_eq!(
        names(
            1366,
            "Incorrect integer value: 'x' for column `shop`.`orders`.`id` at row 1"
        ),
        (None, Some("orders"), Some("id"))
    );
    for nonsense in ["", "'", "''", "`", "(`", "CONSTRAINT `", "\u{fffd}'"] {
        for number in [1062, 1452, 1048, 1366, 3819, 4025] {
            names(number, nonsense);
        }
    }
}

#[test]
fn what_is_said_to_users_is_what_was_registered_or_made_of_names() {
    let say = |category, constraint, table, column| {
        message::of(
            category,
            Names {
                constraint,
                table,
                column,
                columns: None,
            },
            message::Codes::default(),
        )
    };
    let unique = Category::Constraint(Constraint::Unique);
    crate::messages! {
        "tests_sku_key" => "a test with this sku already exists",
        "tests.name" => "a test of this name already exists",
    }
    assert_eq!(
        say(unique, Some("tests_sku_key"), Some("tests"), None),
        "a test with this sku already exists"
    );
    assert_eq!(
        say(unique, None, Some("tests"), Some("name")),
        "a test of this name already exists"
    );

    assert_eq!(
        say(unique, Some("orders_sku_key"), Some("orders"), None),
        "there is already an entry with this sku in orders"
    );
    assert_eq!(
        say(unique, Some("odd"), Some("order_lines"), None),
        "there is already such an entry in order lines"
    );
    assert_eq!(
        say(unique, None, None, None),
        "there is already such an entry"
    );
    assert_eq!(
        say(
            Category::Constraint(Constraint::ForeignKey),
            Some("orders_customer_id_fkey"),
            Some("orders"),
            None
        ),
        "the customer id refers to something that is not there, or is still referred to"
    );
    assert_eq!(
        say(
            Category::Constraint(Constraint::NotNull),
            None,
            Some("orders"),
            Some("sku")
        ),
        "the sku is missing"
    );
    assert_eq!(
        say(
            Category::Constraint(Constraint::Check),
            Some("odd"),
            Some("orders"),
            None
        ),
        "a value is not allowed in orders"
    );

    // A name that nobody could read is not shown.
    let odd = "x\"; drop table orders; --'ä`%s";
    assert_eq!(
        say(unique, Some(odd), Some(odd), Some(odd)),
        "there is already such an entry"
    );
    let long = "o".repeat(64);
    assert_eq!(
        say(
            Category::Constraint(Constraint::NotNull),
            None,
            None,
            Some(&long)
        ),
        "something is missing"
    );
}

#[test]
fn errors_that_no_database_reported_are_classified() {
    assert_eq!(
        classify(&sqlx::Error::RowNotFound).category,
        Category::NotFound
    );
    assert_eq!(
        classify(&sqlx::Error::PoolTimedOut).category,
        Category::Timeout(Timeout::Pool)
    );
    let lost = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
    assert!(classify(&lost).retryable);
}
