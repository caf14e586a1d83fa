//! The table of rules: code, name, level, message and help of each.

use crate::kind::Kind;

/// One thing that a router, a service or a background job must not do.
///
/// The codes are grouped: `D00x` is about a function's signature, `D01x` about begin, commit and rollback, `D02x` about
/// work beside the transaction, `D03x` about errors that are lost, `D04x` about state that stays on the server's
/// session, `D05x` about waiting while a connection and its locks are held. A code is never given to another
/// rule.
#[derive(Debug)]
pub struct Rule {
    /// `D010`: the beginning of each message, and the name of the rule's page.
    pub code: &'static str,
    /// The name that `allow(..)` takes.
    pub name: &'static str,
    /// Whether it is an error or a warning, unless `deny(..)` makes it an error.
    pub level: Level,
    /// The text for a service.
    service: Says,
    /// The text for a router and a background job, which own their transaction.
    boundary: Says,
    /// The text if the compiler judges a type, for all three. `{what}` is the type.
    of_type: Option<Says>,
}

/// Whether a broken rule is an error or a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A compile error.
    Deny,
    /// A warning.
    Warn,
}

/// A message, `what is wrong; what to write instead`, and a line of help below it.
///
/// `{kind}` is replaced by `router`, `service` or `background job`, and `{what}` by the code that broke the rule.
#[derive(Clone, Copy, Debug)]
struct Says {
    message: &'static str,
    help: &'static str,
}

/// Rules are compared by their codes.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Rule {}

impl Rule {
    /// Whether the statement guard also applies the rule at run time, and `allow(..)` lifts it there.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.code.starts_with("D04")
    }

    /// Whether the rule is about the part of the signature that the expansion is made from. A second session is an argument
    /// like any other, but for a job, which owns its arguments.
    pub(crate) fn is_of_the_signature(&self, kind: Kind) -> bool {
        self.code < PAST_THE_SESSION.code && (*self != SECOND_SESSION || kind == Kind::Job)
    }

    /// Whether `allow(..)` lifts it on any attribute. The expansion is made from the signature, so a rule about the
    /// signature cannot be lifted; nor can a rule without which the function would not compile.
    #[must_use]
    pub fn can_be_allowed(&self) -> bool {
        (self.code >= PAST_THE_SESSION.code && *self != SESSION_AFTER_THE_END)
            || *self == SECOND_SESSION
    }

    /// Whether `allow(..)` lifts it on that attribute. A service can be lent a second session; a router and a job open
    /// one transaction.
    pub(crate) fn can_be_allowed_on(&self, kind: Kind) -> bool {
        self.can_be_allowed() && (*self != SECOND_SESSION || kind == Kind::Service)
    }

    /// Whether it is an error of the database's errors, and a warning of a service's own, unless `deny(..)` makes it an
    /// error of these as well.
    #[must_use]
    pub fn warns_of_own_errors(&self) -> bool {
        *self == ERROR_SWALLOWED
    }

    /// The rule of that code or name.
    #[must_use]
    pub fn find(word: &str) -> Option<&'static Self> {
        RULES
            .iter()
            .find(|rule| rule.code == word || rule.name == word)
            .copied()
    }

    /// Message and help, as the compiler prints them.
    #[must_use]
    pub fn text(&self, kind: Kind, what: &str) -> String {
        let says = match kind {
            Kind::Service => self.service,
            Kind::Router | Kind::Job | Kind::Boundary => self.boundary,
        };
        self.filled(says, kind, what)
    }

    /// Message and help where the compiler judges a type; they are written once more, in the attributes of
    /// `runtime/src/macro_support/probe.rs`, which take no constant. A test in `ui-tests` holds the two together.
    #[must_use]
    pub fn text_of_type(&self, kind: Kind, ty: &str) -> Option<String> {
        self.of_type.map(|says| self.filled(says, kind, ty))
    }

    fn filled(&self, says: Says, kind: Kind, what: &str) -> String {
        let fill = |text: &str| text.replace("{kind}", kind.noun()).replace("{what}", what);
        format!(
            "{}: {}\nhelp: {}",
            self.code,
            fill(says.message),
            fill(says.help)
        )
    }
}

