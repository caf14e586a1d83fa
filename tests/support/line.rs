//! A long line to a server: what goes over it arrives later, and nothing of it is read.
//!
//! It is for measurements. A [`Proxy`](crate::proxy) reads and keeps each message, and waits by tokio's timer, which counts
//! in milliseconds; here a thread for each direction of a connection waits by the system's.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::proxy::{address, split};

/// Listens on a free port of loopback, forwards to the server of `url` for as long as the process lives, and returns the
/// URL by which the server is reached over the line. A round trip takes longer by `round_trip`.
///
/// # Errors
///
/// Where no port is free.
///
/// # Panics
///
/// Where the URL has no user or no address.
pub fn to_url(url: &str, round_trip: Duration) -> io::Result<String> {
    let (before, server, after) = split(url);
    let server = address(server);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let own = listener.local_addr()?;
    let wait = exact(round_trip / 2);
    thread::spawn(move || accept(&listener, server, wait));
    Ok(format!("{before}{own}{after}"))
}

/// Returns the time to ask for, so that a sleep takes `time`: the system's sleeps take longer than they are asked for.
fn exact(time: Duration) -> Duration {
    const SAMPLES: usize = 41;
    let mut slept = [(); SAMPLES].map(|()| {
        let start = Instant::now();
        thread::sleep(time);
        start.elapsed()
    });
    // The median: now and then a machine that is busy takes much longer.
    slept.sort();
    let excess = slept[SAMPLES / 2].saturating_sub(time);
    time.saturating_sub(excess)
}

fn accept(listener: &TcpListener, server: SocketAddr, wait: Duration) {
    for client in listener.incoming().flatten() {
        thread::spawn(move || connect(client, server, wait));
    }
}

fn connect(client: TcpStream, server: SocketAddr, wait: Duration) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || forward(from_client, to_server, wait));
    forward(server, client, wait)
}

/// Forwards one direction until its source has ended, and ends its target.
fn forward(mut source: TcpStream, mut target: TcpStream, wait: Duration) -> io::Result<()> {
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let length = source.read(&mut chunk).unwrap_or_default();
        if length == 0 {
            return target.shutdown(Shutdown::Write);
        }
        if !wait.is_zero() {
            thread::sleep(wait);
        }
        target.write_all(&chunk[..length])?;
    }
}
