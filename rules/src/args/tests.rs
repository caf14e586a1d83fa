//! Tests of the arguments: every option, and the message for each mistake.

use std::time::Duration;

use syn::LitStr;

use super::*;
use crate::rule;

fn read(kind: Kind, text: &str) -> (Args, Vec<String>) {
    let mut errors = Errors::default();
    let args = Args::parse(kind, text.parse().expect("tokens"), &mut errors);
    (
        args,
        errors
            .iter()
            .map(|mistake| mistake.error.to_string())
            .collect(),
    )
}

#[test]
fn every_option_is_read() {
    let (args, errors) = read(
        Kind::Router,
        "isolation = Serializable, read_only, deferrable, independent, timeout = \"5s\", name = \"report\", \
         from = self.db::<A, B>(), crate = my_demarcate,",
    );
    assert_eq!(errors, [""; 0]);
    assert!(
        args.isolation
            .is_some_and(|level| level.0 == "Serializable")
    );
    assert!(args.read_only.is_some() && args.deferrable.is_some() && args.independent.is_some());
    assert!(
        args.timeout
            .is_some_and(|timeout| timeout.after == Duration::from_secs(5))
    );
    assert!(args.name.is_some_and(|name| name.value() == "report"));
    assert!(args.from.is_some() && args.krate.is_some());

    let (args, errors) = read(
        Kind::Job,
        "on_error = Self::mark_failed, isolation = demarcate::Isolation::ReadCommitted",
    );
    assert_eq!(errors, [""; 0]);
    assert!(args.on_error.is_some() && args.isolation.is_some());
}

#[test]
fn all_mistakes_are_reported_and_the_rest_is_kept() {
    let (args, errors) = read(
        Kind::Router,
        "isolaton = Serializable, timeout = \"5 parsecs\", read_only, read_only, retry = -3, read_only = true, \
         isolation = Serialisable, = 5, name, name(\"x\"), name = \"\", from, timeout = 5, independent(yes)",
    );
    assert_eq!(errors.len(), 14 - 1, "{errors:#?}");
    assert!(args.read_only.is_some());
    assert!(
        errors
            .iter()
            .any(|e| e.contains("did you mean `isolation`?"))
    );
    assert!(
        errors
            .iter()
            .any(|e| e.contains("did you mean `Serializable`?"))
    );
    assert!(
        errors
            .iter()
            .any(|e| e.contains("`read_only` is given twice"))
    );
    assert!(errors.iter().any(|e| e.contains("a whole number")));
}

#[test]
fn an_option_of_another_attribute_says_where_it_belongs() {
    let of = |kind, text| read(kind, text).1.join("\n");
    assert!(of(Kind::Service, "timeout = \"5s\"").contains("belongs on the router or job"));
    assert!(of(Kind::Router, "on_error = f").contains("it belongs on `#[background_job]`"));
    assert!(of(Kind::Job, "from = self.db").contains("it belongs on `#[router_tx]`"));
    assert!(of(Kind::Service, "propagation = Required").contains("it takes `crate`"));
}

#[test]
fn every_option_is_taken_by_its_form_where_it_belongs() {
    for known in known::OPTIONS {
        for kind in [Kind::Router, Kind::Service, Kind::Job] {
            let (_, errors) = read(kind, &known.form.replace("..", "text"));
            let taken = errors.is_empty();
            // `deferrable` alone has no effect, and says so.
            assert_eq!(
                taken,
                known.is_on(kind) && known.name != "deferrable",
                "{errors:?}"
            );
        }
    }
}

