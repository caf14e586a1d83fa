//! Where in the user's code a boundary, a service or a job stands.

use std::fmt;

/// What stands at a [`Site`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SiteKind {
    /// A function marked `#[router_tx]`.
    Router,
    /// A function marked `#[service]`.
    Service,
    /// A function marked `#[background_job]`.
    Job,
    /// What `on_error` of a job names: it records the job's failure.
    OnError,
    /// The closure given to [`SessionFactory::transaction`](crate::SessionFactory::transaction).
    Closure,
    /// A call of `SessionFactory::migrate`.
    Migration,
}

impl SiteKind {
    /// As a word or two: `router`, `background job`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Service => "service",
            Self::Job => "background job",
            Self::OnError => "failure handler",
            Self::Closure => "transaction",
            Self::Migration => "migration",
        }
    }
}

impl fmt::Display for SiteKind {
    /// As [`as_str`](Self::as_str) has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name and the place of a boundary, a service or a job, as errors, logs and statistics show them.
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
    /// A site; the macros call this with `file!()` and `line!()`.
    pub const fn new(name: &'static str, kind: SiteKind, file: &'static str, line: u32) -> Self {
        Self {
            name,
            kind,
            file,
            line,
        }
    }

    /// The function's name, or what `name = ".."` says.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What stands there.
    pub const fn kind(&self) -> SiteKind {
        self.kind
    }

    /// The source file, as `file!()` gives it.
    pub const fn file(&self) -> &'static str {
        self.file
    }

    /// The line, counted from 1.
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
