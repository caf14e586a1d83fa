//! `cargo demarcate allows`: every rule that was lifted, where, and why.

use std::fmt;

use demarcate_rules::{Args, Errors};
use serde::Serialize;

use crate::visit::Seen;

/// The lifted rules, in the order of the files and of the items in them.
#[derive(Default)]
pub(crate) struct Allows {
    pub(crate) list: Vec<Allow>,
}

/// A rule that was lifted, or a `skip`.
#[derive(Serialize)]
pub(crate) struct Allow {
    file: String,
    line: usize,
    /// `create_order`, or `impl Orders`.
    function: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize)]
#[serde(tag = "what", rename_all = "lowercase")]
enum What {
    /// `allow(D021, reason = "..")`
    Allow {
        rule: &'static str,
        name: &'static str,
        /// `None` where it is missing, which is a mistake of its own.
        reason: Option<String>,
    },
    /// `skip`
    Skip,
}

impl Seen for Allows {
    fn arguments(&mut self, file: &str, function: &str, args: &Args) {
        let mut add = |line, what| {
            self.list.push(Allow {
                file: file.to_owned(),
                line,
                function: function.to_owned(),
                what,
            });
        };
        for allowed in &args.allow {
            let what = What::Allow {
                rule: allowed.rule.code,
                name: allowed.rule.name,
                reason: allowed.reason.as_ref().map(syn::LitStr::value),
            };
            add(allowed.word.span().start().line, what);
        }
        if let Some(skip) = &args.skip {
            add(skip.span().start().line, What::Skip);
        }
    }

    fn mistakes(&mut self, _: &str, _: &Errors) {}
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            function,
            what,
        } = self;
        write!(f, "{file}:{line}: {function}: ")?;
        match what {
            What::Allow { rule, name, reason } => {
                let reason = reason.as_deref().unwrap_or("no reason is given");
                write!(f, "{rule} {name}: {reason}")
            }
            What::Skip => write!(f, "skip"),
        }
    }
}
