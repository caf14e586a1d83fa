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
/// The search is for names of what belongs to the whole transaction: the time of its start (`current_date`, PostgreSQL 9.9.5
/// "Current Date/Time"; `'today'`, 8.5.1.4 "Special Values") and the locks of its rows (`FOR UPDATE`). A function may do whatever a
/// statement may, and leave a setting, a lock or a cursor to the rest of the transaction: a text that calls one which is not
/// known to compute alone does not read alone. What a view hides cannot be seen.
///
/// It may say no to any text. SQLite always reads in the transaction that is open.
///
/// ```
/// use demarcate_sql::{Dialect, reads_alone};
///
/// assert!(reads_alone("select lower(sku) from orders where id = $1", Dialect::Postgres));
/// assert!(!reads_alone("select sku from orders where due < now()", Dialect::Postgres));
/// assert!(reads_alone("select sku from orders where due < now()", Dialect::MySql)); // the time of the statement
/// assert!(!reads_alone("select sku from orders where id = ? for update", Dialect::MySql));
/// assert!(!reads_alone("select be_tenant($1)", Dialect::Postgres));
/// assert!(!reads_alone("update orders set sku = $1", Dialect::Postgres));
/// ```
#[must_use]
pub fn reads_alone(sql: &str, dialect: Dialect) -> bool {
    if dialect == Dialect::Sqlite || !begins_query(sql, dialect) || !looks_plain(sql, dialect) {
        return false;
    }
    if !any_three(sql.as_bytes(), may_belong) {
        return true;
    }
    let mut lexer = Lexer::new(sql, dialect);
    while let Some(token) = lexer.next() {
        if belongs_to_transaction(&token, lexer) {
            return false;
        }
    }
    true
}

fn begins_query(sql: &str, dialect: Dialect) -> bool {
    let first = Lexer::new(sql, dialect).peek();
    first.is_some_and(|first| first.is_any(&["select", "with"]))
}

/// Whether this token, with what is `behind` it, is something of the whole transaction.
fn belongs_to_transaction(token: &Token<'_>, mut behind: Lexer<'_>) -> bool {
    match behind.dialect() {
        Dialect::Postgres => {
            const TIMES: [&str; 5] = [
                "current_date",
                "current_time",
                "current_timestamp",
                "localtime",
                "localtimestamp",
            ];
            let is_escaped = token.is("u") && behind.peek().is_some_and(|next| next.is_mark(b'&'));
            if token.is_any(&TIMES) || is_escaped || is_time(token) {
                return true;
            }
        }
        Dialect::MySql if token.is("lock") && behind.accept("in") => return true,
        Dialect::MySql | Dialect::Sqlite => {}
    }
    if token.is("for") && behind.accept_any(&["update", "share", "no", "key"]) {
        return true;
    }
    let name = token.identifier();
    name.is_some_and(|name| behind.accept_mark(b'(') && !computes_alone(name, behind.dialect()))
}

/// Whether a literal may be read as a time that is relative to the start of the transaction: `' Now '`, `'today 12:00'`.
fn is_time(token: &Token<'_>) -> bool {
    const INPUTS: [&str; 4] = ["now", "today", "tomorrow", "yesterday"];
    if token.shape != Shape::Text {
        return false;
    }
    let text = content(token.text).trim_start();
    INPUTS.iter().any(|input| {
        let head = text.get(..input.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(input))
    })
}

/// Whether what has this name and a parenthesis behind it is no function, or one that only computes.
fn computes_alone(name: &str, dialect: Dialect) -> bool {
    let is_any = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    is_any(SYNTAX) || is_any(FUNCTIONS) || (dialect == Dialect::MySql && is_any(TIMES_OF_MYSQL))
}

/// Words before a parenthesis that is no list of arguments, and types that have a length.
#[rustfmt::skip]
const SYNTAX: &[&str] = &[
    "all", "and", "any", "array", "as", "between", "bigint", "bit", "by", "case", "char", "character", "cross", "cube",
    "decimal", "distinct", "else", "except", "exists", "filter", "from", "grouping", "having", "in", "inner", "int",
    "integer", "intersect", "interval", "is", "join", "lateral", "left", "like", "limit", "materialized", "not",
    "numeric", "offset", "on", "or", "order", "over", "precision", "right", "rollup", "row", "select", "sets", "some",
    "then", "time", "timestamp", "timestamptz", "union", "using", "values", "varchar", "varying", "when", "where", "with",
    "within",
];

