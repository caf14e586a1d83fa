//! The attributes of `demarcate`: [`macro@router_tx`], [`macro@service`], [`macro@background_job`] and [`macro@boundary`].
//!
//! Depend on `demarcate`, which re-exports them; this crate is of no use alone.
//!
//! The rules are in `demarcate-rules`. An expansion is one call into the runtime, and questions to the
//! compiler that cost nothing when the program runs.
//!
//! Imports run one way: `expand` takes an attribute apart, `block` and `function` expand each function, `router`, `service`,
//! `job` and `boundary` write the expansions, and below them lie their parts.

mod block;
mod body;
mod boundary;
mod closure;
mod declared;
mod discarded;
mod expand;
mod fallback;
mod function;
mod job;
mod lifted;
mod marked;
mod paths;
mod questions;
mod refused;
mod rerun;
mod returned;
mod router;
mod service;
mod site;
mod span;
#[cfg(test)]
mod tests;
mod texts;
mod warn;

use demarcate_rules::Kind;
use proc_macro::TokenStream;

/// Makes an async function a router: it begins a transaction, runs in it, and commits it when it returns `Ok`.
///
/// The parameter `tx: &mut Session` is replaced by a `SessionFactory`, in its place, so that the function is a plain
/// async fn: an axum handler, or called by hand as `post_order(db.clone(), order)`. `Ok` commits, `Err` rolls back, and
/// so does a panic or a caller that goes away. The error type is any `E: From<demarcate::Error>`.
///
/// ```ignore (the crate that has sessions depends on this one)
/// use demarcate::router_tx;
/// use demarcate::sqlite::Session;
///
/// #[router_tx(isolation = Serializable, timeout = "5s")]
/// async fn post_order(tx: &mut Session, Json(order): Json<NewOrder>) -> Result<Json<Order>, ApiError> {
///     Ok(Json(create_order(tx, &order).await?))
/// }
///
/// let app = axum::Router::new().route("/orders", post(post_order)).with_state(db);
/// ```
///
/// Attributes that must see the rewritten signature, such as `#[axum::debug_handler]`, stand below this one. Route attributes of
/// actix-web (`#[post("/orders")]`) stand above or below.
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `isolation = Serializable` | or `ReadCommitted`, `RepeatableRead`; without it the database's default |
/// | `read_only` | the server refuses writes |
/// | `read_write` | writes, where the factory's boundaries are read-only unless they say so |
/// | `deferrable` | waits for a snapshot that cannot fail to serialize; with `isolation = Serializable` and `read_only` |
/// | `timeout = "5s"` | for the whole boundary, waiting for a connection included; `ms`, `s`, `m`, `h`; 30 s if not given |
/// | `statement_timeout = "1s"` | for each statement |
/// | `lock_timeout = "250ms"` | for each wait for a lock |
/// | `idle_timeout = "10s"` | for the time between two statements |
/// | `retry = 3` | runs all of it again, at most so often, after a failure that another run may not meet; up to 100 |
/// | `no_rollback_for = ApiError::NotFound(_)` | errors that commit: a pattern over the function's error, and `if ..` |
/// | `replica = Prefer` | or `Require`, `Never`: whether a read-only boundary runs on a replica; the primary if not given |
/// | `confirm_commit` | finds out whether a commit arrived whose answer was lost |
/// | `single_statement` | one statement, which the server commits by itself: one round trip |
/// | `independent` | a second transaction although the task is inside one |
/// | `name = ".."` | the boundary's name in errors, logs and statistics; the function's if not given |
/// | `allow(D010, reason = "..")` | lifts rules, by code or name; the reason is needed |
/// | `deny(D050)` | makes an error of a rule that warns |
/// | `from = self.db` | where a trait fixes the signature: an expression for the session factory; the body's session is `tx` |
/// | `crate = my_demarcate` | where `demarcate` is, if it was renamed |
///
/// # What is run again
///
/// With `retry` each run has its own clone of every argument but the session, so each is `Clone`; `self` is `&self` or an
/// `Arc`. `Json(order): Json<NewOrder>` needs `NewOrder: Clone`; what a pattern ignores, as `_` does, need not be `Clone`.
///
/// # The session
///
/// It is the parameter whose type ends in `Session`. Where another name hides that (`use demarcate::sqlite::Session as Tx`, or a
/// type alias), mark it: `#[session] tx: &mut Tx`. The same holds in a service and a job.
#[proc_macro_attribute]
pub fn router_tx(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Router, args.into(), item.into()).into()
}

