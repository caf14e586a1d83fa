//! Rejects variables that were probably meant to be one of those that are read.

use super::names::KNOWN;
use super::variables::Variables;
use crate::error::Error;

/// Names that other programs use, and the variable that is read here instead.
const OTHER_NAMES: [(&str, &str); 13] = [
    ("DATABASE_URI", "DATABASE_URL"),
    ("DB_URL", "DATABASE_URL"),
    ("DB_URI", "DATABASE_URL"),
    ("DB_HOSTNAME", "DB_HOST"),
    ("DB_SERVER", "DB_HOST"),
    ("DB_USERNAME", "DB_USER"),
    ("DB_LOGIN", "DB_USER"),
    ("DB_PASS", "DB_PASSWORD"),
    ("DB_PWD", "DB_PASSWORD"),
    ("DB_DATABASE", "DB_NAME"),
    ("DB_DATABASE_NAME", "DB_NAME"),
    ("DB_POOL_MAX_OVERFLOW", "DB_MAX_OVERFLOW"),
    ("DB_POOL_IDLE_TIMEOUT", "DB_IDLE_TIMEOUT"),
];

/// Rejects a variable that is not read but is one typing error away from one that is.
///
/// Other variables that begin with `DB_` are accepted: they may belong to the application.
pub(crate) fn check(variables: &Variables) -> Result<(), Error> {
    for name in variables.names() {
        if KNOWN.contains(&name) || variables.get(name).is_none() {
            continue;
        }
        // If both variables are set, the unknown one is for another program. The same holds for a part of an address if
        // `DATABASE_URL` has the whole address.
        let matters = |meant: &&str| {
            variables.get(meant).is_none()
                && !(is_part(meant) && variables.get("DATABASE_URL").is_some())
        };
        if let Some(meant) = meant(name).filter(matters) {
            return Err(Error::config(format!(
                "{name} is not a known variable; write {meant}"
            )));
        }
    }
    Ok(())
}

/// Whether a variable is a part of a database's address.
fn is_part(name: &str) -> bool {
    let parts = ["DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME"];
    parts.contains(&name) || name.starts_with("SUPABASE_POOLER_")
}

/// Returns the known variable that `name` was probably meant to be.
fn meant(name: &str) -> Option<&'static str> {
    let is_ours = ["DB_", "DATABASE_", "SUPABASE_POOLER_"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let joined = |name: &str| name.replace('_', "").to_ascii_uppercase();
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
    other.map(|(_, known)| *known).or_else(|| {
        KNOWN.into_iter().find(|known| {
            let same =
                known.len() > 6 && joined(known) == joined(name) && name.starts_with(&known[..1]);
            same || (is_ours && is_one_slip(name, known))
        })
    })
}

/// Whether the names differ by one character, or by two adjacent characters in the opposite order. (`DB_PORT` and
/// `DB_HOST` differ by more.)
fn is_one_slip(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    match (&a[..a.len() - end], &b[..b.len() - end]) {
        ([_], [_]) | ([_], []) | ([], [_]) => true,
        ([p, q], [r, s]) => p == s && q == r,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str) -> Option<String> {
        check(&Variables::from_iter([(name, "x")]))
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn a_misspelt_name_is_not_silently_ignored() {
        for (name, meant) in [
            ("DB_POOLSIZE", "DB_POOL_SIZE"),
            ("DB_POOL_SIZES", "DB_POOL_SIZE"),
            ("DB_POOL_TIMOUT", "DB_POOL_TIMEOUT"),
            ("DB_STARTUP_TIMOUT", "DB_STARTUP_TIMEOUT"),
            ("DB_PASSWROD", "DB_PASSWORD"),
            ("DB_PASS", "DB_PASSWORD"),
            ("DB_USERNAME", "DB_USER"),
            ("DATABASE_URI", "DATABASE_URL"),
            ("DATABASEURL", "DATABASE_URL"),
            ("SUPABASE_POOLER_PASSWORT", "SUPABASE_POOLER_PASSWORD"),
        ] {
            assert_eq!(
                said(name),
                Some(format!("{name} is not a known variable; write {meant}"))
            );
        }
    }

    #[test]
    fn the_applications_own_names_are_let_be() {
        for name in [
            "DB_TYPE",
            "DB_MODE",
            "DB_BACKUP_BUCKET",
            "DB_SCHEMA",
            "DATABASE_BACKUP_URL",
            "PGDATA",
            "HOST",
        ] {
            assert_eq!(said(name), None, "{name}");
        }
        for name in KNOWN {
            assert_eq!(said(name), None, "{name}");
        }
        // Another program's name for what is named here already.
        for (name, here) in [("DB_USERNAME", "DB_USER"), ("DB_PASS", "DATABASE_URL")] {
            let both = Variables::from_iter([(name, "x"), (here, "y")]);
            assert!(check(&both).is_ok(), "{name} beside {here}");
        }
    }
}