/// Functions of PostgreSQL and of MySQL that give the same for the same arguments and rows, or something at random, and
/// do nothing else.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "abs", "array_agg", "array_append", "array_cat", "array_length", "array_lower", "array_position", "array_positions",
    "array_prepend", "array_remove", "array_replace", "array_to_json", "array_to_string", "array_upper", "ascii", "avg",
    "bit_and", "bit_length", "bit_or", "bool_and", "bool_or", "btrim", "cardinality", "cast", "cbrt", "ceil", "ceiling",
    "char_length", "character_length", "chr", "clock_timestamp", "coalesce", "concat", "concat_ws", "convert", "corr",
    "count", "cume_dist", "current_setting", "date", "date_add", "date_format", "date_part", "date_sub", "date_trunc", "datediff", "day",
    "dayofmonth", "dayofweek", "dayofyear", "decode", "degrees", "dense_rank", "div", "elt", "encode", "every", "exp",
    "extract", "field", "find_in_set", "first_value", "floor", "format", "from_base64", "from_unixtime",
    "gen_random_uuid", "generate_series", "generate_subscripts", "greatest", "group_concat", "hex", "hour", "if",
    "ifnull", "initcap", "instr", "isempty", "json_agg", "json_array", "json_array_elements",
    "json_array_elements_text", "json_array_length", "json_arrayagg", "json_build_array", "json_build_object",
    "json_contains", "json_each", "json_each_text", "json_extract", "json_extract_path", "json_extract_path_text",
    "json_length", "json_object", "json_object_agg", "json_objectagg", "json_object_keys", "json_typeof",
    "json_unquote", "json_value", "jsonb_agg", "jsonb_array_elements", "jsonb_array_elements_text",
    "jsonb_array_length", "jsonb_build_array", "jsonb_build_object", "jsonb_each", "jsonb_each_text",
    "jsonb_extract_path", "jsonb_extract_path_text", "jsonb_object_agg", "jsonb_object_keys", "jsonb_path_exists",
    "jsonb_path_query", "jsonb_path_query_array", "jsonb_path_query_first", "jsonb_set", "jsonb_typeof",
    "justify_days", "justify_hours", "justify_interval", "lag", "last_day", "last_value", "lcase", "lead", "least",
    "length", "ln", "locate", "log", "log10", "log2", "lower", "lower_inc", "lower_inf", "lpad", "ltrim", "make_date",
    "make_interval", "make_time", "make_timestamp", "make_timestamptz", "max", "md5", "mid", "min", "minute", "mod",
    "mode", "month", "nth_value", "ntile", "nullif", "numrange", "octet_length", "ord", "overlay", "percent_rank",
    "percentile_cont", "percentile_disc", "pi", "plainto_tsquery", "position", "pow", "power", "quarter", "quote_ident",
    "quote_literal", "radians", "rand", "random", "range_agg", "rank", "regexp_count", "regexp_instr", "regexp_like",
    "regexp_match", "regexp_matches", "regexp_replace", "regexp_split_to_array", "regexp_split_to_table",
    "regexp_substr", "repeat", "replace", "reverse", "round", "row_number", "row_to_json", "rpad", "rtrim", "second",
    "sec_to_time", "sha1", "sha2", "sha224", "sha256", "sha384", "sha512", "sign", "similarity", "split_part", "sqrt",
    "starts_with", "statement_timestamp", "std", "stddev", "stddev_pop", "stddev_samp", "str_to_date", "string_agg",
    "string_to_array", "strpos", "substr", "substring", "substring_index", "sum", "time_to_sec", "timestampadd",
    "timestampdiff", "to_base64", "to_char", "to_date", "to_days", "to_hex", "to_json", "to_jsonb", "to_number",
    "to_timestamp", "to_tsquery", "to_tsvector", "translate", "trim", "trunc", "truncate", "ts_headline", "ts_rank",
    "ts_rank_cd", "ucase", "unhex", "unix_timestamp", "unnest", "upper", "upper_inc", "upper_inf", "var_pop",
    "var_samp", "variance", "websearch_to_tsquery", "week", "weekday", "width_bucket", "year",
];

/// Times of MySQL, which are those of the statement.
#[rustfmt::skip]
const TIMES_OF_MYSQL: &[&str] = &[
    "curdate", "current_date", "current_time", "current_timestamp", "curtime", "localtime", "localtimestamp", "now",
    "utc_date", "utc_time", "utc_timestamp",
];

/// A parenthesis, `&`, and three letters of each of the other names: `nt_`, `loc`, `now`, `day`, `row` of `tomorrow`, `for`.
fn may_belong(a: u8, b: u8, c: u8) -> bool {
    let (low_a, low_b, low_c) = (a | 0x20, b | 0x20, c | 0x20);
    (b == b'(')
        | (b == b'&')
        | ((low_a == b'n') & (low_b == b't') & (c == b'_'))
        | ((low_a == b'l') & (low_b == b'o') & (low_c == b'c'))
        | ((low_a == b'n') & (low_b == b'o') & (low_c == b'w'))
        | ((low_a == b'd') & (low_b == b'a') & (low_c == b'y'))
        | ((low_a == b'r') & (low_b == b'o') & (low_c == b'w'))
        | ((low_a == b'f') & (low_b == b'o') & (low_c == b'r'))
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
                "select count(*), lower(b) from t where a in (1, 2) and (c = 1 or d = 2) group by lower (b)",
                "select * from a join b using (id) where exists (select 1 from c where c.id = a.id)",
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
                "select be_tenant('a')",
                "select public.Be_Tenant ('a')",
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
            "' now '::timestamptz",
            "'today 12:00'::timestamp",
            "U&'n\\006fw'::timestamptz",
            "U&\"n\\006fw\"()",
            "nextval('a')",
            "\"count me\"(1)",
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
            "'for update', a::numeric(10, 2), count(*) filter (where b)",
        ] {
            check(
                Dialect::Postgres,
                &std::format!("select {expression} from t"),
                true,
            );
        }
    }
}