/// Marks a function that works on a session it was lent, and holds it to that.
///
/// A service does not begin, commit or roll back, by method, by path or as SQL, and takes nothing that could. The
/// signature and the body stay as they are.
///
/// ```ignore (the crate that has sessions depends on this one)
/// use demarcate::service;
/// use demarcate::sqlite::Session;
///
/// #[service]
/// async fn create_order(tx: &mut Session, order: &NewOrder) -> Result<Order, sqlx::Error> {
///     sqlx::query_as("insert into orders (sku) values (?) returning *")
///         .bind(&order.sku)
///         .fetch_one(&mut *tx)
///         .await
/// }
/// ```
///
/// # On a block
///
/// On an `impl`, a `trait` or an inline `mod` it holds for every function inside, in blocks inside it as well. A function
/// there that has no session, a constructor or a helper, keeps its signature, and its body is held to the rules all the
/// same.
///
/// In a trait an `async fn` becomes a function that returns `impl Future<Output = ..> + Send`, since a boundary waits for
/// futures that are `Send` alone, and code that is generic over the trait could not call it otherwise. What implements the
/// trait stays `async fn`; the compiler shows there what is not `Send`. A method with a body also asks `Self` to be `Sync`
/// (`&self`) or `Send`. A trait under `#[async_trait]`, which has boxed futures and can be made into an object, stays as it
/// is. On a method alone the attribute does the same where the method has no body.
///
/// `#[service(skip)]` lets a function, an `impl`, a `trait` or a `mod` out; `#[service(allow(..))]` on one adds to what
/// the block allows. Routers and jobs keep their own attribute, and tests (`#[test]`, `#[cfg(test)]`) are let out.
///
/// # Two databases
///
/// `allow(second_session, reason = "..")` lets a service take a session of each of several databases, whose boundaries its
/// caller has opened one inside the other. They have no common commit: the inner one commits first, and stays if the outer
/// one fails. The errors, logs and spans of each session name the service, and `requires(..)` and what `allow(..)` lifts
/// hold for each.
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `allow(D010, reason = "..")` | lifts rules, by code or name; the reason is needed |
/// | `deny(D050)` | makes an error of a rule that warns |
/// | `requires(isolation = Serializable)` | refuses, before its first statement, to run in a boundary that gives less |
/// | `requires(read_write)` | likewise in one that is read-only |
/// | `skip` | inside a block that has the attribute: lets this out |
/// | `crate = my_demarcate` | where `demarcate` is, if it was renamed |
#[proc_macro_attribute]
pub fn service(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Service, args.into(), item.into()).into()
}

/// Makes an async function a background job, which runs outside any request in a session of its own.
///
/// The parameter `tx: &mut Session` is removed, and calling the function makes a `Job`, which does nothing until it is
/// given to `tx.after_commit(..)`, `db.spawn(..)` or `db.run(..)`. The arguments are owned, since the job outlives its
/// caller.
///
/// ```ignore (the crate that has sessions depends on this one)
/// use demarcate::{JobError, background_job, service};
/// use demarcate::sqlite::Session;
///
/// #[background_job(on_error = mark_failed)]
/// async fn ship(tx: &mut Session, order_id: i64) -> Result<(), ShipError> { .. }
///
/// #[service]
/// async fn mark_failed(tx: &mut Session, error: &JobError, order_id: i64) -> Result<(), sqlx::Error> { .. }
///
/// tx.after_commit(ship(order.id));
/// ```
///
/// If the job calls a mail server or another service, take `db: &SessionFactory` in place of the session, and open a short
/// transaction before and after the call, so that no connection is held meanwhile.
///
/// Jobs live in this process: if it dies, they are gone. For what must happen write a row first, in the transaction that
/// starts the job.
///
/// # Options
///
/// A job with `tx: &mut Session` takes the options of [`macro@router_tx`] except `from`. A job with `db: &SessionFactory`
/// takes only `on_error`, `name`, `allow`, `deny` and `crate`: set the others where it opens its transactions.
///
/// | option | meaning |
/// |---|---|
/// | `on_error = mark_failed` | a service that is called in a session of its own when the job has failed, with the error and the job's arguments, which must then be `Clone` |
#[proc_macro_attribute]
pub fn background_job(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Job, args.into(), item.into()).into()
}

/// Holds the transactions that a plain function opens to the rules of a boundary.
///
/// The function stays as it is: sync or async, a method or not, with any parameters. The rules hold inside the closures that it
/// gives to `transaction`, `transaction_with` and `stream` of a session factory, as if each were a router's body, and nowhere
/// else in the function: what runs before, between and after them is not inside a transaction.
///
/// A router, a service and a job need no second attribute. This one is for the rest: a handler that opens more than one
/// transaction or asks another server between them, a `main`, a command, a worker's loop.
///
/// ```ignore (the crate that has sessions depends on this one)
/// use demarcate::{Error, boundary};
/// use demarcate::sqlite::SessionFactory;
///
/// #[boundary]
/// async fn settle(db: &SessionFactory, bank: &Bank) -> Result<(), Error> {
///     let due = db.transaction(async |tx| due(tx).await).await?;
///     let paid = bank.pay(&due).await; // no connection is held meanwhile
///     db.transaction(async |tx| record(tx, &paid).await).await
/// }
/// ```
///
/// `cargo demarcate check` holds such closures to the rules in functions without the attribute as well, as far as tokens tell.
/// With the attribute the compiler is asked what it knows of types.
///
/// # Which closures
///
/// The receiver is a parameter or a local that is visibly a `SessionFactory` or a clone of one, or the closure's parameter is
/// written `tx: &mut Session`. Of another receiver, such as `self.db`, an async closure is taken for a boundary if it has the
/// parameters of one. A function that is given by its name, as in `db.transaction(work)`, is a service: mark it as that.
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `allow(D010, reason = "..")` | lifts rules, by code or name, in all its closures; the reason is needed |
/// | `deny(D050)` | makes an error of a rule that warns |
/// | `crate = my_demarcate` | where `demarcate` is, if it was renamed |
#[proc_macro_attribute]
pub fn boundary(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(Kind::Boundary, args.into(), item.into()).into()
}
