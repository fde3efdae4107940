//! Connections that carry one stream for as long as they live.
//!
//! actix keeps for every connection what the next request on it might need: two buffers of 8 KiB, timers, a queue. A
//! stream has no next request, and there are tens of thousands of them. So a connection whose first request asks for one
//! is looked at before actix has it: the request is decoded by actix's own codec and answered by the same application,
//! with all its middleware; then nothing stays but the socket, the body of the answer, and what is being written.
//!
//! Looking takes nothing from the socket. What does not come as a whole request without a body in the first packet, asks
//! for another protocol, or cannot be decoded is left to the ordinary way, which answers it as ever, only at more
//! expense.
//!
//! Rejected: actix's `upgrade` hook, which does the same for requests that say `Connection: upgrade`: clients would have
//! to say so, and every real upgrade would come there as well; a fork of actix-http with smaller buffers.

use actix_http::h1::{Codec, Message, MessageType};
use actix_http::{ConnectionType, Request, Response};
use actix_service::Service;
use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::ServiceResponse;
use bytes::{Buf as _, BytesMut};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::codec::{Decoder as _, Encoder as _};

/// Bytes that are looked at: a request with a token and what a browser adds.
const GLANCE: usize = 4096;
/// How long the first packet may take; actix waits on for those that take longer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes gathered for one write.
const AT_A_TIME: usize = 8 * 1024;

/// Answers the first request of a connection if it is a `GET` of one of `streams`; what is then left to do is to send
/// the answer. Otherwise gives the connection back untouched.
pub(super) async fn accept<S>(connection: TcpStream, streams: &[&str], app: S) -> Result<Answer, TcpStream>
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    if streams.is_empty() {
        return Err(connection);
    }
    match timeout(PATIENCE, Asked::look(&connection, streams)).await {
        Ok(Some(asked)) => asked.answer(connection, app).await,
        Ok(None) | Err(_) => Err(connection),
    }
}

/// A request for a stream that waits in the socket.
struct Asked {
    request: Request,
    codec: Codec,
    length: usize,
}

impl Asked {
    async fn look(connection: &TcpStream, streams: &[&str]) -> Option<Self> {
        let mut head = BytesMut::zeroed(GLANCE);
        let length = connection.peek(&mut head).await.ok()?;
        head.truncate(length);
        if !streams.iter().any(|path| asks_for(&head, path)) {
            return None;
        }
        let mut codec = Codec::default();
        let Ok(Some(Message::Item(mut request))) = codec.decode(&mut head) else { return None };
        if !head.is_empty() || codec.message_type() != MessageType::None || codec.upgrade() {
            return None;
        }
        request.head_mut().peer_addr = connection.peer_addr().ok();
        Some(Self { request, codec, length })
    }

    async fn answer<S>(self, mut connection: TcpStream, app: S) -> Result<Answer, TcpStream>
    where
        S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
    {
        let Self { request, mut codec, length } = self;
        // It is there: it was looked at.
        if connection.read_exact(&mut vec![0; length]).await.is_err() {
            return Err(connection);
        }
        // Events are small and come one by one; each is to leave at once.
        let _ = connection.set_nodelay(true);
        let served = match poll_fn(|context| app.poll_ready(context)).await {
            Ok(()) => app.call(request).await,
            Err(error) => Err(error),
        };
        let response: Response<BoxBody> = served.map_or_else(Into::into, Into::into);
        let (mut head, body) = response.into_parts();
        head.head_mut().set_connection_type(ConnectionType::Close);
        let mut unsent = BytesMut::new();
        if codec.encode(Message::Item((head, body.size())), &mut unsent).is_err() {
            // A head that cannot be written is nobody's to answer.
            return Err(connection);
        }
        Ok(Answer { connection, codec, body, unsent, ended: false, deaf: false })
    }
}

/// Whether a request begins like that.
fn asks_for(head: &[u8], path: &str) -> bool {
    let after = head.strip_prefix(b"GET ").and_then(|rest| rest.strip_prefix(path.as_bytes()));
    after.and_then(<[u8]>::first).is_some_and(|next| matches!(next, b' ' | b'?'))
}

/// An answer on its way; done when all of it is sent or the client has gone.
pub(super) struct Answer {
    connection: TcpStream,
    codec: Codec,
    body: BoxBody,
    unsent: BytesMut,
    /// The body has ended.
    ended: bool,
    /// The client has said more than its request: nobody listens to it any further.
    deaf: bool,
}

impl Answer {
    /// Sends what there is to send.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unsent.has_remaining() {
            let written = ready!(Pin::new(&mut self.connection).poll_write(context, &self.unsent))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(written);
        }
        // An idle stream holds no buffer.
        self.unsent = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    /// Takes what the body has, up to a bufferful.
    fn take(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while !self.ended && self.unsent.len() < AT_A_TIME {
            let chunk = match Pin::new(&mut self.body).poll_next(context) {
                Poll::Ready(Some(chunk)) => Some(chunk.map_err(|error| io::Error::other(error.to_string()))?),
                Poll::Ready(None) => None,
                Poll::Pending => break,
            };
            self.ended = chunk.is_none();
            self.codec.encode(Message::Chunk(chunk), &mut self.unsent)?;
        }
        Ok(())
    }

    /// Ready when the client has closed its side: then it takes no more either, and a proxy in between has left too.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.deaf {
            return Poll::Pending;
        }
        let mut said = [0; 64];
        let mut said = ReadBuf::new(&mut said);
        match ready!(Pin::new(&mut self.connection).poll_read(context, &mut said)) {
            Ok(()) if !said.filled().is_empty() => {
                self.deaf = true;
                Poll::Pending
            }
            Ok(()) | Err(_) => Poll::Ready(()),
        }
    }
}

impl Future for Answer {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.poll_send(context)?.is_pending() {
                return self.poll_gone(context).map(Ok);
            }
            if self.ended {
                return Pin::new(&mut self.connection).poll_shutdown(context);
            }
            self.take(context)?;
            if self.unsent.is_empty() {
                return self.poll_gone(context).map(Ok);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_a_stream_is_told_by_its_first_line() {
        let path = "/api/x/v1/stream";
        for (head, expected) in [
            ("GET /api/x/v1/stream HTTP/1.1\r\n", true),
            ("GET /api/x/v1/stream?last_event_id=1:2 HTTP/1.1\r\n", true),
            ("GET /api/x/v1/streams HTTP/1.1\r\n", false),
            ("GET /api/x/v1/stream/ HTTP/1.1\r\n", false),
            ("HEAD /api/x/v1/stream HTTP/1.1\r\n", false),
            ("get /api/x/v1/stream HTTP/1.1\r\n", false),
            ("GET /api/x/v1/stream", false),
            ("GET /", false),
            ("", false),
        ] {
            assert_eq!(asks_for(head.as_bytes(), path), expected, "{head}");
        }
    }
}
