//! `cargo xtask codes`: generates the classifier's lists of error codes from the source files of the servers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use xtask::servers;

/// The codes that PostgreSQL has added since the version that Debian ships, from `src/backend/utils/errcodes.txt` of 17
/// (25P04, 10608) and 18 (58P03).
const LATER: [(&str, &str); 3] = [
    ("10608", "invalid_argument_for_xquery"),
    ("25P04", "transaction_timeout"),
    ("58P03", "file_name_too_long"),
];

/// Writes `runtime/src/classify/codes.rs`.
pub(crate) fn run() -> Result<(), String> {
    let errcodes = newest("/usr/share/postgresql", &["errcodes.txt"])
        .ok_or("there is no errcodes.txt below /usr/share/postgresql; install PostgreSQL")?;
    let registry = cargo_home()?.join("registry/src");
    let header = fs::read_dir(&registry)
        .into_iter()
        .flatten()
        .flatten()
        .find_map(|index| newest(index.path(), &["sqlite3", "sqlite3.h"]))
        .ok_or("there is no libsqlite3-sys in cargo's registry; build the workspace first")?;

    let mut text = String::from(
        "//! The codes that PostgreSQL and SQLite document. `cargo xtask codes` wrote this, from the servers' own files.\n\n",
    );
    list(
        &mut text,
        "`errcodes.txt` of PostgreSQL 15, with what 17 and 18 have added.",
        "SQLSTATES: &[(&str, &str)]",
        sqlstates(&read(&errcodes)?)
            .iter()
            .map(|(code, name)| format!("(\"{code}\", \"{name}\")")),
    );
    text.push('\n');
    list(
        &mut text,
        "`sqlite3.h` of SQLite 3.51.",
        "SQLITE: &[(i32, &str)]",
        sqlite(&read(&header)?)
            .iter()
            .map(|(code, name)| format!("({code}, \"{name}\")")),
    );
    let path = servers::workspace().join("runtime/src/classify/codes.rs");
    fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn list(text: &mut String, source: &str, name: &str, rows: impl Iterator<Item = String>) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "/// {source}\npub(crate) const {name} = &[");
    for row in rows {
        let _ = writeln!(text, "    {row},");
    }
    text.push_str("];\n");
}

/// The lines `sqlstate E/W/S macro_name condition_name`. Some codes have two macros, and the first may have no name.
fn sqlstates(errcodes: &str) -> BTreeMap<String, String> {
    let mut codes: BTreeMap<String, String> = LATER
        .iter()
        .map(|(code, name)| ((*code).to_owned(), (*name).to_owned()))
        .collect();
    for line in errcodes.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [code, "E" | "W" | "S", name, ref rest @ ..] = words[..] else {
            continue;
        };
        let lower = name.trim_start_matches("ERRCODE_").to_lowercase();
        let name = rest.first().map_or(lower, |name| (*name).to_owned());
        let slot = codes.entry(code.to_owned()).or_default();
        if slot.is_empty() || !rest.is_empty() {
            *slot = name;
        }
    }
    codes
}

/// `#define SQLITE_BUSY 5` and `#define SQLITE_BUSY_TIMEOUT (SQLITE_BUSY | (3<<8))`, from the first of the result
/// codes to the last.
fn sqlite(header: &str) -> BTreeMap<i32, String> {
    let mut codes = BTreeMap::new();
    let mut primary: BTreeMap<&str, i32> = BTreeMap::new();
    let results = header
        .lines()
        .skip_while(|line| !line.starts_with("#define SQLITE_OK "))
        .take_while(|line| !line.contains("Flags For File Open Operations"));
    for line in results {
        let Some((name, value)) = line
            .strip_prefix("#define ")
            .and_then(|rest| rest.split_once(char::is_whitespace))
        else {
            continue;
        };
        let value = value.split("/*").next().unwrap_or_default().trim();
        let number = match value.strip_prefix('(') {
            None => value.parse().ok(),
            Some(inside) => extended(inside, &primary),
        };
        if let Some(number) = number {
            primary.entry(name).or_insert(number);
            codes.insert(number, name.to_owned());
        }
    }
    codes
}

/// `SQLITE_BUSY | (3<<8))`
fn extended(text: &str, primary: &BTreeMap<&str, i32>) -> Option<i32> {
    let (name, shifted) = text.split_once('|')?;
    let digits: String = shifted
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    Some(primary.get(name.trim())? | (digits.parse::<i32>().ok()? << 8))
}

/// Returns the file in the directory that comes last by name, such as the directory of the newest version.
fn newest(parent: impl AsRef<Path>, file: &[&str]) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| file.iter().fold(entry.path(), |path, part| path.join(part)))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.pop()
}

fn cargo_home() -> Result<PathBuf, String> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
        .ok_or_else(|| "neither CARGO_HOME nor HOME is set".to_owned())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