/// Makes a rule with one text for all three.
const fn same(
    code: &'static str,
    name: &'static str,
    message: &'static str,
    help: &'static str,
) -> Rule {
    let says = Says { message, help };
    Rule {
        code,
        name,
        level: Level::Deny,
        service: says,
        boundary: says,
        of_type: None,
    }
}

/// Makes a rule a warning.
const fn warns(rule: Rule) -> Rule {
    Rule {
        level: Level::Warn,
        ..rule
    }
}

/// Adds the message for a type that the compiler judges.
const fn of_type(rule: Rule, message: &'static str) -> Rule {
    Rule {
        of_type: Some(Says {
            message,
            help: rule.boundary.help,
        }),
        ..rule
    }
}

/// Makes another row of a rule, for a type that the compiler finds.
const fn variant(rule: &'static Rule, says: Says) -> Rule {
    Rule {
        code: rule.code,
        name: rule.name,
        level: rule.level,
        service: says,
        boundary: says,
        of_type: Some(says),
    }
}

/// Every rule, in the order of their codes.
pub const RULES: &[&Rule] = &[
    &SESSION_REPLACED,
    &SESSION_MISSING,
    &SECOND_SESSION,
    &SESSION_NOT_LENT,
    &NOT_ASYNC,
    &NO_RESULT,
    &BORROWED_ARGUMENT,
    &SESSION_AND_FACTORY,
    &PAST_THE_SESSION,
    &SESSION_RETURNED,
    &COMMIT,
    &ROLLBACK,
    &BEGIN,
    &TRANSACTION_SQL,
    &OTHER_EXECUTOR,
    &SPAWN,
    &JOB_STARTED,
    &NESTED_BOUNDARY,
    &UNGUARDED,
    &SESSION_AFTER_THE_END,
    &RESULT_DISCARDED,
    &NEVER_AWAITED,
    &ERROR_SWALLOWED,
    &SESSION_SETTING,
    &LISTEN,
    &PREPARE_STATEMENT,
    &ADVISORY_LOCK,
    &TEMPORARY_TABLE,
    &CURSOR_WITH_HOLD,
    &SLEEP,
    &HTTP_CALL,
    &CHANNEL_RECEIVE,
];

/// The rows that say something else than those of the same code in [`RULES`]: where the databases differ, and of values that
/// are handed on.
pub const VARIANTS: &[&Rule] = &[
    &SECOND_DATABASE,
    &PAST_THE_SESSION_ELSEWHERE,
    &OTHER_EXECUTOR_USED,
    &OTHER_EXECUTOR_OUT_OF_SIGHT,
    &NESTED_BOUNDARY_HANDED,
    &NESTED_BOUNDARY_ELSEWHERE,
];

pub(crate) const SESSION_MISSING: Rule = Rule {
    code: "D001",
    name: "session_missing",
    level: Level::Deny,
    service: Says {
        message: "a service takes the session as a parameter; add `tx: &mut Session`",
        help: "where an alias hides the type, mark the parameter: `#[session] tx: &mut Tx`",
    },
    boundary: Says {
        message: "a {kind} takes the session as a parameter; add `tx: &mut Session`",
        help: "{what}",
    },
    of_type: None,
};

/// The first step of a migration: a pool, a connection or a transaction stands in the session's place.
pub(crate) const SESSION_REPLACED: Rule = same(
    "D000",
    "session_replaced",
    "a {kind} takes the session in place of `{what}`; replace this parameter with `tx: &mut Session`",
    "a query runs on it as `.execute(&mut *tx)`; begin, commit and rollback are the boundary's",
);

pub(crate) const SECOND_SESSION: Rule = same(
    "D002",
    "second_session",
    "a {kind} has one session; remove `{what}`",
    "one request runs in one transaction, so one session is enough; if the parameter is a type of your own, mark the \
     session with `#[session]`",
);

