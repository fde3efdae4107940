//! What a webhook is made of, and what an answer means. Pure.

use super::payload;
use super::targets::{Guard, Refusal};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use rollcall_common::fault::Fault;
use rollcall_common::validate::{Fields, Rejection, text};
use rollcall_notification_api::codes;
use rollcall_notification_api::webhooks::WebhookBody;
use std::collections::BTreeSet;
use url::Url;

/// Waits after the first, second … failure; after the eighth it is given up. A restart is bridged within seconds, a
/// night's outage by the morning.
pub const LADDER: [SignedDuration; 7] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(10),
];
/// What an endpoint may ask for at most: one that says "in a year" is asked again tomorrow.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);
/// Characters of a URL: what servers take.
const URL_CHARACTERS: usize = 2_000;
const DESCRIPTION_CHARACTERS: usize = 200;
/// Between two failures of one run at most: above the longest wait between two attempts, a `Retry-After` of a day and a
/// fifth.
const LONGEST_GAP: SignedDuration = SignedDuration::from_hours(36);
/// Failures before a webhook is switched off for them: few are chance.
const FEWEST_FAILURES: i32 = 5;
/// Statuses with which `Retry-After` speaks of all that is sent, and not of the one message.
const BUSY: [u16; 2] = [429, 503];

/// A webhook as it was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where to.
    pub url: Url,
    /// For people.
    pub description: String,
    /// Which events; empty: all.
    pub event_types: BTreeSet<&'static str>,
    /// Whether anything is sent.
    pub enabled: bool,
}

impl Wanted {
    /// Checks it, naming every bad field.
    pub fn parse(body: &WebhookBody, guard: &Guard) -> Result<Self, Fault> {
        let mut fields = Fields::new();
        let url = fields.take("/url", url(&body.url, guard));
        let description = match body.description.as_deref().unwrap_or_default() {
            "" => Some(String::new()),
            given => fields.take("/description", text(given, DESCRIPTION_CHARACTERS)),
        };
        let mut event_types = BTreeSet::new();
        for (index, name) in body.event_types.iter().flatten().enumerate() {
            match payload::published(name) {
                Some(published) => drop(event_types.insert(published.kind)),
                None => fields.reject(
                    &format!("/event_types/{index}"),
                    Rejection::new(codes::UNKNOWN_EVENT_TYPE, "no event of this type is sent to webhooks"),
                ),
            }
        }
        let (url, description) = fields.all((url, description))?;
        Ok(Self { url, description, event_types, enabled: body.enabled.unwrap_or(true) })
    }
}

fn url(given: &str, guard: &Guard) -> Result<Url, Rejection> {
    if given.chars().count() > URL_CHARACTERS {
        return Err(Rejection::new(codes::BAD_URL, format!("must have at most {URL_CHARACTERS} characters")));
    }
    let parsed = Url::parse(given).map_err(|_| Rejection::new(codes::BAD_URL, "must be an https URL"))?;
    if parsed.fragment().is_some() {
        return Err(Rejection::new(codes::BAD_URL, "must have no fragment"));
    }
    match guard.check(&parsed) {
        Ok(()) => Ok(parsed),
        Err(refusal @ Refusal::NotPublic) => Err(Rejection::new(codes::PRIVATE_ADDRESS, refusal.to_string())),
        Err(refusal) => Err(Rejection::new(codes::BAD_URL, refusal.to_string())),
    }
}

/// What an attempt means for the delivery and for its webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is delivered.
    Delivered,
    /// It failed.
    Failed {
        /// After how long it is tried again; none: it was the last time.
        again: Option<SignedDuration>,
        /// For how long the endpoint wants to be left alone.
        pause: Option<SignedDuration>,
    },
    /// The endpoint is gone for good, and says so.
    Gone,
}

/// Judges the `attempts`-th attempt by the status that came back, if one did, and its `Retry-After`. `spread`, from 0 to
/// 1, keeps deliveries that failed together from coming back together: up to a fifth is added to a wait.
pub fn judge(attempts: i32, status: Option<u16>, retry_after: Option<SignedDuration>, spread: f64) -> Verdict {
    match status {
        Some(200..=299) => return Verdict::Delivered,
        Some(410) => return Verdict::Gone,
        _ => {}
    }
    let asked = retry_after.map(|wait| wait.clamp(SignedDuration::ZERO, LONGEST_PAUSE));
    let failures = usize::try_from(attempts).unwrap_or(1).max(1);
    let step = LADDER.get(failures - 1).map(|wait| (*wait).max(asked.unwrap_or_default()));
    Verdict::Failed {
        again: step.map(|wait| wait.mul_f64(1.0 + spread.clamp(0.0, 1.0) / 5.0)),
        pause: asked.filter(|_| status.is_some_and(|status| BUSY.contains(&status))),
    }
}

/// Failures of a webhook that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// When the first was.
    pub since: Timestamp,
    /// When the last was.
    pub last: Timestamp,
    /// How many.
    pub failures: i32,
}

impl Run {
    /// The run that a failure now belongs to: what nothing was sent to for long begins anew.
    pub fn with(before: Option<Self>, now: Timestamp) -> Self {
        match before {
            Some(run) if now.duration_since(run.last) <= LONGEST_GAP => {
                Self { since: run.since, last: now.max(run.last), failures: run.failures.saturating_add(1) }
            }
            _ => Self { since: now, last: now, failures: 1 },
        }
    }

