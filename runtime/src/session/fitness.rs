//! Decides whether a session may send another statement, whether it may commit, and whether it may be run again.

use std::borrow::Cow;

use crate::error::Error;
use crate::scope::place::ErrorContext;
use crate::session::failure::{Failure, FailureMark};
use crate::session::guard::Allowed;

/// The part of a session's state that decides what it may still do. Independent of the connection and the database.
#[derive(Default)]
pub(crate) struct Fitness {
    /// The first failure. While there is one, no statement is sent.
    failure: Option<FailureMark>,
    /// Whether the last statement failed with a conflict and a savepoint undid it.
    survived_conflict: bool,
    /// The reason given to `rollback_only`.
    rollback_only: Option<Cow<'static, str>>,
    /// Whether code ran that the guard cannot read, in a procedure or on the raw connection. It may have ended the
    /// transaction.
    is_unproven: bool,
    /// The number of open savepoints. The next savepoint is named after it.
    depth: u32,
    /// Rules lifted by `allow(..)` for this body.
    allowed: Allowed,
}

impl Fitness {
    /// Marks the session with its first failure. Later failures change nothing.
    pub(crate) fn fail(&mut self, failure: Failure, place: impl FnOnce() -> ErrorContext) {
        if self.failure.is_none() {
            self.failure = Some(FailureMark::new(failure, place()));
        }
    }

    /// Marks the session with a failure that replaces an earlier one, and returns its error.
    pub(crate) fn fail_with(&mut self, failure: Failure, place: ErrorContext) -> Error {
        self.failure
            .insert(FailureMark::new(failure, place))
            .to_error()
    }

    /// Returns the first failure, if there is one.
    pub(crate) fn failure(&self) -> Option<&FailureMark> {
        self.failure.as_ref()
    }

    /// Marks the session if work was abandoned: a dropped statement leaves the connection busy; a leaked
    /// savepoint, whose destructor never ran, leaves a depth other than the expected one.
    pub(crate) fn detect_abandoned(
        &mut self,
        expected_depth: u32,
        is_busy: bool,
        place: impl Fn() -> ErrorContext,
    ) {
        if self.depth != expected_depth {
            self.fail(Failure::dropped("a savepoint"), &place);
        }
        if is_busy {
            self.fail(Failure::dropped("a statement"), &place);
        }
    }

    /// Rejects the next statement of a session that has failed.
    ///
    /// # Errors
    ///
    /// The error of the first failure.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.failure {
            Some(mark) => Err(mark.to_error()),
            None => Ok(()),
        }
    }

    /// Rejects the commit of a session that has failed, or that was marked as rollback-only.
    ///
    /// # Errors
    ///
    /// The error of [`check`](Self::check), or [`Error::RollbackOnly`].
    pub(crate) fn check_commit(
        &mut self,
        place: impl FnOnce() -> ErrorContext,
    ) -> Result<(), Error> {
        self.check()?;
        match self.rollback_only.take() {
            Some(reason) => Err(Error::RollbackOnly {
                place: place(),
                reason,
            }),
            None => Ok(()),
        }
    }

    /// Whether the conflict that ended the transaction may be avoided by running the whole boundary again.
    ///
    /// Always false after unproven code: it may have committed before it failed, and a second run would repeat its
    /// effect.
    pub(crate) fn may_run_again(&self) -> bool {
        if self.is_unproven {
            return false;
        }
        match &self.failure {
            Some(mark) => mark.may_succeed_again(),
            None => self.survived_conflict,
        }
    }

    /// Whether the conflict that ended the transaction comes of others who do the same at the same time.
    pub(crate) fn is_contention(&self) -> bool {
        match &self.failure {
            Some(mark) => mark.is_contention(),
            None => self.survived_conflict,
        }
    }

    /// Returns the statement, without its values, at which the connection broke.
    pub(crate) fn broke_at(&self) -> Option<String> {
        let mark = self.failure.as_ref()?;
        mark.broke_at().map(str::to_owned)
    }

    /// Makes the transaction rollback-only. The first reason is reported, later ones are ignored.
    pub(crate) fn rollback_only(&mut self, reason: impl FnOnce() -> Cow<'static, str>) {
        self.rollback_only.get_or_insert_with(reason);
    }

    /// Records that a statement is sent: a conflict that was survived is no longer the latest event.
    pub(crate) fn sends(&mut self) {
        self.survived_conflict = false;
    }

    /// Records that unreadable code is about to run (`true`), or that the transaction was proven open (`false`).
    pub(crate) fn set_unproven(&mut self, is_unproven: bool) {
        self.is_unproven = is_unproven;
    }

    pub(crate) fn is_unproven(&self) -> bool {
        self.is_unproven
    }

    /// Returns the number of open savepoints.
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    pub(crate) fn set_depth(&mut self, depth: u32) {
        self.depth = depth;
    }

    pub(crate) fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// Lifts a rule of the guard for the rest of the boundary.
    pub(crate) fn allow(&mut self, rule: &'static str) {
        self.allowed.insert(rule);
    }

    /// Begins to undo a savepoint: removes the failure, and remembers whether it was a conflict.
    pub(crate) fn begin_undo(&mut self) -> Undo {
        Undo {
            survived_conflict: self.may_run_again(),
            failure: self.failure.take(),
        }
    }

    /// Ends undoing a savepoint. If it could not be undone, restores the first failure.
    pub(crate) fn end_undo(&mut self, undo: Undo, is_undone: bool) {
        if is_undone {
            self.is_unproven = false;
        } else {
            self.failure = undo.failure.or(self.failure.take());
        }
        self.survived_conflict = undo.survived_conflict;
    }
}

