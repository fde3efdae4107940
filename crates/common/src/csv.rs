//! Cells of CSV that nobody's spreadsheet runs: what would be taken for a formula gets an apostrophe, which says that it
//! is text (OWASP, "CSV Injection"). Whoever chooses their own name would otherwise write formulas into the payroll.

/// What a formula begins with. A tab or a line end is skipped by some programs, and East Asian versions take the wide
/// forms too.
const BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

fn is_formula(text: &str) -> bool {
    text.starts_with(BEGINNINGS)
}

/// The text with a `'` before what a spreadsheet would take for a formula, so that opening the file runs nothing.
pub fn guarded(text: String) -> String {
    if is_formula(text.trim_start_matches('\'')) { format!("'{text}") } else { text }
}

/// The text without that `'`.
pub fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| is_formula(rest.trim_start_matches('\''))).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_begins_like_a_formula_is_text() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+49 30", "'+49 30"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("＝1", "'＝1"),
            ("'=1", "''=1"),
            ("Li Wei", "Li Wei"),
            ("O'Neill", "O'Neill"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(guarded(text.to_owned()), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_guarded_comes_back(text in "['=+@a\t＝-]{0,6}") {
            let guard = guarded(text.clone());
            prop_assert!(!is_formula(&guard));
            prop_assert_eq!(unguarded(&guard), text);
        }
    }
}
