//! Both servers, and connections that behave in every way. Whatever they do, nothing is left of them.

use crate::compiled::Server;
use crate::load::{self, Client, Load};
use crate::protocol::{BUFFER, ECHO, HEAD, Head, SLEEP, request};
use crate::usage::{Usage, connections_allowed};
use crate::workers::{Kind, start};
use enjamb::prelude::*;
use futures::future::try_join_all;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any of it takes.
const LONG: Duration = Duration::from_secs(60);

/// Connections that all tests together want at once, with two servers each.
const CONNECTIONS: usize = 2 * (300 + 200 + 100 + 150);

/// So many connections; or fewer, if a process may not have that many descriptors here. Both ends are in this one,
/// and of all tests at once.
fn connections(wanted: usize) -> usize {
    let allowed = connections_allowed(2 * CONNECTIONS);
    wanted * allowed / (2 * CONNECTIONS)
}

/// A server of one thread that is compiled code, and where it is.
fn compiled(longest: Duration) -> Option<(Server, SocketAddr)> {
    connections_allowed(0);
    // Elsewhere it would be the interpreter, which blocks its thread when it waits.
    let module = Server::module(Config::new().count(true)).ok()?;
    let server = Server::new(&module).unwrap();
    let address = start(vec![Kind::Compiled(server.clone())], longest).unwrap();
    Some((server, address))
}

/// The addresses of a server of either kind.
fn addresses() -> Vec<SocketAddr> {
    let compiled = compiled(LONG).map(|(_, address)| address);
    compiled.into_iter().chain([start(vec![Kind::Plain], LONG).unwrap()]).collect()
}

fn block_on<F: Future>(future: F) -> F::Output {
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build();
    executor.unwrap().block_on(future)
}

/// Waits until a server has nothing left of its connections, and gives how many have not ended as they should.
fn broken_when_empty(server: &Server) -> i64 {
    let end = Instant::now() + LONG;
    let instance = server.instance();
    loop {
        // Its thread may be inside of the instance just now.
        if let (0, Ok(stats)) = (server.open(), instance.stats())
            && stats.continuations_live == 0
            && let Ok(Val::I64(broken)) = instance.global("broken").unwrap().get()
        {
            assert!(stats.suspensions > 0, "it has waited for all of them");
            return broken;
        }
        assert!(Instant::now() < end, "{} are open, {:?}", server.open(), instance.stats());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn every_answer_is_right() {
    for address in addresses() {
        let wanted = connections(300);
        let load = Load { connections: wanted, seconds: 0.3, think: Duration::from_millis(20) };
        let measured = block_on(load::run(address, load)).unwrap();
        let load::Figures([connections, bytes, requests, median, slow, ..]) = measured;
        assert_eq!(connections, wanted as f64);
        assert!(requests > 0.0 && median <= slow);
        assert!(bytes < 1e6, "{bytes} bytes for a connection");
        let text = measured.to_string();
        assert_eq!(text.parse::<load::Figures>().unwrap().to_string(), text);
    }
}

#[test]
fn connections_sleep_side_by_side() {
    for address in addresses() {
        let start = Instant::now();
        let count = connections(200) as u64;
        let sleeps = (0..count).map(|number| async move {
            let mut client = Client::connect(address, number).await?;
            client.check(SLEEP, 50 + number, b"zzz", 50 + number, &[]).await
        });
        block_on(try_join_all(sleeps)).unwrap();
        let elapsed = start.elapsed();
        let longest = Duration::from_millis(49 + count);
        assert!(elapsed >= longest && elapsed < LONG / 2, "{elapsed:?}");
    }
}

#[test]
fn who_says_that_it_is_done_is_answered_first() {
    for address in addresses() {
        block_on(async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let requests =
                [request(SLEEP, 20, b""), request(ECHO, 7, b"seven"), request(ECHO, 8, b"")];
            stream.write_all(&requests.concat()).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answers = Vec::new();
            stream.read_to_end(&mut answers).await.unwrap();
            assert_eq!(
                answers,
                [request(0, 20, b""), request(0, 7, b"seven"), request(0, 8, b"")].concat()
            );
        });
    }
}

#[test]
fn who_does_not_read_is_waited_for() {
    let payload = [7; BUFFER - HEAD];
    for address in addresses() {
        block_on(async {
            let mut slow = TcpStream::connect(address).await.unwrap();
            let mut sent = 0;
            let many = request(ECHO, 1, &payload).repeat(64);
            let start = Instant::now();
            // Until no more goes in, since the server waits to write. If it does not run just now it is too early.
            while start.elapsed() < LONG {
                let write = slow.write(&many[sent % many.len()..]);
                match tokio::time::timeout(Duration::from_millis(300), write).await {
                    Ok(count) => sent += count.unwrap(),
                    Err(_) if sent / BUFFER > 64 => break,
                    Err(_) => {}
                }
            }
            let mut other = Client::connect(address, 1).await.unwrap();
            other.next().await.unwrap();
            let whole = sent / BUFFER;
            assert!(whole > 64, "{sent} bytes");
            let mut answer = [0; BUFFER];
            for _ in 0..whole {
                slow.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer[..], request(0, 1, &payload));
            }
        });
    }
}

#[test]
fn who_breaks_off_is_counted_and_forgotten() {
    let Some((server, address)) = compiled(LONG) else { return };
    let count = connections(100) as u64;
    block_on(async {
        let clients = (0..count).map(|number| async move {
            let mut client = Client::connect(address, number).await?;
            client.next().await?;
            Ok::<_, std::io::Error>(client.into_stream())
        });
        for (number, mut stream) in try_join_all(clients).await.unwrap().into_iter().enumerate() {
            let head = Head { operation: ECHO, length: 100, argument: 0 };
            let (bytes, resets) = match number % 5 {
                // As it should be.
                0 => (Vec::new(), false),
                // While the server waits to read, before and in a request.
                1 => (Vec::new(), true),
                2 => (head.bytes().to_vec(), true),
                // In the midst of one; and one that is too long, or nobody knows.
                3 => (head.bytes().to_vec(), false),
                _ if number % 2 == 0 => (request(ECHO, 0, &[0; BUFFER]), false),
                _ => (request(99, 0, b"?"), false),
            };
            stream.write_all(&bytes).await.unwrap();
            if resets {
                stream.set_zero_linger().unwrap();
            }
        }
    });
    let good = count.div_ceil(5);
    assert_eq!(broken_when_empty(&server) as u64, count - good);
    block_on(async { Client::connect(address, 1).await?.next().await }).unwrap();
}

#[test]
fn who_takes_too_long_is_dropped_wherever_it_waits() {
    let Some((server, address)) = compiled(Duration::from_millis(200)) else { return };
    block_on(async {
        let mut streams = Vec::new();
        for number in 0..connections(150) {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let bytes = match number % 3 {
                0 => Vec::new(),
                1 => b"the head".to_vec(),
                _ => request(SLEEP, 3_600_000, b""),
            };
            stream.write_all(&bytes).await.unwrap();
            streams.push(stream);
        }
        for mut stream in streams {
            // Closed, or reset if something was not read.
            assert!(matches!(stream.read(&mut [0; 1]).await, Ok(0) | Err(_)));
        }
    });
    assert_eq!(broken_when_empty(&server), 0, "it was not their fault");
}

#[test]
fn a_server_knows_what_it_uses() {
    for address in addresses() {
        let usage =
            |usage| block_on(async move { Client::connect(address, 1).await?.usage(usage).await });
        let used = Usage::ALL.map(|which| usage(which).unwrap());
        assert!(used.iter().all(|&used| used > 0), "{used:?}");
    }
}
