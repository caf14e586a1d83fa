//! Callsites of spans that are named by the user's function.
//!
//! `tracing` takes the name, the file and the line of a span from its callsite, which its macros make where they stand: here,
//! for all functions alike. A callsite of its own for each [`Site`] has the function's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{LazyLock, Once, OnceLock, RwLock};

use tracing::Level;
use tracing::Metadata;
use tracing::callsite::{Callsite, Identifier};
use tracing::field::FieldSet;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::metadata::Kind;
use tracing::subscriber::Interest;

use crate::scope::site::Site;
use crate::targets;
use crate::util::lock::{read, write};

/// The callsites of one sort of span, by function. They are made when they are first needed, and kept.
pub(crate) struct Callsites {
    fields: &'static [&'static str],
    by_site: LazyLock<RwLock<HashMap<Site, &'static SiteCallsite>>>,
}

/// The callsite of one function.
struct SiteCallsite {
    metadata: OnceLock<Metadata<'static>>,
    registered: Once,
    interest: AtomicU8,
}

const NEVER: u8 = 0;
const SOMETIMES: u8 = 1;
const ALWAYS: u8 = 2;

const MADE: &str = "the metadata of a callsite is made with it";

impl Callsites {
    pub(crate) const fn new(fields: &'static [&'static str]) -> Self {
        Self {
            fields,
            by_site: LazyLock::new(RwLock::default),
        }
    }

    /// Returns the metadata of the function's spans, if somebody listens to them.
    pub(crate) fn enabled(&self, site: Site) -> Option<&'static Metadata<'static>> {
        if Level::INFO > STATIC_MAX_LEVEL || Level::INFO > LevelFilter::current() {
            return None;
        }
        let callsite = self.of(site);
        callsite
            .registered
            .call_once(|| tracing::callsite::register(callsite));
        let metadata = callsite.metadata.get()?;
        let is_enabled = match callsite.interest.load(Ordering::Relaxed) {
            NEVER => false,
            ALWAYS => true,
            _ => tracing::dispatcher::get_default(|dispatch| dispatch.enabled(metadata)),
        };
        is_enabled.then_some(metadata)
    }

    fn of(&self, site: Site) -> &'static SiteCallsite {
        let known = read(&self.by_site).get(&site).copied();
        known.unwrap_or_else(|| {
            *write(&self.by_site)
                .entry(site)
                .or_insert_with(|| SiteCallsite::make(site, self.fields))
        })
    }
}

impl SiteCallsite {
    /// Makes the callsite, which lives as long as the program: there is one for each function.
    fn make(site: Site, fields: &'static [&'static str]) -> &'static Self {
        let callsite: &'static Self = Box::leak(Box::new(Self {
            metadata: OnceLock::new(),
            registered: Once::new(),
            interest: AtomicU8::new(SOMETIMES),
        }));
        callsite.metadata.get_or_init(|| {
            Metadata::new(
                site.name(),
                targets::ROOT,
                Level::INFO,
                Some(site.file()),
                Some(site.line()),
                None,
                FieldSet::new(fields, Identifier(callsite)),
                Kind::SPAN,
            )
        });
        callsite
    }
}

impl Callsite for SiteCallsite {
    fn set_interest(&self, interest: Interest) {
        let interest = match interest {
            interest if interest.is_never() => NEVER,
            interest if interest.is_always() => ALWAYS,
            _ => SOMETIMES,
        };
        self.interest.store(interest, Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        self.metadata.get().expect(MADE)
    }
}

/// Creates a span of the level `info` that is named by the function at a site, under the current span. Fields without a
/// value are recorded later.
macro_rules! span_of {
    ($site:expr, { $($field:literal = $value:expr,)* } $(, later { $($later:literal),* $(,)? })?) => {{
        static CALLSITES: $crate::observe::callsite::Callsites =
            $crate::observe::callsite::Callsites::new(&[$($field,)* $($($later),*)?]);
        match CALLSITES.enabled($site) {
            Some(metadata) => {
                let mut fields = metadata.fields().iter();
                tracing::Span::new(
                    metadata,
                    &metadata.fields().value_set(&[$((
                        &fields.next().expect($field),
                        Some(&$value as &dyn tracing::Value),
                    )),*]),
                )
            }
            None => tracing::Span::none(),
        }
    }};
}
pub(crate) use span_of;
