//! How much of a site a scan is willing to read.

use std::time::Duration;

/// The limits of a scan; whatever exceeds one is refused, and named in the error.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Scans that go on at the same time; the others wait.
    pub scans: usize,
    /// Redirects that are followed for one file.
    pub redirects: usize,
    /// Bytes of one file: on the wire, and again once inflated. The protocol's own limit is 50 MB.
    pub file_bytes: u64,
    /// Inflated bytes of all files together: what bounds the memory of a scan.
    pub scan_bytes: u64,
    /// Bytes of one tag, text or comment: what bounds the memory of the XML reader.
    pub token_bytes: u64,
    /// URLs in one file. The protocol's own limit.
    pub file_urls: usize,
    /// Files in one scan.
    pub files: usize,
    /// Files on the way from the first index to a file with URLs. The protocol allows two: an
    /// index, and what it lists.
    pub depth: usize,
    /// How long a server may be silent: while it accepts the connection, and before each part of
    /// its answer.
    pub silence: Duration,
    /// How long one file may take.
    pub file_time: Duration,
    /// How long the whole scan may take.
    pub scan_time: Duration,
}

/// A mebibyte.
const MIB: u64 = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            scans: 8,
            redirects: 5,
            file_bytes: 50 * MIB,
            scan_bytes: 100 * MIB,
            token_bytes: 64 * 1024,
            file_urls: 50_000,
            files: 200,
            depth: 3,
            silence: Duration::from_secs(10),
            file_time: Duration::from_secs(60),
            scan_time: Duration::from_secs(5 * 60),
        }
    }
}
