//! The word at which a server stopped reading a statement, shown where it can be no value.
//!
//! A syntax error quotes a piece of the statement, which may be a piece of a value. An identifier or a keyword is none: it is
//! shown if it stands in the statement with its literals masked, which errors and logs show anyway, and if nothing there
//! hints at a value that was put between quotes and has some of its own, as in `'O'Brien'`.

use super::origin::QUOTES;

/// An identifier or a keyword that a syntax error quotes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Near {
    word: String,
    /// More of the statement follows in the message.
    goes_on: bool,
    /// `?` in the masked statement may be a parameter as well as a value.
    has_parameters: bool,
}

impl Near {
    /// Returns the word of a message that quotes one token, as PostgreSQL and SQLite do: `syntax error at or near "form"`.
    #[cfg(any(feature = "postgres", feature = "sqlite", test))]
    pub(super) fn token(message: &str) -> Option<Self> {
        let quoted = quoted(message)?;
        (word_of(quoted)? == quoted).then(|| Self {
            word: quoted.to_owned(),
            goes_on: false,
            has_parameters: false,
        })
    }

    /// Returns the first word of a message that quotes the rest of the statement, as MySQL and MariaDB do:
    /// `.. near 'form orders' at line 1`.
    #[cfg(any(feature = "mysql", test))]
    pub(super) fn rest(message: &str) -> Option<Self> {
        let quoted = quoted(message)?;
        let word = word_of(quoted)?;
        let rest = &quoted[word.len()..];
        // A literal that is not closed began inside a value. The message may end inside one that is.
        let is_cut = quoted.chars().count() >= SHOWN_BY_MYSQL;
        let is_odd = rest.matches('\'').count() % 2 == 1;
        (is_cut || !is_odd).then(|| Self {
            word: word.to_owned(),
            goes_on: !rest.trim().is_empty(),
            has_parameters: true,
        })
    }

    /// Returns `masked`, a message with a mask in place of what is quoted, with the word in place of the mask. `None` if it
    /// may be part of a value. `statement` is the statement with its literals masked.
    pub(super) fn shown_in(&self, masked: &str, statement: &str) -> Option<String> {
        if !self.stands_in(statement) {
            return None;
        }
        let opens = masked.find(QUOTES)?;
        let inside = masked.ceil_char_boundary(opens + 1);
        let rest = masked[inside..].strip_prefix('?')?;
        let goes_on = if self.goes_on { " .." } else { "" };
        Some(format!("{}{}{goes_on}{rest}", &masked[..inside], self.word))
    }

    /// Whether the word stands in a masked statement, and nowhere as what may be the rest of a value.
    fn stands_in(&self, statement: &str) -> bool {
        if is_broken(statement) {
            return false;
        }
        let mut places = statement
            .match_indices(&self.word)
            .filter(|(at, word)| {
                let before = statement[..*at].chars().next_back();
                let after = statement[at + word.len()..].chars().next();
                // `$` is part of names, and of the marks of PostgreSQL's literals.
                let goes_on = |c: char| is_part(c) || c == '$';
                !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
            })
            .map(|(at, _)| statement[..at].trim_end())
            .peekable();
        places.peek().is_some()
            && places.all(|before| self.has_parameters || !before.ends_with('?'))
    }
}

/// How much of a statement MySQL quotes, in characters.
#[cfg(any(feature = "mysql", test))]
const SHOWN_BY_MYSQL: usize = 80;

/// Returns the text between the first and the last quotation mark of a message.
fn quoted(message: &str) -> Option<&str> {
    let first = message.find(QUOTES)?;
    let last = message.rfind(QUOTES)?;
    message.get(message.ceil_char_boundary(first + 1)..last)
}

/// The identifier or keyword that a text begins with, if neither a quotation mark nor anything else that could belong to it
/// follows.
fn word_of(text: &str) -> Option<&str> {
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let word = &text[..end];
    let begins = |c: char| c.is_alphabetic() || c == '_';
    let follows = text[end..].chars().next();
    let is_plain = follows.is_none_or(|c| c.is_ascii() && !QUOTES.contains(&c) && c != '$');
    (word.starts_with(begins) && is_plain).then_some(word)
}

