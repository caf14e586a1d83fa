//! Hysteresis: a status changes only after several results in a row.

use std::collections::VecDeque;

use super::report::Status;

/// Accepts a change of the status only after several results in a row agree.
///
/// A change for the worse is accepted after `worse_after` worse results, and the status becomes the mildest of those. A
/// change for the better is accepted after `better_after` better results, and the status becomes the worst of those.
pub(super) struct Hysteresis {
    worse_after: usize,
    better_after: usize,
    believed: Status,
    /// The most recent results, the newest last.
    results: VecDeque<Status>,
}

impl Hysteresis {
    pub(super) fn new(worse_after: usize, better_after: usize) -> Self {
        Self {
            worse_after: worse_after.max(1),
            better_after: better_after.max(1),
            believed: Status::Healthy,
            results: VecDeque::new(),
        }
    }

    /// Returns the accepted status.
    pub(super) fn believed(&self) -> Status {
        self.believed
    }

    /// Records a result. Returns the former status if the accepted status changes.
    pub(super) fn take(&mut self, result: Status) -> Option<Status> {
        self.results.push_back(result);
        if self.results.len() > self.worse_after.max(self.better_after) {
            self.results.pop_front();
        }
        let mildest = self.last(self.worse_after).min();
        let worst = self.last(self.better_after).max();
        let has = |count| self.results.len() >= count;
        let before = self.believed;
        self.believed = match (mildest, worst) {
            (Some(mildest), _) if has(self.worse_after) && mildest > before => mildest,
            (_, Some(worst)) if has(self.better_after) && worst < before => worst,
            _ => before,
        };
        (self.believed != before).then_some(before)
    }

    fn last(&self, count: usize) -> impl Iterator<Item = Status> {
        self.results.iter().rev().take(count).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Status::{Critical, Degraded, Healthy, Unhealthy};
    use super::*;

    fn believed(worse_after: usize, better_after: usize, results: &[Status]) -> Vec<Status> {
        let mut hysteresis = Hysteresis::new(worse_after, better_after);
        results
            .iter()
            .map(|result| {
                hysteresis.take(*result);
                hysteresis.believed()
            })
            .collect()
    }

    #[test]
    fn one_result_is_none() {
        let results = [Healthy, Critical, Healthy, Critical, Healthy];
        assert_eq!(believed(2, 3, &results), [Healthy; 5]);
    }

    #[test]
    fn it_gets_worse_after_two_and_better_after_three() {
        let results = [
            Critical, Critical, Healthy, Healthy, Critical, Healthy, Healthy, Healthy,
        ];
        let expected = [
            Healthy, Critical, Critical, Critical, Critical, Critical, Critical, Healthy,
        ];
        assert_eq!(believed(2, 3, &results), expected);
    }

    #[test]
    fn a_change_is_as_far_as_all_of_them_went() {
        let results = [Degraded, Critical, Unhealthy, Healthy, Degraded, Healthy];
        let expected = [Healthy, Degraded, Unhealthy, Unhealthy, Degraded, Degraded];
        assert_eq!(believed(2, 2, &results), expected);
    }

    #[test]
    fn after_none_is_after_one() {
        assert_eq!(believed(0, 0, &[Critical, Healthy]), [Critical, Healthy]);
    }
}
