//! Makes connections: options, poolers, and the diagnosis of a failed attempt.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_core::future::BoxFuture;
use sqlx::error::DatabaseError;

use super::execute::Execute;
use crate::backend::diagnosis::Diagnosis;
use crate::error::Error;
use crate::settings::{FromSettings, Options, Pooler};

/// The data of connections that a pool of the user's has lent before, by the address of the connection.
pub(crate) type Fitted<DB> = Mutex<HashMap<usize, Arc<<DB as Connect>::Fitting>>>;

/// The parts of a backend that open and prepare connections.
pub trait Connect: Execute + FromSettings {
    /// The advice for a failed connect whose reason is unknown.
    const CONNECT_ADVICE: &'static str = "is the server running, and does the URL give its host, port, user, \
                                          password and database?";

    /// Data about a connection that is collected once, after it is opened.
    type Fitting: Send + Sync + 'static;

    /// Prepares a new connection, and collects its data.
    fn fit(
        connection: &mut Self::Connection,
        pooler: Pooler,
    ) -> BoxFuture<'_, Result<Self::Fitting, sqlx::Error>>;

    /// Returns the data of a connection that a pool of the user's lends, which collects nothing when it opens one.
    fn fit_lent<'c>(
        connection: &'c mut Self::Connection,
        pooler: Pooler,
        _fitted: &'c Fitted<Self>,
    ) -> BoxFuture<'c, Result<Arc<Self::Fitting>, sqlx::Error>> {
        let fitting = Self::fit(connection, pooler);
        Box::pin(async move { fitting.await.map(Arc::new) })
    }

    /// Whether a pooler such as PgBouncer can stand before this database.
    const HAS_POOLERS: bool = false;

    /// Whether a server of this database can be a standby, or be read-only, so that another kind can be asked for.
    const HAS_STANDBYS: bool = false;

    /// Returns the pooler that can be recognized from the options.
    fn pooler(_options: &Options<Self>) -> Pooler {
        Pooler::None
    }

    /// Removes the options that the pooler refuses.
    fn behind(options: Options<Self>, _pooler: Pooler) -> Options<Self> {
        options
    }

    /// Adds the program's name, which the server's own views show, to the options.
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
        Diagnosis::from_error(error, Self::CONNECT_ADVICE, Self::refusal)
    }

    /// Checks that the other end is a database, if the driver connects without checking it.
    fn prove(_connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Limits the number of connections of a pool to the number that the database in these options allows.
    fn most_connections(_options: &Options<Self>, asked: usize) -> usize {
        asked
    }

    /// Whether closing the connection deletes the database.
    fn is_lost_with_its_connection(_options: &Options<Self>) -> bool {
        false
    }
}
