//! Reads SQL text for its effect on a transaction.
//!
//! [`statements`] reads a text into its statements, each with a [`Kind`]; a kind has an [`Effect`] on the
//! transaction that it runs in; [`refusals`] says what a session must not send in a text, of which [`guard`] finds the
//! first statement that touches the transaction and [`session_calls`] the functions that leave state on the server's
//! session; [`masked`] removes the values from a text.
//!
//! ```
//! use demarcate_sql::{Dialect, Effect, Kind, guard, statements};
//!
//! let sql = "update orders set note = 'a;b' where id = $1; COMMIT /* done; */ ;";
//!
//! let kinds: Vec<Kind> = statements(sql, Dialect::Postgres).map(|s| s.kind).collect();
//! assert_eq!(kinds, [Kind::Update, Kind::Commit]);
//!
//! let commit = guard(sql, Dialect::Postgres).unwrap();
//! assert_eq!((commit.text, commit.effect()), ("COMMIT", Effect::Commits));
//! ```
//!
//! This is a reader and not a parser: it knows how each database finds the end of a comment, a quote, a stored
//! body and a statement, and the words that a statement begins with. Text that the database would refuse has some
//! kind all the same; nothing here fails, panics or allocates (the crate is `no_std` without `alloc`).
//!
//! # Assumptions
//!
//! The server has the defaults that matter here, which sqlx does not change: `standard_conforming_strings`
//! is on and `client_encoding` is UTF-8 (PostgreSQL), `NO_BACKSLASH_ESCAPES` and `ANSI_QUOTES` are off and the character
//! set is UTF-8 (MySQL). A statement that changes one of these [`changes_reading`](Effect::changes_reading).
//!
//! A MySQL comment that *some* server executes, `/*!99999 .. */`, is read as code and as a comment. If one reading is
//! guarded and the other is not, the guarded reading counts. If they differ in the end of a quote or a statement, the
//! rest of the text is [`Kind::Ambiguous`].
//!
//! The effects of a stored function, procedure or trigger are not visible in the text that calls it: see
//! [`Effect::Opaque`]. Nor is a text that is built on the server: `EXECUTE IMMEDIATE concat(..)`,
//! `set_config($1, ..)`. In a `DO` block, a compound statement and a literal of `EXECUTE IMMEDIATE` the statements are
//! read: see [`Statement::leaks`].
#![no_std]

#[cfg(test)]
extern crate std;

mod alone;
mod calls;
mod columns;
mod compound;
mod conflict;
mod dialect;
mod effect;
mod executable_comments;
mod guard;
mod head;
mod inner;
mod kind;
mod leak;
mod lexer;
mod masked;
mod refused;
mod scan;
mod schema;
mod set_statement;
mod settings;
mod sleep;
mod split;
mod stored_body;
mod temporary;
mod token;

pub use alone::reads_alone;
pub use calls::{SessionCall, SessionCalls, session_calls};
pub use columns::columns_vary;
pub use dialect::Dialect;
pub use effect::Effect;
pub use guard::{find, find_kind, guard, is_plain, is_single, transaction_control};
pub use kind::Kind;
pub use leak::{Leak, Leaks};
pub use masked::{Masked, masked};
pub use refused::{Breach, Refusal, Refusals, is_word_at, refusals};
pub use sleep::sleeps;
pub use split::{Statement, Statements, statements};

// A doctest, since the workspace forbids `unsafe` in every other target and a counting allocator needs it.
#[cfg(doctest)]
#[doc = include_str!("../tests/allocation.md")]
mod allocation {}
