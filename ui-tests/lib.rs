//! The messages of demarcate, as a user sees them: `tests/ui.rs`.
//!
//! Some idioms are compiled here as well, so that `cargo clippy` sees what the attributes make of them. With every lint
//! that there is it finds nothing in what they emit.

#![deny(warnings, clippy::pedantic, clippy::nursery)]
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::cast_possible_wrap,
    clippy::missing_const_for_fn,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::unused_async,
    reason = "about the idioms themselves, which are programs of their own"
)]

#[path = "pass/alias.rs"]
mod alias;
#[path = "pass/declared.rs"]
mod declared;
#[path = "pass/forms.rs"]
mod forms;
#[path = "pass/generics.rs"]
mod generics;
#[path = "pass/job.rs"]
mod job;
#[path = "pass/methods.rs"]
mod methods;
#[path = "pass/options.rs"]
mod options;
#[path = "pass/requires.rs"]
mod requires;
#[path = "pass/retry.rs"]
mod retry;
#[path = "pass/router.rs"]
mod router;
#[path = "pass/send.rs"]
mod send;
#[path = "pass/service.rs"]
mod service;
#[path = "pass/service_block.rs"]
mod service_block;
