//! Helpers that know nothing about databases or transactions. They import no other module of this crate.

pub(crate) mod cancel;
pub(crate) mod detach;
pub(crate) mod extensions;
pub(crate) mod redact;
pub(crate) mod registry;
pub(crate) mod send_closure;
