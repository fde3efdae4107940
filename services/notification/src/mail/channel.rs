//! Mail as a channel: a message or a digest in the words that all mails to accounts share.

use super::store::{self, NewMail};
use super::worker;
use crate::app::App;
use crate::channels::{Contact, Message, Outside, Parcel};
use crate::rules::templates::{Templates, Text};
use diesel::pg::PgConnection;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rollcall_common::fault::Fault;
use rollcall_common::server::Drain;
use rollcall_notification_api::preferences::Channel;
use serde_json::json;
use std::sync::Arc;

/// Messages that a digest shows; of the rest it says how many there are.
const MOST_SHOWN: usize = 50;

/// The channel.
pub struct Mail;

impl Outside for Mail {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn task(&self) -> &'static str {
        "send mail"
    }

    fn owe(
        &self,
        conn: &mut PgConnection,
        words: &Templates,
        to: &Contact,
        parcel: &Parcel,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let (kind, text) = match parcel {
            Parcel::One(message) => ("message", one(words, to, message)?),
            Parcel::Digest { messages, .. } => ("digest", digest(words, to, messages, now)?),
        };
        let mail = NewMail {
            recipient: &to.email,
            recipient_name: &to.name,
            language: to.language,
            text,
            kind,
            turn_of: parcel.org_id(),
            happened_at: None,
        };
        // It is an account's, whatever the organisations that its messages come from; it only waits its turn with theirs.
        Ok(store::add(conn, None, parcel.id(), &mail, now)?)
    }

    fn wake(&self, app: &App) {
        app.wakes.mail.notify_one();
    }

    fn run(&self, app: Arc<App>, drain: Drain) -> BoxFuture<'static, ()> {
        Box::pin(worker::run(app, drain))
    }
}

fn one(words: &Templates, to: &Contact, message: &Message) -> Result<Text, Fault> {
    let data = json!({ "title": message.title, "body": message.body });
    words.write("message", to.language, &data, "").map_err(Fault::internal)
}

fn digest(words: &Templates, to: &Contact, messages: &[Message], now: Timestamp) -> Result<Text, Fault> {
    let shown: Vec<_> = messages.iter().take(MOST_SHOWN).collect();
    let data = json!({
        "count": messages.len(),
        "more": messages.len() - shown.len(),
        "now": now,
        "time_zone": to.zone,
        "messages": shown.iter()
            .map(|it| json!({ "title": it.title, "body": it.body, "at": it.created_at }))
            .collect::<Vec<_>>(),
    });
    words.write("digest", to.language, &data, "").map_err(Fault::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::templates::Language;
    use rollcall_ids::{NotificationId, OrgId, UserId};

    fn to(language: Language) -> Contact {
        Contact {
            user_id: UserId::generate(),
            email: "wei@example.org".into(),
            name: "Wei".into(),
            language,
            zone: "Asia/Shanghai".into(),
        }
    }

    fn messages(count: usize) -> Vec<Message> {
        let at = |n: usize| format!("2026-06-01T16:{:02}:00Z", n % 60).parse().unwrap();
        let message = |n| Message {
            notification_id: NotificationId::generate(),
            org_id: OrgId::generate(),
            title: format!("Title {n} <b>"),
            body: format!("Body {n}\nline & line"),
            created_at: at(n),
        };
        (0..count).map(message).collect()
    }

    fn write(language: Language, count: usize) -> Text {
        let now = "2026-06-01T17:00:00Z".parse().unwrap();
        digest(&Templates::load().unwrap(), &to(language), &messages(count), now).unwrap()
    }

    #[test]
    fn a_digest_counts_as_its_language_does() {
        for (language, count, title) in [
            (Language::English, 1, "1 new message, 2 Jun 2026"),
            (Language::English, 2, "2 new messages, 2 Jun 2026"),
            (Language::English, 51, "51 new messages, 2 Jun 2026"),
            (Language::SimplifiedChinese, 1, "2026年6月2日，1 条新消息"),
            (Language::SimplifiedChinese, 2, "2026年6月2日，2 条新消息"),
        ] {
            assert_eq!(write(language, count).title, title);
        }
        assert!(write(Language::English, 51).body.contains("1 more message is in your inbox"));
        assert!(write(Language::English, 53).body.contains("3 more messages are in your inbox"));
        assert!(!write(Language::English, 50).body.contains("more message"));
        assert!(write(Language::SimplifiedChinese, 53).body.contains("还有 3 条消息"));
    }

    #[test]
    fn a_digest_shows_times_on_the_readers_clock_and_markup_as_text() {
        let text = write(Language::English, 2);
        assert!(text.body.contains("2 Jun 2026, 00:01") && text.body.contains("Title 1 <b>"), "{}", text.body);
        let html = text.html.unwrap();
        assert!(
            html.contains("Title 1 &lt;b&gt;") && html.contains("line &amp; line") && !html.contains("<b>"),
            "{html}"
        );
    }

    #[test]
    fn a_message_is_its_title_and_text_and_says_why_it_comes() {
        for language in Language::ALL {
            let message = &messages(1)[0];
            let text = one(&Templates::load().unwrap(), &to(language), message).unwrap();
            assert_eq!(text.title, "Title 0 <b>");
            assert!(text.body.starts_with("Body 0\nline & line\n\n"), "{}", text.body);
            let html = text.html.unwrap();
            assert!(html.contains("line &amp; line") && !html.contains("<b>"), "{html}");
        }
    }
}
