//! The same server without compiled code: one Rust future for each connection.

use crate::protocol::{self, BUFFER, COMPUTE, ECHO, HEAD, Head, SLEEP, USAGE};
use crate::usage::figure;
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Answers the requests of a connection until there are no more.
pub async fn serve(mut stream: TcpStream) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut filled = 0;
    while let Some(rest) = request(&mut stream, &mut buffer, filled).await? {
        filled = rest;
    }
    Ok(())
}

/// Answers one request. Gives the bytes of later ones that are in the buffer already.
async fn request(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    filled: usize,
) -> Result<Option<usize>> {
    let filled = fill(stream, buffer, filled, HEAD).await?;
    let Some(&head) = buffer[..filled].first_chunk() else {
        return if filled == 0 { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
    };
    let head = Head::read(&head);
    let end = HEAD + head.length as usize;
    if end > BUFFER {
        return Err(Error::other("the request is too long"));
    }
    let filled = fill(stream, buffer, filled, end).await?;
    if filled < end {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let answer = answer(head, &buffer[HEAD..end]).await?;
    buffer[..HEAD].copy_from_slice(&answer.bytes());
    stream.write_all(&buffer[..HEAD + answer.length as usize]).await?;
    buffer.copy_within(end..filled, 0);
    Ok(Some(filled - end))
}

/// Reads until so many bytes are in the buffer, or there are no more. Gives how many there are.
async fn fill(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    mut filled: usize,
    wanted: usize,
) -> Result<usize> {
    while filled < wanted {
        match stream.read(&mut buffer[filled..]).await? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

async fn answer(head: Head, payload: &[u8]) -> Result<Head> {
    let argument = match head.operation {
        ECHO => return Ok(head),
        COMPUTE => protocol::hash(payload, head.argument),
        SLEEP => {
            tokio::time::sleep(Duration::from_millis(head.argument)).await;
            head.argument
        }
        USAGE => figure(head.argument),
        _ => return Err(Error::other("nobody knows this operation")),
    };
    Ok(Head { operation: 0, length: 0, argument })
}
