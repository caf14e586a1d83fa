//! A connection of sqlx's own, which sees what everybody else sees.

use std::time::{Duration, Instant};

use demarcate_tests::{Backend, TestDb};

use crate::target::Target;

const BETWEEN_QUESTIONS: Duration = Duration::from_millis(5);

pub(crate) struct Plain<DB: Target> {
    connection: DB::Connection,
    session: i64,
}

impl<DB: Target> Plain<DB> {
    pub(crate) async fn connect(db: &TestDb<DB>) -> Self {
        let mut connection = db.connect().await;
        let session = DB::number(&mut connection, DB::SESSION).await;
        Self {
            connection,
            session,
        }
    }

    pub(crate) async fn run(&mut self, sql: &str) {
        let done = <DB as Backend>::execute(&mut self.connection, sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    pub(crate) async fn number(&mut self, sql: &str) -> i64 {
        DB::number(&mut self.connection, sql).await
    }

    /// Ends every session that there is now, beside this one and `other`.
    ///
    /// What a client connects in their place is left alone, however long this takes.
    pub(crate) async fn kill_all_but(&mut self, other: Option<i64>) {
        let own = [self.session, other.unwrap_or(self.session)];
        let those = DB::numbers(&mut self.connection, &DB::sessions(own)).await;
        let mut there = those.clone();
        // One order may be missed.
        while !there.is_empty() {
            for session in there {
                // It may have ended by itself in between.
                <DB as Backend>::execute(&mut self.connection, &DB::kill(session))
                    .await
                    .ok();
            }
            there = DB::numbers(&mut self.connection, &DB::sessions(own)).await;
            there.retain(|session| those.contains(session));
        }
    }

    pub(crate) fn session(&self) -> i64 {
        self.session
    }

    /// Asks until the number is what it should be.
    pub(crate) async fn until(&mut self, sql: &str, is_right: impl Fn(i64) -> bool) {
        while !is_right(self.number(sql).await) {
            tokio::time::sleep(BETWEEN_QUESTIONS).await;
        }
    }

    /// Asks until no other session is in a transaction.
    pub(crate) async fn is_alone(&mut self) {
        while DB::is_in_transaction(&mut self.connection).await {
            tokio::time::sleep(BETWEEN_QUESTIONS).await;
        }
    }

    /// Tries to take the lock that the boundary takes first, and says how long after `start` it could.
    pub(crate) async fn time_until_free(
        &mut self,
        start: Instant,
        limit: Duration,
    ) -> Result<Duration, String> {
        loop {
            let probed = <DB as Backend>::execute(&mut self.connection, DB::PROBE).await;
            let passed = start.elapsed();
            match probed {
                Ok(_) => return Ok(passed),
                Err(error) if passed > limit => {
                    return Err(format!("the locks are held after {passed:.1?}: {error}"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }
}
