//! The attributes.

/// The attribute that a function is marked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `#[router_tx]`: a boundary inside a request.
    Router,
    /// `#[service]`: works on a session that its caller lends it.
    Service,
    /// `#[background_job]`: a boundary outside any request.
    Job,
    /// `#[boundary]`: a plain function that opens boundaries. The rules hold in their closures, and nowhere else in it.
    Boundary,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Router, Self::Service, Self::Job, Self::Boundary];

    /// The attribute's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Router => "router_tx",
            Self::Service => "service",
            Self::Job => "background_job",
            Self::Boundary => "boundary",
        }
    }

    /// The attribute, as it is written.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::Router => "#[router_tx]",
            Self::Service => "#[service]",
            Self::Job => "#[background_job]",
            Self::Boundary => "#[boundary]",
        }
    }

    /// Returns the noun for a function with this attribute.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Service => "service",
            Self::Job => "background job",
            Self::Boundary => "boundary",
        }
    }
}
