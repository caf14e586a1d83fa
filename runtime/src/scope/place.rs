//! Where in the program an error happened.

use std::fmt;

use crate::scope::site::Site;

/// The number of a transaction, by which a user and a log speak of the same one: 16 hexadecimal digits.
///
/// It is random, and given to each call of a boundary; the runs of one that is [run again](crate::Retry) share it. It
/// is on the boundary's span, in the errors that it ends with, and in what an HTTP client is told of them.
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

/// Where in the program an error happened: in which boundary and which of its runs, in which service, at which
/// statement. What is not known of it is `None`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ErrorContext(Option<Box<Known>>);

#[derive(Clone, PartialEq, Eq)]
struct Known {
    boundary: Site,
    run: Option<(TransactionId, u32)>,
    service: Option<Site>,
    statement: Option<String>,
}

impl ErrorContext {
    /// In a boundary that was not let in, or that is no more.
    pub(crate) fn of_boundary(boundary: Site) -> Self {
        Self(Some(Box::new(Known {
            boundary,
            run: None,
            service: None,
            statement: None,
        })))
    }

    /// In a run of a boundary: the first is run 1.
    pub(crate) fn of_run(boundary: Site, transaction: TransactionId, run: u32) -> Self {
        Self(Some(Box::new(Known {
            boundary,
            run: Some((transaction, run)),
            service: None,
            statement: None,
        })))
    }

    /// There, in this service and at this statement.
    pub(crate) fn at(mut self, service: Option<Site>, statement: Option<String>) -> Self {
        if let Some(known) = &mut self.0 {
            known.service = service;
            known.statement = statement;
        }
        self
    }

    /// The same, or what is known of the boundary around it where that is more.
    pub(crate) fn within(self, boundary: impl FnOnce() -> Self) -> Self {
        match &self.0 {
            Some(known) if known.run.is_some() => self,
            _ => boundary(),
        }
    }

    /// The boundary.
    pub fn boundary(&self) -> Option<Site> {
        Some(self.0.as_ref()?.boundary)
    }

    /// The transaction's number, which the boundary's span and its HTTP answer have as well.
    pub fn transaction(&self) -> Option<TransactionId> {
        Some(self.0.as_ref()?.run?.0)
    }

    /// Which run of the boundary it was: 1 is the first, 2 the first that was [tried again](crate::Retry).
    pub fn run(&self) -> Option<u32> {
        Some(self.0.as_ref()?.run?.1)
    }

    /// The innermost [service](macro@crate::service).
    pub fn service(&self) -> Option<Site> {
        self.0.as_ref()?.service
    }

    /// The statement: without the values that are written in it, and at most 1,000 bytes of it.
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
