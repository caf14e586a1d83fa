//! Removes secrets from a text.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use percent_encoding::percent_decode;

/// The text that replaces a secret.
pub(crate) const HIDDEN: &str = "***";

/// Schemes whose user is a name, not a token, if no password follows it.
const DATABASES: [&str; 4] = ["postgres", "postgresql", "mysql", "mariadb"];

/// Other schemes of a second URL in a text.
const OTHERS: [&str; 5] = ["sqlite", "http", "https", "redis", "amqp"];

/// Removes passwords, tokens and keys from a text: from URLs of any shape, `name=value` pairs, SQL and `Debug` output.
/// Removes more than the secret if the end of the secret is ambiguous.
///
/// ```
/// use demarcate::settings::redact;
///
/// assert_eq!(redact("postgres://me:p@ss:w/rd@db/shop"), "postgres://me:***@db/shop");
/// assert_eq!(redact("mysql://db/shop?sslpassword=x&charset=utf8"), "mysql://db/shop?sslpassword=***&charset=utf8");
/// assert_eq!(redact("no database `shop` on db:5432"), "no database `shop` on db:5432");
/// ```
pub fn redact(text: &str) -> Cow<'_, str> {
    // Without any of these characters no secret can be recognized.
    if !text.contains(['@', ':', '=', '\'', '"', ' ']) {
        return Cow::Borrowed(text);
    }
    let mut secrets = Vec::new();
    users(text, &mut secrets);
    pairs(text, &mut secrets);
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    secrets.sort_by_key(|secret| secret.start);
    let mut out = String::with_capacity(text.len());
    let mut seen = 0;
    for secret in secrets {
        if secret.start >= seen {
            out.push_str(&text[seen..secret.start]);
            out.push_str(HIDDEN);
        }
        seen = seen.max(secret.end);
    }
    out.push_str(&text[seen..]);
    Cow::Owned(out)
}

/// A byte range of a text.
type Span = std::ops::Range<usize>;

/// Finds `user:secret@`, with or without a scheme before it.
fn users(text: &str, secrets: &mut Vec<Span>) {
    let mut schemes = schemes(text).peekable();
    let first = schemes.peek().map_or(text.len(), |first| first.start);
    words(&text[..first], secrets);
    while let Some(scheme) = schemes.next() {
        let end = schemes.peek().map_or(text.len(), |next| next.start);
        let secret = authority(
            &text[scheme.start..scheme.rest],
            &text[scheme.rest..end],
            is_url(text),
        );
        secrets.extend(secret.map(|secret| scheme.rest + secret.start..scheme.rest + secret.end));
    }
}

/// The start and the end of `scheme://`.
struct Scheme {
    start: usize,
    rest: usize,
}

/// Finds the URLs of a text. `://` inside a word belongs to the URL at the start of the word, since it may be part of a
/// password. A text that begins with a URL is one URL as a whole.
fn schemes(text: &str) -> impl Iterator<Item = Scheme> + '_ {
    let (mut first, mut is_all) = (true, false);
    text.match_indices("://").filter_map(move |(colon, mark)| {
        let name = text[..colon]
            .rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')));
        let start = name.map_or(0, |at| at + char_len(text, at));
        let before = text[..start].trim_end_matches(['"', '\'', '`', '(', '[', '{', '<', '=']);
        let stands_alone = before.is_empty() || before.ends_with(char::is_whitespace);
        let counts = !is_all && (first || (stands_alone && is_known(&text[start..colon])));
        is_all = is_all || (first && text[..start].trim().is_empty());
        first = false;
        counts.then_some(Scheme {
            start,
            rest: colon + mark.len(),
        })
    })
}

fn is_known(scheme: &str) -> bool {
    is_one_of(&DATABASES, scheme) || is_one_of(&OTHERS, scheme)
}

