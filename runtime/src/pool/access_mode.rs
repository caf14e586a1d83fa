//! Records whether a connection was made read-only for the reads of further boundaries.

/// Whether the server accepts writes of statements outside any transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AccessMode {
    /// As its settings say.
    #[default]
    Configured,
    /// It refuses them.
    ReadOnly,
    /// One of the two: a message that changes it was sent, and not answered.
    Unknown,
    /// As its settings say, which forbid to change it.
    Fixed,
}

impl AccessMode {
    /// Whether the server may refuse writes because it was told to.
    pub(crate) fn may_be_read_only(self) -> bool {
        matches!(self, Self::ReadOnly | Self::Unknown)
    }
}
