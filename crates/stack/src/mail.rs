//! Mails that notification writes as files while developing: found by recipient, decoded as far as needed to read
//! the plain text part (quoted-printable, RFC 2045 §6.7).

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The text of the newest mail to `recipient` in `directory` that `wanted` accepts; waits for it.
pub async fn wait_for(
    directory: &Path,
    recipient: &str,
    patience: Duration,
    wanted: impl Fn(&str) -> bool,
) -> Result<String> {
    let start = Instant::now();
    loop {
        if let Some(text) = newest(directory, recipient, &wanted)? {
            return Ok(text);
        }
        if start.elapsed() > patience {
            bail!("no such mail to {recipient} came to {} within {patience:?}", directory.display());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The code of an invitation: what stands alone on its line.
pub fn code(text: &str) -> Result<&str> {
    let alone = |line: &&str| line.len() >= 30 && !line.contains(char::is_whitespace) && !line.contains("://");
    text.lines().map(str::trim).filter(|line| !line.starts_with("--")).find(alone).context("the mail has no code")
}

fn newest(directory: &Path, recipient: &str, wanted: &impl Fn(&str) -> bool) -> Result<Option<String>> {
    let mut found: Option<(SystemTime, String)> = None;
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())?.flatten() {
        if entry.path().extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let (raw, written) = (fs::read(entry.path())?, entry.metadata()?.modified()?);
        let mail = String::from_utf8_lossy(&raw).replace("\r\n", "\n");
        let (head, body) = mail.split_once("\n\n").unwrap_or((&mail, ""));
        let to_them = head.lines().any(|line| line.starts_with("To:") && line.contains(recipient));
        let text = decode(plain_part(body));
        if to_them && wanted(&text) && found.as_ref().is_none_or(|(newest, _)| *newest < written) {
            found = Some((written, text));
        }
    }
    Ok(found.map(|(_, text)| text))
}

/// What follows the headers of the part that is `text/plain`, up to the next boundary; all when there are no parts.
fn plain_part(body: &str) -> &str {
    let Some((_, from)) = body.split_once("text/plain") else { return body };
    let from = from.split_once("\n\n").map_or(from, |(_, text)| text);
    from.split_once("\n--").map_or(from, |(text, _)| text)
}

fn decode(quoted: &str) -> String {
    let joined = quoted.replace("=\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'=' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_code_of_an_invitation_is_read_from_its_plain_part() {
        let directory = tempfile::tempdir().unwrap();
        let mail = "From: a@example.org\r\nTo: Lin <lin@example.org>\r\nContent-Type: multipart/alternative;\r\n boundary=\"x\"\r\n\r\n\
            --x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            Hello,\r\nhttp://localhost/accept?code=3Dabcdefghijklmnopqrstuvwxyz\r\n\r\nabcdefghijklmnopqrst=\r\nuvwxyz_=C3=A40123456789\r\n\r\n\
            --x\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n--x--\r\n";
        fs::write(directory.path().join("1.eml"), mail).unwrap();
        let found = wait_for(directory.path(), "lin@example.org", Duration::ZERO, |text| text.contains("Hello"));
        assert_eq!(code(&found.await.unwrap()).unwrap(), "abcdefghijklmnopqrstuvwxyz_ä0123456789");
        let missing = wait_for(directory.path(), "other@example.org", Duration::ZERO, |_| true);
        assert!(missing.await.is_err());
    }
}
