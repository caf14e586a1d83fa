//! Builds the sentences that end users see, and keeps the texts that the application registered.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{OnceLock, RwLock};

use super::Names;
use super::category::{Category, Constraint, Timeout, Transaction};
use crate::util::lock::{read, write};

/// Registers sentences for end users, by the name of the violated constraint, by a SQLSTATE, or by an error number of
/// MySQL; also with the HTTP status of the [`Problem`](crate::Problem).
///
/// The macro is a statement, to be run when the program starts. SQLite names no constraint for a unique column: register
/// it as `table.column`. A column that must not be null has the name that PostgreSQL 18 gives such a constraint,
/// `table_column_not_null`, on every database that reports both the table and the column. A later registration under the
/// same name replaces the earlier one.
///
/// ```
/// demarcate::messages! {
///     "orders_sku_key" => "an order with this sku already exists",
///     "orders.sku" => "an order with this sku already exists",
///     "orders_sku_not_null" => "an order needs a sku",
/// }
/// ```
///
/// An error that a function or a trigger raises is found by its code: PostgreSQL's `raise .. using errcode = 'SH001'` or
/// `using constraint = 'shelf_is_full'`, MySQL's `signal sqlstate '45001'` or `set mysql_errno = 50001`. With a code that is
/// registered it is answered as a violated constraint, with 422, or with the status that is given. The most specific key
/// decides: the constraint, then the number, then the SQLSTATE.
///
/// ```
/// demarcate::messages! {
///     "shelf_is_full" => "the shelf is full",
///     "SH001" => (409, "the article is sold out"),
///     "50001" => (409, "the article is sold out"),
/// }
/// ```
#[macro_export]
macro_rules! messages {
    ($($name:literal => $message:expr),* $(,)?) => {{
        $($crate::classify::register_one($name, $message);)*
    }};
}

/// What [`messages!`](crate::messages) registers under one key.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    pub(crate) message: &'static str,
    /// The HTTP status, if it is not that of the category.
    pub(crate) status: Option<u16>,
}

impl From<&'static str> for Registered {
    fn from(message: &'static str) -> Self {
        Self {
            message,
            status: None,
        }
    }
}

impl From<(u16, &'static str)> for Registered {
    fn from((status, message): (u16, &'static str)) -> Self {
        Self {
            message,
            status: Some(status),
        }
    }
}

type Registry = RwLock<HashMap<&'static str, Registered>>;

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(Registry::default)
}

/// Registers pairs of a constraint's name, or a code, and its sentence, as [`messages!`](crate::messages) does.
pub fn register(messages: &[(&'static str, &'static str)]) {
    for (key, message) in messages {
        register_one(key, *message);
    }
}

#[doc(hidden)]
pub fn register_one(key: &'static str, message: impl Into<Registered>) {
    write(registry()).insert(key, message.into());
}

fn registered(key: &str) -> Option<Registered> {
    let registry = read(registry());
    registry.get(key).copied()
}

/// The codes of an error.
#[derive(Clone, Copy, Default)]
pub(crate) struct Codes<'e> {
    pub(crate) sqlstate: Option<&'e str>,
    /// The number of MySQL.
    pub(crate) number: Option<u16>,
}

/// Returns what is registered for an error.
pub(crate) fn registered_for(
    category: Category,
    names: Names<'_>,
    codes: Codes<'_>,
) -> Option<Registered> {
    let by_name = match category {
        Category::Constraint(constraint) => registered_for_constraint(constraint, names),
        // `raise .. using constraint = ..`
        _ => names.constraint.and_then(registered),
    };
    by_name
        .or_else(|| registered(&codes.number?.to_string()))
        .or_else(|| registered(codes.sqlstate?))
}

