//! What a service needs of the boundary that it is called in.

use crate::options::Isolation;

/// What `requires(..)` of a service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The isolation level.
    pub isolation: Option<Isolation>,
    /// The boundary may write.
    pub read_write: bool,
}
