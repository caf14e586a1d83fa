//! A rival that has been set up on a database, whatever its type.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use demarcate_tests::TestDb;
use sqlx::{MySql, Postgres, Sqlite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::database::{table, trusted};
use crate::rival::{Failure, Load, ROWS_PER_TASK, Rival, Work};
use crate::rivals::axum_sqlx_tx::AxumSqlxTx;
use crate::rivals::by_hand::{Default, Guarded, Tuned};
use crate::rivals::demarcate::Demarcate;
use crate::rivals::diesel;
use crate::rivals::held::Held;
use crate::rivals::sea_orm::SeaOrm;

/// The entrants in the order of the columns. The first is what all others are compared with.
pub(crate) const HAND: &str = "sqlx by hand";
pub(crate) const GUARDED: &str = "by hand, same guarantees";
pub(crate) const TUNED: &str = "by hand, tuned";
pub(crate) const OURS: &str = "demarcate";
pub(crate) const OURS_GUARDED: &str = "demarcate, isolation and timeouts";
pub(crate) const OURS_SINGLE: &str = "demarcate, single statement";
pub(crate) const FROM_POOL: &str = "demarcate `from(pool)`";
pub(crate) const AXUM_SQLX_TX: &str = "axum-sqlx-tx";
pub(crate) const SEA_ORM: &str = "sea-orm";
pub(crate) const DIESEL: &str = "diesel-async";
pub(crate) const HELD: &str = "held connections";

/// The peers: other crates.
pub(crate) const PEERS: [&str; 3] = [AXUM_SQLX_TX, SEA_ORM, DIESEL];

/// Tasks that run side by side, each with a number of boundaries, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) load: Load,
    pub(crate) tasks: usize,
    pub(crate) each: usize,
    pub(crate) over_http: bool,
}

impl Batch {
    pub(crate) fn boundaries(self) -> usize {
        self.tasks * self.each
    }
}

type Lost = Pin<Box<dyn Future<Output = usize> + Send>>;

pub(crate) struct Entrant {
    pub(crate) name: &'static str,
    run: Box<dyn Fn(Batch) -> Lost + Send + Sync>,
}

impl Entrant {
    async fn new<R: Rival>(name: &'static str, rival: R) -> Self {
        let rival = Arc::new(rival);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has one");
        let router = Arc::clone(&rival).router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let client = reqwest::Client::new();
        let run = move |batch: Batch| -> Lost {
            if batch.over_http {
                let (client, url) = (client.clone(), format!("http://{address}"));
                return Box::pin(post(client, url, batch));
            }
            Box::pin(run(Arc::clone(&rival), batch))
        };
        Self {
            name,
            run: Box::new(run),
        }
    }

    /// Runs a batch, and returns the number of boundaries that did not end as they should.
    pub(crate) async fn run(&self, batch: Batch) -> usize {
        (self.run)(batch).await
    }

    /// Whether it can do this at all.
    pub(crate) fn takes_part(&self, batch: Batch) -> bool {
        match self.name {
            AXUM_SQLX_TX => batch.over_http,
            OURS_SINGLE => matches!(batch.load, Load::Writes(1) | Load::WaitsFirst | Load::Reads),
            // It begins a transaction in any case.
            HELD => batch.load != Load::Writes(0),
            _ => true,
        }
    }
}

/// Runs the tasks of a batch side by side. `boundary` runs one that begins with this row, and returns whether it ended as it
/// should.
async fn side_by_side<F>(
    batch: Batch,
    boundary: impl Fn(i32) -> F + Clone + Send + 'static,
) -> usize
where
    F: Future<Output = bool> + Send,
{
    let mut tasks = JoinSet::new();
    for row in (0..).step_by(ROWS_PER_TASK as usize).take(batch.tasks) {
        let boundary = boundary.clone();
        tasks.spawn(async move {
            let mut lost = 0;
            for _ in 0..batch.each {
                lost += usize::from(!boundary(row).await);
            }
            lost
        });
    }
    tasks.join_all().await.into_iter().sum()
}

async fn run<R: Rival>(rival: Arc<R>, batch: Batch) -> usize {
    let load = batch.load;
    let boundary = move |row| {
        let rival = Arc::clone(&rival);
        async move { is_right(load, &rival.run(Work { load, row }).await) }
    };
    side_by_side(batch, boundary).await
}

