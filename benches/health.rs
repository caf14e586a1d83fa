//! What a look at a database's health costs: `cargo bench -p demarcate-benches --bench health`.
//!
//! Of each database: how long a look takes, and the processor time of this process and, on PostgreSQL, of the server's
//! process that answers it. It is a measurement and not a test. Processor times are read from Linux's `/proc`.

use std::time::{Duration, Instant};

use demarcate::SessionFactory;
use demarcate::health::Examine;

const LOOKS: u32 = 2_000;

/// How often a monitor might look.
const EVERY: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let postgres = demarcate_tests::postgres().await;
    let db = SessionFactory::<sqlx::Postgres>::connect_lazy(postgres.url()).unwrap();
    db.health().await;
    let pid: i32 = postgres
        .admin_value(
            "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        )
        .await;
    measure("PostgreSQL", &db, Some(pid)).await;

    let mariadb = demarcate_tests::mariadb().await;
    let db = SessionFactory::<sqlx::MySql>::connect_lazy(mariadb.url()).unwrap();
    measure("MariaDB", &db, None).await;

    let sqlite = demarcate_tests::sqlite().await;
    sqlite
        .admin("pragma journal_mode = wal; create table t (id int)")
        .await;
    let db = SessionFactory::<sqlx::Sqlite>::connect_lazy(sqlite.url()).unwrap();
    measure("SQLite", &db, None).await;
}

async fn measure<DB: Examine>(name: &str, db: &SessionFactory<DB>, server: Option<i32>) {
    println!(
        "{name}: the first look, with a connection to be made, takes {:?}",
        db.health().await.took
    );
    let (here, there) = (
        processor_time("self"),
        server.map(|pid| processor_time(&pid.to_string())),
    );
    let began = Instant::now();
    let mut took: Vec<_> = Vec::new();
    for _ in 0..LOOKS {
        took.push(db.health().await.took);
    }
    let all = began.elapsed();
    took.sort();
    println!(
        "  a look takes {:?}, 99 of 100 at most {:?}",
        all / LOOKS,
        took[took.len() * 99 / 100]
    );
    let mut cost = processor_time("self") - here;
    println!("  processor time here {:?}", cost / LOOKS);
    if let (Some(pid), Some(before)) = (server, there) {
        let at_server = processor_time(&pid.to_string()) - before;
        println!("  processor time at the server {:?}", at_server / LOOKS);
        cost += at_server;
    }
    let share = (cost / LOOKS).as_secs_f64() / EVERY.as_secs_f64() * 100.0;
    println!("  every {EVERY:?} that is {share:.4} % of a core");
}

/// That of a process with all its threads: <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>.
fn processor_time(process: &str) -> Duration {
    /// Linux tells it in hundredths of a second on every architecture that Rust's tier 1 has.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux has it");
    // The name of the program, in brackets, may hold anything.
    let (_, rest) = stat.rsplit_once(") ").expect("it has a name");
    let ticks = rest
        .split(' ')
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u32>().expect("a number"));
    TICK * ticks.sum()
}
