//! robots.txt, of which only the `Sitemap:` lines matter here.
//!
//! <https://www.rfc-editor.org/rfc/rfc9309> leaves them to
//! <https://www.sitemaps.org/protocol.html#submit_robots>.

use url::Url;

/// Bytes of a robots.txt that are read; RFC 9309 asks for this many, and the rest may be ignored.
pub(super) const ENOUGH: usize = 500 * 1024;

/// The sitemaps that a robots.txt names, in its order, each once.
///
/// They are to be full URLs; a path alone is common and understood. What is not a URL is passed
/// over, as the RFC asks for lines that a reader does not understand.
pub(super) fn sitemaps(text: &[u8], site: &Url) -> Vec<Url> {
    let text = String::from_utf8_lossy(text);
    let mut found = Vec::new();
    for line in text.trim_start_matches('\u{feff}').split(['\n', '\r']) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if !name.trim().eq_ignore_ascii_case("sitemap") {
            continue;
        }
        // A `#` begins a comment only after a blank: it may stand in a URL.
        let value = value
            .split([' ', '\t'])
            .find(|word| !word.is_empty())
            .unwrap_or_default();
        if value.is_empty() || value.starts_with('#') {
            continue;
        }
        if let Ok(url) = site.join(value)
            && !found.contains(&url)
        {
            found.push(url);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<String> {
        let site = Url::parse("https://shop.example/").unwrap();
        sitemaps(text, &site).iter().map(Url::to_string).collect()
    }

    #[test]
    fn sitemap_lines_are_found_wherever_they_stand() {
        let text = b"\xef\xbb\xbfSitemap: https://shop.example/a.xml\r\nUser-agent: *\r\nDisallow: /cart\r\n\
            \n  SITEMAP :\thttps://cdn.example/b.xml.gz # the large one\n";
        assert_eq!(
            read(text),
            ["https://shop.example/a.xml", "https://cdn.example/b.xml.gz"]
        );
    }

    #[test]
    fn a_path_is_understood_and_a_repetition_is_not_counted() {
        assert_eq!(
            read(b"sitemap: /a.xml\nsitemap: https://shop.example/a.xml"),
            ["https://shop.example/a.xml"]
        );
    }

    #[test]
    fn other_lines_are_passed_over() {
        assert_eq!(read(b"# Sitemap: /no.xml\nSitemap:\nSitemap: # none\nSitemaps: /no.xml\nSitemap: http://[/\n\xff\xfe"), [""; 0]);
    }
}
