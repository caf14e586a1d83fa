//! sea-orm, on a pool of sqlx's with its default options, with statements as texts.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, SqlxMySqlConnector, SqlxPostgresConnector,
    SqlxSqliteConnector, Statement, TransactionTrait,
};
use sqlx::pool::PoolOptions;
use sqlx::{MySql, Postgres, Sqlite};

use crate::database::Texts;
use crate::rival::{Failure, POOL, Rival, Work};

pub(crate) struct SeaOrm {
    db: DatabaseConnection,
    backend: DbBackend,
    update: &'static str,
    select: &'static str,
}

macro_rules! sea_orm {
    ($name:ident, $database:ty, $backend:expr, $from_pool:path) => {
        pub(crate) fn $name(url: &str) -> Self {
            let pool = PoolOptions::<$database>::new().max_connections(POOL);
            Self {
                db: $from_pool(pool.connect_lazy_with(<$database>::options(url))),
                backend: $backend,
                update: <$database>::UPDATE,
                select: <$database>::SELECT,
            }
        }
    };
}

impl SeaOrm {
    sea_orm!(
        postgres,
        Postgres,
        DbBackend::Postgres,
        SqlxPostgresConnector::from_sqlx_postgres_pool
    );
    sea_orm!(
        mysql,
        MySql,
        DbBackend::MySql,
        SqlxMySqlConnector::from_sqlx_mysql_pool
    );
    sea_orm!(
        sqlite,
        Sqlite,
        DbBackend::Sqlite,
        SqlxSqliteConnector::from_sqlx_sqlite_pool
    );

    fn statement(&self, text: &str, row: i32) -> Statement {
        Statement::from_sql_and_values(self.backend, text, [row.into()])
    }
}

impl Rival for SeaOrm {
    async fn run(&self, work: Work) -> Result<(), Failure> {
        let tx = self.db.begin().await?;
        let result: Result<(), Failure> = async {
            work.wait().await;
            for row in work.writes() {
                tx.execute_raw(self.statement(self.update, row)).await?;
            }
            if work.reads() {
                let row = tx
                    .query_one_raw(self.statement(self.select, work.row))
                    .await?;
                let _: i32 = row.ok_or("no such row")?.try_get_by_index(0)?;
            }
            work.end()
        }
        .await;
        match result {
            Ok(()) => tx.commit().await?,
            Err(_) => tx.rollback().await?,
        }
        result
    }
}
