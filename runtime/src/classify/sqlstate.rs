//! Maps SQLSTATEs as PostgreSQL uses them, and the errors of the poolers PgBouncer and Supavisor.
//!
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use super::category::Advice;
use super::category::words::*;

/// Returns the verdict on a code, or `None` if neither the code nor its class is known.
pub(crate) fn of(code: &str) -> Option<Advice> {
    let code: &[u8; 5] = code.as_bytes().try_into().ok()?;
    Some(match code {
        b"08007" | b"40003" => UNKNOWN_OUTCOME,
        b"08004" => NO_SUCH_SERVER,
        b"08P01" => QUERY,
        b"23001" | b"23503" => FOREIGN_KEY,
        b"23502" => NOT_NULL,
        b"23505" => UNIQUE,
        b"23514" => CHECK,
        b"23P01" => EXCLUSION,
        b"25P02" => ABORTED,
        b"25006" => READ_ONLY,
        b"25P03" | b"57P05" => IDLE_TIMEOUT.lost(),
        b"25P04" => TRANSACTION_TIMEOUT.lost(),
        b"40000" | b"72000" => ROLLED_BACK,
        b"40001" => SERIALIZATION,
        b"40002" => CONSTRAINT,
        b"40P01" => DEADLOCK,
        b"42501" => PERMISSION,
        b"53100" | b"53200" => RESOURCES,
        b"55P03" => LOCK_TIMEOUT,
        b"57000" | b"57014" => CANCELED,
        b"57P01" | b"57P02" | b"57P03" => RESTART,
        b"57P04" => NO_SUCH_SERVER,
        // PostgreSQL ends the session with the codes of this subclass.
        [b'5', b'7', b'P', ..] => CONNECTION,
        b"HV001" => RESOURCES,
        b"HV00N" => CONNECTION.elsewhere(),
        // RAISE in a function or trigger: the application's own rule.
        b"P0001" => DATA,
        b"P0002" => NOT_FOUND,
        b"XX000" => UNKNOWN,
        _ => return class(&code[..2]),
    })
}

/// Returns the verdict on the other codes of a class.
fn class(class: &[u8]) -> Option<Advice> {
    Some(match class {
        // Success and warnings: never the code of an error.
        b"00" | b"01" => UNKNOWN,
        b"02" => NOT_FOUND,
        b"08" => CONNECTION,
        b"0L" | b"0P" | b"28" => PERMISSION,
        b"0B" | b"25" | b"2D" | b"3B" => STATE,
        b"10" | b"22" => DATA,
        b"23" | b"27" => CONSTRAINT,
        b"40" => ROLLED_BACK,
        b"44" => CHECK,
        b"53" => TOO_MANY,
        b"57" => CANCELED,
        b"58" | b"F0" | b"XX" => RESOURCES,
        b"03" | b"09" | b"0A" | b"0F" | b"0Z" | b"20" | b"21" | b"24" | b"26" | b"2B" | b"2F"
        | b"34" | b"38" | b"39" | b"3D" | b"3F" | b"42" | b"54" | b"55" | b"HV" | b"P0" => QUERY,
        _ => return None,
    })
}

/// Returns the verdict on a code with several meanings, by its text or by the function of the server that raised it.
///
/// PostgreSQL's texts are in the language of `lc_messages`. Only the two texts of 57014 are read, and in another language
/// the verdict stays "canceled". Poolers write English.
#[cfg_attr(not(feature = "postgres"), allow(dead_code))]
pub(crate) fn besides(code: &str, message: &str, routine: Option<&str>) -> Option<Advice> {
    match code {
        "57014" if message.contains("statement timeout") => Some(STATEMENT_TIMEOUT),
        "57014" if message.contains("authentication") => Some(CONNECTION),
        // A plan that was prepared before the schema changed: "cached plan must not change result type".
        "0A000" if routine == Some("RevalidateCachedQuery") => Some(STALE),
        // A type that the connection knows by a number which is no longer its own. These texts are never translated.
        "XX000"
            if message.starts_with("cache lookup failed for ")
                || message.starts_with("could not open relation with OID ") =>
        {
            Some(STALE)
        }
        "42704" if routine == Some("lookup_type_cache") => Some(STALE),
        "42804" if matches!(routine, Some("array_recv" | "record_recv")) => Some(STALE),
        // sqlx numbers the statements that it prepares.
        "26000" | "42P05" if message.contains(NAME_OF_SQLX) => Some(SHARED),
        // A statement without a name is gone where another was sent before it was run.
        "26000" if routine == Some("exec_bind_message") => Some(UNPREPARED),
        "08P01" => pgbouncer(message),
        "XX000" => supavisor(message),
        _ => None,
    }
}

