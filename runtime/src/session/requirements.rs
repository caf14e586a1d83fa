//! Compares the requirements of a service with the options of the boundary around it.

use std::fmt;

use crate::error::Error;
use crate::options::Isolation;
use crate::scope::place::ErrorContext;
use crate::scope::site::Site;

/// The requirements stated by `#[service(requires(..))]`.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The minimum isolation level.
    pub isolation: Option<Isolation>,
    /// Whether the service writes.
    pub read_write: bool,
}

/// The options of a boundary that a service can require.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) isolation: Isolation,
    pub(crate) read_only: bool,
}

/// A requirement of a service that its boundary does not meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnmetRequirement {
    service: Site,
    needs: Requirements,
    given: Offer,
}

impl UnmetRequirement {
    /// Returns the requirements that the boundary does not meet, if there are any.
    pub(crate) fn find(service: Site, needs: Requirements, given: Offer) -> Option<Self> {
        let isolation = needs.isolation.filter(|needed| *needed > given.isolation);
        let read_write = needs.read_write && given.read_only;
        let needs = Requirements {
            isolation,
            read_write,
        };
        (needs != Requirements::default()).then_some(Self {
            service,
            needs,
            given,
        })
    }

    pub(crate) fn to_error(self, place: ErrorContext) -> Error {
        Error::RequirementNotMet {
            place,
            service: self.service,
            needs: self.to_string().into(),
        }
    }
}

impl fmt::Display for UnmetRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(isolation) = self.needs.isolation {
            write!(
                f,
                "isolation of at least {isolation:?}, and is given {:?}; write `isolation = {isolation:?}`",
                self.given.isolation
            )?;
        }
        if self.needs.read_write {
            if self.needs.isolation.is_some() {
                f.write_str(" there; and ")?;
            }
            f.write_str("to write, and is given a read-only transaction; leave `read_only` out")?;
        }
        Ok(())
    }
}
