//! The lines of an iCalendar file (RFC 5545 §3.1): unfolded, each a name, parameters and a value, with the number of
//! the line where it starts. What is too long or too much is refused before it is kept.

use rollcall_common::validate::Rejection;

/// Lines of a file at most.
const MOST_LINES: usize = 50_000;
/// Characters of an unfolded line at most; the standard says 75 octets before folding.
const LONGEST: usize = 8_000;

/// One content line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Where it starts in the file, from 1.
    pub(crate) number: usize,
    /// Name, in capitals.
    pub(crate) name: String,
    /// What stands between name and value, in capitals, without the first `;`.
    pub(crate) parameters: String,
    /// The value as it stands.
    pub(crate) value: String,
}

/// Every content line; else the number of the first that is none, and why.
pub(crate) fn lines(text: &str) -> Result<Vec<Line>, (usize, Rejection)> {
    let mut unfolded: Vec<(usize, String)> = Vec::new();
    for (index, raw) in text.split('\n').enumerate() {
        let number = index + 1;
        if number > MOST_LINES {
            return Err((number, Rejection::new("too_many_lines", format!("at most {MOST_LINES} lines"))));
        }
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        match (raw.strip_prefix([' ', '\t']), unfolded.last_mut()) {
            (Some(more), Some((_, line))) => line.push_str(more),
            (Some(_), None) => return Err((number, broken())),
            (None, _) if raw.is_empty() => {}
            (None, _) => unfolded.push((number, raw.to_owned())),
        }
        if let Some((start, line)) = unfolded.last()
            && line.len() > LONGEST
        {
            return Err((*start, Rejection::new("line_too_long", format!("a line has at most {LONGEST} bytes"))));
        }
    }
    unfolded.into_iter().map(|(number, line)| split(number, &line).ok_or_else(|| (number, broken()))).collect()
}

fn broken() -> Rejection {
    Rejection::new("not_icalendar", "must be NAME;PARAMETERS:VALUE")
}

/// Takes a line apart at the first colon outside quotes.
fn split(number: usize, line: &str) -> Option<Line> {
    let mut quoted = false;
    let colon = line.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == ':' && !quoted).then_some(at)
    })?;
    let (head, value) = (&line[..colon], &line[colon + 1..]);
    let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    plain.then(|| Line {
        number,
        name: name.to_ascii_uppercase(),
        parameters: parameters.to_ascii_uppercase(),
        value: value.to_owned(),
    })
}

/// TEXT with its escapes undone (§3.3.11); line breaks become spaces.
pub(crate) fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => text.push(' '),
                Some(escaped) => text.push(escaped),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folded_lines_are_one_and_keep_their_number() {
        let lines = lines("A:1\r\nSUMMARY;X=\"a:b\":New\r\n  Year\r\n\r\nB:2\n").unwrap();
        assert_eq!(lines.len(), 3);
        assert_eq!((lines[1].number, lines[1].value.as_str()), (2, "New Year"));
        assert_eq!(lines[1].parameters, "X=\"A:B\"");
        assert_eq!((lines[2].number, lines[2].name.as_str()), (5, "B"));
    }

    #[test]
    fn what_is_too_much_or_no_line_is_named() {
        for (text, line, code) in [
            (" folded first".to_owned(), 1, "not_icalendar"),
            ("A:1\nno colon".to_owned(), 2, "not_icalendar"),
            ("A:1\n:empty".to_owned(), 2, "not_icalendar"),
            (format!("A:{}", "x".repeat(LONGEST)), 1, "line_too_long"),
            (format!("A:1\n{}", " x\n".repeat(LONGEST)), 1, "line_too_long"),
            ("\n".repeat(MOST_LINES), MOST_LINES + 1, "too_many_lines"),
        ] {
            let (at, why) = lines(&text).unwrap_err();
            assert_eq!((at, why.code), (line, code));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail_otherwise(text in "(?s).{0,200}") {
            if let Ok(lines) = lines(&text) {
                for line in lines {
                    unescape(&line.value);
                }
            }
        }
    }
}
