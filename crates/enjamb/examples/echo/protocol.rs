//! Requests and answers: a head of 16 bytes and what follows. `server.enj` draws it.

/// Bytes of a head.
pub const HEAD: usize = 16;
/// Bytes of the buffer of a connection, in either server: the longest request.
pub const BUFFER: usize = 1024;

/// What is asked for.
pub const ECHO: u32 = 0;
pub const COMPUTE: u32 = 1;
pub const SLEEP: u32 = 2;
pub const USAGE: u32 = 3;

/// The head of a request, or of an answer, whose operation is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub operation: u32,
    /// Bytes that follow.
    pub length: u32,
    /// The argument; the result.
    pub argument: u64,
}

impl Head {
    pub fn read(bytes: &[u8; HEAD]) -> Head {
        let all = u128::from_le_bytes(*bytes);
        Head { operation: all as u32, length: (all >> 32) as u32, argument: (all >> 64) as u64 }
    }

    pub fn bytes(self) -> [u8; HEAD] {
        let all = u128::from(self.argument) << 64 | u128::from(self.length) << 32;
        (all | u128::from(self.operation)).to_le_bytes()
    }
}

/// A request as it is sent.
pub fn request(operation: u32, argument: u64, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u32;
    let mut bytes = Head { operation, length, argument }.bytes().to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

/// What `compute` gives: FNV-1a over bytes, again and again.
pub fn hash(bytes: &[u8], rounds: u64) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for _ in 0..rounds {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}
