//! The kind of a `SET`, from the setting that it names.

use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::set_statement::{is_safe_charset, mysql_changes_reading};
use crate::token::{Shape, Token};

/// Reads on after PostgreSQL's `SET`: `[SESSION | LOCAL] name {= | TO} value`, "SET" and `set_rest` in gram.y.
pub(super) fn postgres(lexer: &mut Lexer<'_>) -> Kind {
    let local = accept_scope(lexer, "local");
    let session = !local && accept_scope(lexer, "session");
    let Some(name) = lexer.next_inside() else {
        return Kind::Other;
    };
    match name.keyword().as_bytes() {
        b"constraints" if !local && !session => Kind::SetConstraints,
        // `SET TRANSACTION ISOLATION ..`, and not `SET transaction.custom = ..`.
        b"transaction" if !lexer.peek().is_some_and(|next| names_a_setting(&next)) => {
            Kind::SetTransaction
        }
        _ if is_transaction_setting(&name) => Kind::SetTransaction,
        // `SET @a = 1` is MySQL's.
        _ if name.is_mark(b'@') => Kind::Other,
        _ if postgres_changes_reading(&name, lexer) => Kind::SetReading,
        _ if local => Kind::SetLocal,
        _ => Kind::SetSession,
    }
}

/// `LOCAL` and `SESSION` are not reserved, and name a setting in `SET local.a = 1` and `SET session = 1`.
fn accept_scope(lexer: &mut Lexer<'_>, scope: &str) -> bool {
    let mut ahead = *lexer;
    let accepted = ahead.accept(scope) && !ahead.peek().is_some_and(|next| names_a_setting(&next));
    if accepted {
        *lexer = ahead;
    }
    accepted
}

/// Whether this token shows that the one before it was the name of a setting.
fn names_a_setting(next: &Token<'_>) -> bool {
    next.is_mark(b'.') || next.is_mark(b'=') || next.is("to")
}

/// "The transaction modes are also available via" these (PostgreSQL, "SET TRANSACTION").
const TRANSACTION: [&str; 3] = [
    "transaction_isolation",
    "transaction_read_only",
    "transaction_deferrable",
];

/// PostgreSQL 20.13.1 "Previous PostgreSQL Versions". In some client encodings a quote or a backslash is the second
/// byte of a character (24.3.1, those that are not "server" encodings).
pub(crate) const POSTGRES_READING: [&str; 3] = [
    "standard_conforming_strings",
    "backslash_quote",
    "client_encoding",
];

fn is_transaction_setting(name: &Token<'_>) -> bool {
    TRANSACTION.into_iter().any(|setting| name.names(setting))
}

fn postgres_changes_reading(name: &Token<'_>, lexer: &Lexer<'_>) -> bool {
    if name.is("names") || name.names("client_encoding") {
        return !is_safe_charset(*lexer);
    }
    // `U&"standard\005fconforming_strings"`
    let escaped = name.is("u") && lexer.peek().is_some_and(|next| next.is_mark(b'&'));
    escaped
        || POSTGRES_READING
            .into_iter()
            .any(|setting| name.names(setting))
}

/// Returns the kind of statement that setting this name amounts to.
pub(crate) fn postgres_setting(name: &str) -> Kind {
    let is = |setting: &str| name.eq_ignore_ascii_case(setting);
    if POSTGRES_READING.into_iter().any(is) {
        Kind::SetReading
    } else if TRANSACTION.into_iter().any(is) {
        Kind::SetTransaction
    } else {
        Kind::Other
    }
}

/// Reads on after MySQL's `SET`: MySQL 8.4 manual 15.7.6. Of a list of assignments the gravest decides.
pub(super) fn mysql(lexer: &mut Lexer<'_>) -> Kind {
    if lexer.accept("transaction") {
        return Kind::SetTransaction;
    }
    // Each writes to the grant tables: 15.7.1.9 and 15.7.1.10.
    if is_grant(*lexer) {
        return Kind::Ddl;
    }
    let mut gravest = Kind::Other;
    loop {
        let kind = mysql_assignment(lexer);
        if gravity(kind) > gravity(gravest) {
            gravest = kind;
        }
        if !skip_value(lexer) {
            return gravest;
        }
    }
}

/// `SET PASSWORD`, `SET DEFAULT ROLE`.
fn is_grant(mut lexer: Lexer<'_>) -> bool {
    lexer.accept("password") || (lexer.accept("default") && lexer.accept("role"))
}

/// The target of one assignment: `@a`, `[scope] name`, `@@[scope.]name`.
fn mysql_assignment(lexer: &mut Lexer<'_>) -> Kind {
    let at = lexer.accept_mark(b'@');
    if at && !lexer.accept_mark(b'@') {
        return Kind::SetUserVariable;
    }
    let mut ahead = *lexer;
    let Some(scope) = ahead.next_inside() else {
        return Kind::Other;
    };
    // Without the dot in `@@global.a`, `global` is a name.
    let scoped = scope.shape == Shape::Word && (!at || ahead.accept_mark(b'.'));
    let global = scoped && scope.is_any(&["global", "persist", "persist_only"]);
    if global || (scoped && scope.is_any(&["session", "local"])) {
        *lexer = ahead;
    }
    match lexer.next_inside() {
        Some(name) if mysql_changes_reading(&name, *lexer) => Kind::SetReading,
        _ if global => Kind::SetGlobal,
        Some(name) if name.names("autocommit") => Kind::SetAutocommit,
        Some(_) => Kind::SetSession,
        None => Kind::Other,
    }
}

fn gravity(kind: Kind) -> u8 {
    match kind {
        Kind::SetAutocommit => 5,
        Kind::SetReading => 4,
        Kind::SetGlobal => 3,
        Kind::SetSession => 2,
        Kind::SetUserVariable => 1,
        _ => 0,
    }
}

/// Reads past the comma before the next assignment, if there is one.
fn skip_value(lexer: &mut Lexer<'_>) -> bool {
    let mut depth = 0_usize;
    while let Some(token) = lexer.next_inside() {
        match token.shape {
            Shape::Mark(b',') if depth == 0 => return true,
            Shape::Mark(b'(') => depth += 1,
            Shape::Mark(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}
