//! Messages as Server-Sent Events (WHATWG HTML §9.2). The only place that knows this format: another one would read the
//! same [`Subscription`] and write it in its own way.

use super::domain::Message;
use super::hub::Subscription;
use actix_web::body::{BodySize, MessageBody};
use bytes::{Bytes, BytesMut};
use futures_util::Stream as _;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes after which the rest of what waits goes with the next write.
const AT_A_TIME: usize = 4 * 1024;

/// Writes a message. `data` is JSON, which has no line break of its own.
pub fn write(message: &Message, into: &mut BytesMut) {
    // Writing to memory does not fail.
    let _ = match message {
        Message::Event { name, id, data } => {
            into.reserve(data.len() + name.len() + 64);
            let begun = write!(into, "id: {id}\nevent: {name}\ndata: ");
            into.extend_from_slice(data);
            begun.and_then(|()| into.write_str("\n\n"))
        }
        Message::Retry(milliseconds) => write!(into, "retry: {milliseconds}\n\n"),
        Message::Heartbeat => into.write_str(": heartbeat\n\n"),
    };
}

/// The body of an answer: what waits is written together.
pub struct Events(Subscription);

impl Events {
    /// What a subscriber is told.
    pub const fn of(subscription: Subscription) -> Self {
        Self(subscription)
    }
}

impl MessageBody for Events {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let mut written = BytesMut::new();
        while written.len() < AT_A_TIME {
            match Pin::new(&mut self.0).poll_next(context) {
                Poll::Ready(Some(message)) => write(&message, &mut written),
                Poll::Ready(None) if written.is_empty() => return Poll::Ready(None),
                Poll::Pending if written.is_empty() => return Poll::Pending,
                // Asked again, it says so again.
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Ready(Some(Ok(written.freeze())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::domain::{Entry, Position};
    use super::*;
    use rollcall_notification_api::stream::ResetReason;

    #[test]
    fn messages_are_written_as_the_standard_says() {
        let at = Position { epoch: 7, seq: 3 };
        let entry = Entry::new(3, "notification".into(), r#"{"title":"x"}"#.into(), 2);
        for (message, expected) in [
            (Message::entry(7, &entry), "id: 7:3\nevent: notification\ndata: {\"title\":\"x\"}\n\n"),
            (Message::unread(at, 2), "id: 7:3\nevent: unread_count\ndata: {\"unread\":2}\n\n"),
            (Message::reset(at, ResetReason::TooOld), "id: 7:3\nevent: reset\ndata: {\"reason\":\"too_old\"}\n\n"),
            (Message::Retry(250), "retry: 250\n\n"),
            (Message::Heartbeat, ": heartbeat\n\n"),
        ] {
            let mut written = BytesMut::new();
            write(&message, &mut written);
            assert_eq!(written, expected);
        }
    }
}
