//! The fault matrix: each point of a boundary at which something can go wrong, times each way in which it can, times
//! each database.
//!
//! `cargo xtask faults` runs it several times over; `cargo test` runs it once. An argument keeps the cases in whose name
//! it stands, as in `cargo test -p demarcate-tests --test faults -- "postgres / commit"`.

mod boundary;
mod case;
mod cause;
mod obstacle;
mod plain;
mod report;
mod run;
mod target;

use std::collections::VecDeque;
use std::env;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use case::{Case, Database};
use report::Report;

/// So many cases at a time: most of one is waiting.
const LANES: usize = 6;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        // What runners of tests ask; it has no tests that they could run one by one.
        return ExitCode::SUCCESS;
    }
    let rounds = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("--rounds="))
        .map_or(Ok(1), str::parse);
    let Ok(rounds) = rounds else {
        eprintln!("faults: `--rounds` takes a number, as in `--rounds=5`");
        return ExitCode::FAILURE;
    };
    let names: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let mut cases: VecDeque<Case> = Case::all(rounds).collect();
    cases.retain(|case| {
        names.is_empty() || names.iter().any(|name| case.to_string().contains(*name))
    });
    if cases.is_empty() {
        // The words are for another suite, where `cargo test` was given them for all.
        println!("faults: no case has one of {names:?} in its name");
        return ExitCode::SUCCESS;
    }

    let start = Instant::now();
    let report = Report::default();
    let (cases, report) = (Arc::new(Mutex::new(cases)), Arc::new(Mutex::new(report)));
    let lanes: Vec<_> = (0..LANES)
        .map(|_| {
            let (cases, report) = (Arc::clone(&cases), Arc::clone(&report));
            // Unoptimised, a case is a large future, which is moved a few times before it is polled.
            let lane = thread::Builder::new().stack_size(8 << 20);
            lane.spawn(move || work(&cases, &report)).expect("a thread")
        })
        .collect();
    let died = lanes
        .into_iter()
        .filter_map(|lane| lane.join().err())
        .count();
    let report = report.lock().unwrap_or_else(PoisonError::into_inner);
    print!("{report}");
    println!(
        "\n{} cases in {:.1} s",
        report.tried(),
        start.elapsed().as_secs_f64()
    );
    if report.is_good() && died == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs one case after the other, each on a runtime of its own: a single thread, so that what is said to happen next
/// does.
fn work(cases: &Mutex<VecDeque<Case>>, report: &Mutex<Report>) {
    loop {
        let next = cases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some(case) = next else {
            return;
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let verdict = runtime.expect("a tokio runtime").block_on(async {
            match case.database {
                Database::Postgres => run::run::<sqlx::Postgres>(case).await,
                Database::MariaDb => run::run::<sqlx::MySql>(case).await,
                Database::Sqlite => run::run::<sqlx::Sqlite>(case).await,
            }
        });
        report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(case, verdict);
    }
}
