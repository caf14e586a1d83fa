//! Queries that read the same in a transaction of their own.

use crate::dialect::Dialect;
use crate::guard::looks_plain;
use crate::lexer::Lexer;
use crate::scan::any_three;
use crate::settings::content;
use crate::token::{Shape, Token};

/// Whether a text is visibly one query that reads the same in a transaction of its own as inside a longer one at read
/// committed, where each statement has a snapshot of its own anyway.
///
/// What belongs to the whole transaction is found by its name: the time of its start (`now()`, `current_date`, PostgreSQL
/// 9.9.5 "Current Date/Time"), the locks of its rows (`FOR UPDATE`), its number (`txid_current()`), and large objects that are
/// open until its end (PostgreSQL 33.3). What a function does that the text only calls cannot be seen.
///
/// It may say no to any text. SQLite always reads in the transaction that is open.
///
/// ```
/// use demarcate_sql::{Dialect, reads_alone};
///
/// assert!(reads_alone("select sku from orders where id = $1", Dialect::Postgres));
/// assert!(!reads_alone("select sku from orders where due < now()", Dialect::Postgres));
/// assert!(reads_alone("select sku from orders where due < now()", Dialect::MySql)); // the time of the statement
/// assert!(!reads_alone("select sku from orders where id = ? for update", Dialect::MySql));
/// assert!(!reads_alone("update orders set sku = $1", Dialect::Postgres));
/// ```
#[must_use]
pub fn reads_alone(sql: &str, dialect: Dialect) -> bool {
    let belongs = match dialect {
        Dialect::Postgres => belongs_to_transaction_of_postgres,
        Dialect::MySql => belongs_to_transaction_of_mysql,
        Dialect::Sqlite => return false,
    };
    begins_query(sql, dialect) && looks_plain(sql, dialect) && !belongs(sql)
}

fn begins_query(sql: &str, dialect: Dialect) -> bool {
    let first = Lexer::new(sql, dialect).peek();
    first.is_some_and(|first| first.is_any(&["select", "with"]))
}

fn belongs_to_transaction_of_postgres(sql: &str) -> bool {
    const NAMES: [&str; 8] = [
        "age",
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "now",
        "transaction_timestamp",
    ];
    const INPUTS: [&str; 4] = ["now", "today", "tomorrow", "yesterday"];
    any_three(sql.as_bytes(), may_belong_on_postgres)
        && any_token(sql, Dialect::Postgres, |token, behind| {
            let name = token.identifier().unwrap_or_default();
            // `'now'::timestamptz`: PostgreSQL 8.5.1.4 "Special Values".
            let is_input = |input: &&str| content(token.text).eq_ignore_ascii_case(input);
            NAMES.iter().any(|known| token.names(known))
                || begins_with(name, "txid_")
                || begins_with(name, "lo_")
                || begins_with(name, "loread")
                || (token.shape == Shape::Text && INPUTS.iter().any(is_input))
                || (token.is("for") && behind.accept_any(&["update", "share", "no", "key"]))
        })
}

fn belongs_to_transaction_of_mysql(sql: &str) -> bool {
    any_three(sql.as_bytes(), may_belong_on_mysql)
        && any_token(sql, Dialect::MySql, |token, behind| {
            (token.is("for") && behind.accept_any(&["update", "share"]))
                || (token.is("lock") && behind.accept("in"))
        })
}

