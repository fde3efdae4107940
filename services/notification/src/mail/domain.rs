//! What a mail looks like, and when a failed one is tried again. Pure.

use super::store::Delivery;
use jiff::{SignedDuration, Timestamp};
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use std::time::SystemTime;

/// Waits after the first, second, third … failure, in seconds: a restart of the mail server is bridged at once, an
/// outage of an hour within minutes of its end. The last is repeated.
const WAITS: [i64; 8] = [5, 15, 60, 120, 300, 600, 600, 900];

/// Why no mail can be made of a delivery: another attempt would fail alike.
#[derive(Debug, thiserror::Error)]
pub enum Unsendable {
    /// The recipient is no address.
    #[error("not a mail address")]
    Address(#[source] lettre::address::AddressError),
    /// The parts do not make a message.
    #[error("not a message")]
    Message(#[source] lettre::error::Error),
}

/// The mail of a delivery: text, and HTML beside it. Its `Message-ID` and date stay the same at every attempt.
///
/// The text goes as quoted-printable, whatever its language: so a line of ASCII, a token above all, stands in the
/// file as it is.
pub fn compose(delivery: &Delivery, from: &Mailbox) -> Result<Message, Unsendable> {
    let address = delivery.recipient.parse().map_err(Unsendable::Address)?;
    let to = Mailbox::new(Some(delivery.recipient_name.clone()), address);
    let text = part(ContentType::TEXT_PLAIN, &delivery.text_body);
    let parts = match &delivery.html_body {
        Some(html) => MultiPart::alternative().singlepart(text).singlepart(part(ContentType::TEXT_HTML, html)),
        None => MultiPart::mixed().singlepart(text),
    };
    Message::builder()
        .message_id(Some(format!("<{}@{}>", delivery.delivery_id, from.email.domain())))
        .date(SystemTime::from(delivery.created_at))
        .from(from.clone())
        .to(to)
        .subject(&delivery.subject)
        .multipart(parts)
        .map_err(Unsendable::Message)
}

fn part(kind: ContentType, text: &str) -> SinglePart {
    let body = Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable)
        // Only 7bit and 8bit refuse a text; taken apart because the type cannot say so.
        .unwrap_or_else(Body::new);
    SinglePart::builder().header(kind).body(body)
}

/// When to try again after the `attempts`-th failure; none when `give_up` has passed since the mail was owed.
/// `spread`, from 0 to 1, keeps mails that failed together from coming back together.
pub fn next_attempt(
    attempts: i32,
    owed_since: Timestamp,
    now: Timestamp,
    give_up: SignedDuration,
    spread: f64,
) -> Option<Timestamp> {
    let failures = usize::try_from(attempts).unwrap_or(1).clamp(1, WAITS.len());
    let wait = SignedDuration::from_secs(WAITS[failures - 1]).mul_f64(1.0 + spread.clamp(0.0, 1.0) / 4.0);
    let at = now.checked_add(wait).ok()?;
    (at.duration_since(owed_since) < give_up).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollcall_ids::NotificationId;

    fn delivery(recipient: &str, text: &str) -> Delivery {
        Delivery {
            delivery_id: NotificationId::generate(),
            recipient: recipient.to_owned(),
            recipient_name: "李 伟".to_owned(),
            language: "zh-Hans".to_owned(),
            subject: "邀请\r\nBcc: everybody@example.org".to_owned(),
            text_body: text.to_owned(),
            html_body: Some("<p>您好</p>".to_owned()),
            attempts: 1,
            created_at: Timestamp::from_second(1_800_000_000).unwrap(),
            leased_until: Timestamp::UNIX_EPOCH,
        }
    }

    fn from() -> Mailbox {
        "Rollcall <no-reply@hr.example.org>".parse().unwrap()
    }

    #[test]
    fn every_attempt_at_a_mail_has_the_same_message_id() {
        let delivery = delivery("wei@example.org", "您好");
        let header = |message: &Message| message.headers().get_raw("Message-ID").map(str::to_owned);
        let (first, second) = (compose(&delivery, &from()).unwrap(), compose(&delivery, &from()).unwrap());
        assert_eq!(header(&first), Some(format!("<{}@hr.example.org>", delivery.delivery_id)));
        assert_eq!(header(&first), header(&second));
    }

    #[test]
    fn a_token_stands_on_its_own_line_of_the_file_whatever_the_language_around_it() {
        let token = "Zm9vYmFyLWZvb2Jhci1mb29iYXItZm9vYmFyLWZvb2Jh";
        let mail = compose(&delivery("wei@example.org", &format!("您好：\n\n{token}\n\n再见")), &from()).unwrap();
        let file = String::from_utf8(mail.formatted()).unwrap();
        assert!(file.lines().any(|line| line == token), "{file}");
    }

    #[test]
    fn a_name_or_title_cannot_add_a_header() {
        let mail = compose(&delivery("wei@example.org", "您好"), &from()).unwrap();
        let file = String::from_utf8(mail.formatted()).unwrap();
        assert!(!file.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc:")), "{file}");
    }

    #[test]
    fn what_is_no_address_is_not_sendable() {
        for recipient in ["", "wei", "wei@", "a@b\r\nBcc: c@d"] {
            assert!(compose(&delivery(recipient, "x"), &from()).is_err(), "{recipient}");
        }
    }

    #[test]
    fn an_outage_of_an_hour_is_survived_and_three_days_are_not() {
        let give_up = SignedDuration::from_hours(72);
        let start = Timestamp::UNIX_EPOCH;
        let (mut now, mut attempts) = (start, 1);
        while let Some(at) = next_attempt(attempts, start, now, give_up, 0.5) {
            assert!(at > now && at.duration_since(now) <= SignedDuration::from_secs(1_125));
            (now, attempts) = (at, attempts + 1);
        }
        assert!(now.duration_since(start) > SignedDuration::from_hours(71));
        assert!(attempts < 400, "{attempts}");
    }
}
