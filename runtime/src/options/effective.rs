//! The options of a boundary as they hold: merged with the factory's defaults, and checked.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::{Retry, TxOptions};
use crate::error::Error;

/// Options that were merged with the factory's defaults and that the factory can honour.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Effective(TxOptions);

impl Effective {
    /// Merges the options as written with the defaults, and checks the result.
    ///
    /// # Errors
    ///
    /// That of an option that no database supports, and that of `check`, which asks the database at hand.
    pub(crate) fn resolve(
        written: TxOptions,
        defaults: &TxOptions,
        check: impl FnOnce(&TxOptions) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut merged = written.or(defaults);
        merged.check()?;
        check(&merged)?;
        // `times(0)` stands in place of the default until here.
        merged.retry = merged.retry.filter(Retry::runs_again);
        Ok(Self(merged))
    }
}

impl Deref for Effective {
    type Target = TxOptions;

    fn deref(&self) -> &TxOptions {
        &self.0
    }
}

/// The effective options of one site. An attribute writes the same options at each call, so that they are merged and
/// checked at the first one only.
#[derive(Default)]
pub(crate) struct SiteOptions(OnceLock<(TxOptions, Arc<Effective>)>);

impl SiteOptions {
    /// Returns the effective options for `written`, from `resolve` where they are not the ones that are kept.
    ///
    /// # Errors
    ///
    /// That of `resolve`.
    pub(crate) fn resolve(
        &self,
        written: TxOptions,
        resolve: impl FnOnce(TxOptions) -> Result<Effective, Error>,
    ) -> Result<Arc<Effective>, Error> {
        if let Some((kept, effective)) = self.0.get()
            && kept.is_same(&written)
        {
            return Ok(Arc::clone(effective));
        }
        // A closure that decides which errors commit cannot be compared.
        let is_kept = self.0.get().is_none() && written.tolerated.is_none();
        let kept = is_kept.then(|| written.clone());
        let effective = Arc::new(resolve(written)?);
        if let Some(kept) = kept {
            // Another call may have been first; both have resolved the same, or this one is not kept.
            let _ = self.0.set((kept, Arc::clone(&effective)));
        }
        Ok(effective)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;
    use crate::options::Isolation;

    fn count<'a>(
        resolved: &'a Cell<u32>,
        defaults: &'a TxOptions,
    ) -> impl FnOnce(TxOptions) -> Result<Effective, Error> + 'a {
        move |written| {
            resolved.set(resolved.get() + 1);
            Effective::resolve(written, defaults, |_| Ok(()))
        }
    }

    #[test]
    fn what_an_attribute_says_is_resolved_once() {
        let (site, resolved) = (SiteOptions::default(), Cell::new(0));
        let defaults = TxOptions::new().timeout(Duration::from_secs(7));
        let written = || TxOptions::new().isolation(Isolation::Serializable).retry(2);
        for _ in 0..3 {
            let effective = site
                .resolve(written(), count(&resolved, &defaults))
                .unwrap();
            assert_eq!(effective.isolation, Some(Isolation::Serializable));
            assert_eq!(effective.timeout, Some(Duration::from_secs(7)));
        }
        assert_eq!(resolved.get(), 1);
    }

    #[test]
    fn a_closure_with_other_options_gets_its_own() {
        let (site, resolved) = (SiteOptions::default(), Cell::new(0));
        let defaults = TxOptions::new();
        for read_only in [false, true, false, true] {
            let written = TxOptions::new();
            let written = if read_only {
                written.read_only()
            } else {
                written
            };
            let effective = site.resolve(written, count(&resolved, &defaults)).unwrap();
            assert_eq!(effective.is_read_only(), read_only);
        }
        assert_eq!(resolved.get(), 3, "the first ones are kept");
    }

    #[test]
    fn a_retry_of_nothing_takes_the_place_of_the_default() {
        let defaults = TxOptions::new().retry(5);
        let resolve = |written: TxOptions| Effective::resolve(written, &defaults, |_| Ok(()));
        assert_eq!(
            resolve(TxOptions::new()).unwrap().retry,
            Some(Retry::times(5))
        );
        assert_eq!(resolve(TxOptions::new().retry(0)).unwrap().retry, None);
    }

    #[test]
    fn refused_options_are_refused_each_time() {
        let (site, resolved) = (SiteOptions::default(), Cell::new(0));
        let defaults = TxOptions::new();
        for _ in 0..2 {
            let written = TxOptions::new().timeout(Duration::ZERO);
            assert!(site.resolve(written, count(&resolved, &defaults)).is_err());
        }
        assert_eq!(resolved.get(), 2);
    }
}
