//! The bytes of a file, inflated, counted and cut off at the limits.
//!
//! A sitemap is never held in memory as a whole: it is inflated and read as it arrives, and
//! whatever exceeds a limit is refused at that byte. A gzip bomb costs no more than any other file.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::{Limits, Problem};

/// A file inside a gzip file inside a gzip file is nobody's sitemap. Two happen: a `.xml.gz` which
/// the server compresses once more on the way.
const GZIP_LAYERS: u8 = 2;
/// Sitemaps shrink to a tenth, very dull ones to a hundredth; gzip can do a thousandth.
const BOMB_RATIO: u64 = 500;
/// A small file may shrink as it likes.
const BOMB_SIZE: u64 = 1024 * 1024;
const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const UTF8_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
const UTF16_MARKS: [&[u8]; 2] = [&[0xfe, 0xff], &[0xff, 0xfe]];

/// A file, ready for the XML reader.
pub(super) struct Input {
    /// What to read: without a byte order mark, and within the limits.
    pub(super) text: Metered<Box<dyn BufRead>>,
    /// Whether it was compressed.
    pub(super) gzipped: bool,
}

impl Input {
    /// Looks at the first bytes and inflates if they are gzip's.
    ///
    /// Neither the name nor a header is asked: `.xml.gz` arrives as `application/gzip`, as
    /// `application/octet-stream`, with `Content-Encoding: gzip`, with both, or already inflated.
    ///
    /// # Errors
    ///
    /// Where the first bytes cannot be read, are damaged, or are not UTF-8.
    pub(super) fn open(raw: impl Read + 'static, limits: &Limits) -> Result<Self, Problem> {
        let mut source: Box<dyn BufRead> = Box::new(BufReader::new(raw));
        let mut layers = 0;
        let text = loop {
            let mut head = Vec::new();
            source
                .by_ref()
                .take(3)
                .read_to_end(&mut head)
                .map_err(problem)?;
            if head.starts_with(GZIP_MAGIC) {
                layers += 1;
                if layers > GZIP_LAYERS {
                    return Err(Problem::Gzip(io::Error::other(
                        "compressed again and again",
                    )));
                }
                let packed = Cursor::new(head).chain(source);
                source = Box::new(BufReader::new(Inflate::new(packed)));
                continue;
            }
            if UTF16_MARKS.iter().any(|mark| head.starts_with(mark)) {
                return Err(Problem::NotUtf8);
            }
            if head == UTF8_MARK {
                break source;
            }
            break Box::new(Cursor::new(head).chain(source));
        };
        Ok(Self {
            text: Metered::new(text, limits),
            gzipped: layers > 0,
        })
    }
}

/// What an error of a reader made here means.
pub(super) fn problem(error: io::Error) -> Problem {
    match error.downcast::<Problem>() {
        Ok(problem) => problem,
        Err(error) => Problem::File(error),
    }
}

/// Inflates, tells damaged data from a source that cannot be read, and stops at what no honest file
/// does.
struct Inflate<R> {
    decoder: MultiGzDecoder<Counted<R>>,
    inflated: u64,
}

impl<R: BufRead> Inflate<R> {
    fn new(packed: R) -> Self {
        let packed = Counted {
            inner: packed,
            bytes: 0,
        };
        Self {
            decoder: MultiGzDecoder::new(packed),
            inflated: 0,
        }
    }

    fn is_bomb(&self) -> bool {
        self.inflated > BOMB_SIZE && self.inflated / BOMB_RATIO > self.decoder.get_ref().bytes
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self
            .decoder
            .read(buffer)
            .map_err(|error| match error.downcast::<Problem>() {
                Ok(problem) => io::Error::other(problem),
                Err(error) => io::Error::other(Problem::Gzip(error)),
            });
        self.inflated += *read.as_ref().unwrap_or(&0) as u64;
        if self.is_bomb() {
            return Err(io::Error::other(Problem::GzipBomb(BOMB_RATIO)));
        }
        read
    }
}

/// Counts bytes as they are used.
struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.bytes += amount as u64;
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.inner.read(buffer)?;
        self.bytes += amount as u64;
        Ok(amount)
    }
}

/// Counts bytes and lines, and refuses to go beyond the limits.
pub(super) struct Metered<R> {
    inner: R,
    file_bytes: u64,
    token_bytes: u64,
    bytes: u64,
    token: u64,
    line: u64,
}

impl<R> Metered<R> {
    fn new(inner: R, limits: &Limits) -> Self {
        let Limits {
            file_bytes,
            token_bytes,
            ..
        } = *limits;
        Self {
            inner,
            file_bytes,
            token_bytes,
            bytes: 0,
            token: 0,
            line: 1,
        }
    }

