//! Somebody who answers every request in the same way: as much of HTTP/1.1 as that takes.

use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A head longer than this is none of ours.
const LONGEST_HEAD: usize = 64 * 1024;

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status.
    pub status: u16,
    /// Seconds of a `Retry-After`.
    pub retry_after: Option<u32>,
    /// Body; said to be JSON, whatever it is.
    pub body: &'static str,
}

impl HttpAnswer {
    /// A status and nothing else.
    pub const fn status(status: u16) -> Self {
        Self { status, retry_after: None, body: "{}" }
    }

    /// Success, with a body that is not what was asked for.
    pub const fn wrong_body() -> Self {
        Self { status: 200, retry_after: None, body: r#"{"oops":[1,2"# }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { status, retry_after, body } = self;
        let wait = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n")).unwrap_or_default();
        let length = body.len();
        format!(
            "HTTP/1.1 {status} As told\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{wait}\
             Connection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// Reads one request to its end; whether there was one.
pub(super) async fn asked(client: &mut TcpStream) -> io::Result<bool> {
    let mut received = Vec::with_capacity(4096);
    let head_ends = loop {
        if let Some(at) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if received.len() > LONGEST_HEAD || client.read_buf(&mut received).await? == 0 {
            return Ok(false);
        }
    };
    let ends = head_ends + length(&received[..head_ends]);
    while received.len() < ends {
        if client.read_buf(&mut received).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Answers, and ends the connection.
pub(super) async fn say(client: &mut TcpStream, said: &HttpAnswer) -> io::Result<()> {
    client.write_all(&said.bytes()).await?;
    client.shutdown().await
}

/// Bytes of the body. Callers here know how long what they send is.
fn length(head: &[u8]) -> usize {
    let text = String::from_utf8_lossy(head);
    let said = text.lines().filter_map(|line| line.split_once(':'));
    let said = said.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    said.map(|(_, value)| value.trim()).find_map(|value| value.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_as_long_as_its_head_says() {
        assert_eq!(length(b"POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 12\r\n\r\n"), 12);
        assert_eq!(length(b"GET / HTTP/1.1\r\n\r\n"), 0);
    }
}
