//! Where links may lead. Pure.

use std::fmt;
use url::Url;

/// A path below the base address, with its query and fragment. It cannot leave the base: that is checked when it is
/// made, and again when it is opened, because what is stored may be older than the rule.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(String);

/// It would lead elsewhere.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("leads outside of links.base_url")]
pub struct Outside;

impl Target {
    /// `path` begins with a slash.
    pub fn new(base: &Url, path: impl Into<String>) -> Result<Self, Outside> {
        let target = Self(path.into());
        target.below(base)?;
        Ok(target)
    }

    /// As it is stored.
    pub fn path(&self) -> &str {
        &self.0
    }

    /// The whole address. It begins with the base, whatever the path holds.
    pub fn below(&self, base: &Url) -> Result<Url, Outside> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        if !self.0.starts_with('/') || self.0.starts_with("//") || self.0.contains(odd) {
            return Err(Outside);
        }
        let prefix = base.as_str().trim_end_matches('/');
        let whole = Url::parse(&format!("{prefix}{}", self.0)).map_err(|_| Outside)?;
        let within = whole.path().starts_with(&format!("{}/", base.path().trim_end_matches('/')));
        if within && whole.origin() == base.origin() && whole.username() == base.username() {
            Ok(whole)
        } else {
            Err(Outside)
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may hold a token.
        f.write_str("Target(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(base: &str, path: &str) -> Option<String> {
        let base = base.parse().unwrap();
        Target::new(&base, path).ok().map(|target| target.below(&base).unwrap().to_string())
    }

    #[test]
    fn a_target_stays_below_the_base() {
        for base in ["https://hr.example.org", "https://hr.example.org/"] {
            assert_eq!(whole(base, "/a?b=c#token=d").as_deref(), Some("https://hr.example.org/a?b=c#token=d"));
        }
        let deep = "https://hr.example.org/rollcall/";
        assert_eq!(whole(deep, "/a").as_deref(), Some("https://hr.example.org/rollcall/a"));
        for elsewhere in [
            "/../x",
            "/a/../../x",
            "/%2e%2e/x",
            "",
            "a",
            "//evil.example/",
            "https://evil.example/",
            "/\\evil.example",
            "/a\nb",
        ] {
            assert_eq!(whole(deep, elsewhere), None, "{elsewhere}");
        }
        assert_eq!(whole("https://hr.example.org", "@evil.example/"), None);
    }

    proptest! {
        #[test]
        fn whatever_the_path_the_host_is_the_base(path in "\\PC*") {
            if let Some(url) = whole("https://hr.example.org/x", &path) {
                prop_assert!(url.starts_with("https://hr.example.org/x/"), "{url}");
            }
        }
    }
}
