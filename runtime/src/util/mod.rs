//! Helpers that know nothing about databases or transactions. They import no other module of this crate.

pub(crate) mod extensions;
pub(crate) mod redact;
