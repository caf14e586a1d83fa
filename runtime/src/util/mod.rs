//! Helpers without domain words. They know nothing of this crate.

pub(crate) mod extensions;
