//! PgBouncer in front of the PostgreSQL server of the tests.

use std::env;
use std::thread;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Postgres};
use tokio::sync::OnceCell;
use xtask::poolers;
use xtask::tools::{PGBOUNCER, Tool};

use crate::account::Account;
use crate::daemon::Daemon;
use crate::instance::Place;
use crate::postgres::{self, MAINTENANCE, USER, text};
use crate::server::Server;

/// How long PgBouncer lends a client one of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For as long as the client stays.
    Session,
    /// For a transaction.
    Transaction,
    /// For a transaction, and nothing in the URL says so.
    Hidden,
}

impl Mode {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::Hidden => "hidden",
        }
    }

    /// The mode that every database of PostgreSQL in this process is reached through.
    pub(crate) fn of_this_run() -> Result<Option<Self>, String> {
        let Ok(value) = env::var(poolers::VARIABLE) else {
            return Ok(None);
        };
        match value.as_str() {
            "" => Ok(None),
            "pgbouncer-session" => Ok(Some(Self::Session)),
            "pgbouncer-transaction" => Ok(Some(Self::Transaction)),
            other => Err(format!(
                "{} is `{other}`; write `pgbouncer-session` or `pgbouncer-transaction`",
                poolers::VARIABLE
            )),
        }
    }
}

/// Fails a test that asks for a database that could be behind a pooler and is said to have nothing to do with one.
pub(crate) fn check_not_apart() {
    let thread = thread::current();
    // The name of a test's thread is that of the test.
    let Some(test) = thread.name() else { return };
    if let Some(reason) = poolers::apart(test) {
        panic!(
            "`{test}` asks for a PostgreSQL that may be behind a pooler, and xtask/src/poolers.rs does not run it there: {reason}"
        );
    }
}

/// The PgBouncer in front of this process's server. Another process may use another server.
struct PgBouncer {
    mode: Mode,
    server: u16,
    password: String,
}

impl Daemon for PgBouncer {
    const NAME: &'static str = "pgbouncer";
    const TITLE: &'static str = "PgBouncer";
    // An immediate shutdown.
    const STOP_SIGNAL: &'static str = "TERM";
    const TOOL: Tool = PGBOUNCER;

    fn label(&self) -> String {
        format!("pgbouncer-{}-{}", self.mode.name(), self.server)
    }

    fn prepare(&self, place: &Place, _: &Account) -> Result<(), String> {
        // In the clear, since SCRAM cannot be spoken to the server with less.
        let users = format!("\"{USER}\" \"{}\"\n", place.password());
        let users = text(&place.write("users.txt", &users)?);
        let (server, password) = (self.server, &self.password);
        let port = place.port();
        let (mode, further) = match self.mode {
            Mode::Session | Mode::Transaction => (self.mode.name(), ""),
            // A client that does not know of it sends this one.
            Mode::Hidden => (
                "transaction",
                "ignore_startup_parameters = extra_float_digits\n",
            ),
        };
        let settings = format!(
            "[databases]\n\
             * = host=127.0.0.1 port={server} user={USER} password={password}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = scram-sha-256\n\
             auth_file = {users}\n\
             pool_mode = {mode}\n\
             default_pool_size = 2\n\
             max_client_conn = 500\n\
             ; A test that waits for a connection in vain says so before it is given up.\n\
             query_wait_timeout = 20\n\
             ; A database that is not there yet may be there in a moment.\n\
             server_login_retry = 0.1\n\
             {further}"
        );
        place.write("pgbouncer.ini", &settings).map(drop)
    }

    fn command(&self, place: &Place) -> Result<Vec<String>, String> {
        let settings = place.home().join("pgbouncer.ini");
        Ok(vec![text(&PGBOUNCER.path("pgbouncer")?), text(&settings)])
    }

    async fn probe(&self, port: u16, password: &str) -> Result<String, sqlx::Error> {
        // Through it, so that one whose server has gone is not taken.
        let options: PgConnectOptions = address(port, password, MAINTENANCE).parse()?;
        let mut connection = options.extra_float_digits(None).connect().await?;
        let version: String = sqlx::query_scalar("show server_version")
            .persistent(false)
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        Ok(format!("before PostgreSQL {version}"))
    }
}

/// Returns the URL at which a database is reached through a PgBouncer with two connections to it.
pub(crate) async fn url(mode: Mode, database: &str) -> Result<String, String> {
    type Cell = OnceCell<Result<Server<Postgres>, String>>;
    static SESSION: Cell = Cell::const_new();
    static TRANSACTION: Cell = Cell::const_new();
    static HIDDEN: Cell = Cell::const_new();
    let cell = match mode {
        Mode::Session => &SESSION,
        Mode::Transaction => &TRANSACTION,
        Mode::Hidden => &HIDDEN,
    };
    let server = postgres::server().await?;
    let daemon = PgBouncer {
        mode,
        server: server.port(),
        password: server.password().to_owned(),
    };
    let pooler = Server::get(cell, daemon, address, MAINTENANCE).await?;
    let address = address(pooler.port(), pooler.password(), database);
    Ok(match mode {
        Mode::Session | Mode::Transaction => format!("{address}?pgbouncer={}", mode.name()),
        Mode::Hidden => address,
    })
}

fn address(port: u16, password: &str, database: &str) -> String {
    format!("postgres://{USER}:{password}@127.0.0.1:{port}/{database}")
}
