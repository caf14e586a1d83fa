//! Limits how many scans run at once, and how many wait for their turn.

use std::{num::NonZeroU16, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// How many scans run at once, and how many more are accepted and wait.
#[derive(Debug, Clone)]
pub struct ScanLimit {
    running: Arc<Semaphore>,
    accepted: Arc<Semaphore>,
    capacity: usize,
}

/// As many scans are accepted as the limit allows.
#[derive(Debug, thiserror::Error)]
#[error("too many scans are running or waiting; send the request again later")]
pub struct Busy;

impl ScanLimit {
    /// Allows `running` scans at once, and accepts `waiting` more.
    pub fn new(running: NonZeroU16, waiting: u16) -> Self {
        let running = usize::from(running.get());
        let capacity = running + usize::from(waiting);
        Self {
            running: Arc::new(Semaphore::new(running)),
            accepted: Arc::new(Semaphore::new(capacity)),
            capacity,
        }
    }

    /// How many scans are accepted at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Takes a place for a scan.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn place(&self) -> Result<ScanPlace, Busy> {
        let accepted = Arc::clone(&self.accepted);
        let permit = accepted.try_acquire_owned().map_err(|_| Busy)?;
        Ok(ScanPlace {
            running: Arc::clone(&self.running),
            _permit: Some(Arc::new(permit)),
        })
    }

    /// Takes a place for each of `count` scans, or none.
    ///
    /// # Errors
    ///
    /// If there are not so many.
    pub fn places(&self, count: usize) -> Result<Vec<ScanPlace>, Busy> {
        (0..count).map(|_| self.place()).collect()
    }
}

impl Default for ScanLimit {
    /// Eight at once; the largest batch may wait.
    fn default() -> Self {
        Self::new(DEFAULT_RUNNING, DEFAULT_WAITING)
    }
}

/// How many scans run at once by default.
pub const DEFAULT_RUNNING: NonZeroU16 = NonZeroU16::new(8).unwrap();

/// How many scans wait at most by default.
pub const DEFAULT_WAITING: u16 = 100;

/// The place of an accepted scan. It is free again when the last clone is dropped: when the scan has
/// ended, or when the transaction that accepted it was rolled back.
#[derive(Debug, Clone)]
pub struct ScanPlace {
    running: Arc<Semaphore>,
    _permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl ScanPlace {
    /// The place of a scan that runs alone, on the command line.
    pub fn alone() -> Self {
        Self {
            running: Arc::new(Semaphore::new(1)),
            _permit: None,
        }
    }

    /// Waits until the scan may run. The next one may when the permit is dropped.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // `None` if the semaphore is closed, which does not happen.
        self.running.acquire().await.ok()
    }
}