#[test]
fn the_options_of_a_boundary() {
    let (args, errors) = read(
        Kind::Job,
        "statement_timeout = \"1s\", lock_timeout = \"250ms\", idle_timeout = \"1m\", timeout = \"1s\", retry = 3, \
         confirm_commit, single_statement, read_write, no_rollback_for = | A::B(1..=2, ref c) | A::D { .. } if *c > 5, independent",
    );
    assert_eq!(errors, [""; 0]);
    let timeouts: Vec<_> = args
        .timeouts()
        .map(|one| (one.option.to_string(), one.after.as_millis()))
        .collect();
    let expected = [
        ("timeout", 1000),
        ("statement_timeout", 1000),
        ("lock_timeout", 250),
        ("idle_timeout", 60_000),
    ];
    assert_eq!(timeouts, expected.map(|(name, ms)| (name.to_owned(), ms)));
    assert_eq!(args.retry.as_ref().map(|retry| retry.repeats), Some(3));
    assert!(
        args.no_rollback_for
            .as_ref()
            .is_some_and(|kept| kept.guard.is_some())
    );
    let of_one: Vec<_> = args.of_one_transaction().map(ToString::to_string).collect();
    assert_eq!(
        of_one,
        [
            "read_write",
            "independent",
            "confirm_commit",
            "single_statement",
            "timeout",
            "statement_timeout",
            "lock_timeout",
            "idle_timeout",
            "retry",
            "no_rollback_for"
        ]
    );
}

#[test]
fn what_makes_no_sense_is_one_error() {
    for (text, part) in [
        ("read_only, confirm_commit", "writes nothing"),
        (
            "read_write, read_only",
            "either `read_only` or `read_write`",
        ),
        (
            "timeout = \"1s\", statement_timeout = \"1001ms\"",
            "`statement_timeout` is longer than `timeout`",
        ),
        (
            "lock_timeout = \"1h\", timeout = \"59m\"",
            "`lock_timeout` is longer than `timeout`",
        ),
        ("lock_timeout = \"0ms\"", "no time at all"),
        ("idle_timeout = \"25h\"", "longer than a day"),
        ("statement_timeout = 5", "written as a string"),
        ("retry = 0", "runs nothing again"),
        ("retry = 101", "at most 100 times"),
        ("retry = 99999999999999999999999", "at most 100 times"),
        ("retry = \"3\"", "a whole number"),
        ("retry", "needs a value"),
        ("retry(3)", "takes its value after `=`"),
        ("no_rollback_for", "needs a value"),
        ("no_rollback_for(A::B)", "takes its value after `=`"),
        ("no_rollback_for =", "takes a pattern"),
        ("no_rollback_for = +", "takes a pattern"),
        ("no_rollback_for = A, no_rollback_for = B", "given twice"),
        ("confirm_commit = true", "takes no value"),
    ] {
        for kind in [Kind::Router, Kind::Job] {
            let (_, errors) = read(kind, text);
            assert_eq!(errors.len(), 1, "{text}: {errors:?}");
            assert!(errors.concat().contains(part), "{text}: {errors:?}");
        }
    }
    let fine = "timeout = \"1s\", statement_timeout = \"1s\", retry = 100, idle_timeout = \"2s\"";
    assert_eq!(read(Kind::Router, fine).1, [""; 0]);
}

#[test]
fn what_a_service_requires() {
    let (args, errors) = read(
        Kind::Service,
        "requires(isolation = RepeatableRead, read_write)",
    );
    assert_eq!(errors, [""; 0]);
    let requires = args.requires.as_ref().expect("it was given");
    assert!(requires.read_write.is_some());
    assert!(
        requires
            .isolation
            .as_ref()
            .is_some_and(|level| level.0 == "RepeatableRead")
    );

    // The function's own word counts, and the block's where it says nothing.
    let own = read(Kind::Service, "requires(isolation = Serializable)")
        .0
        .within(&args);
    let both = own.requires.expect("it was given");
    assert!(
        both.isolation
            .is_some_and(|level| level.0 == "Serializable")
    );
    assert!(both.read_write.is_some() && !both.is_of_block);
    let inherited = Args::default().within(&args).requires.expect("the block's");
    assert!(inherited.is_of_block);

    for (text, part) in [
        ("requires", "says what the service needs"),
        ("requires()", "says what the service needs"),
        ("requires = Serializable", "says what the service needs"),
        ("requires(isolation)", "needs a value"),
        ("requires(isolation = Snapshot)", "no isolation level"),
        (
            "requires(isolaton = Serializable)",
            "did you mean `isolation`?",
        ),
        ("requires(read_writ)", "did you mean `read_write`?"),
        ("requires(read_only)", "cannot require `read_only`"),
        ("requires(timeout = \"5s\")", "cannot require `timeout`"),
        ("requires(read_write = true)", "takes no value"),
        ("requires(read_write, read_write)", "given twice"),
        ("requires(read_write), requires(read_write)", "given twice"),
        (
            "isolation = Serializable",
            "written `requires(isolation = Serializable)`",
        ),
        ("read_write", "written `requires(read_write)`"),
    ] {
        let (_, errors) = read(Kind::Service, text);
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert!(errors.concat().contains(part), "{text}: {errors:?}");
    }
}