/// The failure of a savepoint, kept while the savepoint is rolled back.
pub(crate) struct Undo {
    survived_conflict: bool,
    failure: Option<FailureMark>,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn nowhere() -> ErrorContext {
        ErrorContext::default()
    }

    fn conflict() -> Failure {
        Failure::Statement {
            error: sqlx::Error::Protocol("a conflict".to_owned()),
            may_succeed_again: true,
        }
    }

    #[test]
    fn the_first_failure_is_the_one_that_is_reported() {
        let mut fitness = Fitness::default();
        assert!(fitness.check().is_ok());
        fitness.fail(Failure::Slow(Duration::from_secs(1)), nowhere);
        fitness.fail(conflict(), nowhere);
        assert!(matches!(
            fitness.check(),
            Err(Error::StatementTimeout { .. })
        ));
        assert!(!fitness.may_run_again());
    }

    #[test]
    fn abandoned_work_is_a_failure() {
        let mut fitness = Fitness::default();
        fitness.detect_abandoned(0, false, nowhere);
        assert!(fitness.check().is_ok());
        fitness.detect_abandoned(0, true, nowhere);
        assert!(fitness.check().is_err(), "a statement was dropped");

        let mut fitness = Fitness::default();
        fitness.set_depth(1);
        fitness.detect_abandoned(0, false, nowhere);
        assert!(fitness.check().is_err(), "a savepoint was leaked");
    }

    #[test]
    fn a_conflict_may_be_run_again_unless_something_ran_unseen() {
        let mut fitness = Fitness::default();
        fitness.fail(conflict(), nowhere);
        assert!(fitness.may_run_again());
        fitness.set_unproven(true);
        assert!(!fitness.may_run_again());
    }

    #[test]
    fn a_survived_conflict_is_remembered_until_the_next_statement() {
        let mut fitness = Fitness::default();
        fitness.fail(conflict(), nowhere);
        let undo = fitness.begin_undo();
        assert!(fitness.check().is_ok());
        fitness.end_undo(undo, true);
        assert!(fitness.check().is_ok());
        assert!(fitness.may_run_again());
        fitness.sends();
        assert!(!fitness.may_run_again());
    }

    #[test]
    fn a_savepoint_that_cannot_be_undone_leaves_its_failure() {
        let mut fitness = Fitness::default();
        fitness.fail(Failure::Slow(Duration::from_secs(1)), nowhere);
        let undo = fitness.begin_undo();
        fitness.fail(conflict(), nowhere);
        fitness.end_undo(undo, false);
        assert!(matches!(
            fitness.check(),
            Err(Error::StatementTimeout { .. })
        ));
    }

    #[test]
    fn rollback_only_forbids_the_commit_and_not_the_next_statement() {
        let mut fitness = Fitness::default();
        fitness.rollback_only(|| "a dry run".into());
        fitness.rollback_only(|| "another reason".into());
        assert!(fitness.check().is_ok());
        let error = fitness.check_commit(nowhere).unwrap_err();
        assert!(error.to_string().contains("a dry run"), "{error}");
    }
}
