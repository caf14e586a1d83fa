//! Helpers that know nothing about databases or transactions. They import no other module of this crate.

pub(crate) mod backoff;
pub(crate) mod cancel;
pub(crate) mod certificate;
pub(crate) mod contention;
pub(crate) mod detach;
pub(crate) mod extensions;
pub(crate) mod lock;
pub(crate) mod on_drop;
pub(crate) mod redact;
pub(crate) mod registry;
pub(crate) mod send_closure;
pub(crate) mod timed_out;
pub(crate) mod wrong_server;
