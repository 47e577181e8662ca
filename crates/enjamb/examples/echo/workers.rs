//! The threads of a server. Each has an executor, and, if the server is compiled code, an instance of its own;
//! all accept connections from one socket.

use crate::compiled::Server;
use crate::plain;
use enjamb::prelude::*;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;

/// What answers requests on a thread.
#[derive(Clone)]
pub enum Kind {
    Compiled(Server),
    Plain,
}

impl Kind {
    /// One for each of so many threads.
    pub fn of_workers(count: usize, plain: bool, config: Config) -> Result<Vec<Kind>, Error> {
        if plain {
            return Ok(vec![Kind::Plain; count]);
        }
        let module = Server::module(config)?;
        (0..count).map(|_| Server::new(&module).map(Kind::Compiled)).collect()
    }

    async fn serve(self, stream: TcpStream) {
        // What goes wrong on a connection concerns nobody else.
        match self {
            Kind::Compiled(server) => drop(server.serve(stream).await),
            Kind::Plain => drop(plain::serve(stream).await),
        }
    }
}

/// Starts the threads, which run as long as the process. A connection may last so long. Gives the address.
pub fn start(kinds: Vec<Kind>, longest: Duration) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    // More may wait to be accepted than the standard library thinks.
    rustix::net::listen(&listener, 4096)?;
    for kind in kinds {
        let listener = listener.try_clone()?;
        let executor = Builder::new_current_thread().enable_all().build()?;
        thread::spawn(move || executor.block_on(accept(listener, kind, longest)));
    }
    listener.local_addr()
}

async fn accept(listener: TcpListener, kind: Kind, longest: Duration) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        match listener.accept().await {
            // A connection that is gone already is not served.
            Ok((stream, _)) if stream.set_nodelay(true).is_err() => {}
            Ok((stream, _)) => drop(tokio::spawn(timeout(longest, kind.clone().serve(stream)))),
            // Descriptors may be used up for a while.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
