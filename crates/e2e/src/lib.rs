//! Tests across services live in `tests/`; here is what several of them need.

use std::collections::BTreeSet;

/// The series that an expression of Prometheus's language names: every name that is neither a function, a word of the
/// language nor a label.
pub fn series(expression: &str) -> BTreeSet<String> {
    let mut plain = String::new();
    let mut chars = expression.chars();
    while let Some(char) = chars.next() {
        // Selectors, ranges and what is quoted have labels and numbers in them.
        let closing = match char {
            '{' => '}',
            '[' => ']',
            '"' => '"',
            other => {
                plain.push(other);
                continue;
            }
        };
        let mut quoted = false;
        for inside in chars.by_ref() {
            quoted ^= inside == '"' && closing == '}';
            if inside == closing && !quoted {
                break;
            }
        }
        plain.push(' ');
    }
    // `by (service, le)` names labels.
    for word in ["by (", "without (", "on (", "ignoring ("] {
        while let Some((before, rest)) = plain.split_once(word) {
            plain = format!("{before} {}", rest.split_once(')').map_or("", |(_, after)| after));
        }
    }
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == ':';
    let mut found = BTreeSet::new();
    let mut rest = plain.as_str();
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|char| !is_part(char)).map_or(rest.len(), |length| start + length);
        let (name, after) = (&rest[start..end], rest[end..].trim_start());
        let word = ["and", "or", "unless", "bool", "offset"].contains(&name);
        if !word && !after.starts_with('(') && !name.starts_with(|char: char| char.is_ascii_digit()) {
            found.insert(name.to_owned());
        }
        rest = &rest[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::series;

    #[test]
    fn series_are_told_from_functions_labels_and_numbers() {
        let named = |expression| series(expression).into_iter().collect::<Vec<_>>();
        assert_eq!(
            named(r#"histogram_quantile(0.99, sum by (service, le) (rate(a_bucket{job="x",route!~"/{id}"}[5m])))"#),
            ["a_bucket"]
        );
        assert_eq!(
            named("b:rate5m > 0.8 * c and absent(d) or time() - max(e) > 26 * 3600"),
            ["b:rate5m", "c", "d", "e"]
        );
        assert_eq!(named(r#"label_values(up{job="rollcall"}, service)"#), ["service", "up"]);
    }
}