#[test]
fn rules_are_allowed_by_code_and_by_name() {
    let (args, errors) = read(
        Kind::Service,
        "allow(D010, begin, reason = \"a reason\"), allow(D011, reason = \"another\",)",
    );
    assert_eq!(errors, [""; 0]);
    assert!(
        args.allows(&rule::COMMIT) && args.allows(&rule::BEGIN) && args.allows(&rule::ROLLBACK)
    );
    assert!(!args.allows(&rule::TRANSACTION_SQL));
    let reasons: Vec<_> = args
        .allow
        .iter()
        .map(|one| one.reason.as_ref().map(LitStr::value))
        .collect();
    assert_eq!(
        reasons,
        ["a reason", "a reason", "another"].map(|text| Some(text.to_owned()))
    );
}

#[test]
fn one_mistake_in_an_allow_is_one_error() {
    for (text, part) in [
        ("allow(D010)", "needs a reason"),
        ("allow(D010, reason = \" \")", "a reason is not empty"),
        ("allow(D010, reason)", "`reason` needs a value"),
        ("allow(D010, reason = 5)", "a reason is written as a string"),
        (
            "allow(D010, reason = \"a\", reason = \"b\")",
            "`reason` is given twice",
        ),
        ("allow", "names the rules"),
        ("allow()", "names the rules"),
        ("allow = D010", "names the rules"),
        ("allow(reason = \"a\")", "names the rules"),
        ("allow(D10, reason = \"a\")", "did you mean `D010`?"),
        ("allow(comit, reason = \"a\")", "did you mean `commit`?"),
        (
            "allow(propagation, reason = \"a\")",
            "there is no rule `propagation`",
        ),
        ("allow(D003, reason = \"a\")", "cannot be allowed"),
        (
            "allow(session_not_lent, reason = \"a\")",
            "cannot be allowed",
        ),
        (
            "allow(D010 = 5, reason = \"a\")",
            "takes rules by their code or name",
        ),
        (
            "allow(\"D010\", reason = \"a\")",
            "a rule's code or name is expected",
        ),
        ("allow(D010, commit, reason = \"a\")", "is allowed twice"),
        ("deny(D010)", "is an error already"),
        ("deny(D031)", "is an error already"),
        ("deny()", "names the rules"),
    ] {
        for kind in [Kind::Router, Kind::Service, Kind::Job] {
            let (_, errors) = read(kind, text);
            assert_eq!(errors.len(), 1, "{text}: {errors:?}");
            assert!(errors.concat().contains(part), "{text}: {errors:?}");
        }
    }
}

#[test]
fn deferrable_alone_is_refused() {
    for text in [
        "deferrable",
        "deferrable, read_only",
        "deferrable, isolation = Serializable",
    ] {
        let (_, errors) = read(Kind::Router, text);
        assert_eq!(errors.len(), 1, "{text}");
    }
}

#[test]
fn a_second_session_can_be_allowed_on_a_service_alone() {
    let given = "allow(second_session, reason = \"two databases\")";
    let (args, errors) = read(Kind::Service, given);
    assert_eq!(errors, [""; 0]);
    assert!(args.allows(&rule::SECOND_SESSION));
    for kind in [Kind::Router, Kind::Job] {
        let (args, errors) = read(kind, given);
        assert!(!args.allows(&rule::SECOND_SESSION));
        assert!(errors.join("").contains("on a service alone"), "{errors:?}");
    }
}
