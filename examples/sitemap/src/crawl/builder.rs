//! From XML events to a [`Sitemap`].

use std::{collections::HashSet, mem};

use url::Url;

use super::{
    NAMESPACE, Problem, lastmod,
    sitemap::{Content, PageUrl, Sitemap, Warnings},
};

/// URLs are shorter than this, says the protocol.
const LOC_LENGTH: usize = 2048;
const CHANGEFREQ: [&str; 7] = [
    "always", "hourly", "daily", "weekly", "monthly", "yearly", "never",
];

/// Collects entries. The tree has three levels that matter: root, entry, field.
pub(super) struct Builder {
    max_urls: usize,
    root: Option<Root>,
    depth: usize,
    in_entry: bool,
    field: Option<Field>,
    text: String,
    entry: Entry,
    pages: Vec<PageUrl>,
    sitemaps: Vec<Url>,
    seen: HashSet<String>,
    warnings: Warnings,
}

struct Root {
    is_index: bool,
    /// `None` for a file that declares none, which is common and harmless.
    namespace: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Field {
    Loc,
    Lastmod,
    Changefreq,
    Priority,
}

/// The fields of one entry, as written.
#[derive(Default)]
struct Entry {
    loc: Option<String>,
    lastmod: Option<String>,
    changefreq: Option<String>,
    priority: Option<String>,
}

impl Builder {
    pub(super) fn new(max_urls: usize) -> Self {
        Self {
            max_urls,
            root: None,
            depth: 0,
            in_entry: false,
            field: None,
            text: String::new(),
            entry: Entry::default(),
            pages: Vec::new(),
            sitemaps: Vec::new(),
            seen: HashSet::new(),
            warnings: Warnings::default(),
        }
    }

    pub(super) fn has_root(&self) -> bool {
        self.root.is_some()
    }

    /// An element begins.
    pub(super) fn start(
        &mut self,
        namespace: Option<&str>,
        name: &str,
        line: u64,
    ) -> Result<(), Problem> {
        self.depth += 1;
        let Some(root) = &self.root else {
            self.root = Some(Root::of(namespace, name)?);
            return Ok(());
        };
        let ours = namespace == root.namespace;
        match self.depth {
            1 => {
                let reason = "a second root element begins".to_owned();
                return Err(Problem::Malformed { line, reason });
            }
            2 => {
                self.in_entry = ours && name == if root.is_index { "sitemap" } else { "url" };
                self.entry = Entry::default();
            }
            3 if ours && self.in_entry => {
                self.field = Field::of(name);
                self.text.clear();
            }
            _ => {}
        }
        Ok(())
    }

    /// Text, with entities replaced.
    pub(super) fn text(&mut self, text: &str, line: u64) -> Result<(), Problem> {
        if self.depth == 0 && !text.trim().is_empty() {
            return match self.root {
                None => Err(Problem::NotXml),
                Some(_) => Err(Problem::Malformed {
                    line,
                    reason: "there is text after the last element".to_owned(),
                }),
            };
        }
        if self.depth == 3 && self.field.is_some() {
            self.text.push_str(text);
        }
        Ok(())
    }

    /// An element ends.
    pub(super) fn end(&mut self) -> Result<(), Problem> {
        let depth = self.depth;
        self.depth -= 1;
        match depth {
            3 => self.end_field(),
            2 if mem::take(&mut self.in_entry) => self.end_entry()?,
            _ => {}
        }
        Ok(())
    }

    /// The file ends.
    pub(super) fn finish(
        mut self,
        bytes: u64,
        line: u64,
        gzipped: bool,
    ) -> Result<Sitemap, Problem> {
        let Some(root) = self.root else {
            return Err(if bytes == 0 {
                Problem::Empty
            } else {
                Problem::NotXml
            });
        };
        if self.depth > 0 {
            let reason = "the file ends before its last element is closed".to_owned();
            return Err(Problem::Malformed { line, reason });
        }
        if root.namespace.is_none() {
            self.warnings.add(|| {
                format!("the root element has no namespace; write `xmlns=\"{NAMESPACE}\"`")
            });
        }
        let content = if root.is_index {
            Content::Index(self.sitemaps)
        } else {
            Content::UrlSet(self.pages)
        };
        Ok(Sitemap {
            content,
            gzipped,
            bytes,
            warnings: self.warnings,
        })
    }

