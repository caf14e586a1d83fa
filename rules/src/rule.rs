use crate::kind::Kind;

/// One thing that a router, a service or a background job must not do.
///
/// The codes are grouped: `D00x` is about a function's signature, `D01x` about who begins, commits and
/// rolls back. A code is never given to another rule.
#[derive(Debug)]
pub struct Rule {
    /// `D010`: what the message begins with, and the name of the rule's page.
    pub code: &'static str,
    /// What `allow(..)` takes.
    pub name: &'static str,
    /// What it is, unless `deny(..)` makes an error of it.
    pub level: Level,
    /// What is said to a service.
    service: Says,
    /// What is said to a router and a background job, which own their transaction.
    boundary: Says,
    /// What the compiler says to all three, of a type that is not the session's. `{what}` is the type.
    of_type: Option<Says>,
}

/// What comes of a broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A compile error.
    Deny,
    /// A warning.
    Warn,
}

/// A message, `what is wrong; what to write instead`, and a line of help below it.
///
/// `{kind}` stands for `router`, `service` or `background job`, `{what}` for what was found.
#[derive(Clone, Copy, Debug)]
struct Says {
    message: &'static str,
    help: &'static str,
}

impl Rule {
    /// Whether the signature is not what the attribute makes its function from.
    pub(crate) fn is_of_the_signature(&self) -> bool {
        self.code < PAST_THE_SESSION.code && self.code != SECOND_SESSION.code
    }

    /// Whether `allow(..)` lifts it. What an attribute emits is made from the signature, so a rule of that is not
    /// lifted.
    #[must_use]
    pub fn can_be_allowed(&self) -> bool {
        self.code >= PAST_THE_SESSION.code
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
            Kind::Router | Kind::Job => self.boundary,
        };
        self.filled(says, kind, what)
    }

    /// Message and help where the compiler judges a type; they are written once more, in the attributes of
    /// `runtime/src/probe.rs`, which take no constant. A test in `ui-tests` holds the two together.
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

/// A rule that says the same to all three.
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

/// Every rule, in the order of their codes.
pub const RULES: &[&Rule] = &[
    &SESSION_MISSING,
    &SECOND_SESSION,
    &SESSION_NOT_LENT,
    &NOT_ASYNC,
    &NO_RESULT,
    &BORROWED_ARGUMENT,
    &SESSION_AND_FACTORY,
    &PAST_THE_SESSION,
    &COMMIT,
    &ROLLBACK,
    &BEGIN,
    &TRANSACTION_SQL,
];

pub(crate) const SESSION_MISSING: Rule = Rule {
    code: "D001",
    name: "session_missing",
    level: Level::Deny,
    service: Says {
        message: "a service works on a session that it is lent; add the parameter `tx: &mut Session`",
        help: "where an alias hides the type, mark the parameter: `#[session] tx: &mut Tx`",
    },
    boundary: Says {
        message: "a {kind} works in a session; add the parameter `tx: &mut Session`",
        help: "{what}",
    },
    of_type: None,
};

pub(crate) const SECOND_SESSION: Rule = same(
    "D002",
    "second_session",
    "a {kind} has one session; remove `{what}`",
    "all that one request does runs in one transaction, so one session is enough; where the parameter is a type of \
     your own, mark the session with `#[session]`",
);

pub(crate) const SESSION_NOT_LENT: Rule = same(
    "D003",
    "session_not_lent",
    "what a {kind} works on is lent to it, and never its own; write `{what}`",
    "whoever lends it commits or rolls back when the function returns",
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
        help: "a statement that failed must reach the boundary, which then rolls back",
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
        message: "a {kind} does not take `{what}`, which reaches the database past the session; take the session alone",
        help: "what is done past the session is not part of the transaction: it stays when the boundary rolls back",
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

pub(crate) const COMMIT: Rule = Rule {
    code: "D010",
    name: "commit",
    level: Level::Deny,
    service: Says {
        message: "a service does not commit; its caller, the router or job that began the transaction, commits when \
                  it returns `Ok`",
        help: "remove the call; where what follows must see the commit, register it with `tx.after_commit(..)`",
    },
    boundary: Says {
        message: "a {kind} does not commit by hand; its transaction is committed when it returns `Ok`",
        help: "remove the call; what must follow the commit is registered with `tx.after_commit(..)`",
    },
    of_type: Some(Says {
        message: "`{what}` is not committed here; the router or job that began the transaction commits when it \
                  returns `Ok`",
        help: "remove the call; what must follow the commit is registered with `tx.after_commit(..)`",
    }),
};

pub(crate) const ROLLBACK: Rule = Rule {
    code: "D011",
    name: "rollback",
    level: Level::Deny,
    service: Says {
        message: "a service does not roll back; return `Err`, and its caller, the router or job that began the \
                  transaction, rolls back",
        help: "a failure that is meant to be survived has its own scope: `tx.savepoint(async |tx| ..)`",
    },
    boundary: Says {
        message: "a {kind} does not roll back by hand; its transaction is rolled back when it returns `Err`",
        help: "a failure that is meant to be survived has its own scope: `tx.savepoint(async |tx| ..)`",
    },
    of_type: Some(Says {
        message: "`{what}` is not rolled back here; the router or job that began the transaction rolls back when it \
                  returns `Err`",
        help: "a failure that is meant to be survived has its own scope: `tx.savepoint(async |tx| ..)`",
    }),
};

pub(crate) const BEGIN: Rule = Rule {
    code: "D012",
    name: "begin",
    level: Level::Deny,
    service: Says {
        message: "a service does not begin a transaction; it works in the one of the session that it is lent",
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
        message: "a service does not send `{what}`; the transaction begins and ends with the router or job that lent the session",
        help: "return `Ok` or `Err`; for a part that may fail on its own, write `tx.savepoint(async |tx| ..)`",
    },
    boundary: Says {
        message: "a {kind} does not send `{what}`; its transaction begins and ends with it",
        help: "return `Ok` or `Err`; for a part that may fail on its own, write `tx.savepoint(async |tx| ..)`",
    },
    of_type: None,
};

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
        for rule in RULES {
            for kind in [Kind::Router, Kind::Service, Kind::Job] {
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
