//! Maps the error codes of PostgREST: <https://docs.postgrest.org/en/stable/references/errors.html>.

use super::category::Advice;
use super::category::words::*;

/// Returns the verdict on a code, or `None` if it is not one of PostgREST's.
pub(crate) fn of(code: &str) -> Option<Advice> {
    let number = code.strip_prefix("PGRST")?;
    Some(match number {
        "000" | "001" | "002" => CONNECTION,
        "003" => POOL_TIMEOUT,
        // `single()` found no row, or several.
        "116" => NOT_FOUND,
        _ => match number.as_bytes().first()? {
            b'1' | b'2' => QUERY,
            // The JWT and its claims.
            b'3' => PERMISSION,
            b'X' => UNKNOWN,
            _ => return None,
        },
    })
}