/// D002 where the types name different databases.
pub(crate) const SECOND_DATABASE: Rule = Rule {
    code: "D002",
    name: "second_session",
    level: Level::Deny,
    service: Says {
        message: "a service has one session, and `{what}` is of another database; split the service, or write \
                  `allow(second_session, reason = \"..\")`",
        help: "the two have no common commit: one can commit and the other fail, and there is no two-phase protocol; an \
               outbox in the first database, which a job delivers, loses nothing",
    },
    boundary: Says {
        message: "a {kind} is one transaction, and `{what}` is of another database; open a boundary of that database in the \
                  body, and lend both sessions to a service",
        help: "the service says `allow(second_session, reason = \"..\")`; the two have no common commit: one can commit and \
               the other fail",
    },
    of_type: None,
};

pub(crate) const SESSION_NOT_LENT: Rule = same(
    "D003",
    "session_not_lent",
    "a {kind} borrows this parameter and does not own it; write `{what}`",
    "its owner commits or rolls back when the function returns",
);

pub(crate) const NOT_ASYNC: Rule = same(
    "D004",
    "not_async",
    "a {kind} is async; write `async fn {what}`",
    "statements are awaited, and so is the commit",
);

pub(crate) const NO_RESULT: Rule = Rule {
    code: "D005",
    name: "no_result",
    level: Level::Deny,
    service: Says {
        message: "a service returns `Result`; write `Result<{what}, sqlx::Error>`, or an error type of your own",
        help: "the error of a failed statement must reach the boundary, which then rolls back",
    },
    boundary: Says {
        message: "a {kind} returns `Result`; write `Result<{what}, E>`, with an `E: From<demarcate::Error>`",
        help: "`Ok` commits and `Err` rolls back",
    },
    of_type: None,
};

pub(crate) const BORROWED_ARGUMENT: Rule = same(
    "D006",
    "borrowed_argument",
    "a background job owns its arguments; take {what}",
    "it runs after its caller has returned, on a task of its own",
);

pub(crate) const SESSION_AND_FACTORY: Rule = same(
    "D007",
    "session_and_factory",
    "a background job takes a session or `db: &SessionFactory`, not both; remove `{what}`",
    "with a session the job is one transaction; with the factory it opens one for each of its units of work",
);

/// An `impl PgExecutor<'_>` is refused on its tokens, a type with a name by the compiler, in the same words.
pub(crate) const PAST_THE_SESSION: Rule = {
    let says = Says {
        message: "a {kind} does not take `{what}`, which bypasses the session; take the session alone",
        help: "a statement that bypasses the session is not part of the transaction: it is not rolled back with it",
    };
    Rule {
        code: "D008",
        name: "past_the_session",
        level: Level::Deny,
        service: says,
        boundary: says,
        of_type: Some(says),
    }
};

/// D008 where the compiler finds a database that is not the session's.
pub(crate) const PAST_THE_SESSION_ELSEWHERE: Rule = variant(
    &PAST_THE_SESSION,
    Says {
        message: "`{what}` is of another database than the session, and the two have no common commit; use it before, or \
                  in a job, or write `allow(past_the_session, reason = \"..\")`",
        help: "what is written there stays if the session rolls back; an outbox in the session's database, which a job \
               delivers, loses nothing",
    },
);

/// An `impl PgExecutor<'_>` is refused on its tokens, a type with a name by the compiler, in the same words.
pub(crate) const SESSION_RETURNED: Rule = of_type(
    same(
        "D009",
        "session_returned",
        "`{what}` cannot be returned; the session ends with the boundary, so return the data that was read through it",
        "code that holds it afterwards would work in a transaction that has ended, or that nobody commits",
    ),
    "`{what}` cannot be returned; the session ends with the boundary, so return the data that was read through it",
);

pub(crate) const COMMIT: Rule = Rule {
    code: "D010",
    name: "commit",
    level: Level::Deny,
    service: Says {
        message: "a service does not commit; its caller, the router or job that began the transaction, commits when \
                  it returns `Ok`",
        help: "remove the call; register code that must run after the commit with `tx.after_commit(..)`",
    },
    boundary: Says {
        message: "a {kind} does not commit by hand; its transaction is committed when it returns `Ok`",
        help: "remove the call; register code that must run after the commit with `tx.after_commit(..)`",
    },
    of_type: Some(Says {
        message: "`{what}` is not committed here; the router or job that began the transaction commits when it \
                  returns `Ok`",
        help: "remove the call; register code that must run after the commit with `tx.after_commit(..)`",
    }),
};

