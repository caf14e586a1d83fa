//! Defines [`Engine`]: the pools, options and statistics that all boundaries of one session factory share.

use std::sync::Arc;

use crate::backend::Backend;
use crate::error::Error;
use crate::observe::histogram::Histogram;
use crate::observe::sql_comments::SqlComments;
use crate::observe::stats::{Record, Stats};
use crate::options::TxOptions;
use crate::options::effective::Effective;
use crate::pool::Pool;
use crate::pool::replicas::Replicas;
use crate::scope::activity::Activity;
use crate::scope::current;
use crate::scope::place::ErrorContext;
use crate::scope::site::Site;
use crate::util::contention::Contention;
use crate::util::extensions::Extensions;
use crate::util::registry::Registry;

/// The pools, the default options and the statistics of a factory. All clones of a factory share one engine.
#[doc(hidden)]
pub struct Engine<DB: Backend> {
    pool: Pool<DB>,
    replicas: Replicas<DB>,
    defaults: TxOptions,
    watch: Watch,
    stats: Stats,
    extensions: Extensions,
    open: Registry<Arc<Activity>>,
    contention: Contention,
}

/// How statements are logged, commented and measured.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    /// Whether statements are logged.
    pub(crate) sql_echo: bool,
    /// The comment that is appended to each statement.
    pub(crate) sql_comments: Option<SqlComments>,
    /// The name of the pool in metrics, if one was given.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    pub(crate) pool_name: Option<String>,
}

impl<DB: Backend> Engine<DB> {
    pub(crate) fn new(
        pool: Pool<DB>,
        replicas: Vec<Pool<DB>>,
        defaults: TxOptions,
        watch: Watch,
        contention: Contention,
    ) -> Arc<Self> {
        #[cfg(feature = "metrics")]
        crate::observe::metrics::describe();
        Arc::new(Self {
            pool,
            replicas: Replicas::new(replicas),
            defaults,
            watch,
            stats: Stats::default(),
            extensions: Extensions::default(),
            open: Registry::default(),
            contention,
        })
    }

    /// Returns the pool of the primary.
    pub(crate) fn pool(&self) -> &Pool<DB> {
        &self.pool
    }

    pub(crate) fn replicas(&self) -> &Replicas<DB> {
        &self.replicas
    }

    /// Returns the pool of a replica, or of the primary.
    pub(crate) fn pool_of(&self, replica: Option<usize>) -> &Pool<DB> {
        let replica = replica.and_then(|n| self.replicas.pools().get(n));
        replica.unwrap_or(&self.pool)
    }

    /// Returns the default options of boundaries.
    pub(crate) fn defaults(&self) -> &TxOptions {
        &self.defaults
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Returns the statistics of one boundary.
    pub(crate) fn record_of(&self, site: Site) -> Arc<Record> {
        self.stats.record(site)
    }

    /// Merges the options of a boundary with the factory's defaults, and checks them for this database. The result is
    /// cached in the boundary's record.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] and [`Error::Unsupported`] for options that this factory cannot honour.
    pub(crate) fn resolve(
        &self,
        record: &Record,
        written: TxOptions,
    ) -> Result<Arc<Effective>, Error> {
        record.options().resolve(written, |written| {
            Effective::resolve(written, &self.defaults, |merged| {
                DB::check(merged)?;
                self.replicas.check(merged)
            })
        })
    }

    /// Returns the durations of all statements.
    pub(crate) fn statement_histogram(&self) -> &Histogram {
        self.stats.statements()
    }

    /// Returns the values that higher layers store for this factory.
    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Returns the registry of open boundaries.
    pub(crate) fn open(&self) -> &Registry<Arc<Activity>> {
        &self.open
    }

    /// Returns how much of what the boundaries do collides, and how often they may be run again.
    pub(crate) fn contention(&self) -> &Contention {
        &self.contention
    }

    /// Whether the caller may start work. Once the factory is closing, only work that was admitted before may.
    pub(crate) fn is_open_to_caller(&self) -> bool {
        !self.pool.is_closing() || current::is_let_in(self.pool.identity())
    }

    /// Rejects a caller inside a boundary on the same pool: it could wait forever for the connection that it holds.
    ///
    /// # Errors
    ///
    /// [`Error::NestedBoundary`].
    pub(crate) fn reject_nested(&self, site: Site) -> Result<(), Error> {
        match current::holder(self.pool.identity()) {
            Some(outer) => Err(Error::NestedBoundary {
                place: ErrorContext::of_boundary(site),
                outer,
            }),
            None => Ok(()),
        }
    }

    /// Admits a boundary or a migration if the factory is not closing and the caller holds no connection of its pool.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] and, unless the boundary is `independent`, [`Error::NestedBoundary`].
    pub(crate) fn admit(&self, site: Site, independent: bool) -> Result<(), Error> {
        if !self.is_open_to_caller() {
            return Err(Error::Closed {
                place: ErrorContext::of_boundary(site),
            });
        }
        if independent {
            return Ok(());
        }
        self.reject_nested(site)
    }
}