    /// Begins a token; the limit of one counts from here.
    pub(super) fn begin_token(&mut self) {
        self.token = 0;
    }

    /// Bytes read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The line that is being read, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    fn refusal(&self) -> Option<Problem> {
        if self.bytes == self.file_bytes {
            return Some(Problem::TooLarge(self.file_bytes));
        }
        if self.token == self.token_bytes {
            return Some(Problem::LongToken {
                line: self.line,
                limit: self.token_bytes,
            });
        }
        None
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let refusal = self.refusal();
        let within = (self.file_bytes - self.bytes).min(self.token_bytes - self.token);
        let buffer = self.inner.fill_buf()?;
        // A file that ends exactly at the limit is within it.
        if let Some(problem) = refusal.filter(|_| !buffer.is_empty()) {
            return Err(io::Error::other(problem));
        }
        let within = usize::try_from(within)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        Ok(&buffer[..within])
    }

    fn consume(&mut self, amount: usize) {
        // The bytes about to go are still in the buffer, so this neither reads nor fails.
        if let Ok(buffer) = self.inner.fill_buf() {
            self.line += buffer[..amount]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count() as u64;
        }
        self.bytes += amount as u64;
        self.token += amount as u64;
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let amount = self.fill_buf()?.read(buffer)?;
        self.consume(amount);
        Ok(amount)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: Vec<u8>, limits: &Limits) -> Result<String, Problem> {
        let mut input = Input::open(Cursor::new(bytes), limits)?;
        let mut text = String::new();
        input.text.read_to_string(&mut text).map_err(problem)?;
        Ok(text)
    }

    #[test]
    fn text_is_the_same_plain_marked_compressed_or_compressed_twice() {
        let limits = Limits::default();
        let marked = [UTF8_MARK, b"<a/>"].concat();
        let in_two_members = [gzip(b"<a"), gzip(b"/>")].concat();
        for bytes in [
            b"<a/>".to_vec(),
            marked.clone(),
            gzip(b"<a/>"),
            gzip(&gzip(&marked)),
            in_two_members,
        ] {
            assert_eq!(read(bytes, &limits).unwrap(), "<a/>");
        }
        assert_eq!(read(Vec::new(), &limits).unwrap(), "");
        assert_eq!(read(b"<".to_vec(), &limits).unwrap(), "<");
    }

    #[test]
    fn damaged_gzip_data_is_named() {
        let mut bytes = gzip(&b"<a/>".repeat(1000));
        bytes.truncate(bytes.len() - 12);
        assert!(matches!(
            read(bytes, &Limits::default()),
            Err(Problem::Gzip(_))
        ));
        assert!(matches!(
            read(gzip(&gzip(&gzip(b"<a/>"))), &Limits::default()),
            Err(Problem::Gzip(_))
        ));
    }

    #[test]
    fn a_bomb_is_known_by_how_far_it_inflates() {
        let bomb = gzip(&vec![b' '; 8 << 20]);
        let limits = Limits {
            token_bytes: u64::MAX,
            ..Limits::default()
        };
        for bytes in [gzip(&bomb), bomb] {
            assert!(matches!(
                read(bytes, &limits),
                Err(Problem::GzipBomb(BOMB_RATIO))
            ));
        }
        assert!(read(gzip(&vec![b' '; 1 << 20]), &limits).is_ok());
    }

    #[test]
    fn the_limit_of_a_file_counts_inflated_bytes() {
        let limits = Limits {
            file_bytes: 1000,
            ..Limits::default()
        };
        assert_eq!(read(gzip(&[b' '; 1000]), &limits).unwrap().len(), 1000);
        assert!(matches!(
            read(gzip(&[b' '; 1001]), &limits),
            Err(Problem::TooLarge(1000))
        ));
    }

    #[test]
    fn the_limit_of_a_token_counts_from_its_beginning() {
        let limits = Limits {
            token_bytes: 10,
            ..Limits::default()
        };
        let mut text = Input::open(&b"12345\n7890\n23"[..], &limits).unwrap().text;
        text.read_exact(&mut [0; 8]).unwrap();
        text.begin_token();
        let mut rest = String::new();
        text.read_to_string(&mut rest).unwrap();
        assert_eq!(
            (rest.as_str(), text.line(), text.bytes_read()),
            ("90\n23", 3, 13)
        );

        let error = read(b"12345\n78901".to_vec(), &limits).unwrap_err();
        assert!(matches!(error, Problem::LongToken { line: 2, limit: 10 }));
    }
}
