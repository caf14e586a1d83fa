//! What a code of PostgREST means: <https://docs.postgrest.org/en/stable/references/errors.html>.

use super::category::Advice;
use super::category::words::*;

pub(crate) fn of(code: &str) -> Option<Advice> {
    let number = code.strip_prefix("PGRST")?;
    Some(match number {
        "000" | "001" | "002" => CONNECTION,
        "003" => POOL_TIMEOUT,
        // `single()` found none, or several.
        "116" => NOT_FOUND,
        _ => match number.as_bytes().first()? {
            b'1' | b'2' => QUERY,
            // The JWT, and what it claims.
            b'3' => PERMISSION,
            b'X' => UNKNOWN,
            _ => return None,
        },
    })
}
