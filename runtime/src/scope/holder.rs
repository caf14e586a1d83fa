//! Defines [`ConnectionHolder`], a boundary that holds a connection, for errors, logs and the pool's status.

use std::fmt;
use std::time::Duration;

use crate::scope::site::Site;

/// A boundary that holds a connection. A boundary holds one from its first statement to its end, including a rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionHolder {
    /// The boundary.
    pub boundary: Site,
    /// How long it has held the connection.
    pub held_for: Duration,
}

impl fmt::Display for ConnectionHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boundary, held_for } = self;
        write!(f, "{boundary} for {held_for:.1?}")
    }
}

/// Formats the first five holders as a list, and the number of the others.
pub(crate) struct InWords<'a>(pub(crate) &'a [ConnectionHolder]);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        for (n, holder) in self.0.iter().take(SHOWN).enumerate() {
            let before = if n == 0 { "" } else { ", " };
            write!(f, "{before}{holder}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::site::SiteKind;

    const SITE: Site = Site::new("post_order", SiteKind::Router, "src/orders.rs", 12);

    #[test]
    fn of_many_a_few_are_shown() {
        let holder = ConnectionHolder {
            boundary: SITE,
            held_for: Duration::from_millis(1_250),
        };
        assert_eq!(
            InWords(&[holder]).to_string(),
            "router `post_order` (src/orders.rs:12) for 1.2s"
        );
        assert!(
            InWords(&[holder; 8])
                .to_string()
                .ends_with("for 1.2s and 3 more")
        );
    }
}
