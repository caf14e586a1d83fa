use crate::Kind;
use crate::lexer::Lexer;
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
fn is_transaction_setting(name: &Token<'_>) -> bool {
    [
        "transaction_isolation",
        "transaction_read_only",
        "transaction_deferrable",
    ]
    .into_iter()
    .any(|setting| name.names(setting))
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
    if scoped && scope.is_any(&["global", "persist", "persist_only"]) {
        *lexer = ahead;
        return Kind::SetGlobal;
    }
    if scoped && scope.is_any(&["session", "local"]) {
        *lexer = ahead;
    }
    match lexer.next_inside() {
        Some(name) if name.names("autocommit") => Kind::SetAutocommit,
        Some(_) => Kind::SetSession,
        None => Kind::Other,
    }
}

fn gravity(kind: Kind) -> u8 {
    match kind {
        Kind::SetAutocommit => 4,
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

/// Reads past `a = 1, b = 2 FOR`, if that is what follows: MariaDB, "SET STATEMENT".
pub(crate) fn skip_statement_variables(lexer: &mut Lexer<'_>) -> bool {
    let mut ahead = *lexer;
    while let Some(token) = ahead.next_inside() {
        if token.is("for") {
            *lexer = ahead;
            return true;
        }
    }
    false
}
