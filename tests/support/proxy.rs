//! A proxy between a test and its server, which reads what goes through it and can break it.

mod fault;
mod link;
mod message;
mod mysql;
mod postgres;
mod protocol;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use fault::{Fault, Point, Way};
pub use message::{End, Message, Pattern};
#[doc(hidden)]
pub use protocol::{Frame, Protocol};

use crate::TestDb;
use crate::backend::Backend;
use fault::{PATIENCE, Place, Rule};
use link::{Condition, Link};

/// A database whose wire the proxy can read.
pub trait Wire: Backend {
    /// The URL parameter that turns encryption off.
    #[doc(hidden)]
    const IN_THE_CLEAR: &'static str;

    #[doc(hidden)]
    fn protocol() -> Box<dyn Protocol>;
}

/// Stands between clients and the server of one database.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use demarcate_tests::proxy::{Fault, Pattern, Proxy};
/// use sqlx::{Connection, PgConnection};
///
/// let db = demarcate_tests::postgres().await;
/// let proxy = Proxy::to(&db).await;
/// let mut client = PgConnection::connect(proxy.url()).await.unwrap();
/// proxy.forget();
///
/// proxy.before_answer(Pattern::query("select 2"), Fault::Cut);
/// sqlx::raw_sql("select 1").execute(&mut client).await.unwrap();
/// assert!(sqlx::raw_sql("select 2").execute(&mut client).await.is_err());
/// assert_eq!(proxy.requests(), [r#"Query "select 1""#, r#"Query "select 2""#]);
/// assert_eq!(proxy.round_trips(), 2);
/// # }
/// ```
///
/// It lives on the runtime that it was made on. Dropped, it closes every connection.
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// The state shared by the tasks of a proxy.
struct Shared {
    server: Mutex<SocketAddr>,
    protocol: fn() -> Box<dyn Protocol>,
    state: Mutex<State>,
    /// Changes with each message that is recorded.
    recorded: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    messages: Vec<Message>,
    round_trips: usize,
    rules: Vec<Rule>,
    /// How many of the next connections are refused.
    refused: usize,
    latency: Duration,
    links: Vec<watch::Sender<Condition>>,
}

impl Proxy {
    /// Listens on a free port of loopback for the clients of `db`.
    ///
    /// # Panics
    ///
    /// Where no port is free.
    pub async fn to<DB: Wire>(db: &TestDb<DB>) -> Self {
        Self::to_url::<DB>(db.url()).await
    }

    /// The same for a server's URL.
    ///
    /// # Panics
    ///
    /// Where no port is free.
    pub async fn to_url<DB: Wire>(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener
            .local_addr()
            .expect("a bound socket has an address");
        let (before, server, after) = split(url);
        let sign = if after.contains('?') { '&' } else { '?' };
        let shared = Arc::new(Shared {
            server: Mutex::new(address(server)),
            protocol: DB::protocol,
            state: Mutex::default(),
            recorded: watch::Sender::new(0),
        });
        Self {
            url: format!("{before}{own}{after}{sign}{}", DB::IN_THE_CLEAR),
            accepting: tokio::spawn(accept(listener, Arc::clone(&shared))),
            shared,
        }
    }

    /// New connections lead to the server of this URL from now on, as a name does that has another address. Those that
    /// there are stay.
    pub fn lead_to(&self, url: &str) {
        let (_, server, _) = split(url);
        *lock(&self.shared.server) = address(server);
    }

    /// Where to connect to, with user and password: the database's own URL, through the proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next message that fits meets `fault` before it reaches the other side. It happens once; the earliest rule
    /// that fits is taken.
    pub fn before(&self, pattern: Pattern, fault: Fault) -> Point {
        self.rule(pattern, Place::Message, fault)
    }

    /// The next message of a client's that fits is forwarded, and its answer meets `fault` once the server has given
    /// all of it.
    pub fn before_answer(&self, pattern: Pattern, fault: Fault) -> Point {
        self.rule(pattern, Place::Answer, fault)
    }

    fn rule(&self, pattern: Pattern, place: Place, fault: Fault) -> Point {
        let (rule, point) = Rule::new(pattern, place, fault);
        self.shared.state().rules.push(rule);
        point
    }

    /// The next `connections` are closed as soon as they are made.
    pub fn refuse(&self, connections: usize) {
        self.shared.state().refused = connections;
    }

    /// From now on everything takes this long in each direction.
    pub fn delay(&self, latency: Duration) {
        self.shared.state().latency = latency;
    }

    /// Closes every connection that there is. New ones are accepted.
    pub fn cut(&self) {
        self.set(Condition::Cut);
    }

    /// Forwards nothing more on the connections that there are, not even that one side has closed its own. They stay
    /// open, as after a cable was pulled; [`cut`](Self::cut) ends that.
    pub fn half_open(&self, way: Way) {
        self.set(Condition::HalfOpen(way));
    }

    fn set(&self, condition: Condition) {
        for link in &self.shared.state().links {
            link.send_replace(condition);
        }
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        let state = self.shared.state();
        // A connection that lives holds a receiver.
        state.links.iter().filter(|link| !link.is_closed()).count()
    }

    /// How often a client has sent something and the server has answered, whether or not the answer got through.
    pub fn round_trips(&self) -> usize {
        self.shared.state().round_trips
    }

    /// Everything that came through, in its order, whether or not it was forwarded.
    pub fn messages(&self) -> Vec<Message> {
        self.shared.state().messages.clone()
    }

    /// Returns the messages that clients have sent.
    pub fn requests(&self) -> Vec<String> {
        let state = self.shared.state();
        let requests = state.messages.iter().filter(|m| m.from == End::Client);
        requests.map(|message| message.text.clone()).collect()
    }

    /// Forgets the messages and the round trips so far.
    pub fn forget(&self) {
        let mut state = self.shared.state();
        state.messages.clear();
        state.round_trips = 0;
    }

    /// Waits until a message that fits is among the [`messages`](Self::messages).
    ///
    /// # Panics
    ///
    /// If there is none after 30 s.
    pub async fn seen(&self, pattern: &Pattern) {
        let mut recorded = self.shared.recorded.subscribe();
        let seen =
            recorded.wait_for(|_| self.shared.state().messages.iter().any(|m| pattern.fits(m)));
        let in_time = tokio::time::timeout(PATIENCE, seen).await;
        assert!(
            in_time.is_ok(),
            "no message has fit {pattern:?} within {PATIENCE:?}"
        );
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("Proxy")
            .field("server", &self.shared.server())
            .field("messages", &state.messages)
            .finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The address to which new connections lead.
    fn server(&self) -> SocketAddr {
        *lock(&self.server)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn address(server: &str) -> SocketAddr {
    server.parse().expect("the server of a test has an address")
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    for number in 0.. {
        let Ok((client, _)) = listener.accept().await else {
            return;
        };
        let mut state = shared.state();
        if state.refused > 0 {
            state.refused -= 1;
            // Dropped, the connection is closed.
            continue;
        }
        let condition = watch::Sender::new(Condition::Open);
        let link = Link::new(number, Arc::clone(&shared), condition.clone());
        state.links.push(condition);
        tokio::spawn(link.run(client));
    }
}

/// `postgres://user:password@`, `127.0.0.1:5432` and `/database`.
pub(crate) fn split(url: &str) -> (&str, &str, &str) {
    let parts = url.rfind('@').and_then(|at| {
        let (before, rest) = url.split_at(at + 1);
        let (server, after) = rest.split_at(rest.find('/')?);
        Some((before, server, after))
    });
    parts.expect("the URL of a test's server has a user, an address and a database")
}
