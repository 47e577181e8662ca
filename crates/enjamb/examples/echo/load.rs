//! A client with many connections, all open at once, that asks, checks what is answered, and measures.

use crate::protocol::{BUFFER, COMPUTE, ECHO, HEAD, Head, USAGE, hash, request};
use crate::usage::Usage;
use futures::future::try_join_all;
use std::fmt;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How many connections are being made at a time.
const AT_ONCE: usize = 256;
/// Bytes behind the head of a request.
pub const PAYLOAD: usize = 64;
/// Rounds of a `compute`.
pub const ROUNDS: u64 = 16;

/// A connection to a server.
pub struct Client {
    stream: TcpStream,
    /// What comes next, so that no two answers are alike.
    number: u64,
}

impl Client {
    pub async fn connect(address: SocketAddr, number: u64) -> Result<Client> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, number })
    }

    /// Asks for something, and gives the head of the answer and what follows.
    pub async fn ask(
        &mut self,
        operation: u32,
        argument: u64,
        payload: &[u8],
    ) -> Result<(Head, Vec<u8>)> {
        self.stream.write_all(&request(operation, argument, payload)).await?;
        let mut head = [0; HEAD];
        self.stream.read_exact(&mut head).await?;
        let head = Head::read(&head);
        let mut payload = vec![0; (head.length as usize).min(BUFFER)];
        self.stream.read_exact(&mut payload).await?;
        Ok((head, payload))
    }

    /// A figure of the server.
    pub async fn usage(&mut self, usage: Usage) -> Result<u64> {
        Ok(self.ask(USAGE, usage as u64, &[]).await?.0.argument)
    }

    /// The next request: mostly an echo, every fourth one has to be computed.
    pub async fn next(&mut self) -> Result<()> {
        self.number = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        let payload = self.number.to_le_bytes().repeat(PAYLOAD / 8);
        match self.number >> 62 {
            0 => self.check(COMPUTE, ROUNDS, &payload, hash(&payload, ROUNDS), &[]).await,
            _ => self.check(ECHO, self.number, &payload, self.number, &payload).await,
        }
    }

    /// Asks for something that gives this.
    pub async fn check(
        &mut self,
        operation: u32,
        argument: u64,
        payload: &[u8],
        result: u64,
        back: &[u8],
    ) -> Result<()> {
        let answer = self.ask(operation, argument, payload).await?;
        let expected = Head { operation: 0, length: back.len() as u32, argument: result };
        match answer == (expected, back.to_vec()) {
            true => Ok(()),
            false => Err(Error::other(format!("{answer:?} instead of {expected:?}"))),
        }
    }

    /// The stream alone, to treat badly.
    #[cfg(test)]
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }
}

/// What the client does.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub connections: usize,
    /// How long it asks without pause, and then with pauses.
    pub seconds: f64,
    /// How long a connection pauses behind an answer, on average.
    pub think: Duration,
}

/// What was measured, by [`NAMES`].
#[derive(Clone, Copy, Debug)]
pub struct Figures(pub [f64; NAMES.len()]);

/// The figures. *Busy*: nobody pauses; *calm*: all do.
pub const NAMES: [&str; 10] = [
    "connections, all open at once",
    "resident bytes of the server for each",
    "busy: requests a second",
    "busy: latency, median, µs",
    "busy: latency, 99 of 100, µs",
    "busy: processor time of the server, µs a request",
    "calm: requests a second",
    "calm: latency, median, µs",
    "calm: latency, 99 of 100, µs",
    "calm: processor time of the server, µs a request",
];

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        NAMES.iter().zip(self.0).try_for_each(|(name, value)| writeln!(f, "{name}: {value:.1}"))
    }
}

impl FromStr for Figures {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Figures, ()> {
        let value = |line: &str| line.rsplit_once(": ")?.1.parse::<f64>().ok();
        let values: Option<Vec<f64>> = text.lines().map(value).collect();
        values.ok_or(())?.try_into().map(Figures).map_err(drop)
    }
}

/// Puts the load on a server.
pub async fn run(address: SocketAddr, load: Load) -> Result<Figures> {
    let mut control = Client::connect(address, 0).await?;
    let before = control.usage(Usage::Resident).await?;
    let mut clients = Vec::new();
    while clients.len() < load.connections {
        let numbers = clients.len()..(clients.len() + AT_ONCE).min(load.connections);
        let made = try_join_all(numbers.map(|number| async move {
            let mut client = Client::connect(address, number as u64 + 1).await?;
            client.next().await?;
            Ok::<_, Error>(client)
        }));
        clients.append(&mut made.await?);
    }
    let bytes = control.usage(Usage::Resident).await?.saturating_sub(before);
    let (clients, busy) = phase(&mut control, clients, load.seconds, Duration::ZERO).await?;
    let (clients, calm) = phase(&mut control, clients, load.seconds, load.think).await?;
    let connections = clients.len() as f64;
    let [requests, median, slow, processor] = busy;
    let [calm_requests, calm_median, calm_slow, calm_processor] = calm;
    Ok(Figures([
        connections,
        bytes as f64 / connections.max(1.0),
        requests,
        median,
        slow,
        processor,
        calm_requests,
        calm_median,
        calm_slow,
        calm_processor,
    ]))
}

/// Lets all clients ask for some seconds. Gives requests a second, two latencies and processor time.
async fn phase(
    control: &mut Client,
    clients: Vec<Client>,
    seconds: f64,
    think: Duration,
) -> Result<(Vec<Client>, [f64; 4])> {
    let before = control.usage(Usage::Processor).await?;
    let start = Instant::now();
    let end = start + Duration::from_secs_f64(seconds);
    let tasks: Vec<_> =
        clients.into_iter().map(|client| tokio::spawn(ask_until(client, end, think))).collect();
    let (mut clients, mut latencies) = (Vec::new(), Vec::new());
    for task in tasks {
        let (client, mut some) = task.await??;
        clients.push(client);
        latencies.append(&mut some);
    }
    let elapsed = start.elapsed().as_secs_f64();
    let used = control.usage(Usage::Processor).await? - before;
    latencies.sort_unstable();
    let count = latencies.len().max(1);
    let at = |part: f64| {
        latencies.get((count as f64 * part) as usize).copied().unwrap_or_default() as f64
    };
    let processor = used as f64 / 1e3 / count as f64;
    let phase = [latencies.len() as f64 / elapsed, at(0.5) / 1e3, at(0.99) / 1e3, processor];
    Ok((clients, phase))
}

/// Asks again and again. Gives the nanoseconds until each answer.
async fn ask_until(
    mut client: Client,
    end: Instant,
    think: Duration,
) -> Result<(Client, Vec<u64>)> {
    let mut latencies = Vec::new();
    loop {
        // Not all at once.
        let pause = think.mul_f64(2.0 * (client.number >> 11) as f64 / (1_u64 << 53) as f64);
        if Instant::now() + pause >= end {
            return Ok((client, latencies));
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let start = Instant::now();
        client.next().await?;
        latencies.push(start.elapsed().as_nanos() as u64);
    }
}
