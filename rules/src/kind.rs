/// What a function is marked as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `#[router_tx]`: a boundary inside a request.
    Router,
    /// `#[service]`: works on a session it was lent.
    Service,
    /// `#[background_job]`: a boundary outside any request.
    Job,
}

impl Kind {
    /// The attribute's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Router => "router_tx",
            Self::Service => "service",
            Self::Job => "background_job",
        }
    }

    /// The attribute, as it is written.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::Router => "#[router_tx]",
            Self::Service => "#[service]",
            Self::Job => "#[background_job]",
        }
    }

    /// What a function so marked is called in a sentence.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Service => "service",
            Self::Job => "background job",
        }
    }
}