    /// Whether it is long enough for the webhook to be switched off.
    pub fn is_enough(&self, off_after: SignedDuration) -> bool {
        self.failures >= FEWEST_FAILURES && self.last.duration_since(self.since) >= off_after
    }
}

/// `Retry-After` as seconds from `now`: a number of them, or a date (RFC 9110 §10.2.3).
pub fn retry_after(value: &str, now: Timestamp) -> Option<SignedDuration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(SignedDuration::from_secs(seconds.into()));
    }
    let at = DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(at.duration_since(now).max(SignedDuration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: Option<SignedDuration> = None;

    fn again(verdict: Verdict) -> Option<SignedDuration> {
        match verdict {
            Verdict::Failed { again, .. } => again,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failed_delivery_comes_back_by_the_ladder_and_then_no_more() {
        let waits: Vec<_> = (1..=9).map(|attempts| again(judge(attempts, Some(500), NONE, 0.0))).collect();
        let seconds: Vec<_> = waits.iter().map(|wait| wait.map(|wait| wait.as_secs())).collect();
        let ladder = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000].map(Some);
        assert_eq!((&seconds[..7], &seconds[7..]), (&ladder[..], &[None, None][..]));
    }

    #[test]
    fn only_a_status_of_200_to_299_is_success_and_410_is_for_good() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(judge(1, Some(status), NONE, 0.0), Verdict::Delivered, "{status}");
        }
        for status in [100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 404, 409, 429, 500, 503] {
            assert!(again(judge(1, Some(status), NONE, 0.0)).is_some(), "{status}");
        }
        assert!(again(judge(1, None, NONE, 0.0)).is_some(), "no answer");
        assert_eq!(judge(1, Some(410), NONE, 0.0), Verdict::Gone);
    }

    #[test]
    fn retry_after_makes_a_wait_longer_never_shorter_and_not_endless() {
        let hour = SignedDuration::from_hours(1);
        let year = SignedDuration::from_hours(8_760);
        let busy = judge(1, Some(429), Some(hour), 0.0);
        assert_eq!(busy, Verdict::Failed { again: Some(hour), pause: Some(hour) });
        assert_eq!(again(judge(5, Some(429), Some(hour), 0.0)), Some(LADDER[4]));
        assert_eq!(again(judge(1, Some(503), Some(year), 0.0)), Some(LONGEST_PAUSE));
        // Of another status it speaks of this message.
        assert_eq!(judge(1, Some(500), Some(hour), 0.0), Verdict::Failed { again: Some(hour), pause: None });
    }

    #[test]
    fn only_failures_that_follow_each_other_switch_a_webhook_off() {
        let five_days = SignedDuration::from_hours(120);
        let start: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let run = |hours: &[i64]| {
            let times = hours.iter().map(|hour| start + SignedDuration::from_hours(*hour));
            times.fold(None, |run, at| Some(Run::with(run, at))).unwrap()
        };
        assert!(run(&[0, 24, 48, 72, 96, 120]).is_enough(five_days));
        assert!(!run(&[0, 24, 48, 72, 96, 119]).is_enough(five_days), "not yet");
        assert!(!run(&[0, 1, 2, 3, 4, 5, 144]).is_enough(five_days), "quiet for days in between");
        assert!(!run(&[0, 35, 70, 105]).is_enough(SignedDuration::from_hours(100)), "four may be chance");
        assert_eq!(run(&[0, 1, 144, 145]).failures, 2);
        assert!(LONGEST_GAP > LONGEST_PAUSE.mul_f64(1.2), "whoever waits as it was asked to does not begin anew");
    }

    #[test]
    fn retry_after_is_a_number_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        assert_eq!(retry_after(" 120 ", now), Some(SignedDuration::from_secs(120)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(SignedDuration::from_secs(37)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(SignedDuration::ZERO));
        for bad in ["", "soon", "-1", "99999999999999", "1.5"] {
            assert_eq!(retry_after(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn every_bad_field_of_a_webhook_is_named() {
        let body: WebhookBody = serde_json::from_value(serde_json::json!({
            "url": "https://127.0.0.1/", "description": "x".repeat(201),
            "event_types": ["org.employee.changed.v1", "org.invitation.created.v1", "x"],
        }))
        .unwrap();
        let Err(Fault::Invalid(errors)) = Wanted::parse(&body, &Guard::new(false, &[])) else {
            panic!("all are wrong")
        };
        let named: Vec<_> = errors.iter().map(|error| (error.pointer.as_str(), error.code.as_ref())).collect();
        assert_eq!(
            named,
            [
                ("/url", "private_address"),
                ("/description", "length"),
                ("/event_types/1", "unknown_event_type"),
                ("/event_types/2", "unknown_event_type"),
            ]
        );
    }

    proptest! {
        #[test]
        fn jitter_only_ever_adds_and_at_most_a_fifth(attempts in 1_i32..8, spread in 0.0_f64..=1.0) {
            let plain = again(judge(attempts, Some(500), NONE, 0.0)).unwrap();
            let spread = again(judge(attempts, Some(500), NONE, spread)).unwrap();
            prop_assert!(spread >= plain && spread <= plain.mul_f64(1.2001));
        }
    }
}