/// Returns the sentence for an error.
pub(crate) fn of(category: Category, names: Names<'_>, codes: Codes<'_>) -> Cow<'static, str> {
    if let Some(registered) = registered_for(category, names, codes) {
        return Cow::Borrowed(registered.message);
    }
    Cow::Borrowed(match category {
        Category::Constraint(constraint) => return of_constraint(constraint, names),
        Category::Data => match names.column.and_then(words) {
            Some(column) => return format!("the {column} cannot be stored").into(),
            None => "a value cannot be stored",
        },
        Category::Connection => {
            "the service cannot reach its data right now; try again in a moment"
        }
        Category::Timeout(Timeout::Pool) | Category::Resources | Category::Overloaded => {
            "the service is busy; try again in a moment"
        }
        Category::Timeout(Timeout::Lock) => {
            "somebody else is changing the same data; try again in a moment"
        }
        Category::Timeout(_) => "this took too long",
        Category::Transaction(Transaction::Serialization | Transaction::Deadlock) => {
            "somebody else was changing the same data; try again"
        }
        Category::Canceled => "this was cancelled",
        Category::Permission => "this is not allowed",
        Category::UnknownOutcome => {
            "it is not known whether this was saved; look before you do it again"
        }
        Category::NotFound => "this does not exist",
        Category::Transaction(_) | Category::Query | Category::Application | Category::Unknown => {
            "something went wrong on our side"
        }
    })
}

/// Returns the text registered for the constraint or the column.
fn registered_for_constraint(constraint: Constraint, names: Names<'_>) -> Option<Registered> {
    if let Some(message) = names.constraint.and_then(registered) {
        return Some(message);
    }
    if let Some(message) = names.columns.and_then(registered) {
        return Some(message);
    }
    let (table, column) = (names.table?, names.column?);
    registered(&match constraint {
        Constraint::NotNull => format!("{table}_{column}_not_null"),
        _ => format!("{table}.{column}"),
    })
}

fn of_constraint(constraint: Constraint, names: Names<'_>) -> Cow<'static, str> {
    let table = names.table.and_then(words);
    let column = names
        .column
        .and_then(words)
        .or_else(|| words(&column_in(names)?));
    match (constraint, table, column) {
        (Constraint::Unique, Some(table), Some(column)) => {
            format!("there is already an entry with this {column} in {table}").into()
        }
        (Constraint::Unique, _, Some(column)) => {
            format!("there is already an entry with this {column}").into()
        }
        (Constraint::Unique, Some(table), None) => {
            format!("there is already such an entry in {table}").into()
        }
        (Constraint::Unique, None, None) => "there is already such an entry".into(),
        (Constraint::ForeignKey, _, Some(column)) => {
            format!("the {column} refers to something that is not there, or is still referred to")
                .into()
        }
        (Constraint::ForeignKey, ..) => {
            "this refers to something that is not there, or is still referred to".into()
        }
        (Constraint::NotNull, _, Some(column)) => format!("the {column} is missing").into(),
        (Constraint::NotNull, ..) => "something is missing".into(),
        (Constraint::Exclusion, Some(table), _) => {
            format!("this overlaps with another entry in {table}").into()
        }
        (Constraint::Exclusion, ..) => "this overlaps with another entry".into(),
        (_, Some(table), _) => format!("a value is not allowed in {table}").into(),
        _ => "a value is not allowed".into(),
    }
}

/// Derives the column from the constraint's name. PostgreSQL reports no column for a unique or foreign key, but its
/// default names contain it: `orders_sku_key`, `orders_customer_id_fkey`.
fn column_in(names: Names<'_>) -> Option<String> {
    let inside = names
        .constraint?
        .strip_prefix(names.table?)?
        .strip_prefix('_')?;
    ["_key", "_fkey", "_idx", "_check"]
        .iter()
        .find_map(|end| inside.strip_suffix(end))
        .filter(|column| !column.is_empty())
        .map(str::to_owned)
}

/// Returns a schema name as words, or `None` if the name is not readable.
fn words(name: &str) -> Option<String> {
    let is_readable = name.len() <= 63
        && name.chars().any(char::is_alphabetic)
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_readable.then(|| name.replace('_', " "))
}
