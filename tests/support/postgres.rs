//! The shared PostgreSQL server, and test databases on it.

use std::path::Path;

use sqlx::{Connection, PgConnection, Postgres};
use tokio::sync::OnceCell;
use xtask::tools::{POSTGRESQL, Tool};

use crate::account::{self, Account};
use crate::backend::{Backend, run_statements, trusted};
use crate::daemon::Daemon;
use crate::instance::Place;
use crate::own_server::{CERTIFICATE, KEY};
use crate::pgbouncer::{self, Mode};
use crate::server::Server;

/// The superuser: tests end other sessions, and look at them.
pub(crate) const USER: &str = "demarcate";

/// The database that is always there, for making and dropping others.
pub(crate) const MAINTENANCE: &str = "postgres";

pub(crate) struct PostgreSql;

impl Daemon for PostgreSql {
    const NAME: &'static str = "postgres";
    const TITLE: &'static str = "PostgreSQL";
    // An immediate shutdown.
    const STOP_SIGNAL: &'static str = "QUIT";
    const TOOL: Tool = POSTGRESQL;

    fn prepare(&self, place: &Place, account: &Account) -> Result<(), String> {
        let password = place.write("password", place.password())?;
        let mut initdb = account.command(&POSTGRESQL.path("initdb")?)?;
        initdb.arg("--pgdata").arg(place.home().join("data"));
        // A password and no `trust`, so that authentication takes its real course.
        initdb
            .args(["--auth=scram-sha-256", "--username", USER])
            .arg("--pwfile")
            .arg(password);
        // The locale decides the order of texts and the language of messages: the same everywhere.
        initdb.args(["--locale=C", "--encoding=UTF8", "--no-sync"]);
        account::run(&mut initdb).map(drop)
    }

    fn command(&self, place: &Place) -> Result<Vec<String>, String> {
        let data = place.home().join("data");
        let port = place.port().to_string();
        let mut words = vec![
            text(&POSTGRESQL.path("postgres")?),
            "-D".to_owned(),
            text(&data),
        ];
        let settings = [
            "listen_addresses=127.0.0.1",
            &format!("port={port}"),
            // Sockets would need a short path; every test goes through TCP, like most programs.
            "unix_socket_directories=",
            "max_connections=200",
            // The data is thrown away. COMMIT still takes the course that it takes in production.
            "fsync=off",
            "full_page_writes=off",
            // Its sessions would show up in what tests see of other sessions.
            "autovacuum=off",
        ];
        words.extend(
            settings
                .iter()
                .flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]),
        );
        let (certificate, key) = (place.home().join(CERTIFICATE), place.home().join(KEY));
        if certificate.exists() {
            words.extend(["-c".to_owned(), "ssl=on".to_owned()]);
            words.extend([
                "-c".to_owned(),
                format!("ssl_cert_file={}", text(&certificate)),
            ]);
            words.extend(["-c".to_owned(), format!("ssl_key_file={}", text(&key))]);
        }
        Ok(words)
    }

    async fn probe(&self, port: u16, password: &str) -> Result<String, sqlx::Error> {
        let mut connection = PgConnection::connect(&url(port, password, MAINTENANCE)).await?;
        let version = sqlx::query_scalar("show server_version")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        Ok(version)
    }
}

impl Backend for Postgres {
    const OTHER_SESSIONS: &'static str = "select count(*) from pg_stat_activity \
        where datname = current_database() and pid <> pg_backend_pid()";

    async fn create(name: String) -> Result<String, String> {
        let server = server().await?;
        // From template0, to which nobody can be connected: PostgreSQL refuses to copy a database that is in use.
        // `strategy file_copy` was measured and is not faster here, and PostgreSQL 14 does not know it.
        // A process of the same id may have been killed before it could drop its database.
        for sql in [
            format!("drop database if exists {name} with (force)"),
            format!("create database {name} template template0"),
        ] {
            sqlx::raw_sql(trusted(&sql))
                .execute(&server.pool)
                .await
                .map_err(|error| format!("{sql}: {error}"))?;
        }
        Ok(url(server.port(), server.password(), &name))
    }

    async fn through(url: String, name: &str) -> Result<String, String> {
        match Mode::of_this_run()? {
            Some(mode) => pgbouncer::url(mode, name).await,
            None => Ok(url),
        }
    }

    async fn drop(name: String) -> Result<(), String> {
        let server = server().await?;
        // `force` ends the sessions that are still connected; without it they would make this fail.
        let sql = format!("drop database if exists {name} with (force)");
        let result = sqlx::raw_sql(trusted(&sql)).execute(&server.pool).await;
        result.map(|_| ()).map_err(|error| error.to_string())
    }

    run_statements!();
}

pub(crate) async fn server() -> Result<&'static Server<Postgres>, String> {
    static SERVER: OnceCell<Result<Server<Postgres>, String>> = OnceCell::const_new();
    Server::get(&SERVER, PostgreSql, url, MAINTENANCE).await
}

pub(crate) fn url(port: u16, password: &str, database: &str) -> String {
    format!("postgres://{USER}:{password}@127.0.0.1:{port}/{database}")
}

pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}
