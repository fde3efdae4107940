//! The few numbers of Prometheus' text that a person looks at first.

use std::collections::BTreeMap;

/// One line: labels and value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The labels by name.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// Every line of a text, by the name of its metric.
#[derive(Clone, Debug, Default)]
pub struct Metrics(BTreeMap<String, Vec<Sample>>);

impl Metrics {
    /// Reads a text; lines that are none are passed over.
    pub fn parse(text: &str) -> Self {
        let mut all: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, sample)) = read(line) {
                all.entry(name.to_owned()).or_default().push(sample);
            }
        }
        Self(all)
    }

    /// The lines of one metric.
    pub fn all(&self, name: &str) -> &[Sample] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The value of a metric without labels.
    pub fn one(&self, name: &str) -> Option<f64> {
        self.all(name).first().map(|sample| sample.value)
    }
}

fn read(line: &str) -> Option<(&str, Sample)> {
    // A value of a label may hold spaces and braces: the last space is before the number.
    let (series, value) = line.trim().rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, rest)) = series.split_once('{') else {
        return Some((series, Sample { labels: BTreeMap::new(), value }));
    };
    Some((name, Sample { labels: labels(rest.strip_suffix('}')?)?, value }))
}

/// `a="x",b="y"`, with `\\`, `\"` and `\n` in the values.
fn labels(text: &str) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut signs = after.char_indices();
        let end = loop {
            match signs.next()? {
                (end, '"') => break end,
                (_, '\\') => match signs.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, sign) => value.push(sign),
            }
        };
        labels.insert(name.trim_start_matches(',').to_owned(), value);
        rest = &after[end + 1..];
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_their_labels() {
        let metrics = Metrics::parse(
            "# TYPE streams_open gauge\nstreams_open 3\n\ncall_breaker_state{peer=\"org\",instance=\"a:1\"} 2\n\
             x{a=\"b \\\"c\\\" {d}\\n\",e=\"\"} 1.5e3\nnonsense\nbad{a=} 1\n",
        );
        assert_eq!(metrics.one("streams_open"), Some(3.0));
        let breaker = &metrics.all("call_breaker_state")[0];
        assert_eq!((breaker.labels["peer"].as_str(), breaker.labels["instance"].as_str()), ("org", "a:1"));
        let odd = &metrics.all("x")[0];
        assert_eq!((odd.labels["a"].as_str(), odd.labels["e"].as_str(), odd.value), ("b \"c\" {d}\n", "", 1500.0));
        assert_eq!((metrics.one("nonsense"), metrics.one("bad")), (None, None));
    }
}
