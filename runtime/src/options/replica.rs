//! Whether a boundary may read from a replica.

/// Whether a read-only boundary runs on a replica, which may be behind the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Replica {
    /// On a replica if one can be had; on the primary otherwise, and after this task has written something,
    /// which the replica may not have yet.
    Prefer,
    /// On a replica or not at all, also after a write of this task.
    Require,
    /// On the primary.
    Never,
}