fn is_right(load: Load, result: &Result<(), Failure>) -> bool {
    match result {
        Ok(()) => load != Load::Declines,
        Err(error) if load == Load::Declines => error.is::<crate::rival::Declined>(),
        Err(error) => {
            eprintln!("  lost: {error}");
            false
        }
    }
}

async fn post(client: reqwest::Client, url: String, batch: Batch) -> usize {
    let boundary = move |row| {
        let answer = client.post(format!("{url}/{row}")).send();
        async move {
            let answer = answer.await;
            answer.is_ok_and(|it| it.status() == reqwest::StatusCode::NO_CONTENT)
        }
    };
    side_by_side(batch, boundary).await
}

/// A database with the table of the loads, for as long as this lives.
pub(crate) enum Database {
    PostgreSql(TestDb<Postgres>),
    MariaDb(TestDb<MySql>),
    Sqlite(TestDb<Sqlite>),
}

impl Database {
    pub(crate) async fn postgres() -> Self {
        let db = demarcate_tests::postgres().await;
        for text in table(true) {
            db.admin(&text).await;
        }
        Self::PostgreSql(db)
    }

    pub(crate) async fn mariadb() -> Self {
        let db = demarcate_tests::mariadb().await;
        for text in table(false) {
            db.admin(&text).await;
        }
        Self::MariaDb(db)
    }

    pub(crate) async fn sqlite() -> Self {
        let db = demarcate_tests::sqlite().await;
        for text in table(false) {
            db.admin(&text).await;
        }
        Self::Sqlite(db)
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::PostgreSql(db) => db.own_url(),
            Self::MariaDb(db) => db.own_url(),
            Self::Sqlite(db) => db.url(),
        }
    }

    pub(crate) async fn version(&self) -> String {
        match self {
            Self::PostgreSql(db) => db.admin_value("show server_version").await,
            Self::MariaDb(db) => db.admin_value("select version()").await,
            Self::Sqlite(db) => db.admin_value("select sqlite_version()").await,
        }
    }

    /// Returns the median time of a round trip to the server at `url`.
    pub(crate) async fn round_trip(&self, url: &str) -> Duration {
        macro_rules! median {
            ($connection:ty) => {{
                let connected = <$connection as sqlx::Connection>::connect(url).await;
                let mut connection = connected.expect("a server that was started here");
                let mut times = Vec::new();
                for _ in 0..200 {
                    let start = std::time::Instant::now();
                    let done = sqlx::raw_sql(trusted("select 1"))
                        .execute(&mut connection)
                        .await;
                    done.expect("it selects nothing");
                    times.push(start.elapsed());
                }
                times.sort();
                times[times.len() / 2]
            }};
        }
        match self {
            Self::PostgreSql(_) => median!(sqlx::PgConnection),
            Self::MariaDb(_) => median!(sqlx::MySqlConnection),
            Self::Sqlite(_) => Duration::ZERO,
        }
    }

    /// Sets up everybody, each with a pool of its own.
    pub(crate) async fn entrants(&self, url: &str) -> Vec<Entrant> {
        macro_rules! entrants {
            ($database:ty, $sea_orm:expr, $diesel:expr) => {
                vec![
                    Entrant::new(HAND, Default::<$database>::new(url)).await,
                    Entrant::new(GUARDED, Guarded::<$database>::new(url)).await,
                    Entrant::new(TUNED, Tuned::<$database>::new(url)).await,
                    Entrant::new(OURS, Demarcate::<$database>::connect(url).await).await,
                    Entrant::new(OURS_GUARDED, Demarcate::<$database>::guarded(url).await).await,
                    Entrant::new(OURS_SINGLE, Demarcate::<$database>::single(url).await).await,
                    Entrant::new(FROM_POOL, Demarcate::<$database>::from_pool(url)).await,
                    Entrant::new(AXUM_SQLX_TX, AxumSqlxTx::<$database>::new(url)).await,
                    Entrant::new(SEA_ORM, $sea_orm).await,
                    Entrant::new(DIESEL, $diesel.await).await,
                    Entrant::new(HELD, Held::<$database>::new(url).await).await,
                ]
            };
        }
        match self {
            Self::PostgreSql(_) => {
                entrants!(
                    Postgres,
                    SeaOrm::postgres(url),
                    diesel::OnPostgres::new(url)
                )
            }
            Self::MariaDb(_) => entrants!(MySql, SeaOrm::mysql(url), diesel::OnMySql::new(url)),
            Self::Sqlite(_) => entrants!(Sqlite, SeaOrm::sqlite(url), diesel::OnSqlite::new(url)),
        }
    }
}