pub(crate) const ROLLBACK: Rule = Rule {
    code: "D011",
    name: "rollback",
    level: Level::Deny,
    service: Says {
        message: "a service does not roll back; return `Err`, and its caller, the router or job that began the \
                  transaction, rolls back",
        help: "to recover from a failure, run that part in `tx.savepoint(async |tx| ..)`",
    },
    boundary: Says {
        message: "a {kind} does not roll back by hand; its transaction is rolled back when it returns `Err`",
        help: "to recover from a failure, run that part in `tx.savepoint(async |tx| ..)`",
    },
    of_type: Some(Says {
        message: "`{what}` is not rolled back here; the router or job that began the transaction rolls back when it \
                  returns `Err`",
        help: "to recover from a failure, run that part in `tx.savepoint(async |tx| ..)`",
    }),
};

pub(crate) const BEGIN: Rule = Rule {
    code: "D012",
    name: "begin",
    level: Level::Deny,
    service: Says {
        message: "a service does not begin a transaction; its session is already in one",
        help: "for a part that may fail on its own, write `tx.savepoint(async |tx| ..)`",
    },
    boundary: Says {
        message: "a {kind} does not begin a transaction by hand; its session is already in one",
        help: "for a part that may fail on its own, write `tx.savepoint(async |tx| ..)`",
    },
    of_type: Some(Says {
        message: "a transaction is not begun here on `{what}`; the session is already in one",
        help: "for a part that may fail on its own, write `tx.savepoint(async |tx| ..)`",
    }),
};

pub(crate) const TRANSACTION_SQL: Rule = Rule {
    code: "D013",
    name: "transaction_sql",
    level: Level::Deny,
    service: Says {
        message: "a service does not send `{what}`; the transaction begins and ends with the router or job that lent \
                  the session",
        help: "return `Ok` or `Err`; for a part that may fail on its own, write `tx.savepoint(async |tx| ..)`",
    },
    boundary: Says {
        message: "a {kind} does not send `{what}`; its transaction begins and ends with the function",
        help: "return `Ok` or `Err`; for a part that may fail on its own, write `tx.savepoint(async |tx| ..)`",
    },
    of_type: None,
};

/// Reported by the compiler, which knows the type of the executor.
pub(crate) const OTHER_EXECUTOR: Rule = of_type(
    same(
        "D020",
        "other_executor",
        "a {kind} does not send a statement to `{what}`; give it the session, `&mut *tx`",
        "a statement that bypasses the session is not part of the transaction: it is not rolled back with it",
    ),
    "a statement is not sent to `{what}` here; give it the session, `&mut *tx`",
);

/// D020 where the compiler finds that a value which is handed on, or asked for a connection, is not the session.
pub(crate) const OTHER_EXECUTOR_USED: Rule = variant(
    &OTHER_EXECUTOR,
    Says {
        message: "`{what}` goes past the session; use the session, `&mut *tx`",
        help: OTHER_EXECUTOR.boundary.help,
    },
);

/// An awaited call that was given nothing of the session.
pub(crate) const OTHER_EXECUTOR_OUT_OF_SIGHT: Rule = variant(
    &OTHER_EXECUTOR,
    Says {
        message: "a call that gives `{what}` was not given the session; give it the session, `&mut *tx`",
        help: "an error of the database comes of a statement on another connection, which is not part of the transaction: \
               it is not rolled back with it; if the call sends none, write `allow(other_executor, reason = \"..\")`",
    },
);

pub(crate) const SPAWN: Rule = of_type(
    same(
        "D021",
        "spawn",
        "a {kind} does not spawn a task with `{what}`; write `tx.after_commit(job(..))`, with the task as a background \
         job",
        "the task would start before the commit and go on after a rollback; if it does not depend on the transaction, \
         write `allow(spawn, reason = \"..\")`",
    ),
    "a task is not spawned here, which gives `{what}`; write `tx.after_commit(job(..))`, with the task as a background job",
);

