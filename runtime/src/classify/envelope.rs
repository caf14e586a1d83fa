//! Carries an error of a layer above this module inside a `sqlx::Error`.
//!
//! A function that returns `sqlx::Error` may call one that fails with an error of this crate. The error crosses that
//! function inside [`sqlx::Error::Database`] and is taken out again unchanged. This module sees such an error only
//! through [`Classified`], so it does not depend on the error type.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use sqlx::error::{DatabaseError, ErrorKind};

use super::Classification;

/// An error that knows its own classification, and can therefore travel in an [`Envelope`].
pub(crate) trait Classified: StdError + Send + Sync + 'static {
    /// Returns the meaning of the error.
    fn classification(&self) -> Classification<'_>;

    /// The error in one line, without the boundary that it happened in.
    fn line(&self) -> String;

    /// The text for code that reads the error as a [`DatabaseError`].
    fn message(&self) -> &str;

    /// The SQLSTATE nearest in meaning, for code that reads the error as a [`DatabaseError`].
    fn sqlstate(&self) -> Option<&'static str>;

    /// Makes the concrete type available to a downcast.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

/// The [`DatabaseError`] that carries a [`Classified`] error.
pub(crate) struct Envelope(Box<dyn Classified>);

impl Envelope {
    /// Wraps `error` as a `sqlx::Error`.
    pub(crate) fn seal(error: impl Classified) -> sqlx::Error {
        sqlx::Error::Database(Box::new(Self(Box::new(error))))
    }

    /// Takes the error out. `Err` returns the database's error if it carries no `E`.
    pub(crate) fn open<E: Classified>(
        error: Box<dyn DatabaseError>,
    ) -> Result<E, Box<dyn DatabaseError>> {
        let envelope = error.try_downcast::<Self>()?;
        if !(&*envelope.0 as &dyn StdError).is::<E>() {
            return Err(envelope);
        }
        match envelope.0.into_any().downcast() {
            Ok(error) => Ok(*error),
            Err(_) => unreachable!("the type was checked above"),
        }
    }

    /// Borrows the error that `error` carries, if it is an envelope.
    pub(crate) fn peek(error: &dyn DatabaseError) -> Option<&dyn Classified> {
        let envelope = error.try_downcast_ref::<Self>()?;
        Some(&*envelope.0)
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Envelope").field(&self.0).finish()
    }
}

impl StdError for Envelope {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

impl DatabaseError for Envelope {
    fn message(&self) -> &str {
        self.0.message()
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.0.sqlstate().map(Cow::Borrowed)
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}
