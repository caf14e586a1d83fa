//! The options, and the attributes that take them.

use syn::Ident;

use crate::errors::Errors;
use crate::kind::Kind;
use crate::suggest;

/// An option and the attributes that take it.
pub(super) struct Known {
    pub(super) name: &'static str,
    /// How it is written.
    pub(super) form: &'static str,
    on: &'static [Kind],
}

const BOUNDARIES: &[Kind] = &[Kind::Router, Kind::Job];
const ALL: &[Kind] = &[Kind::Router, Kind::Service, Kind::Job, Kind::Boundary];

pub(super) const ALLOW_FORM: &str = "allow(D010, reason = \"..\")";

pub(super) const OPTIONS: &[Known] = &[
    known("isolation", "isolation = Serializable", BOUNDARIES),
    known("read_only", "read_only", BOUNDARIES),
    known("read_write", "read_write", BOUNDARIES),
    known("deferrable", "deferrable", BOUNDARIES),
    known("timeout", "timeout = \"5s\"", BOUNDARIES),
    known(
        "statement_timeout",
        "statement_timeout = \"1s\"",
        BOUNDARIES,
    ),
    known("lock_timeout", "lock_timeout = \"1s\"", BOUNDARIES),
    known("idle_timeout", "idle_timeout = \"1s\"", BOUNDARIES),
    known("retry", "retry = 3", BOUNDARIES),
    known("replica", "replica = Prefer", BOUNDARIES),
    known(
        "no_rollback_for",
        "no_rollback_for = MyError::Expected(_)",
        BOUNDARIES,
    ),
    known("confirm_commit", "confirm_commit", BOUNDARIES),
    known("single_statement", "single_statement", BOUNDARIES),
    known("independent", "independent", BOUNDARIES),
    known("name", "name = \"..\"", BOUNDARIES),
    known("from", "from = self.db", &[Kind::Router]),
    known("on_error", "on_error = mark_failed", &[Kind::Job]),
    known("crate", "crate = my_demarcate", ALL),
    known("allow", ALLOW_FORM, ALL),
    known("deny", "deny(D050)", ALL),
    known(
        "requires",
        "requires(isolation = Serializable)",
        &[Kind::Service],
    ),
    known("skip", "skip", &[Kind::Service]),
];

const fn known(name: &'static str, form: &'static str, on: &'static [Kind]) -> Known {
    Known { name, form, on }
}

impl Known {
    pub(super) fn is_on(&self, kind: Kind) -> bool {
        self.on.contains(&kind)
    }
}

/// The option of that name, if this attribute takes it.
pub(super) fn find(kind: Kind, name: &Ident, errors: &mut Errors) -> Option<&'static Known> {
    let word = name.to_string();
    let attribute = kind.attribute();
    let Some(known) = OPTIONS.iter().find(|known| known.name == word) else {
        let mine = || OPTIONS.iter().filter(|known| known.is_on(kind));
        let message = match suggest::nearest(&word, mine().map(|known| known.name)) {
            Some(nearest) => {
                format!("`{attribute}` has no option `{word}`; did you mean `{nearest}`?")
            }
            None => {
                let all: Vec<_> = mine().map(|known| format!("`{}`", known.name)).collect();
                format!(
                    "`{attribute}` has no option `{word}`; it takes {}",
                    all.join(", ")
                )
            }
        };
        errors.argument(name, message);
        return None;
    };
    if known.is_on(kind) {
        return Some(known);
    }
    let instead = match (kind, known.on) {
        // A service requires an option of its caller's boundary; it does not set it.
        (Kind::Service, _) if matches!(known.name, "isolation" | "read_write") => {
            format!(
                "what a service needs of its caller's transaction is written `requires({})`",
                known.form
            )
        }
        (Kind::Service, _) => {
            "a service runs in its caller's transaction, so it belongs on the router or job"
                .to_owned()
        }
        (Kind::Boundary, BOUNDARIES) => {
            "this function opens its own transactions; give it to each with \
             `db.transaction_with(options, ..)`"
                .to_owned()
        }
        (_, [only]) => format!("it belongs on `{}`", only.attribute()),
        _ => "remove it".to_owned(),
    };
    errors.argument(
        name,
        format!("`{attribute}` does not take `{word}`; {instead}"),
    );
    None
}