/// Whether a character belongs to identifiers.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a literal touches a word in a masked statement: `'O'Brien'` is masked as `?Brien?`. So are `X'ff'` and the like, on
/// which nothing depends here. `returning$t$a value$t$` is two names for PostgreSQL, and was meant as a literal.
fn is_broken(statement: &str) -> bool {
    let joins = |(at, _): (usize, &str)| statement[..at].ends_with(is_part);
    statement.match_indices('$').any(joins)
        || statement.match_indices('?').any(|(at, mask)| {
            let before = statement[..at].chars().next_back();
            let after = statement[at + mask.len()..].chars().next();
            // `?1` is a parameter.
            before.is_some_and(is_part) || after.is_some_and(|c| is_part(c) && !c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use demarcate_sql::Dialect;

    use super::super::origin::without_quoted;
    use super::Near;
    use crate::scope::sql_text::shown;

    /// The message as it is shown of a statement.
    fn told(dialect: Dialect, message: &str, sql: &str) -> String {
        let masked = without_quoted(message, None);
        let near = match dialect {
            Dialect::MySql => Near::rest(message),
            Dialect::Postgres | Dialect::Sqlite => Near::token(message),
        };
        near.and_then(|near| near.shown_in(&masked, &shown(sql, dialect)))
            .unwrap_or(masked)
    }

    #[test]
    fn the_word_of_a_syntax_error_is_shown() {
        for (dialect, message, sql, expected) in [
            (
                Dialect::Postgres,
                "syntax error at or near \"form\"",
                "select * form orders where name = 'form'",
                "syntax error at or near \"form\"",
            ),
            (
                Dialect::Postgres,
                "Syntaxfehler bei »form«",
                "select * form orders",
                "Syntaxfehler bei »form«",
            ),
            (
                Dialect::Sqlite,
                "near \"form\": syntax error",
                "select * form orders where name = $1",
                "near \"form\": syntax error",
            ),
            (
                Dialect::MySql,
                "You have an error in your SQL syntax near 'form orders where name = 'bob'' at line 1",
                "select * form orders where name = 'bob'",
                "You have an error in your SQL syntax near 'form ..' at line 1",
            ),
            (
                Dialect::MySql,
                "You have an error in your SQL syntax near 'adn b = ?' at line 1",
                "select * from orders where a = ? adn b = ?",
                "You have an error in your SQL syntax near 'adn ..' at line 1",
            ),
            (
                Dialect::MySql,
                "You have an error in your SQL syntax near 'form' at line 1",
                "select * form",
                "You have an error in your SQL syntax near 'form' at line 1",
            ),
        ] {
            assert_eq!(told(dialect, message, sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_may_be_a_value_is_not_shown() {
        use Dialect::{MySql, Postgres, Sqlite};
        for (dialect, quoted, sql) in [
            // A literal, a number, a quoted name, a parameter.
            (Postgres, "'tea'", "select 1 'tea'"),
            (Postgres, "42", "select a 42"),
            (Postgres, "\"Bob\"", "select a b \"Bob\""),
            (Postgres, "$1", "select a b $1"),
            (Sqlite, "\"bob\"", "select a b \"bob\""),
            (Sqlite, "bob", "select a from t where b = \"bob\" and"),
            (MySql, "'tea'", "select 1 'tea'"),
            (MySql, "_utf8'tea'", "select 1 _utf8'tea'"),
            // A value that was put between quotes and has some of its own.
            (Postgres, "Brien", "select * from t where name = 'O'Brien'"),
            (
                Postgres,
                "book",
                "select * from t where name = 'James' book'",
            ),
            (
                Postgres,
                "book",
                "select * from t where name = 'James' book!'",
            ),
            (
                Sqlite,
                "big",
                "select * from t where name = 'James' big book!'",
            ),
            (MySql, "Brien'", "select * from t where name = 'O'Brien'"),
            (
                MySql,
                "big book!'",
                "select * from t where name = 'James' big book!'",
            ),
            (
                MySql,
                "n' roll'",
                "select * from t where name = 'rock 'n' roll'",
            ),
            // A text that is executed inside the statement.
            (Postgres, "selct", "do $$ begin execute 'selct 1'; end $$"),
            (
                Postgres,
                "selct",
                "create function f() returns int language sql as 'selct 1'",
            ),
            (MySql, "selct 1", "execute immediate 'selct 1'"),
            // A word of a comment.
            (Sqlite, "bob", "select a -- of bob\n from"),
        ] {
            let message = match dialect {
                MySql => format!("You have an error in your SQL syntax near '{quoted}' at line 1"),
                _ => format!("syntax error at or near \"{quoted}\""),
            };
            let shown = told(dialect, &message, sql);
            assert_eq!(shown, without_quoted(&message, None), "{sql}");
            assert!(shown.contains('?'), "{shown}");
        }
    }

    /// Whatever a server quotes of a statement, no text of a literal in it is shown.
    #[test]
    fn no_text_of_a_literal_is_shown() {
        const WORDS: [&str; 8] = [
            "select", "form", "orders", "where", "adn", "limit", "a", "returnig",
        ];
        const SECRETS: [&str; 6] = ["hunter", "Zed", "zwölf", "q1", "it_is", "x"];
        fn any<'a>(random: &mut fastrand::Rng, of: &[&'a str]) -> &'a str {
            of[random.usize(..of.len())]
        }
        let mut random = fastrand::Rng::with_seed(19);
        let mut shown_words = 0;
        for round in 0..4_000 {
            let dialect = [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite][round % 3];
            let mut sql = String::new();
            for _ in 0..random.usize(1..9) {
                let secret = |random: &mut fastrand::Rng| {
                    let count = random.usize(1..4);
                    let words: Vec<_> = (0..count).map(|_| any(random, &SECRETS)).collect();
                    let between = [" ", "''", ", ", "-", "' "][random.usize(..5)];
                    words.join(between)
                };
                let text = secret(&mut random);
                let piece = match random.usize(..12) {
                    // Quoted as it should be, and as it should not be.
                    0 => format!("'{}'", text.replace("''", "'").replace('\'', "''")),
                    1 => format!("= '{text}'"),
                    2 => format!("/* {text} */"),
                    // Right behind a word it would be part of that.
                    3 if dialect == Dialect::Postgres => format!(" $t${text}$t$"),
                    3 => format!("\"{}\"", text.replace('\'', "")),
                    4 => "42".to_owned(),
                    5 => "?".to_owned(),
                    6 => "(".to_owned(),
                    _ => any(&mut random, &WORDS).to_owned(),
                };
                sql.push_str(&piece);
                sql.push_str(["", " ", "\n"][usize::from(random.u8(..10)).min(2)]);
            }
            // A token, or the rest of the statement, from any place on.
            for (at, _) in sql.char_indices() {
                let rest = &sql[at..];
                let word = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
                for quoted in [&rest[..word.unwrap_or(rest.len())], rest] {
                    let message = match dialect {
                        Dialect::MySql => format!("near '{quoted}' at line 1"),
                        _ => format!("near \"{quoted}\""),
                    };
                    let told = told(dialect, &message, &sql);
                    for secret in SECRETS {
                        let is_shown = told.split(|c: char| !(c.is_alphanumeric() || c == '_'));
                        assert!(
                            !is_shown.into_iter().any(|word| word == secret),
                            "{dialect:?}: {sql}\n{message}\n{told}"
                        );
                    }
                    shown_words += usize::from(WORDS.iter().any(|word| told.contains(word)));
                }
            }
        }
        assert!(shown_words > 1_000, "the test shows nothing: {shown_words}");
    }
}