/// Reported by the compiler, which knows whether the receiver is a session factory.
pub(crate) const JOB_STARTED: Rule = of_type(
    same(
        "D022",
        "job_started",
        "a {kind} does not start a job on `{what}` before its commit; write `tx.after_commit(job(..))`",
        "a job that runs now does not see what this transaction wrote, and has run even if it rolls back",
    ),
    "a job is not started here on `{what}`, before the commit; write `tx.after_commit(job(..))`",
);

/// Reported by the compiler, which knows whether the receiver is a session factory, or from the tokens of a job that has one.
pub(crate) const NESTED_BOUNDARY: Rule = of_type(
    same(
        "D023",
        "nested_boundary",
        "a {kind} does not open a boundary on `{what}` inside its own; use the session that is already open",
        "a second connection taken while the first is held can exhaust the pool; for a part that may fail on its own, \
         write `tx.savepoint(async |tx| ..)`",
    ),
    "a boundary is not opened here on `{what}`, inside another; use the session that is already open",
);

/// D023 where the compiler finds that a factory is handed on.
pub(crate) const NESTED_BOUNDARY_HANDED: Rule = variant(
    &NESTED_BOUNDARY,
    Says {
        message: "`{what}` is not handed on here, inside a boundary; hand on the session that is already open",
        help: NESTED_BOUNDARY.boundary.help,
    },
);

/// D023 where the factory is of another database than the session.
pub(crate) const NESTED_BOUNDARY_ELSEWHERE: Rule = variant(
    &NESTED_BOUNDARY,
    Says {
        message: "`{what}` is of another database than the session, and the two have no common commit; open its boundary \
                  in a job, or write `allow(nested_boundary, reason = \"..\")`",
        help: "the inner boundary commits first, and stays if the outer one rolls back; an outbox in the session's \
               database, which a job delivers, loses nothing",
    },
);

pub(crate) const UNGUARDED: Rule = same(
    "D024",
    "unguarded",
    "a {kind} does not take the raw connection; run the statement on the session, `&mut *tx`",
    "the statement guard does not see what runs on it; if a library takes nothing else, write \
     `allow(unguarded, reason = \"..\")`",
);

/// The compiler reports it as well, as an error about lifetimes.
pub(crate) const SESSION_AFTER_THE_END: Rule = same(
    "D025",
    "session_after_the_end",
    "a {kind} does not use its session in `{what}`; write `tx.{what}(job(..))`, with a background job, which has its \
     own",
    "the registered code runs when the transaction and its session have ended",
);

/// Refused on its tokens where they show a statement, elsewhere by the compiler, as the two that follow.
pub(crate) const RESULT_DISCARDED: Rule = of_type(
    same(
        "D030",
        "result_discarded",
        "the result of `{what}` is discarded; return the error with `?`, or handle it with `match`",
        "after a failed statement the boundary does not commit; to recover from a failure, run that part in \
         `tx.savepoint(async |tx| ..)`",
    ),
    "`{what}` is discarded, with the error that it may hold; return the error with `?`, or handle it with `match`",
);

pub(crate) const NEVER_AWAITED: Rule = of_type(
    same(
        "D031",
        "never_awaited",
        "`{what}` is never awaited, so it does nothing; write `.await?`",
        "a future runs only where it is awaited",
    ),
    "`{what}` is never awaited, so it does nothing; write `.await?`",
);

/// A service's own error is a warning, which the compiler gives.
pub(crate) const ERROR_SWALLOWED: Rule = of_type(
    same(
        "D032",
        "error_swallowed",
        "the error of `{what}` is swallowed; return it with `?`, or bind it and look at it",
        "after a failed statement the boundary does not commit; to recover from a failure, run that part in \
         `tx.savepoint(async |tx| ..)`",
    ),
    "the error in `{what}` is swallowed; return it with `?`, or bind it and look at it",
);

pub(crate) const SESSION_SETTING: Rule = same(
    "D040",
    "session_setting",
    "a {kind} does not send `{what}`, which outlives the transaction; set it where the pool is made, or on PostgreSQL \
     write `set local ..`",
    "the setting stays on the connection, or on the server behind a pooler, and affects its next user; the function of \
     PostgreSQL is `set_config(name, value, true)`",
);

