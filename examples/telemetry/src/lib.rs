//! A small service that can be watched: its spans go to a collector of OpenTelemetry, its metrics are on `/metrics` for
//! Prometheus, and its statements name the trace that they belong to.
//!
//! `telemetry.rs` is what a program of yours would copy; `shop.rs` is something to watch.

pub mod shop;
pub mod telemetry;
