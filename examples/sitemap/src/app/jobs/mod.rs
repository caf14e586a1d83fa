//! What goes on after the answer, outside any request.

mod scan;

pub(super) use self::scan::scan;
use super::{Session, SessionFactory, services};
