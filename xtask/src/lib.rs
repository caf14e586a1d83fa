//! The tools and servers that this repository needs on the machine.
//!
//! `cargo xtask` and the tests share it, so that `setup` installs exactly what the tests look for, and
//! `test` stops exactly the servers that the tests started.

pub mod poolers;
pub mod servers;
pub mod tools;
