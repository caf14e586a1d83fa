//! diesel-async with bb8, each with its defaults.

use diesel::{ExpressionMethods, QueryDsl, SqliteConnection};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::ManagerConfig;
use diesel_async::pooled_connection::bb8::Pool;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{
    AsyncConnection, AsyncMysqlConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
};

use crate::rival::{Failure, POOL, Rival, Work};

diesel::table! {
    bench (id) {
        id -> Integer,
        n -> Integer,
    }
}

macro_rules! diesel {
    ($name:ident, $connection:ty, $parameters:expr, $prepare:expr) => {
        pub(crate) struct $name(Pool<$connection>);

        impl $name {
            pub(crate) async fn new(url: &str) -> Self {
                // Its drivers take no parameters that others know.
                let url = url.split('?').next().unwrap_or(url);
                let url = url.trim_start_matches("sqlite://").to_owned() + $parameters;
                let mut config = ManagerConfig::<$connection>::default();
                config.custom_setup = Box::new(|url: &str| {
                    let url = url.to_owned();
                    Box::pin(async move {
                        let mut connection = <$connection>::establish(&url).await?;
                        let prepared = connection.batch_execute($prepare).await;
                        prepared.map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
                        Ok(connection)
                    })
                });
                let manager = AsyncDieselConnectionManager::new_with_config(url, config);
                let pool = Pool::builder().max_size(POOL).build(manager).await;
                Self(pool.expect("a server that was started here"))
            }
        }

        impl Rival for $name {
            async fn run(&self, work: Work) -> Result<(), Failure> {
                let mut connection = self.0.get().await?;
                let body = async |tx: &mut $connection| -> Result<(), Failure> {
                    work.wait().await;
                    for row in work.writes() {
                        diesel::update(bench::table.find(row))
                            .set(bench::n.eq(bench::n + 1))
                            .execute(tx)
                            .await?;
                    }
                    if work.reads() {
                        let row = bench::table.find(work.row).select(bench::n);
                        let _: i32 = row.first(tx).await?;
                    }
                    work.end()
                };
                (*connection).transaction(body).await
            }
        }
    };
}

diesel!(OnPostgres, AsyncPgConnection, "", "");
// By the address that it is given, and not by a socket that the server names.
diesel!(
    OnMySql,
    AsyncMysqlConnection,
    "?prefer_socket=false",
    "do 0"
);
diesel!(
    OnSqlite,
    SyncConnectionWrapper<SqliteConnection>,
    "",
    "pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 5000"
);
