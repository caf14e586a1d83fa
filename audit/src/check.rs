//! `cargo demarcate check`: every mistake that tokens can tell.

use std::fmt;

use demarcate_rules::{Args, Errors, Level, Mistake};
use serde::Serialize;

use crate::visit::Seen;

/// The number of visited functions, and their mistakes.
#[derive(Default)]
pub(crate) struct Check {
    pub(crate) found: Vec<Finding>,
    functions: usize,
}

/// One mistake.
#[derive(Serialize)]
pub(crate) struct Finding {
    file: String,
    line: usize,
    column: usize,
    level: &'static str,
    /// The rule's code; none where the attribute itself is written wrongly.
    rule: Option<&'static str>,
    message: String,
    help: Option<String>,
}

impl Check {
    /// Sorts the mistakes of each file by their places.
    pub(crate) fn sort(&mut self) {
        for of_file in self.found.chunk_by_mut(|one, other| one.file == other.file) {
            of_file.sort_by_key(|finding| (finding.line, finding.column));
        }
    }

    /// Whether something was found that stops a build.
    pub(crate) fn is_refused(&self) -> bool {
        self.count(ERROR) > 0
    }

    pub(crate) fn summary(&self) -> String {
        let Self { functions, .. } = self;
        let (errors, warnings) = (self.count(ERROR), self.count(WARNING));
        format!("functions: {functions}, errors: {errors}, warnings: {warnings}")
    }

    fn count(&self, level: &str) -> usize {
        self.found.iter().filter(|one| one.level == level).count()
    }
}

const ERROR: &str = "error";
const WARNING: &str = "warning";

impl Seen for Check {
    fn arguments(&mut self, _: &str, _: &str, _: &Args) {}

    fn mistakes(&mut self, file: &str, errors: &Errors) {
        // A function inside another is looked at with both.
        for finding in errors.iter().map(|mistake| Finding::of(file, mistake)) {
            if !self.found.iter().any(|other| other.is_same(&finding)) {
                self.found.push(finding);
            }
        }
    }

    fn function(&mut self) {
        self.functions += 1;
    }
}

impl Finding {
    fn is_same(&self, other: &Self) -> bool {
        let place = |one: &Self| (one.line, one.column, one.rule);
        self.file == other.file
            && place(self) == place(other)
            && (self.rule.is_some() || self.message == other.message)
    }

    fn of(file: &str, mistake: &Mistake) -> Self {
        let Mistake {
            rule, level, error, ..
        } = mistake;
        let start = error.span().start();
        let text = error.to_string();
        let (message, help) = match text.split_once("\nhelp: ") {
            Some((message, help)) => (message, Some(help.to_owned())),
            None => (text.as_str(), None),
        };
        let rule = rule.map(|rule| rule.code);
        let message = rule
            .and_then(|code| message.strip_prefix(code))
            .map_or(message, |rest| rest.trim_start_matches([':', ' ']));
        Self {
            file: file.to_owned(),
            line: start.line,
            column: start.column + 1,
            level: match level {
                Level::Deny => ERROR,
                Level::Warn => WARNING,
            },
            rule,
            message: message.to_owned(),
            help,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
            ..
        } = self;
        write!(f, "{file}:{line}:{column}: ")?;
        if self.level == WARNING {
            write!(f, "warning: ")?;
        }
        if let Some(rule) = self.rule {
            write!(f, "{rule}: ")?;
        }
        write!(f, "{message}")?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}
