//! A sitemap analyser: the program to read first.
//!
//! | folder | what is in it |
//! |---|---|
//! | `crawl` | reading the sitemaps of a site over HTTP; knows of no database |
//! | `site` | two demo sites on loopback, to be scanned |

pub mod crawl;
pub mod site;
