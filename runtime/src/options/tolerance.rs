//! Errors of a body that do not roll back its transaction.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::sync::Arc;

use crate::error::Error;

type Tolerates = dyn Fn(&dyn Any) -> bool + Send + Sync;

/// The errors of a body that do not roll back.
#[derive(Clone)]
pub(crate) struct Tolerated {
    body: (TypeId, &'static str),
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

    pub(super) fn into_default(mut self) -> Self {
        self.is_default = true;
        self
    }

    /// Whether the body's error is one of the type that it was written for.
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

    pub(crate) fn tolerates<E: 'static>(&self, error: &E) -> bool {
        (self.tolerates)(error)
    }
}

impl fmt::Debug for Tolerated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tolerated").field(&self.body.1).finish()
    }
}
