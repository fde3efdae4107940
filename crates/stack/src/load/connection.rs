//! One keep-alive connection, and as much of HTTP/1.1 as our services and nginx answer with: a head, and a body whose
//! length it says.

use anyhow::{Context as _, Result, bail, ensure};
use std::net::SocketAddr;
use std::ops::Range;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A head longer than this is none of ours.
const LONGEST_HEAD: usize = 16 * 1024;

/// An answer; its body is the connection's until the next request.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Status.
    pub(super) status: u16,
    body: Range<usize>,
}

/// A connection, opened when there is something to send.
pub(super) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    received: Vec<u8>,
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    closes: bool,
}

impl Connection {
    pub(super) fn to(address: SocketAddr) -> Self {
        Self { address, stream: None, received: Vec::with_capacity(4096) }
    }

    /// The body of the answer that was given last.
    pub(super) fn body(&self, answer: &Answer) -> &[u8] {
        self.received.get(answer.body.clone()).unwrap_or_default()
    }

    /// Lets go of the stream: the next request opens another.
    pub(super) fn close(&mut self) {
        self.stream = None;
    }

    /// Sends a request and reads its answer. After an error, or when its time has run out, the connection has to be
    /// closed: what comes next on it would be the answer to something else.
    pub(super) async fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        // A server may close what is idle (nginx does, when it reads another configuration): who sees that opens another.
        if self.stream.as_ref().is_none_or(is_closed) {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut().context("opened above")?;
        stream.write_all(request).await?;
        self.received.clear();
        let head_ends = loop {
            ensure!(stream.read_buf(&mut self.received).await? > 0, "closed before an answer");
            if let Some(at) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(self.received.len() < LONGEST_HEAD, "the head of the answer does not end");
        };
        let head = Head::parse(&self.received[..head_ends])?;
        let ends = head_ends + head.length;
        while self.received.len() < ends {
            ensure!(stream.read_buf(&mut self.received).await? > 0, "closed within an answer");
        }
        ensure!(self.received.len() == ends, "more came than was asked for");
        if head.closes {
            self.stream = None;
        }
        Ok(Answer { status: head.status, body: head_ends..ends })
    }
}

/// Whether the other side has ended it, or said what nobody asked for.
fn is_closed(stream: &TcpStream) -> bool {
    let nothing = stream.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    !nothing
}

impl Head {
    fn parse(head: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(head)?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|rest| rest.get(..3));
        let status: u16 = status.context("not HTTP/1.1")?.parse()?;
        // Neither has a body, and 204 says no length.
        let mut length = matches!(status, 204 | 304).then_some(0);
        let mut closes = false;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.parse()?);
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.eq_ignore_ascii_case("close");
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                bail!("an answer without a length: {value}");
            }
        }
        Ok(Self { status, length: length.context("an answer without a length")?, closes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_status_length_and_whether_the_connection_stays() {
        let head = |text: &str| Head::parse(text.as_bytes());
        let created = head("HTTP/1.1 201 Created\r\nContent-Length: 12\r\nx: y\r\n\r\n").unwrap();
        assert_eq!(created, Head { status: 201, length: 12, closes: false });
        let busy = head("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!(busy, Head { status: 503, length: 0, closes: true });
        assert_eq!(head("HTTP/1.1 204 No Content\r\n\r\n").unwrap().length, 0);
        head("HTTP/1.1 200 OK\r\n\r\n").unwrap_err();
        head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap_err();
        head("ICY 200 OK\r\n\r\n").unwrap_err();
    }
}
