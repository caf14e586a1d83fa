//! The shared MariaDB server, and test databases on it.

use sqlx::{Connection, MySql, MySqlConnection};
use tokio::sync::OnceCell;
use xtask::tools::{MARIADB, Tool};

use crate::account::{self, Account};
use crate::backend::{Backend, run_statements, trusted};
use crate::daemon::Daemon;
use crate::instance::Place;
use crate::own_server::{CERTIFICATE, KEY};
use crate::server::Server;

/// A user with every privilege: tests end other sessions, and look at them.
const USER: &str = "demarcate";

/// The database that is always there, for making and dropping others.
const MAINTENANCE: &str = "mysql";

pub(crate) struct MariaDb;

impl Daemon for MariaDb {
    const NAME: &'static str = "mysql";
    const TITLE: &'static str = "MariaDB";
    const STOP_SIGNAL: &'static str = "KILL";
    const TOOL: Tool = MARIADB;

    fn prepare(&self, place: &Place, account: &Account) -> Result<(), String> {
        let password = place.password();
        // One statement a line, and the same each time it starts. `%` and not `localhost`, which is only the socket where names are not resolved.
        let users = format!(
            "create user if not exists '{USER}'@'%' identified by '{password}';\n\
             grant all privileges on *.* to '{USER}'@'%' with grant option;\n"
        );
        place.write("users.sql", &users)?;
        let mut install = account.command(&MARIADB.path("mariadb-install-db")?)?;
        install.arg("--no-defaults").arg(data(place));
        // Without the database `test` come no anonymous users either, who would shadow ours.
        install.args(["--skip-test-db", "--skip-name-resolve"]);
        install.env("TMPDIR", place.home());
        account::run(&mut install).map(drop)
    }

    fn command(&self, place: &Place) -> Result<Vec<String>, String> {
        let port = place.port();
        let users = place.home().join("users.sql");
        let program = MARIADB.path("mariadbd")?;
        let mut words = vec![
            program.display().to_string(),
            // The machine's own configuration is for another server. This option must be the first.
            "--no-defaults".to_owned(),
            data(place),
            // Not shared: one that starts removes the temporary tables of the others there.
            format!("--tmpdir={}", place.home().display()),
            format!("--init-file={}", users.display()),
            format!("--port={port}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            // Relative to the data directory: the path of a socket has at most 107 bytes.
            "--socket=mariadbd.sock".to_owned(),
            "--pid-file=mariadbd.pid".to_owned(),
            "--max-connections=200".to_owned(),
            "--character-set-server=utf8mb4".to_owned(),
            // The data is thrown away.
            "--skip-log-bin".to_owned(),
            "--innodb-flush-log-at-trx-commit=0".to_owned(),
            "--innodb-flush-method=nosync".to_owned(),
            "--debug-no-sync".to_owned(),
        ];
        let (certificate, key) = (place.home().join(CERTIFICATE), place.home().join(KEY));
        if certificate.exists() {
            words.push(format!("--ssl-cert={}", certificate.display()));
            words.push(format!("--ssl-key={}", key.display()));
        }
        Ok(words)
    }

    async fn probe(&self, port: u16, password: &str) -> Result<String, sqlx::Error> {
        let mut connection = MySqlConnection::connect(&url(port, password, MAINTENANCE)).await?;
        let version = sqlx::query_scalar("select version()")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        Ok(version)
    }
}

impl Backend for MySql {
    const OTHER_SESSIONS: &'static str = "select count(*) from information_schema.processlist \
        where db = database() and id <> connection_id()";

    async fn create(name: String) -> Result<String, String> {
        let server = server().await?;
        // A process of the same id may have been killed before it could drop its database.
        let sql = format!("create or replace database {name}");
        let result = sqlx::raw_sql(trusted(&sql)).execute(&server.pool).await;
        result.map_err(|error| format!("{sql}: {error}"))?;
        Ok(url(server.port(), server.password(), &name))
    }

    async fn drop(name: String) -> Result<(), String> {
        let server = server().await?;
        drop_database(server, &name)
            .await
            .map_err(|error| error.to_string())
    }

    run_statements!();
}

async fn drop_database(server: &Server<MySql>, name: &str) -> sqlx::Result<()> {
    // An open transaction holds a lock on its tables' definitions, for which a drop waits.
    let sessions: Vec<u64> = sqlx::query_scalar(
        "select cast(id as unsigned) from information_schema.processlist where db = ?",
    )
    .bind(name)
    .fetch_all(&server.pool)
    .await?;
    for session in sessions {
        // It may have ended by itself in between.
        let _ = sqlx::raw_sql(trusted(&format!("kill {session}")))
            .execute(&server.pool)
            .await;
    }
    let sql = format!("set statement lock_wait_timeout = 5 for drop database if exists {name}");
    sqlx::raw_sql(trusted(&sql)).execute(&server.pool).await?;
    Ok(())
}

async fn server() -> Result<&'static Server<MySql>, String> {
    static SERVER: OnceCell<Result<Server<MySql>, String>> = OnceCell::const_new();
    Server::get(&SERVER, MariaDb, url, MAINTENANCE).await
}

/// Creates a database on a server that is not shared, and returns its URL.
pub(crate) async fn make_database(port: u16, password: &str, name: &str) -> sqlx::Result<String> {
    let mut connection = MySqlConnection::connect(&url(port, password, MAINTENANCE)).await?;
    let sql = trusted(&format!("create database {name}"));
    sqlx::raw_sql(sql).execute(&mut connection).await?;
    connection.close().await?;
    Ok(url(port, password, name))
}

fn url(port: u16, password: &str, database: &str) -> String {
    format!("mysql://{USER}:{password}@127.0.0.1:{port}/{database}")
}

fn data(place: &Place) -> String {
    format!("--datadir={}", place.home().join("data").display())
}
