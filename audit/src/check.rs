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
        self.found
            .extend(errors.iter().map(|mistake| Finding::of(file, mistake)));
    }

    fn function(&mut self) {
        self.functions += 1;
    }
}

impl Finding {
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
