//! The pages of `docs/guide`, so that rustdoc has them beside the API.
//!
//! Their code is compiled and run in `demarcate-tests`, which has axum, a server and what else they use.
//!
#![doc = include_str!("guide/links.md")]
#![doc = include_str!("../guide/README.md")]

/// Makes a module of each page. On a forge a page's links lead to files; the definitions in `guide/links.md` come first here, and
/// lead to modules.
macro_rules! pages {
    ($($name:ident $file:literal)*) => {
        $(
            #[doc = include_str!("guide/links.md")]
            #[doc = include_str!(concat!("../guide/", $file))]
            pub mod $name {}
        )*
    };
}

pages! {
    in_one_minute "01-in-one-minute.md"
    ten_minutes "02-ten-minutes.md"
    words "03-words.md"
    where_things_go "04-where-things-go.md"
    errors "05-errors.md"
    handlers "06-handlers.md"
    sql "07-sql.md"
    tests "08-tests.md"
    jobs "09-jobs.md"
    settings "10-settings.md"
    isolation_retries_locks "11-isolation-retries-locks.md"
    logs_traces_metrics "12-logs-traces-metrics.md"
    health_and_shutdown "13-health-and-shutdown.md"
    migrations "14-migrations.md"
    when_it_says "15-when-it-says.md"
    coming_from "16-coming-from.md"
    reference "17-reference.md"
    coming_from_a_pool "18-coming-from-a-pool.md"
    a_worker "19-a-worker.md"
    error_types "20-error-types.md"
    instrument "21-instrument.md"
    recipes "22-recipes.md"
    under_load "23-under-load.md"
}
