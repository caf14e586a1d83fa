//! Counts round trips, by the proxy of the tests.

use std::time::Duration;

use demarcate_tests::proxy::{Proxy, Wire};

use crate::entrant::{Database, Entrant};
use crate::measure::{ROWS, Row};

/// How often a boundary is run until its statements are prepared on every connection.
const WARM: usize = 12;
/// How often it is counted. The least counts: a pool does more now and then.
const SAMPLES: usize = 4;
/// By then what is left to the background has happened.
const SETTLED: Duration = Duration::from_millis(10);

/// The round trips of one boundary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RoundTrips {
    /// The caller waits for these.
    pub(crate) waited_for: usize,
    /// These follow.
    pub(crate) after: usize,
}

/// For each entrant, in the order of the rows that have one task.
pub(crate) async fn count<DB: Wire>(
    database: &Database,
    is_wanted: impl Fn(&Row) -> bool,
) -> Vec<(&'static Row, Vec<(&'static str, RoundTrips)>)> {
    let proxy = Proxy::to_url::<DB>(database.url()).await;
    let entrants = database.entrants(proxy.url()).await;
    let mut rows = Vec::new();
    for row in ROWS.iter().filter(|row| row.is_alone() && is_wanted(row)) {
        let mut counts = Vec::new();
        for entrant in entrants.iter().filter(|it| it.takes_part(row.batch(1))) {
            entrant.run(row.batch(WARM)).await;
            let mut least = None;
            for _ in 0..SAMPLES {
                let count = of_one(row, entrant, &proxy).await;
                least = Some(least.map_or(count, |least: RoundTrips| least.min(count)));
            }
            counts.extend(least.map(|least| (entrant.name, least)));
        }
        rows.push((row, counts));
    }
    rows
}

async fn of_one(row: &Row, entrant: &Entrant, proxy: &Proxy) -> RoundTrips {
    tokio::time::sleep(SETTLED).await;
    proxy.forget();
    entrant.run(row.batch(1)).await;
    let waited_for = proxy.round_trips();
    tokio::time::sleep(SETTLED).await;
    let after = proxy.round_trips() - waited_for;
    RoundTrips { waited_for, after }
}
