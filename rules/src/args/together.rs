//! Rejects options that contradict each other.

use super::options::Args;
use crate::errors::Errors;

pub(super) fn check(args: &Args, errors: &mut Errors) {
    check_deferrable(args, errors);
    check_read_write(args, errors);
    check_confirm_commit(args, errors);
    check_replica(args, errors);
    check_timeouts(args, errors);
}

/// Without either it is the factory's defaults that say whether it only reads. `Replicas::check` of the runtime rejects the
/// same, and a test there compares the two.
fn check_replica(args: &Args, errors: &mut Errors) {
    if let (Some(replica), Some(_)) = (&args.replica, &args.read_write) {
        errors.argument(
            replica,
            "a replica is for reading; write `read_only` in place of `read_write`, or leave `replica` out",
        );
        return;
    }
    let serializable = args
        .isolation
        .as_ref()
        .is_some_and(|level| level.0 == "Serializable");
    if let Some(replica) = args
        .replica
        .as_ref()
        .filter(|replica| serializable && **replica == "Require")
    {
        errors.argument(
            replica,
            "a replica cannot tell what is serializable; write `isolation = RepeatableRead` with `replica = Require`",
        );
    }
}

fn check_deferrable(args: &Args, errors: &mut Errors) {
    let Some(deferrable) = &args.deferrable else {
        return;
    };
    let serializable = args
        .isolation
        .as_ref()
        .is_some_and(|level| level.0 == "Serializable");
    if !serializable || args.read_only.is_none() {
        errors.argument(
            deferrable,
            "`deferrable` has an effect only on a transaction that is serializable and read-only; write \
             `isolation = Serializable, read_only, deferrable`",
        );
    }
}

fn check_read_write(args: &Args, errors: &mut Errors) {
    if let (Some(read_write), Some(_)) = (&args.read_write, &args.read_only) {
        errors.argument(
            read_write,
            "a transaction is either `read_only` or `read_write`; remove one of them",
        );
    }
}

fn check_confirm_commit(args: &Args, errors: &mut Errors) {
    if let (Some(confirm_commit), Some(_)) = (&args.confirm_commit, &args.read_only) {
        errors.argument(
            confirm_commit,
            "`confirm_commit` finds out whether a write was committed, and a `read_only` transaction writes nothing; \
             remove one of them",
        );
    }
}

/// Where the boundary has no `timeout` of its own, the factory's default is not known here.
fn check_timeouts(args: &Args, errors: &mut Errors) {
    let Some(whole) = &args.timeout else {
        return;
    };
    for part in [&args.statement_timeout, &args.lock_timeout]
        .into_iter()
        .flatten()
        .filter(|part| part.after > whole.after)
    {
        let option = &part.option;
        errors.argument(
            option,
            format!(
                "`{option}` is longer than `timeout`, which ends the whole boundary before; write a shorter one, or \
                 leave it out"
            ),
        );
    }
}
