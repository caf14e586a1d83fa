//! The limit: texts on connections that are held, without a pool, a check or a guarantee.

use std::sync::{Arc, Mutex};

use sqlx::{Connection, Database, MySql, Postgres, Sqlite};
use tokio::sync::Semaphore;

use crate::database::Texts;
use crate::rival::{Failure, POOL, Rival, Work, body};

pub(crate) struct Held<DB: Database>(Arc<Connections<DB>>);

struct Connections<DB: Database> {
    free: Mutex<Vec<DB::Connection>>,
    count: Semaphore,
}

impl<DB: Database> Connections<DB> {
    fn give_back(&self, connection: DB::Connection) {
        self.free.lock().expect("no panic").push(connection);
        self.count.add_permits(1);
    }
}

macro_rules! held {
    ($database:ty) => {
        impl Held<$database> {
            pub(crate) async fn new(url: &str) -> Self {
                let mut free = Vec::new();
                for _ in 0..POOL {
                    let options = <$database>::options(url);
                    let connection = <$database as Database>::Connection::connect_with(&options);
                    free.push(connection.await.expect("a server that was started here"));
                }
                let count = Semaphore::new(free.len());
                let free = Mutex::new(free);
                Self(Arc::new(Connections { free, count }))
            }
        }

        impl Rival for Held<$database> {
            async fn run(&self, work: Work) -> Result<(), Failure> {
                work.wait().await;
                self.0.count.acquire().await?.forget();
                let connection = self.0.free.lock().expect("no panic").pop();
                let mut connection = connection.expect("a permit stands for one");
                let result: Result<(), Failure> = async {
                    if work.reads() {
                        // One statement has a snapshot of its own.
                        let tx = &mut connection;
                        return body!($database, tx, work);
                    }
                    sqlx::raw_sql(<$database>::BEGIN)
                        .execute(&mut connection)
                        .await?;
                    for row in work.writes() {
                        let query = sqlx::query(<$database>::UPDATE).bind(row);
                        query.execute(&mut connection).await?;
                    }
                    work.end()?;
                    sqlx::raw_sql("commit").execute(&mut connection).await?;
                    Ok(())
                }
                .await;
                if result.is_ok() {
                    self.0.give_back(connection);
                    return Ok(());
                }
                // Nobody has to wait for that.
                let connections = Arc::clone(&self.0);
                tokio::spawn(async move {
                    let rolled_back = sqlx::raw_sql("rollback").execute(&mut connection).await;
                    rolled_back.expect("a transaction is open");
                    connections.give_back(connection);
                });
                result
            }
        }
    };
}

held!(Postgres);
held!(MySql);
held!(Sqlite);