pub(crate) const LISTEN: Rule = same(
    "D041",
    "listen",
    "a {kind} does not send `{what}`, which outlives the transaction; listen with a `PgListener` of its own",
    "the connection would still listen for its next user, and behind a pooler nobody receives the notifications; \
     `notify` is part of the transaction and allowed",
);

pub(crate) const PREPARE_STATEMENT: Rule = same(
    "D042",
    "prepare_statement",
    "a {kind} does not send `{what}`, which outlives the transaction; write `sqlx::query(..)`, which prepares by \
     itself",
    "the name stays on the connection: its next user finds it taken, and behind a pooler it is gone when it is needed",
);

pub(crate) const ADVISORY_LOCK: Rule = same(
    "D043",
    "advisory_lock",
    "a {kind} does not call `{what}`, since a lock of the session outlives the transaction; write \
     `pg_advisory_xact_lock(..)` on PostgreSQL, and on MySQL lock a row with `select .. for update`",
    "the lock stays on the connection when it returns to the pool, and others wait for it for ever",
);

pub(crate) const TEMPORARY_TABLE: Rule = same(
    "D044",
    "temporary_table",
    "a {kind} does not send `{what}`, which outlives the transaction; write `.. on commit drop` on PostgreSQL, elsewhere \
     `with .. as (..)` or a plain table",
    "the next user of the connection finds the table and its rows; so it is with a temporary view, function or trigger",
);

pub(crate) const CURSOR_WITH_HOLD: Rule = same(
    "D045",
    "cursor_with_hold",
    "a {kind} does not send `{what}`, which outlives the transaction; on PostgreSQL declare the cursor without `with hold`, \
     on MySQL write a `select` in place of `handler`",
    "it stays open until the connection is closed, and keeps its rows or blocks changes of the table; `fetch(&mut *tx)` \
     streams rows inside the transaction",
);

pub(crate) const SLEEP: Rule = warns(same(
    "D050",
    "sleep",
    "a {kind} does not sleep in its transaction; wait before it begins, or in a job: `tx.after_commit(job(..))`",
    "meanwhile it holds a connection of the pool, and every lock that it has taken",
));

pub(crate) const HTTP_CALL: Rule = warns(same(
    "D051",
    "http_call",
    "a {kind} does not call another server in its transaction; call it before, or in a job: `tx.after_commit(job(..))`",
    "meanwhile it holds a connection of the pool and every lock that it has taken, and a rollback does not undo the \
     call",
));

pub(crate) const CHANNEL_RECEIVE: Rule = warns(of_type(
    same(
        "D052",
        "channel_receive",
        "a {kind} does not wait for a message in its transaction; receive it before, and pass it as an argument",
        "meanwhile it holds a connection of the pool and every lock that it has taken; the sender may be waiting for them",
    ),
    "a message of `{what}` is not waited for here, in a transaction; receive it before, and pass it as an argument",
));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_given_once_and_in_order() {
        for pair in RULES.windows(2) {
            assert!(
                pair[0].code < pair[1].code,
                "{} {}",
                pair[0].code,
                pair[1].code
            );
        }
        for rule in RULES {
            assert_eq!(
                RULES.iter().filter(|other| other.name == rule.name).count(),
                1,
                "{}",
                rule.name
            );
        }
    }

    #[test]
    fn messages_keep_to_the_style() {
        for rule in RULES.iter().chain(VARIANTS) {
            for kind in [Kind::Router, Kind::Service, Kind::Job, Kind::Boundary] {
                let text = rule.text(kind, "it");
                assert!(!text.contains(['{', '}']), "a placeholder is left: {text}");
                for line in text.lines() {
                    assert!(
                        !line.ends_with('.') || line.ends_with(".."),
                        "a final stop: {line}"
                    );
                }
                let (message, help) = text.split_once("\nhelp: ").expect("a line of help");
                assert!(
                    message.starts_with(rule.code) && message.contains("; "),
                    "{message}"
                );
                assert!(
                    help.starts_with(|c: char| c.is_lowercase() || c == '`'),
                    "{help}"
                );
            }
        }
    }
}
