//! Defines [`ErrorContext`], where in the program an error happened, and [`TransactionId`].

use std::fmt;

use crate::scope::site::Site;

/// The number of a transaction, by which it can be found in the log: 16 hexadecimal digits.
///
/// Each call of a boundary gets a random number, which all its [runs](crate::Retry) share. The number is a field of the
/// boundary's span, and part of the boundary's errors and of their HTTP problems.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionId(u64);

impl TransactionId {
    pub(crate) fn random() -> Self {
        Self(fastrand::u64(..))
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionId({self})")
    }
}

/// Where in the program an error happened: the boundary, the run, the service and the statement. Unknown parts are
/// `None`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ErrorContext(Option<Box<Known>>);

#[derive(Clone, PartialEq, Eq)]
struct Known {
    boundary: Site,
    run: Option<(TransactionId, u32)>,
    is_read_only: bool,
    /// Other boundaries of the same factory that may hold the lock that was waited for, in words.
    in_the_way: Option<String>,
    service: Option<Site>,
    statement: Option<String>,
}

impl ErrorContext {
    /// For a boundary that was refused, or has already ended.
    pub(crate) fn of_boundary(boundary: Site) -> Self {
        Self(Some(Box::new(Known {
            boundary,
            run: None,
            is_read_only: false,
            in_the_way: None,
            service: None,
            statement: None,
        })))
    }

    /// For a run of a boundary. The first run is 1.
    pub(crate) fn of_run(
        boundary: Site,
        transaction: TransactionId,
        run: u32,
        is_read_only: bool,
    ) -> Self {
        Self(Some(Box::new(Known {
            boundary,
            run: Some((transaction, run)),
            is_read_only,
            in_the_way: None,
            service: None,
            statement: None,
        })))
    }

    /// Adds the service and the statement.
    pub(crate) fn with_statement(
        mut self,
        service: Option<Site>,
        statement: Option<String>,
    ) -> Self {
        if let Some(known) = &mut self.0 {
            known.service = service;
            known.statement = statement;
        }
        self
    }

    /// Returns this context if it names a run, else the context of the enclosing boundary.
    pub(crate) fn within(self, boundary: impl FnOnce() -> Self) -> Self {
        match &self.0 {
            Some(known) if known.run.is_some() => self,
            _ => boundary(),
        }
    }

    /// Returns the boundary.
    pub fn boundary(&self) -> Option<Site> {
        Some(self.0.as_ref()?.boundary)
    }

    /// Returns the transaction's number, which the boundary's span and the HTTP problem contain as well.
    pub fn transaction(&self) -> Option<TransactionId> {
        Some(self.0.as_ref()?.run?.0)
    }

    /// Returns the number of the run: 1 for the first, 2 for the first [retry](crate::Retry).
    pub fn run(&self) -> Option<u32> {
        Some(self.0.as_ref()?.run?.1)
    }

    /// Adds the boundaries that may hold the lock that was waited for.
    pub(crate) fn with_in_the_way(mut self, holders: String) -> Self {
        if let Some(known) = &mut self.0 {
            known.in_the_way = Some(holders);
        }
        self
    }

    /// Returns the boundaries that may hold the lock that was waited for.
    pub(crate) fn in_the_way(&self) -> Option<&str> {
        self.0.as_ref()?.in_the_way.as_deref()
    }

    /// Whether the boundary is read-only.
    pub(crate) fn is_read_only(&self) -> bool {
        self.0.as_ref().is_some_and(|known| known.is_read_only)
    }

    /// Returns the innermost [service](macro@crate::service).
    pub fn service(&self) -> Option<Site> {
        self.0.as_ref()?.service
    }

    /// Returns the statement, with its literals masked, truncated to 1,000 bytes.
    pub fn statement(&self) -> Option<&str> {
        self.0.as_ref()?.statement.as_deref()
    }
}

impl fmt::Debug for ErrorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ErrorContext");
        let Some(known) = &self.0 else {
            return shown.finish();
        };
        shown.field("boundary", &format_args!("{}", known.boundary));
        if let Some((transaction, run)) = known.run {
            shown.field("transaction", &format_args!("{transaction}"));
            shown.field("run", &run);
        }
        if let Some(service) = known.service {
            shown.field("service", &format_args!("{service}"));
        }
        if let Some(statement) = &known.statement {
            shown.field("statement", statement);
        }
        shown.finish()
    }
}
