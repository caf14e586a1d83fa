//! Makes connections: options, poolers, and the diagnosis of a failed attempt.

use futures_core::future::BoxFuture;
use sqlx::error::DatabaseError;

use super::execute::Execute;
use crate::backend::diagnosis::Diagnosis;
use crate::error::Error;
use crate::settings::{FromSettings, Options, Pooler};

/// What differs between databases before a transaction begins.
pub trait Connect: Execute + FromSettings {
    /// What to look at where no connection can be made, and nothing more is known of why.
    const CONNECT_ADVICE: &'static str = "is the server running, and does the URL give its host, port, user, \
                                          password and database?";

    /// What is fitted to a connection once, when it is made.
    type Fitting: Send + Sync + 'static;

    /// Fits it.
    fn fit(
        connection: &mut Self::Connection,
        pooler: Pooler,
    ) -> BoxFuture<'_, Result<Self::Fitting, sqlx::Error>>;

    /// Whether there are poolers for its connections.
    const HAS_POOLERS: bool = false;

    /// The pooler that the options show.
    fn pooler(_options: &Options<Self>) -> Pooler {
        Pooler::None
    }

    /// The options without what a pooler refuses.
    fn behind(options: Options<Self>, _pooler: Pooler) -> Options<Self> {
        options
    }

    /// The options with the program's name, as the server's own views show it.
    fn named(_options: Options<Self>, _application_name: &str) -> Result<Options<Self>, Error> {
        Err(Error::unsupported(
            Self::TITLE,
            "name of a connection",
            "leave `application_name` out; `sql_comments` names the program on each statement",
        ))
    }

    /// Diagnoses an error of the database that keeps every connection from being made, or every transaction from
    /// being begun. `None` for any other error.
    fn refusal(error: &dyn DatabaseError) -> Option<Diagnosis>;

    /// Diagnoses why a connection could not be made.
    fn diagnose(error: &sqlx::Error) -> Diagnosis {
        Diagnosis::of(error, Self::CONNECT_ADVICE, Self::refusal)
    }

    /// Looks for what a connection can be made without.
    fn prove(_connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// How many connections a pool may have to the database that these options name.
    fn most_connections(_options: &Options<Self>, asked: usize) -> usize {
        asked
    }

    /// Whether the database is gone when its connection is closed.
    fn is_lost_with_its_connection(_options: &Options<Self>) -> bool {
        false
    }

    /// Whether an error says that the connection is gone.
    fn is_connection_lost(error: &sqlx::Error) -> bool;
}
