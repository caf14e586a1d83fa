//! The caller of the boundary, and what becomes of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use demarcate::{Error, SessionFactory};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use crate::boundary::{self, Failed, Script};
use crate::case::Cause;
use crate::target::Target;

/// What the caller was told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// It went away before.
    Nothing,
    Committed,
    Unknown,
    Failed(String),
}

impl From<Result<(), Failed>> for Told {
    fn from(result: Result<(), Failed>) -> Self {
        match result {
            Ok(()) => Self::Committed,
            Err(Failed::Told(Error::CommitUnknown { .. })) => Self::Unknown,
            Err(Failed::Told(error)) => Self::Failed(error.to_string()),
            Err(Failed::Meant) => Self::Failed("as it was meant to".to_owned()),
        }
    }
}

/// Whoever waits for the boundary.
pub(crate) struct Caller {
    told: Arc<Mutex<Told>>,
    call: AbortHandle,
    client: Option<TcpStream>,
    gone: Arc<Notify>,
    /// Dropped, they are aborted.
    _tasks: JoinSet<()>,
}

impl Caller {
    /// Calls the boundary in the way in which the cause can reach it.
    pub(crate) async fn call<DB: Target>(db: SessionFactory<DB>, script: Arc<Script>) -> Self {
        let told = Arc::new(Mutex::new(Told::Nothing));
        let cause = script.case.cause;
        let gone = Arc::new(Notify::new());
        let boundary = {
            let (told, script) = (Arc::clone(&told), Arc::clone(&script));
            let gone = Arc::clone(&gone);
            move || async move {
                let _gone = SaysSo(gone);
                let result = boundary::open(db, script).await;
                *told.lock().unwrap_or_else(PoisonError::into_inner) = result.into();
            }
        };
        let mut tasks = JoinSet::new();
        let mut client = None;
        let call = match cause {
            Cause::Timeout => tasks.spawn(async move {
                let mut boundary = Box::pin(boundary());
                tokio::select! {
                    biased;
                    () = &mut boundary => {}
                    () = script.give_up.notified() => {
                        tokio::time::timeout(Duration::from_millis(1), boundary).await.ok();
                    }
                }
            }),
            Cause::Select => tasks.spawn(async move {
                tokio::select! {
                    biased;
                    () = boundary() => {}
                    () = script.give_up.notified() => {}
                }
            }),
            Cause::Disconnect => {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let address = listener
                    .local_addr()
                    .expect("a bound socket has an address");
                let handler = move || async move {
                    boundary().await;
                    StatusCode::NO_CONTENT
                };
                let app = Router::new().route("/", get(handler));
                let server = tasks
                    .spawn(async move { axum::serve(listener, app).await.unwrap_or_default() });
                let mut stream = TcpStream::connect(address)
                    .await
                    .expect("our own server listens");
                let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
                stream
                    .write_all(request)
                    .await
                    .expect("our own server reads");
                client = Some(stream);
                server
            }
            _ => tasks.spawn(boundary()),
        };
        Self {
            told,
            call,
            client,
            gone,
            _tasks: tasks,
        }
    }

    /// Goes away, if that is what happens.
    pub(crate) fn leave(&mut self, script: &Script) {
        match script.case.cause {
            Cause::Timeout | Cause::Select => script.give_up.notify_one(),
            Cause::Abort => self.call.abort(),
            Cause::Disconnect => drop(self.client.take()),
            _ => {}
        }
    }

    /// Waits until the boundary has returned, or nobody waits for it any more.
    pub(crate) async fn is_gone(&self) {
        self.gone.notified().await;
    }

    pub(crate) fn told(&self) -> Told {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Says when it is dropped: also when a panic passes, or the future around it is dropped.
struct SaysSo(Arc<Notify>);

impl Drop for SaysSo {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
