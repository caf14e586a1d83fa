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

/// The bounds of the delays between attempts to reach a database that is not up yet.
const STARTUP: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Returns the delays between attempts to reach a database that is not up yet. They have jitter, so that programs that start
/// together do not try again together.
pub(crate) fn of_startup() -> impl Iterator<Item = Duration> + Send + use<> {
    let (first, longest) = STARTUP;
    doubling(first, longest).map(|delay| delay.mul_f32(1.0 - fastrand::f32() / 2.0))
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

    #[test]
    fn those_of_a_start_are_between_half_of_a_bound_and_the_bound() {
        for (delay, bound) in of_startup().zip([50, 100, 200, 400, 800, 1000, 1000]) {
            let bound = Duration::from_millis(bound);
            assert!(
                delay <= bound && delay * 2 + Duration::from_millis(1) >= bound,
                "{delay:?}"
            );
        }
    }
}