/// Whether the scheme is listed. `postgresql+asyncpg` counts as `postgresql`.
fn is_one_of(names: &[&str], scheme: &str) -> bool {
    let name = scheme.split([':', '+']).next().unwrap_or_default();
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the whole text is one URL, so that spaces belong to it.
fn is_url(text: &str) -> bool {
    schemes(text)
        .next()
        .is_some_and(|scheme| text[..scheme.start].trim().is_empty())
}

/// Finds the secret in `rest`, the text from `scheme://` to the next URL.
fn authority(scheme: &str, rest: &str, is_url: bool) -> Option<Span> {
    // A colon inside the brackets of an IPv6 address does not precede a secret.
    let host = match rest.split_once(']') {
        Some((address, _))
            if address.starts_with('[') && address[1..].parse::<Ipv6Addr>().is_ok() =>
        {
            address.len() + 1
        }
        _ => 0,
    };
    if let Some(at) = rest.rfind('@') {
        let colon = [":", "%3a", "%3A"]
            .into_iter()
            .filter_map(|colon| Some(host + rest[..at].get(host..)?.find(colon)? + colon.len()))
            .min();
        let name = scheme.split([':', '+']).next().unwrap_or_default();
        let is_databases = DATABASES
            .iter()
            .any(|database| database.eq_ignore_ascii_case(name));
        return match colon {
            Some(start) => Some(start..at),
            None if is_databases || rest[..at].contains('/') => None,
            None => Some(0..at),
        };
    }
    // `user:secret` without a host looks like a host with a port that is not a number.
    let end = rest[host..]
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`'))
        .map_or(rest.len(), |end| host + end);
    let start = host + rest[host..end].find(':')? + 1;
    let secret = if is_url {
        rest.len()
    } else {
        start + bare(&rest[start..])
    };
    (!is_port(&rest[start..end])).then_some(start..secret)
}

/// Whether the text is a port. A message may continue after a URL: `db:5432: connection refused`.
fn is_port(text: &str) -> bool {
    let text = text.trim_end_matches([':', ',', ';', '.', ')', ']']);
    text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Finds `user:secret@host` without a scheme, as one word.
fn words(text: &str, secrets: &mut Vec<Span>) {
    let mut start = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        match (word.find(':'), word.rfind('@')) {
            (Some(colon), Some(at)) if colon < at => secrets.push(start + colon + 1..start + at),
            _ => {}
        }
        start += word.len();
    }
}

/// Finds `password=secret`, `"token": "secret"`, `password: Some("secret")`, `PASSWORD 'secret'`.
fn pairs(text: &str, secrets: &mut Vec<Span>) {
    let is_url = is_url(text);
    let mut at = 0;
    while let Some(name) = next_name(text, at) {
        at = name.end;
        if let Some(value) = value_of(text, &name, is_url) {
            at = value.end;
            secrets.push(value);
        }
    }
}

/// Finds the next name. Percent-encoded characters belong to a name.
fn next_name(text: &str, from: usize) -> Option<Span> {
    let is_part =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '%' | '[' | ']');
    let start = from + text[from..].find(is_part)?;
    let end = text[start..]
        .find(|c| !is_part(c))
        .map_or(text.len(), |end| start + end);
    Some(start..end)
}

/// Finds the secret after `name`, if the name denotes a secret and a value follows.
fn value_of(text: &str, name: &Span, is_url: bool) -> Option<Span> {
    let word = normal(&text[name.clone()]);
    let after = &text[name.end..];
    let spaces = after.len() - after.trim_start().len();
    if matches!(&*word, "bearer" | "basic") && spaces > 0 {
        return some_span(name.end + spaces, bare(&after[spaces..]));
    }
    let quoted = after[spaces..].starts_with(['\'', '"']);
    if word == "by" {
        // IDENTIFIED BY 'secret'
        return (spaces > 0 && quoted).then(|| quoted_at(text, name.end + spaces));
    }
    if !is_secret(&word) {
        return None;
    }
    if spaces > 0 && quoted {
        return Some(quoted_at(text, name.end + spaces));
    }
    let after = after
        .trim_start_matches(['\\', '"', '\'', '`'])
        .trim_start();
    let sign = after.chars().next().filter(|c| matches!(c, '=' | ':'))?;
    let mut value = after[1..].trim_start_matches('>').trim_start();
    while let Some(open) = value.find('(').filter(|open| {
        // `Some("..")`
        value[..*open]
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic())
            && value[open + 1..].starts_with(['\\', '"', '\''])
    }) {
        value = &value[open + 1..];
    }
    let start = text.len() - value.len();
    let escaped = value.trim_start_matches('\\');
    if escaped.starts_with(['"', '\'']) {
        return Some(quoted_at(text, text.len() - escaped.len()));
    }
    let in_query = text[..name.start].ends_with(['?', '&']);
    let length = if in_query || (is_url && sign == '=') {
        in_a_query(value, is_url)
    } else {
        bare(value)
    };
    // MySQL writes `(using password: YES)`.
    let says_whether = matches!(value[..length].trim_end_matches(')'), "YES" | "NO");
    if says_whether {
        None
    } else {
        some_span(start, length)
    }
}

fn some_span(start: usize, length: usize) -> Option<Span> {
    (length > 0).then_some(start..start + length)
}

/// Returns the range inside the quotes that open at `open`, or the rest of the text if they are not closed.
fn quoted_at(text: &str, open: usize) -> Span {
    let quote = text.as_bytes()[open];
    let start = open + 1;
    if text[..open].ends_with('\\') {
        // The text is itself `Debug` output, so its quotes are escaped.
        let close = format!("\\{}", char::from(quote));
        let end = text[start..]
            .find(&close)
            .map_or(text.len(), |end| start + end);
        return start..end;
    }
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return start..at,
            _ => at += 1,
        }
    }
    start..text.len()
}

/// Returns the length up to the next white space.
fn bare(text: &str) -> usize {
    text.find(char::is_whitespace).unwrap_or(text.len())
}

/// Returns the length up to the next `&name=`. A lone `&` may belong to a secret that is not encoded.
fn in_a_query(text: &str, is_url: bool) -> usize {
    let end = if is_url { text.len() } else { bare(text) };
    text[..end]
        .match_indices('&')
        .map(|(at, _)| at)
        .find(|at| {
            let rest = &text[at + 1..end];
            next_name(rest, 0)
                .is_some_and(|name| name.start == 0 && rest[name.end..].starts_with('='))
        })
        .unwrap_or(end)
}

/// Normalizes a name: `sslPassword`, `ssl_password` and `ssl%2Dpassword` are equal.
fn normal(name: &str) -> String {
    percent_decode(name.as_bytes())
        .decode_utf8_lossy()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

fn is_secret(name: &str) -> bool {
    const PARTS: [&str; 16] = [
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "pwd",
        "secret",
        "token",
        "credential",
        "apikey",
        "accesskey",
        "privatekey",
        "sslkey",
        "servicekey",
        "rolekey",
        "anonkey",
        "authkey",
    ];
    name.ends_with("pass") || PARTS.iter().any(|part| name.contains(part))
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
pub(crate) mod tests;
