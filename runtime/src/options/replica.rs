//! Whether a boundary may read from a replica.

/// Whether a read-only boundary runs on a replica. A replica may lag behind the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadPreference {
    /// On a replica if one is available; on the primary otherwise, and after this task has written, since a replica
    /// may not have the write yet.
    Prefer,
    /// On a replica, also after a write of this task; the boundary fails if no replica is available.
    Require,
    /// On the primary.
    Never,
}
