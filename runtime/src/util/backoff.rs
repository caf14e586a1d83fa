//! Delays between attempts.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// Returns delays that double from `first` up to `longest`, without end.
pub(crate) fn doubling(
    first: Duration,
    longest: Duration,
) -> impl Iterator<Item = Duration> + Send + use<> {
    ExponentialBuilder::new()
        .with_min_delay(first)
        .with_max_delay(longest)
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let delays: Vec<u128> = doubling(Duration::from_millis(10), Duration::from_millis(60))
            .take(5)
            .map(|delay| delay.as_millis())
            .collect();
        for (delay, expected) in delays.into_iter().zip([10, 20, 40, 60, 60]) {
            assert!(expected - delay <= 1, "{delay} is not {expected}");
        }
    }
}
