//! Protects a transaction behind a pooler from a type that its connection does not know yet.
//!
//! Behind a pooler in transaction mode statements have no name. sqlx prepares one, learns that a column has a type that
//! it does not know, asks the server for the type, and only then runs the statement, which is gone by then: the next
//! message without a name replaces it. The second attempt succeeds, since sqlx knows the type. A savepoint makes it
//! possible in the same transaction.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::backend::Backend;
use crate::error::Error;
use crate::session::transaction::Core;

/// The savepoint that is set before a statement that may meet a new type.
const SAVEPOINT: &str = "demarcate_types";

impl<DB: Backend> Core<DB> {
    /// Sets the savepoint if the statement may meet a type that the connection does not know. Releases the one
    /// that an earlier statement has left.
    pub(crate) async fn guard_types(&mut self, text: &str, is_unnamed: bool) -> Result<(), Error> {
        let is_shared = is_unnamed && self.engine.pool().pooler().shares_sessions();
        let hash = is_shared.then(|| hash_of(text));
        let is_new = hash.is_some_and(|hash| self.begun().may_meet_type(hash));
        let was_set = std::mem::replace(&mut self.guards_types, is_new);
        match (was_set, is_new) {
            (false, false) => {}
            (false, true) => self.send(format!("SAVEPOINT {SAVEPOINT}")).await?,
            (true, false) => self.send(format!("RELEASE SAVEPOINT {SAVEPOINT}")).await?,
            (true, true) => {
                self.send(format!(
                    "RELEASE SAVEPOINT {SAVEPOINT}; SAVEPOINT {SAVEPOINT}"
                ))
                .await?;
            }
        }
        Ok(())
    }

    /// Undoes the failure of a statement that has met a new type. The statement can be sent again.
    pub(crate) async fn knows_types_now(&mut self, text: &str) -> Result<(), Error> {
        self.guards_types = false;
        self.begun().met_type(hash_of(text));
        self.send(format!(
            "ROLLBACK TO SAVEPOINT {SAVEPOINT}; RELEASE SAVEPOINT {SAVEPOINT}"
        ))
        .await
    }
}

fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
