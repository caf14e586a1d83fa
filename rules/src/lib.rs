//! What a transaction boundary, a service and a background job must not do, and why: every rule of
//! `demarcate` in one place.
//!
//! The rules look at one function at a time, as tokens: [`Item::parse`] reads what an attribute stands
//! on, [`Args::parse`] reads the attribute's arguments, and [`check`] holds the function to every rule.
//! All mistakes of a function are found in one run, each on the token that is wrong. Nothing here
//! depends on being inside a proc macro: `cargo demarcate` calls the same functions over whole files.
//!
//! What only the compiler can know is the type of a parameter or of a method's receiver. For these the
//! crate says *what* to ask ([`Function::foreign_parameters`], [`control::each`]), and the macros emit
//! the question.
//!
//! ```
//! use demarcate_rules::{Args, Errors, Item, Kind, check};
//!
//! let item = "async fn ship(tx: &mut Session) -> Result<(), Error> { tx.commit().await }";
//! let mut errors = Errors::default();
//! let args = Args::parse(Kind::Service, "".parse()?, &mut errors);
//! let Item::Function(function) = Item::parse(item.parse()?)? else { unreachable!() };
//! check(Kind::Service, &args, &function, &mut errors);
//!
//! let codes: Vec<_> = errors.iter().filter_map(|m| m.rule).map(|rule| rule.code).collect();
//! assert_eq!(codes, ["D010"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod args;
mod block;
mod check;
pub mod control;
mod errors;
mod function;
mod item;
mod kind;
mod rule;
mod session;
mod sql;
mod suggest;
mod timeout;
mod types;

pub use args::{Allowed, Args, Denied, Isolation, Timeout};
pub use block::{Block, Member, MemberItem};
pub use check::check;
pub use errors::{Errors, Mistake};
pub use function::{Body, Function};
pub use item::{Item, Other};
pub use kind::Kind;
pub use rule::{Level, RULES, Rule};
pub use session::{Lent, introduced, plain_name};