    fn end_field(&mut self) {
        let Some(field) = self.field.take() else {
            return;
        };
        let slot = match field {
            Field::Loc => &mut self.entry.loc,
            Field::Lastmod => &mut self.entry.lastmod,
            Field::Changefreq => &mut self.entry.changefreq,
            Field::Priority => &mut self.entry.priority,
        };
        let text = self.text.trim();
        if slot.is_some() || text.is_empty() {
            self.warnings
                .add(|| "an element is empty or given twice".to_owned());
            return;
        }
        *slot = Some(text.to_owned());
    }

    fn end_entry(&mut self) -> Result<(), Problem> {
        let entry = mem::take(&mut self.entry);
        let Some(loc) = entry.loc else {
            self.warnings.add(|| "an entry has no `<loc>`".to_owned());
            return Ok(());
        };
        let Some(url) = page_address(&loc) else {
            self.warnings
                .add(|| format!("`{}` is not a full http or https URL", shortened(&loc)));
            return Ok(());
        };
        if !self.seen.insert(loc.clone()) {
            self.warnings
                .add(|| format!("`{}` is listed twice", shortened(&loc)));
            return Ok(());
        }
        if self.seen.len() > self.max_urls {
            return Err(Problem::TooManyUrls(self.max_urls));
        }
        if self.root.as_ref().is_some_and(|root| root.is_index) {
            self.sitemaps.push(url);
            return Ok(());
        }
        let page = PageUrl {
            loc,
            lastmod: self.valid("lastmod", entry.lastmod, lastmod::parse),
            changefreq: self.valid("changefreq", entry.changefreq, changefreq),
            priority: self.valid("priority", entry.priority, priority),
        };
        self.pages.push(page);
        Ok(())
    }

    /// The value of an optional field; one that cannot be read is worth a warning, and no more.
    fn valid<T>(
        &mut self,
        name: &str,
        text: Option<String>,
        parse: fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = text?;
        let value = parse(&text);
        if value.is_none() {
            self.warnings
                .add(|| format!("`{}` is not a valid `<{name}>`", shortened(&text)));
        }
        value
    }
}

impl Root {
    fn of(namespace: Option<&str>, name: &str) -> Result<Self, Problem> {
        let is_index = match name {
            "urlset" => false,
            "sitemapindex" => true,
            _ => return Err(Problem::WrongRoot(shortened(name))),
        };
        match namespace {
            None => Ok(Self {
                is_index,
                namespace: None,
            }),
            Some(NAMESPACE) => Ok(Self {
                is_index,
                namespace: Some(NAMESPACE),
            }),
            Some(other) => Err(Problem::WrongNamespace(shortened(other))),
        }
    }
}

impl Field {
    fn of(name: &str) -> Option<Self> {
        match name {
            "loc" => Some(Self::Loc),
            "lastmod" => Some(Self::Lastmod),
            "changefreq" => Some(Self::Changefreq),
            "priority" => Some(Self::Priority),
            _ => None,
        }
    }
}

fn page_address(loc: &str) -> Option<Url> {
    // No XML holds a NUL, and no PostgreSQL stores one.
    if loc.len() >= LOC_LENGTH || loc.contains('\0') {
        return None;
    }
    Url::parse(loc)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
}

fn changefreq(text: &str) -> Option<String> {
    // The protocol writes them in lower case; half of the web does not.
    let text = text.to_ascii_lowercase();
    CHANGEFREQ.contains(&text.as_str()).then_some(text)
}

fn priority(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|priority| (0.0..=1.0).contains(priority))
}

/// Enough of a text to recognise it by, and nothing that could not be stored.
fn shortened(text: &str) -> String {
    let text = text.replace('\0', "\u{fffd}");
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
