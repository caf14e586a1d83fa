//! Reads the `.env` file.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::error::Error;

/// Reads the `.env` of the working directory or of its nearest ancestor that has one. Returns no variables if there is
/// none. The environment of the process is not changed.
pub(crate) fn read() -> Result<Vec<(String, String)>, Error> {
    let directory = env::current_dir().unwrap_or_default();
    match directory
        .ancestors()
        .map(|directory| directory.join(".env"))
        .find(|path| path.is_file())
    {
        Some(path) => read_file(&path),
        None => Ok(Vec::new()),
    }
}

fn read_file(path: &Path) -> Result<Vec<(String, String)>, Error> {
    let unreadable = |error: &io::Error| {
        Error::config(format!(
            "{} cannot be read: {error}; make it readable, or remove it",
            path.display()
        ))
    };
    let text = fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    dotenvy::from_read_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| match error {
            dotenvy::Error::Io(error) => unreadable(&error),
            // dotenvy's error quotes the line, and the line may contain a password.
            dotenvy::Error::LineParse(line, _) => wrong_line(path, &text, &line),
            _ => wrong_line(path, &text, ""),
        })
}

/// Returns an error with the number of the line, and without its text.
fn wrong_line(path: &Path, text: &str, line: &str) -> Error {
    let number = text
        .lines()
        .position(|candidate| !line.is_empty() && candidate.contains(line.trim_end()))
        .map(|index| format!(", line {}", index + 1));
    Error::config(format!(
        "{}{} cannot be read; write `NAME=value`, with single quotes around a value that holds spaces, `#`, `$` \
         or quotes",
        PathBuf::from(path).display(),
        number.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<(String, String)>, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".env");
        fs::write(&path, text).unwrap();
        let place = directory.path().display().to_string();
        read_file(&path).map_err(|error| error.to_string().replace(&place, ""))
    }

    #[test]
    fn quotes_comments_and_export_are_read() {
        let read = read_text(
            "# a comment\nexport DB_HOST=db\nDB_PASSWORD='a $b #c'\nDB_NAME=\"shop\" # ours\n",
        )
        .unwrap();
        let read: Vec<_> = read
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(
            read,
            [
                ("DB_HOST", "db"),
                ("DB_PASSWORD", "a $b #c"),
                ("DB_NAME", "shop")
            ]
        );
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_not_quoted() {
        let said = read_text("DB_HOST=db\nDB_PASSWORD=hunter2 and more\n").unwrap_err();
        assert!(
            said.starts_with("/.env, line 2 cannot be read; write `NAME=value`"),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
}
