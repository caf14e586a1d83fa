//! A sitemap file, read as a stream.
//!
//! <https://www.sitemaps.org/protocol.html>

use quick_xml::{
    Error as XmlError,
    events::{BytesRef, Event},
    name::ResolveResult,
    reader::NsReader,
};

use super::{
    Limits, Problem,
    builder::Builder,
    input::{self, Input},
    sitemap::Sitemap,
};

/// The namespace of the protocol; elements of any other (images, videos, translations) are passed
/// over.
pub const NAMESPACE: &str = "http://www.sitemaps.org/schemas/sitemap/0.9";

/// Reads one file.
///
/// An entry without a usable `<loc>` is left out, and a `<lastmod>`, `<changefreq>` or `<priority>`
/// that is not valid is left away; both count as warnings. A file that is not well-formed is
/// refused as a whole.
///
/// # Errors
///
/// Where the file is not a sitemap, is damaged, or exceeds a limit.
pub(super) fn parse(input: Input, limits: &Limits) -> Result<Sitemap, Problem> {
    let mut reader = NsReader::from_reader(input.text);
    let mut builder = Builder::new(limits.file_urls);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        reader.get_mut().begin_token();
        let read = reader.read_event_into(&mut buffer);
        let line = reader.get_ref().line();
        let event = read.map_err(|error| explain(error, line, builder.has_root()))?;
        match event {
            Event::Start(element) => {
                let (namespace, name) = reader.resolver().resolve_element(element.name());
                builder.start(spelled(&namespace), name.as_ref(), line)?;
            }
            Event::Empty(element) => {
                let (namespace, name) = reader.resolver().resolve_element(element.name());
                builder.start(spelled(&namespace), name.as_ref(), line)?;
                builder.end()?;
            }
            Event::End(_) => builder.end()?,
            Event::Text(text) => builder.text(&text.xml10_content(), line)?,
            Event::CData(text) => builder.text(&text.xml10_content(), line)?,
            Event::GeneralRef(reference) => builder.text(&resolve(&reference, line)?, line)?,
            // A DOCTYPE can define entities, and so documents that grow without bound; none is
            // honoured.
            Event::DocType(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    let text = reader.get_ref();
    builder.finish(text.bytes_read(), text.line(), input.gzipped)
}

/// The namespace that an element is in, or `None` where it is in none.
fn spelled<'a>(namespace: &'a ResolveResult<'a>) -> Option<&'a str> {
    match namespace {
        ResolveResult::Bound(namespace) => Some(namespace.as_ref()),
        ResolveResult::Unknown(prefix) => Some(prefix),
        ResolveResult::Unbound => None,
    }
}

/// The text that `&name;` or `&#number;` stands for.
fn resolve(reference: &BytesRef<'_>, line: u64) -> Result<String, Problem> {
    let name: &str = reference;
    if let Some(text) = quick_xml::escape::resolve_predefined_entity(name) {
        return Ok(text.to_owned());
    }
    match reference.resolve_char_ref() {
        Ok(Some(char)) => Ok(char.to_string()),
        _ => {
            let name: String = name.chars().take(20).collect();
            let reason =
                format!("`&{name};` stands for no character, and an ampersand is written `&amp;`");
            Err(Problem::Malformed { line, reason })
        }
    }
}

/// What an error of the XML reader means for the person who wrote the file.
fn explain(error: XmlError, line: u64, has_root: bool) -> Problem {
    let reason = match error {
        XmlError::Io(error) => {
            // Ours, in the shared form that makes the reader's errors `Clone`; nobody else holds
            // it.
            return match std::sync::Arc::try_unwrap(error).map(input::problem) {
                Ok(Problem::LongToken { .. }) if !has_root => Problem::NotXml,
                Ok(problem) => problem,
                Err(shared) => {
                    Problem::File(std::io::Error::new(shared.kind(), shared.to_string()))
                }
            };
        }
        // What is not even text, or fails before the first element, was never meant to be XML.
        _ if !has_root => return Problem::NotXml,
        XmlError::Encoding(_) => return Problem::NotUtf8,
        XmlError::IllFormed(quick_xml::errors::IllFormedError::UnclosedReference) => {
            "an ampersand stands alone, write `&amp;`".to_owned()
        }
        error => error.to_string(),
    };
    Problem::Malformed { line, reason }
}
