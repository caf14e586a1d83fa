#![deny(warnings)]

//! A type of the user's own that is called like ours, in functions that are not marked.

pub struct Session {
    pub open: bool,
}

impl Session {
    pub fn commit(&mut self) {
        self.open = false;
    }
}

pub async fn close(session: &mut Session) {
    session.commit();
}

fn main() {}
