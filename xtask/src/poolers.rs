//! The poolers through which the PostgreSQL suites are repeated, and the tests that are left out.

/// The environment variable that names the pooler through which a test process reaches PostgreSQL.
pub const VARIABLE: &str = "DEMARCATE_TESTS_POSTGRES";

/// A test that is left out, and the reason.
type Excepted = (&'static str, &'static str);

/// A run of the suites through one pooler.
#[derive(Debug)]
pub struct Run {
    /// The variable's value.
    pub value: &'static str,
    excepted: &'static [Excepted],
}

/// The runs, one for each pooler mode.
pub const RUNS: [Run; 2] = [
    Run {
        value: "pgbouncer-session",
        excepted: &[
            (
                "health::on_postgres::a_monitor_of_a_slow_server",
                "counts the queries of a control connection that stays open, and in this mode it does not",
            ),
            (
                "health::on_postgres::a_connection_that_died_silently",
                "the pooler does not learn of that death, and has no session left for another",
            ),
            ("health::postgres::rollbacks_are_told", SESSIONS),
            (
                "locks::postgres::of_a_statement_that_was_running",
                "the order to stop a statement at once takes a third connection; `pooler.rs` times what is done without one",
            ),
        ],
    },
    Run {
        value: "pgbouncer-transaction",
        excepted: &[
            ("connection::", OUTSIDE),
            (
                "reads::postgres::a_connection_outside_a_transaction",
                OUTSIDE,
            ),
            ("reads::postgres::a_write_is_refused_wherever", OUTSIDE),
            (
                "overload::postgres::the_number_that_may_wait_is_given",
                OUTSIDE,
            ),
            ("migrate::postgres", MIGRATIONS),
            ("migrate::two_at_once::postgres", MIGRATIONS),
            ("replicas::after_a_migration_the_primary", MIGRATIONS),
            ("schema::postgres::a_migration_of_the_program", MIGRATIONS),
            (
                "guard::postgres::a_prepared_statement_runs_like_any_other",
                "it is refused there, which `pooler.rs` tests",
            ),
            (
                "wire::postgres::a_prepared_statement_costs_one_more_the_first_time",
                "there it costs one more each time, which `pooler.rs` counts",
            ),
        ],
    },
];

/// Tests and modules that have nothing to do with a pooler, since they ask for no database that could be behind one. Each
/// of them that does fails, so that nothing is left out here that a pooler could break.
const APART: &[Excepted] = &[
    ("standby::", OWN_SERVER),
    ("restart::", OWN_SERVER),
    ("tls::", OWN_SERVER),
    ("connect::a_server_that_stops_and_starts", OWN_SERVER),
    ("health::a_server_that_is_restarted", OWN_SERVER),
    (
        "health::a_server_that_is_full_read_only_cold_or_old",
        OWN_SERVER,
    ),
    ("health::a_standby_and_its_primary", OWN_SERVER),
    ("health::the_replicas_of_a_factory", OWN_SERVER),
    (
        "classify::what_is_said_in_another_language_is_understood",
        OWN_SERVER,
    ),
    (
        "adversary::a_procedure_that_may_have_committed_is_not_run_again",
        OTHER_DATABASE,
    ),
    (
        "adversary::what_may_have_committed_unseen_is_not_told_as_what_may_be_sent_again",
        OTHER_DATABASE,
    ),
    (
        "classify::an_aborted_boundary_means_what_its_first_failure_means",
        OTHER_DATABASE,
    ),
    (
        "settings::variables_that_name_no_database_serve_mysql_as_well",
        OTHER_DATABASE,
    ),
    (
        "settings::what_a_builder_cannot_do_is_refused",
        OTHER_DATABASE,
    ),
    ("place::a_begin_that_waits_is_what_is_run", OTHER_DATABASE),
    (
        "session::queries_that_are_checked_at_compile_time_work",
        OTHER_DATABASE,
    ),
    ("connect::a_server_of_mysql_that_does_not_greet", NOBODY),
    ("connect::encryption_that_is_asked_for", NOBODY),
    (
        "connect::what_is_not_a_place_is_refused_before_anybody_is_asked",
        NOBODY,
    ),
    ("connect::the_wait_for_a_database_is_a_setting", NOBODY),
    ("connect::postgres::a_port_at_which_nobody_listens", NOBODY),
    ("connect::postgres::a_host_whose_name_is_not_known", NOBODY),
    ("connect::postgres::a_host_that_cannot_be_reached", NOBODY),
    (
        "connect::postgres::a_database_that_does_not_come_up",
        NOBODY,
    ),
    (
        "health::on_postgres::a_database_that_is_not_there_is_critical_at_once",
        NOBODY,
    ),
    ("pool::a_database_that_is_down_is_said_so_at_once", NOBODY),
    (
        "pool::postgres::a_url_that_cannot_be_read_is_refused",
        NOBODY,
    ),
    ("classify::a_bare_code_means_what_the_page_says", NOBODY),
];

/// Returns the reason why the test of this name is independent of poolers, if it is listed.
pub fn apart(test: &str) -> Option<&'static str> {
    let mut apart = APART.iter();
    let (_, reason) = apart.find(|(name, _)| test.contains(name))?;
    Some(reason)
}

