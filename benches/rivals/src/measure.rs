//! Measures: everybody takes turns, batch by batch, so that a machine that is busy is so for each.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::entrant::{Batch, Entrant, HAND};
use crate::rival::{Load, POOL, WAIT};

/// A row of a table.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    load: Load,
    tasks: usize,
    over_http: bool,
}

const fn row(name: &'static str, load: Load, tasks: usize) -> Row {
    Row {
        name,
        load,
        tasks,
        over_http: false,
    }
}

/// The loads, each on a pool of ten connections. Those without a number of tasks have one task.
pub(crate) static ROWS: [Row; 15] = [
    row("0 writes", Load::Writes(0), 1),
    row("1 write", Load::Writes(1), 1),
    row("3 writes", Load::Writes(3), 1),
    row("10 writes", Load::Writes(10), 1),
    row("error after 1 write", Load::Declines, 1),
    row("read-only, 1 select", Load::Reads, 1),
    row("waits 5 ms, then 1 write", Load::WaitsFirst, 1),
    row("32 tasks, waits 5 ms, then 1 write", Load::WaitsFirst, 32),
    row("32 tasks, 1 write", Load::Writes(1), 32),
    row("32 tasks, 3 writes", Load::Writes(3), 32),
    row("32 tasks, error after 1 write", Load::Declines, 32),
    row("32 tasks, read-only, 1 select", Load::Reads, 32),
    row("1,000 tasks, 1 write", Load::Writes(1), 1_000),
    Row {
        over_http: true,
        ..row("HTTP, 1 write", Load::Writes(1), 1)
    },
    Row {
        over_http: true,
        ..row("HTTP, 32 clients, 1 write", Load::Writes(1), 32)
    },
];

impl Row {
    pub(crate) fn batch(&self, each: usize) -> Batch {
        Batch {
            load: self.load,
            tasks: self.tasks,
            each,
            over_http: self.over_http,
        }
    }

    /// Whether its round trips can be told one by one.
    pub(crate) fn is_alone(&self) -> bool {
        self.tasks == 1 && !self.over_http && self.load != Load::WaitsFirst
    }

    /// How many round trips the caller has to wait for. A transaction is begun and committed by a message each; what reads
    /// one row needs none, and nobody has to wait for a rollback.
    pub(crate) fn needed_round_trips(&self) -> i32 {
        match self.load {
            Load::Writes(0) => 0,
            Load::Writes(count) => count + 2,
            Load::WaitsFirst => 3,
            Load::Declines => 2,
            Load::Reads => 1,
        }
    }

    /// The time of one boundary that cannot be less, where a round trip takes so long: waits of the wire and of the load.
    pub(crate) fn limit(&self, round_trip: Duration) -> Duration {
        let on_wire = round_trip * self.needed_round_trips().unsigned_abs();
        let tasks = u32::try_from(self.tasks).unwrap_or(u32::MAX);
        let wait = if self.load == Load::WaitsFirst {
            WAIT
        } else {
            Duration::ZERO
        };
        // Side by side: as many as there are connections, or tasks.
        (on_wire / tasks.min(POOL)).max((on_wire + wait) / tasks)
    }
}

/// How long to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    /// The time of a batch, for whoever is as fast as by hand.
    pub(crate) batch: Duration,
    /// The time of a row. Where a batch takes long there are fewer rounds.
    pub(crate) row: Duration,
}

pub(crate) const LONG: Effort = Effort {
    rounds: 15,
    batch: Duration::from_millis(25),
    row: Duration::from_secs(4),
};

pub(crate) const QUICK: Effort = Effort {
    rounds: 5,
    batch: Duration::from_millis(8),
    row: Duration::from_millis(400),
};

const FEWEST_ROUNDS: usize = 3;

/// The figures of one entrant in one row.
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    /// Microseconds for each boundary.
    pub(crate) wall: f64,
    /// Microseconds of processor time of this process for each boundary.
    pub(crate) processor: f64,
    /// How much faster than by hand, round by round: the quartiles.
    pub(crate) ratio: [f64; 3],
    /// Boundaries that did not end as they should.
    pub(crate) lost: usize,
}

/// One row, measured.
pub(crate) struct Measured {
    pub(crate) row: &'static Row,
    pub(crate) rounds: usize,
    pub(crate) figures: Vec<Figures>,
}

impl Measured {
    pub(crate) fn of(&self, name: &str) -> Option<&Figures> {
        self.figures.iter().find(|figures| figures.name == name)
    }
}

struct Sample {
    wall: f64,
    processor: f64,
    lost: usize,
}

/// Measures a row. `pause` lets what a batch leaves to the background come to its end.
pub(crate) async fn measure(
    row: &'static Row,
    entrants: &[Entrant],
    effort: Effort,
    pause: Duration,
) -> Measured {
    let once = row.batch(1);
    let entrants: Vec<&Entrant> = entrants.iter().filter(|it| it.takes_part(once)).collect();
    // Connections are made and statements prepared.
    let warm = Batch {
        tasks: row.tasks.max(POOL as usize),
        ..row.batch(if row.tasks > 100 { 1 } else { 2 })
    };
    for entrant in &entrants {
        entrant.run(warm).await;
    }
    let pilot = time(entrants[0], row.batch(1)).await;
    let whole = effort.batch.as_secs_f64() * 1e6 / pilot.wall / row.tasks as f64;
    let fewest = match row.tasks {
        1 => 4,
        ..100 => 2,
        _ => 1,
    };
    let each = if whole.is_finite() {
        whole.ceil() as usize
    } else {
        fewest
    };
    let batch = row.batch(each.clamp(fewest, 20_000));

    let start = Instant::now();
    let mut samples: Vec<Vec<Sample>> = entrants.iter().map(|_| Vec::new()).collect();
    let mut rounds = 0;
    while rounds < effort.rounds && (rounds < FEWEST_ROUNDS || start.elapsed() < effort.row) {
        // Nobody always comes after the same.
        for turn in 0..entrants.len() {
            let turn = (turn + rounds) % entrants.len();
            samples[turn].push(time(entrants[turn], batch).await);
            tokio::time::sleep(pause).await;
        }
        rounds += 1;
    }
    let hand = entrants.iter().position(|entrant| entrant.name == HAND);
    let hand: Vec<f64> = samples[hand.unwrap_or(0)]
        .iter()
        .map(|it| it.wall)
        .collect();
    let figures = entrants
        .iter()
        .zip(&samples)
        .map(|(entrant, samples)| Figures {
            name: entrant.name,
            wall: quartiles(samples.iter().map(|sample| sample.wall))[1],
            processor: quartiles(samples.iter().map(|sample| sample.processor))[1],
            ratio: quartiles(hand.iter().zip(samples).map(|(hand, own)| hand / own.wall)),
            lost: samples.iter().map(|sample| sample.lost).sum(),
        });
    Measured {
        row,
        rounds,
        figures: figures.collect(),
    }
}

async fn time(entrant: &Entrant, batch: Batch) -> Sample {
    let (start, processor) = (Instant::now(), processor_time());
    let lost = entrant.run(batch).await;
    let (wall, processor) = (start.elapsed(), processor_time() - processor);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / batch.boundaries() as f64;
    Sample {
        wall: each(wall),
        processor: each(processor),
        lost,
    }
}

/// The processor time that this process has used.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    [last / 4, values.len() / 2, last - last / 4].map(|at| values[at])
}
