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

/// What a trait of the user's adds to a session of ours is found before what ours says of the same name.
pub trait Locks {
    fn acquire(&mut self, key: i64) -> i64;
    fn pool(&self) -> &'static str;
}

impl Locks for demarcate::sqlite::Session {
    fn acquire(&mut self, key: i64) -> i64 {
        key
    }

    fn pool(&self) -> &'static str {
        "orders"
    }
}

#[demarcate::service]
pub async fn locked(tx: &mut demarcate::sqlite::Session) -> Result<(), demarcate::Error> {
    assert_eq!(tx.acquire(1), 1);
    assert_eq!((*tx).pool(), "orders");
    Ok(())
}

fn main() {}
