//! Latency histograms, which are cheap enough to be always on.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The number of buckets for each power of two of microseconds. With 8 a quantile is off by 6 % at most.
const PARTS: u64 = 8;
const PARTS_BITS: u32 = PARTS.trailing_zeros();
/// The histogram covers 2^32 µs, which is more than an hour. The last bucket also counts longer durations.
const POWERS: usize = 32;
const BUCKETS: usize = (POWERS - PARTS_BITS as usize + 1) * PARTS as usize;

/// A histogram to which many threads can write at once, with two atomic additions each.
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    nanoseconds: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            nanoseconds: AtomicU64::new(0),
        }
    }
}

impl Histogram {
    /// Counts a duration.
    pub(crate) fn record(&self, took: Duration) {
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(microseconds)].fetch_add(1, Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Relaxed);
    }

    /// Returns a copy of the counts.
    pub(crate) fn snapshot(&self) -> LatencyHistogram {
        LatencyHistogram {
            buckets: self.buckets.iter().map(|n| n.load(Relaxed)).collect(),
            nanoseconds: self.nanoseconds.load(Relaxed),
        }
    }
}

/// Returns the bucket of a duration. Below [`PARTS`] each microsecond has its own; above, each part of a power of two.
fn bucket(microseconds: u64) -> usize {
    if microseconds < PARTS {
        return microseconds as usize;
    }
    let power = microseconds.ilog2();
    let part = (microseconds >> (power - PARTS_BITS)) & (PARTS - 1);
    let index = u64::from(power - PARTS_BITS + 1) * PARTS + part;
    (index as usize).min(BUCKETS - 1)
}

/// Returns the end of a bucket, exclusive, in microseconds.
fn end(bucket: usize) -> u64 {
    let (row, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    match row {
        0 => part + 1,
        row => (PARTS + part + 1) << (row - 1),
    }
}

/// A distribution of durations: their count, total, mean, and quantiles, which are off by 6 % at most.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn example() -> Result<(), demarcate::Error> {
/// # use demarcate::sqlite::SessionFactory;
/// let db = SessionFactory::connect("sqlite::memory:").await?;
/// let before = db.statement_times();
/// db.transaction(async |tx| sqlx::query("select 1").execute(&mut *tx).await).await?;
///
/// let meanwhile = db.statement_times().since(&before);
/// assert_eq!(meanwhile.count(), 1);
/// println!("{:?} on average, 99 of 100 within {:?}", meanwhile.mean(), meanwhile.quantile(0.99));
/// # Ok(())
/// # }
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LatencyHistogram {
    buckets: Box<[u64]>,
    nanoseconds: u64,
}

impl LatencyHistogram {
    /// Returns the number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Returns the sum of all durations.
    #[must_use]
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds)
    }

    /// Returns the mean, or zero if the histogram is empty.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match self.count() {
            0 => Duration::ZERO,
            count => Duration::from_nanos(self.nanoseconds / count),
        }
    }

    /// Returns a quantile: `0.99` is the 99th percentile. Returns zero if the histogram is empty.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let count = self.count();
        let rank = (share.clamp(0.0, 1.0) * count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, in_it) in self.buckets.iter().enumerate() {
            seen += in_it;
            if seen >= rank {
                return Duration::from_micros(end(bucket));
            }
        }
        Duration::ZERO
    }

    /// Returns the durations counted after `earlier`, an older snapshot of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = earlier.buckets.iter().copied().chain(std::iter::repeat(0));
        let grown = self.buckets.iter().zip(before);
        Self {
            buckets: grown
                .map(|(now, before)| now.saturating_sub(before))
                .collect(),
            nanoseconds: self.nanoseconds.saturating_sub(earlier.nanoseconds),
        }
    }
}

impl fmt::Debug for LatencyHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LatencyHistogram")
            .field("count", &self.count())
            .field("mean", &self.mean())
            .field("p50", &self.quantile(0.5))
            .field("p99", &self.quantile(0.99))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_microsecond_has_one_bucket_and_they_are_narrow() {
        let mut last = 0;
        for microseconds in (0..1 << 20).chain((1 << 20..1 << 32).step_by(9_973)) {
            let bucket = bucket(microseconds);
            assert!(bucket >= last, "they are in order");
            last = bucket;
            assert!(microseconds < end(bucket), "{microseconds}");
            assert!(
                end(bucket) as f64 <= (microseconds as f64 * 1.126).max(microseconds as f64 + 1.0),
                "{microseconds} is counted as {}",
                end(bucket)
            );
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let histogram = Histogram::default();
        for milliseconds in 1..=1_000 {
            histogram.record(Duration::from_millis(milliseconds));
        }
        let all = histogram.snapshot();
        assert_eq!(all.count(), 1_000);
        assert_eq!(all.mean(), Duration::from_micros(500_500));
        for (share, exact) in [(0.0, 1.0), (0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let found = all.quantile(share).as_secs_f64() * 1_000.0;
            assert!(
                (exact..=exact * 1.13).contains(&found),
                "{share}: {found} for {exact}"
            );
        }
        histogram.record(Duration::MAX);
        let since = histogram.snapshot().since(&all);
        assert_eq!(since.count(), 1);
        assert_eq!(LatencyHistogram::default().quantile(0.5), Duration::ZERO);
        assert_eq!(all.since(&LatencyHistogram::default()), all);
    }
}