fn begins_with(name: &str, start: &str) -> bool {
    let head = name.get(..start.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// Whether any token of a text is wanted, which is asked with a lexer that is behind it.
fn any_token(
    sql: &str,
    dialect: Dialect,
    wanted: impl Fn(&Token<'_>, &mut Lexer<'_>) -> bool,
) -> bool {
    let mut lexer = Lexer::new(sql, dialect);
    while let Some(token) = lexer.next() {
        let mut behind = lexer;
        if wanted(&token, &mut behind) {
            return true;
        }
    }
    false
}

/// Three letters of each of the names: `age`, `nt_`, `loc`, `now`, `n_t`, `day`, `row` of `tomorrow`, `id_`, `lo_`, `lor`,
/// `for`.
fn may_belong_on_postgres(a: u8, b: u8, c: u8) -> bool {
    let (a, low_b, low_c) = (a | 0x20, b | 0x20, c | 0x20);
    ((a == b'a') & (low_b == b'g') & (low_c == b'e'))
        | ((a == b'n') & (low_b == b't') & (c == b'_'))
        | ((a == b'l') & (low_b == b'o') & ((low_c == b'c') | (low_c == b'r') | (c == b'_')))
        | ((a == b'n') & (low_b == b'o') & (low_c == b'w'))
        | ((a == b'n') & (b == b'_') & (low_c == b't'))
        | ((a == b'd') & (low_b == b'a') & (low_c == b'y'))
        | ((a == b'r') & (low_b == b'o') & (low_c == b'w'))
        | ((a == b'i') & (low_b == b'd') & (c == b'_'))
        | ((a == b'f') & (low_b == b'o') & (low_c == b'r'))
}

/// `for` and `loc`
fn may_belong_on_mysql(a: u8, b: u8, c: u8) -> bool {
    let (a, b, c) = (a | 0x20, b | 0x20, c | 0x20);
    (b == b'o') & (((a == b'f') & (c == b'r')) | ((a == b'l') & (c == b'c')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dialect: Dialect, sql: &str, expected: bool) {
        assert_eq!(reads_alone(sql, dialect), expected, "{sql}");
    }

    #[test]
    fn a_query_reads_alone() {
        for dialect in [Dialect::Postgres, Dialect::MySql] {
            for sql in [
                "select 1",
                "  SELECT id, name FROM orders WHERE id = 1;",
                "with a as (select 1) select * from a",
                "select 'for update' from message where information = 'format'",
                "-- of the first page\nselect id from t order by id limit 10",
            ] {
                check(dialect, sql, true);
            }
        }
        check(Dialect::Sqlite, "select 1", false);
    }

    #[test]
    fn whatever_is_more_than_a_query_does_not() {
        for dialect in [Dialect::Postgres, Dialect::MySql] {
            for sql in [
                "",
                "insert into t values (1)",
                "update t set a = 1",
                "select 1; select 2",
                "explain select 1",
                "select a from t for update",
                "select a from t FOR share",
            ] {
                check(dialect, sql, false);
            }
        }
        check(Dialect::MySql, "select a from t lock in share mode", false);
        check(Dialect::MySql, "select @a := 1", false);
    }

    #[test]
    fn what_belongs_to_the_transaction_of_postgres_is_found() {
        for expression in [
            "now()",
            "NOW ()",
            "pg_catalog.now()",
            "\"now\"()",
            "current_timestamp",
            "Current_Timestamp(3)",
            "current_date",
            "current_time",
            "localtime",
            "localtimestamp",
            "transaction_timestamp()",
            "'now'::timestamptz",
            "timestamp 'today'",
            "date 'Tomorrow'",
            "date 'yesterday'",
            "age(born)",
            "txid_current()",
            "pg_current_xact_id()",
            "pg_export_snapshot()",
            "pg_advisory_xact_lock(1)",
            "lo_open(1, 262144)",
            "loread(1, 10)",
            "set_config('app.user', 'a', true)",
        ] {
            check(
                Dialect::Postgres,
                &std::format!("select {expression} from t"),
                false,
            );
        }
        for lock in [
            "for update",
            "for no key update",
            "for share",
            "for key share",
        ] {
            check(
                Dialect::Postgres,
                &std::format!("select a from t {lock}"),
                false,
            );
        }
        for expression in [
            "statement_timestamp()",
            "clock_timestamp()",
            "substring(a for 2)",
            "'it is now or never'",
            "a.snowing, page, rowing, today_s, logged",
        ] {
            check(
                Dialect::Postgres,
                &std::format!("select {expression} from t"),
                true,
            );
        }
    }
}
