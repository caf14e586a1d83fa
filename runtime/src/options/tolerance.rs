//! `no_rollback_for`: the errors of a body that commit its transaction.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::sync::Arc;

use crate::error::Error;

type Tolerates = dyn Fn(&dyn Any) -> bool + Send + Sync;

/// A predicate on the error type of a body: the transaction commits despite the errors for which it holds.
#[derive(Clone)]
pub(crate) struct Tolerated {
    /// The error type of the predicate, and its name.
    body: (TypeId, &'static str),
    /// Whether it is from the defaults of the factory, and thus applies only to bodies with its error type.
    is_default: bool,
    tolerates: Arc<Tolerates>,
}

impl Tolerated {
    pub(super) fn new<E: 'static>(tolerates: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        Self {
            body: (TypeId::of::<E>(), type_name::<E>()),
            is_default: false,
            tolerates: Arc::new(move |error| error.downcast_ref().is_some_and(&tolerates)),
        }
    }

    /// Marks the predicate as one from the defaults of the factory.
    pub(super) fn into_default(mut self) -> Self {
        self.is_default = true;
        self
    }

    /// Rejects a body whose error type is not that of the predicate.
    pub(crate) fn check<E: 'static>(&self) -> Result<(), Error> {
        let (id, name) = self.body;
        if self.is_default || id == TypeId::of::<E>() {
            return Ok(());
        }
        Err(Error::config(format!(
            "`no_rollback_for` was written for `{name}`, and the body returns `{}`; give its closure that type",
            type_name::<E>()
        )))
    }

    /// Whether the transaction commits despite `error`.
    pub(crate) fn tolerates<E: 'static>(&self, error: &E) -> bool {
        (self.tolerates)(error)
    }
}

impl fmt::Debug for Tolerated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tolerated").field(&self.body.1).finish()
    }
}
