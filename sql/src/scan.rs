//! A fast search for short byte sequences.

/// Whether any three bytes of a text that follow one another are wanted.
///
/// Every statement passes here, so there is no branch for each byte: sixteen places are looked at together, and the last
/// sixteen perhaps twice. Spaces follow a short text, and the last two bytes are no place of their own.
pub(crate) fn any_three(sql: &[u8], wanted: impl Fn(u8, u8, u8) -> bool) -> bool {
    let any = |bytes: &[u8; WINDOW]| {
        let mut found = false;
        for place in 0..PLACES {
            found |= wanted(bytes[place], bytes[place + 1], bytes[place + 2]);
        }
        found
    };
    let Some(last) = sql.last_chunk::<WINDOW>() else {
        let mut padded = [b' '; WINDOW];
        for (place, byte) in padded.iter_mut().zip(sql) {
            *place = *byte;
        }
        return any(&padded);
    };
    let mut rest = sql;
    while let Some(window) = rest.first_chunk::<WINDOW>() {
        if any(window) {
            return true;
        }
        rest = rest.get(PLACES..).unwrap_or_default();
    }
    any(last)
}

const PLACES: usize = 16;
const WINDOW: usize = PLACES + 2;