/// How the names of sqlx's prepared statements begin.
const NAME_OF_SQLX: &str = "sqlx_s_";

/// PgBouncer reports every error with the code of a protocol violation:
/// <https://github.com/pgbouncer/pgbouncer/blob/master/src/janitor.c>, `client.c` and `objects.c` beside it.
fn pgbouncer(message: &str) -> Option<Advice> {
    const TEXTS: [(&str, Advice); 28] = [
        ("no more connections allowed", POOL_TIMEOUT),
        ("client connections exceeded", POOL_TIMEOUT),
        ("query_wait_timeout", POOL_TIMEOUT),
        ("no memory for pool", POOL_TIMEOUT),
        ("query_timeout", STATEMENT_TIMEOUT),
        ("query timeout", STATEMENT_TIMEOUT),
        ("client_idle_timeout", IDLE_TIMEOUT),
        ("idle transaction timeout", IDLE_TIMEOUT),
        ("idle_transaction_timeout", IDLE_TIMEOUT),
        ("transaction timeout", TRANSACTION_TIMEOUT),
        ("authentication failed", PERMISSION),
        ("password", PERMISSION),
        ("no such user", PERMISSION),
        ("login rejected", PERMISSION),
        ("client_login_timeout", CONNECTION),
        ("connect timeout", CONNECTION),
        ("server login", CONNECTION),
        ("server DNS lookup failed", CONNECTION),
        ("cannot connect", CONNECTION),
        ("connect failed", CONNECTION),
        ("server conn", CONNECTION),
        ("suspend_timeout", RESTART),
        ("shutting down", RESTART),
        ("pause mode", RESTART),
        ("database configuration changed", RESTART),
        ("database removed", NO_SUCH_SERVER),
        ("no such database", NO_SUCH_SERVER),
        ("does not allow connections", NO_SUCH_SERVER),
    ];
    find(&TEXTS, message)
}

/// Supavisor reports most errors with the code of an internal error:
/// <https://github.com/supabase/supavisor/tree/main/lib/supavisor/errors>, and `client_handler/error.ex` before that.
fn supavisor(message: &str) -> Option<Advice> {
    const TEXTS: [(&str, Advice); 15] = [
        ("Max client connections reached", POOL_TIMEOUT),
        ("Max pools count reached", POOL_TIMEOUT),
        ("max clients reached", POOL_TIMEOUT),
        ("EMAX", POOL_TIMEOUT),
        ("Unable to check out process from the pool", POOL_TIMEOUT),
        ("Pool checkout timeout", POOL_TIMEOUT),
        ("ECHECKOUTTIMEOUT", POOL_TIMEOUT),
        ("ECIRCUITBREAKER", RESTART),
        ("Tenant or user not found", PERMISSION),
        ("Authentication error", PERMISSION),
        ("SSL connection is required", PERMISSION),
        ("Address not in tenant allow_list", PERMISSION),
        ("DbHandler exited", CONNECTION),
        ("Failed to subscribe to tenant", CONNECTION),
        ("max prepared statements", RESOURCES),
    ];
    find(&TEXTS, message)
}

fn find(texts: &[(&str, Advice)], message: &str) -> Option<Advice> {
    texts
        .iter()
        .find(|(text, _)| message.contains(text))
        .map(|(_, verdict)| *verdict)
}