/// The tests that are left out in every mode.
const EXCEPTED: &[Excepted] = &[
    (
        "closing::postgres::the_close_of_a_pool_of_ones_own",
        OWN_POOL,
    ),
    (
        "boundary::postgres::a_users_own_pool_is_a_factory",
        OWN_POOL,
    ),
    (
        "cancellation::dropped_outside_any_runtime_it_is_rolled_back",
        OWN_POOL,
    ),
    (
        "nesting::postgres::two_factories_over_one_pool_are_one",
        OWN_POOL,
    ),
    (
        "settings::a_password_that_nobody_has_encoded_lets_in",
        "logs in as a user that PgBouncer does not know",
    ),
    (
        "wire::on_postgres_the_messages_are_these",
        "has the messages that are sent where there is no pooler",
    ),
    (
        "classify::postgresql_is_understood_in_every_code_that_it_can_be_made_to_say",
        "ends the server's sessions, of which the pooler says what it likes",
    ),
    (
        "overload::postgres::jobs_leave_the_rest_of_a_pool",
        "holds two connections at once, and PgBouncer has no third",
    ),
    (
        "overload::postgres::the_queue_of_a_pool_of_sqlx_takes_no_more",
        OWN_POOL,
    ),
    (
        "connect::postgres::a_server_that_has_too_many_connections",
        LOGIN,
    ),
    ("connect::postgres::a_database_that_does_not_exist", LOGIN),
    (
        "connect::postgres::a_database_that_this_user_may_not_use",
        LOGIN,
    ),
    ("connect::postgres::a_wrong_password", LOGIN),
    ("connect::postgres::encryption_that_is_not_to_be_had", LOGIN),
    (
        "connect::postgres::more_connections_than_the_server_has",
        LOGIN,
    ),
    ("health::a_server_that_refuses_to_answer_is_degraded", LOGIN),
    ("health::postgres::a_monitor", FULL),
    ("health::postgres::an_exhausted_pool", FULL),
    ("health::postgres::probes_get", FULL),
    (
        "reads::postgres::a_connection_that_is_not_ours_alone",
        OWN_POOL,
    ),
    ("reads::postgres::n_statements_cost_n_round_trips", BEGUN),
    ("reads::postgres::what_is_prepared_costs_no_more", BEGUN),
    ("reads::postgres::whatever_needs_a_transaction", BEGUN),
    ("reads::settings_of_a_session_of_postgres", BEGUN),
    ("reads::a_migration_after_a_switch", BEGUN),
    ("single::outcomes::", BEGUN),
    ("single::postgres::an_answer_that_is_lost", BEGUN),
    ("single::postgres::it_costs_one_round_trip", BEGUN),
    ("single::postgres::whoever_does_not_wait", BEGUN),
    ("pool::a_connection_that_is_old_is_replaced", SESSIONS),
    (
        "pool::connections_are_made_ahead_and_closed_when_nobody_needs_them",
        SESSIONS,
    ),
    ("pool::the_least_number_is_left", SESSIONS),
    (
        "commands::so_it_does_on_postgres",
        "sets the schema of its sessions as they begin, which PgBouncer 1.18 refuses",
    ),
];

const OWN_SERVER: &str = "has servers of its own";

const OTHER_DATABASE: &str = "is not on PostgreSQL";

const NOBODY: &str = "connects to nobody, or to nobody who is PostgreSQL";

const OWN_POOL: &str =
    "a pool of the user's own, which is told of its pooler in code: `pooler.rs` has one";

const LOGIN: &str = "a login is the pooler's affair, which refuses it in words of its own";

const MIGRATIONS: &str =
    "holds a lock of the server's session, for which migrations go to the server itself";

const FULL: &str = "holds four connections at once, and PgBouncer has two to be asked over";

const OUTSIDE: &str =
    "a connection outside a transaction is refused there, which `pooler.rs` tests";

const BEGUN: &str =
    "a statement runs in a transaction of its own there, which the session begins and ends";

const SESSIONS: &str = "looks at the server's sessions, which are the pooler's";

/// The tests that are not on PostgreSQL, and those that always use a pooler of their own.
const ELSEWHERE: [&str; 3] = ["sqlite", "mariadb", "pooler"];

impl Run {
    /// The tests that are left out, and why.
    pub fn excepted(&self) -> impl Iterator<Item = &'static Excepted> {
        APART.iter().chain(EXCEPTED).chain(self.excepted)
    }

    /// The arguments of the test programs.
    pub fn arguments(&self) -> Vec<&'static str> {
        let named = self.excepted().map(|(name, _)| *name);
        let left_out = ELSEWHERE.into_iter().chain(named);
        left_out.flat_map(|name| ["--skip", name]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{APART, RUNS, apart};

    #[test]
    fn a_test_runs_behind_each_pooler_unless_it_is_named() {
        for run in &RUNS {
            let arguments = run.arguments();
            let is_skipped = |test: &str| {
                arguments
                    .iter()
                    .any(|name| *name != "--skip" && test.contains(name))
            };
            assert!(!is_skipped("pool::a_test_of_tomorrow"));
            assert!(is_skipped("standby::a_test_of_tomorrow"));
            assert!(is_skipped("boundary::sqlite::a_test_of_tomorrow"));
            for (name, _) in APART {
                assert!(is_skipped(name) && apart(name).is_some());
            }
        }
        assert_eq!(apart("pool::a_test_of_tomorrow"), None);
    }
}
