//! What a client meets that comes to a server.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Door {
    /// Accepts, and never says anything.
    Silent,
    /// Accepts, and hangs up.
    HangsUp,
    /// Lets through after a while.
    Slow(Duration),
    Open,
}

/// How many clients the door has taken and not hung up on: each of them, and the listener, follows its state.
pub(crate) fn clients(door: &watch::Sender<Door>) -> usize {
    door.receiver_count().saturating_sub(1)
}

/// Stands in front of a server. It gives the URL through it.
pub(crate) async fn door(url: &str, first: Door) -> (String, watch::Sender<Door>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (before, place) = url.rsplit_once('@').unwrap();
    let (server, name) = place.split_once('/').unwrap();
    let through = format!("{before}@{}/{name}", listener.local_addr().unwrap());
    let (sender, state) = watch::channel(first);
    let server = server.to_owned();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((client, _)) = listener.accept().await {
            let after = match *state.borrow() {
                Door::Silent => {
                    silent.push((client, state.clone()));
                    continue;
                }
                Door::HangsUp => continue,
                Door::Slow(after) => after,
                Door::Open => Duration::ZERO,
            };
            let (server, state) = (server.clone(), state.clone());
            tokio::spawn(async move {
                let _state = state;
                let_through(client, server, after).await;
            });
        }
    });
    (through, sender)
}

async fn let_through(mut client: TcpStream, server: String, after: Duration) {
    tokio::time::sleep(after).await;
    let mut server = TcpStream::connect(server).await.unwrap();
    tokio::io::copy_bidirectional(&mut client, &mut server)
        .await
        .ok();
}
