//! The runtime on which the support code creates and drops databases.

use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime of the support.
///
/// A connection belongs to the runtime that opened it, and a test's runtime ends with the test. The connections that
/// make and drop databases are shared by all tests of a process, so they live here.
pub(crate) fn runtime() -> &'static Handle {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("support")
            .enable_all()
            .build();
        runtime.expect("a tokio runtime for the support of the tests")
    });
    runtime.handle()
}

/// Runs a future on the support's runtime, from a test's runtime.
pub(crate) async fn run<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    runtime()
        .spawn(future)
        .await
        .expect("the support of the tests does not panic")
}

/// Runs a future on the support's runtime and waits for it, but not longer than `at_most`; from anywhere, a `Drop`
/// inside a test's runtime included, since it blocks a thread and no runtime but the test's own.
pub(crate) fn run_blocking<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
    at_most: Duration,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    runtime().spawn(async move {
        // The receiver is gone after `at_most`.
        let _ = sender.send(future.await);
    });
    receiver.recv_timeout(at_most).ok()
}
