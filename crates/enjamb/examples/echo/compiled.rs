//! The server in compiled code: `server.enj` in an instance for each worker, and what it asks of the host.

use crate::protocol::BUFFER;
use crate::usage::figure;
use enjamb::prelude::*;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

const PROGRAM: &str = include_str!("server.enj");

/// A stream that the futures of reads and writes share. It is locked while one of them is polled.
struct Stream(Mutex<TcpStream>);

impl Stream {
    fn with<R>(&self, run: impl FnOnce(Pin<&mut TcpStream>) -> R) -> R {
        run(Pin::new(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Reads what there is, into a buffer that nobody has to keep while there is nothing.
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        room: usize,
    ) -> Poll<io::Result<([u8; BUFFER], usize)>> {
        let mut bytes = [0; BUFFER];
        let mut buffer = ReadBuf::new(&mut bytes[..room.min(BUFFER)]);
        ready!(self.with(|stream| stream.poll_read(context, &mut buffer)))?;
        let count = buffer.filled().len();
        Poll::Ready(Ok((bytes, count)))
    }

    async fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            let write = |context: &mut Context<'_>| {
                self.with(|stream| stream.poll_write(context, &bytes[written..]))
            };
            written += poll_fn(write).await?;
        }
        Ok(())
    }
}

/// The streams of an instance by the numbers under which compiled code knows them. Numbers are used again,
/// and with them the buffers in its memory.
#[derive(Clone, Default)]
struct Streams(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    streams: Vec<Option<Arc<Stream>>>,
    free: Vec<u64>,
}

impl Streams {
    fn with<R>(&self, run: impl FnOnce(&mut Table) -> R) -> R {
        run(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn get(&self, number: u64) -> io::Result<Arc<Stream>> {
        let stream = self.with(|table| table.streams.get(number as usize).cloned().flatten());
        stream.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn open(&self, stream: TcpStream) -> Open {
        let stream = Some(Arc::new(Stream(Mutex::new(stream))));
        let number = self.with(|table| match table.free.pop() {
            Some(number) => {
                table.streams[number as usize] = stream;
                number
            }
            None => {
                table.streams.push(stream);
                table.streams.len() as u64 - 1
            }
        });
        Open { streams: self.clone(), number }
    }
}

/// A stream that is in the table. It is closed when this is dropped.
struct Open {
    streams: Streams,
    number: u64,
}

impl Drop for Open {
    fn drop(&mut self) {
        let closed = self.streams.with(|table| {
            table.free.push(self.number);
            table.streams[self.number as usize].take()
        });
        drop(closed);
    }
}

fn imports(streams: &Streams) -> Imports {
    let mut imports = Imports::new();
    let table = streams.clone();
    imports.async_func("net", "read", move |number: u64, at: u64, room: u64| {
        let stream = table.get(number);
        async move {
            let stream = stream?;
            let (bytes, count) =
                poll_fn(|context| stream.poll_read(context, room as usize)).await?;
            // Now that the bytes are there, they go into the memory, and the task goes on.
            Ok::<_, io::Error>(Completion::new(move |caller| {
                caller.memory("buffers")?.write(at, &bytes[..count])?;
                Ok::<_, Error>(count as u64)
            }))
        }
    });
    let table = streams.clone();
    imports.async_func(
        "net",
        "write",
        move |caller: &Caller<'_>, number: u64, at: u64, length: u64| {
            let stream = table.get(number);
            let mut bytes = vec![0; length.min(BUFFER as u64) as usize];
            let read = caller.memory("buffers").and_then(|buffers| buffers.read(at, &mut bytes));
            async move {
                read.map_err(io::Error::other)?;
                stream?.write_all(&bytes).await
            }
        },
    );
    imports.async_func("time", "sleep", |milliseconds: u64| {
        tokio::time::sleep(Duration::from_millis(milliseconds))
    });
    imports.func("server", "usage", figure);
    imports
}

/// A server for one thread.
#[derive(Clone)]
pub struct Server {
    serve: TypedFunc<(u64,), ()>,
    streams: Streams,
}

impl Server {
    pub fn new(module: &Module) -> Result<Server, Error> {
        let streams = Streams::default();
        let instance = Instance::new(module, &imports(&streams))?;
        Ok(Server { serve: instance.func("serve")?, streams })
    }

    /// The module that servers are instances of.
    pub fn module(config: Config) -> Result<Module, Error> {
        Module::from_text(&Engine::new(config)?, PROGRAM)
    }

    /// Answers the requests of a connection until there are no more.
    pub async fn serve(&self, stream: TcpStream) -> Result<(), Error> {
        let open = self.streams.open(stream);
        self.serve.call_async((open.number,)).await
    }

    /// The instance, to look into.
    #[cfg(test)]
    pub fn instance(&self) -> &Instance {
        self.serve.instance()
    }

    /// How many connections are open.
    #[cfg(test)]
    pub fn open(&self) -> usize {
        self.streams.with(|table| table.streams.len() - table.free.len())
    }
}
