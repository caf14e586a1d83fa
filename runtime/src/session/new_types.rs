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
        let is_shared = is_unnamed && self.pool().pooler().shares_sessions();
        // The types of a cursor are those of its query.
        let varies = is_shared && demarcate_sql::columns_vary(text, DB::DIALECT);
        let text = is_shared.then(|| hash_of(text));
        let new = text.filter(|text| varies || self.begun().may_meet_type(*text));
        let done = std::mem::replace(&mut self.guards_types, new);
        if let Some(text) = done {
            self.begun().knows_types_of(text);
        }
        match (done, new) {
            (None, None) => Ok(()),
            (None, Some(_)) => self.send(format!("SAVEPOINT {SAVEPOINT}")).await,
            (Some(_), None) => self.send(format!("RELEASE SAVEPOINT {SAVEPOINT}")).await,
            (Some(_), Some(_)) => {
                self.send(format!(
                    "RELEASE SAVEPOINT {SAVEPOINT}; SAVEPOINT {SAVEPOINT}"
                ))
                .await
            }
        }
    }

    /// Records, before the commit, that the last guarded statement has run.
    pub(crate) fn has_run_guarded(&mut self) {
        if let (Some(text), Some(on)) = (self.guards_types.take(), &mut self.connection) {
            on.lease.knows_types_of(text);
        }
    }

    /// Undoes the failure of a statement that has met a new type. The statement can be sent again.
    pub(crate) async fn knows_types_now(&mut self, text: &str) -> Result<(), Error> {
        self.guards_types = None;
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
