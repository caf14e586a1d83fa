//! A sitemap analyser: the program to read first.
//!
//! | folder or file | what is in it |
//! |---|---|
//! | `app` | the program: `routers` own transactions, `services` do not, `jobs` go on after the answer |
//! | `api` | the bodies of its requests and answers |
//! | `crawl` | reading the sitemaps of a site over HTTP; knows of no database |
//! | `site` | two demo sites on loopback, to be scanned |
//! | `database.rs` | the database that it runs on: SQLite or PostgreSQL |
//! | `limit.rs` | how many scans run at once, and how many wait |
//! | `metrics.rs` | the metrics, for Prometheus |
//! | `demo.rs` | what `cargo run -p sitemap` shows |
//!
//! Start with `app/routers/scan.rs`, then read `app/services/scans.rs` and `app/jobs/scan.rs`.

#![allow(clippy::duplicate_mod, reason = "compiled once for each database")]

pub mod api;
pub mod client;
pub mod crawl;
pub mod database;
pub mod demo;
pub mod limit;
pub mod metrics;
mod postgres;
pub mod report;
pub mod server;
pub mod site;
mod sqlite;
