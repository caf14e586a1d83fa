//! Defines [`Site`], the name and source location of a boundary, a service or a job.

use std::fmt;

/// The kind of item at a [`Site`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SiteKind {
    /// A function marked `#[router_tx]`.
    Router,
    /// A function marked `#[service]`.
    Service,
    /// A function marked `#[background_job]`.
    Job,
    /// A function named by `on_error` of a job, which records the job's failure.
    OnError,
    /// The closure given to [`SessionFactory::transaction`](crate::SessionFactory::transaction).
    Closure,
    /// A call of `SessionFactory::migrate`.
    Migration,
    /// A call of [`SessionFactory::connection`](crate::SessionFactory::connection).
    Connection,
}

impl SiteKind {
    /// Returns the kind in one or two words: `router`, `background job`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Service => "service",
            Self::Job => "background job",
            Self::OnError => "failure handler",
            Self::Closure => "transaction",
            Self::Migration => "migration",
            Self::Connection => "connection",
        }
    }
}

impl fmt::Display for SiteKind {
    /// Writes [`as_str`](Self::as_str).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name and source location of a boundary, a service or a job, as errors, logs and statistics show them.
///
/// ```
/// use demarcate::{SiteKind, Site};
///
/// const SITE: Site = Site::new("post_order", SiteKind::Router, "src/routers/orders.rs", 12);
/// assert_eq!(SITE.to_string(), "router `post_order` (src/routers/orders.rs:12)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    name: &'static str,
    kind: SiteKind,
    file: &'static str,
    line: u32,
}

impl Site {
    /// Creates a site. The macros call this with `file!()` and `line!()`.
    pub const fn new(name: &'static str, kind: SiteKind, file: &'static str, line: u32) -> Self {
        Self {
            name,
            kind,
            file,
            line,
        }
    }

    /// Returns the function's name, or the value of `name = ".."`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the kind of the item.
    pub const fn kind(&self) -> SiteKind {
        self.kind
    }

    /// Returns the path of the source file, as in `file!()`.
    pub const fn file(&self) -> &'static str {
        self.file
    }

    /// Returns the line, counted from 1.
    pub const fn line(&self) -> u32 {
        self.line
    }

    pub(crate) const fn with_kind(mut self, kind: SiteKind) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) const fn renamed(mut self, name: Option<&'static str>) -> Self {
        if let Some(name) = name {
            self.name = name;
        }
        self
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            kind,
            file,
            line,
        } = self;
        let of = match kind {
            SiteKind::OnError => " of",
            _ => "",
        };
        write!(f, "{kind}{of} `{name}` ({file}:{line})")
    }
}
