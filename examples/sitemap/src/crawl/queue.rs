//! Which files are still to be read.

use std::collections::{HashSet, VecDeque};

use url::Url;

use super::{Content, Problem, Sitemap};

/// The files that are still to be read, each with the way that led to it.
pub(super) struct Queue {
    waiting: VecDeque<Vec<Url>>,
    seen: HashSet<Url>,
    depth: usize,
}

impl Queue {
    pub(super) fn new(depth: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            seen: HashSet::new(),
            depth,
        }
    }

    pub(super) fn add(&mut self, url: Url) {
        if self.seen.insert(url.clone()) {
            self.waiting.push_back(vec![url]);
        }
    }

    /// Adds what an index lists. What two indexes list is read once; what lists itself is an error.
    pub(super) fn add_listed(&mut self, sitemap: &Sitemap, way: &[Url]) -> Result<(), Problem> {
        let Content::Index(listed) = &sitemap.content else {
            return Ok(());
        };
        for url in listed {
            if way.contains(url) {
                return Err(Problem::Circle);
            }
            if way.len() >= self.depth {
                return Err(Problem::TooDeep(self.depth));
            }
            if self.seen.insert(url.clone()) {
                self.waiting
                    .push_back([way, std::slice::from_ref(url)].concat());
            }
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> Option<Vec<Url>> {
        self.waiting.pop_front()
    }
}
