//! When a person, or the system, wants the program to end.

use std::io;

/// Listens for Ctrl-C, and for SIGTERM where there is one.
#[derive(Debug)]
pub(crate) struct Stop(imp::Signals);

impl Stop {
    /// Listens from now on: a signal that comes while nobody waits for it is not lost, and does not
    /// end the program with its temporary files still there.
    pub(crate) fn listen() -> io::Result<Self> {
        imp::Signals::listen().map(Self)
    }

    /// Comes back when the program was asked to end.
    pub(crate) async fn asked(&mut self) {
        self.0.any().await;
    }
}

#[cfg(unix)]
mod imp {
    use std::io;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    #[derive(Debug)]
    pub(super) struct Signals {
        interrupt: Signal,
        terminate: Signal,
        /// The terminal was closed.
        hangup: Signal,
    }

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
                hangup: signal(SignalKind::hangup())?,
            })
        }

        pub(super) async fn any(&mut self) {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
                _ = self.hangup.recv() => {}
            }
        }
    }
}

#[cfg(windows)]
mod imp {
    use std::io;

    use tokio::signal::windows::{CtrlC, ctrl_c};

    #[derive(Debug)]
    pub(super) struct Signals(CtrlC);

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            ctrl_c().map(Self)
        }

        pub(super) async fn any(&mut self) {
            self.0.recv().await;
        }
    }
}
