//! Which passwords are taken, and the form in which they are hashed.

use rollcall_common::pii::Pii;
use rollcall_common::validate::Rejection;
use std::collections::HashSet;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization as _;

/// Fewest characters of a new password.
pub const MIN: usize = 8;
/// Most characters of a password.
pub const MAX: usize = 128;

/// The common passwords of at least [`MIN`] characters, lower case; data/README.md says where they come from.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../data/common-passwords.txt").lines().collect());

/// A password in the form of RFC 8265 §4.2 (`OpaqueString`): spaces of any script become U+0020 and the rest is NFC,
/// so that the same password typed on another keyboard is the same bytes. Case is kept. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A password somebody wants to have. No composition rules: length and not being known to every attacker are
    /// what counts (NIST SP 800-63B-4 §3.1.1.2).
    pub fn chosen(input: &str) -> Result<Self, Rejection> {
        let password = Self::presented(input);
        let length = password.0.chars().count();
        if !(MIN..=MAX).contains(&length) {
            return Err(Rejection::new("password_length", format!("must have {MIN} to {MAX} characters")));
        }
        if COMMON.contains(password.0.to_lowercase().as_str()) {
            return Err(Rejection::new("password_common", "is among the most used passwords; choose another one"));
        }
        Ok(password)
    }

    /// A password somebody signs in with: it is right or wrong, and no rule of today refuses one of yesterday.
    pub fn presented(input: &str) -> Self {
        Self(input.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect())
    }

    /// The bytes that are hashed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Pii::new(()).fmt(f)
    }
}

/// General category Zs outside ASCII.
fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn length_is_counted_in_characters() {
        for (password, taken) in [
            ("1234567", false),
            ("八个汉字就够了吗", true),
            ("七个汉字就够了", false),
            ("🙂🙃🙂🙃🙂🙃🙂🙃", true),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
            (&"长".repeat(128), true),
        ] {
            assert_eq!(Password::chosen(password).is_ok(), taken, "{password}");
        }
    }

    #[test]
    fn no_composition_is_asked_for_and_spaces_count() {
        for password in ["correct horse battery staple", "        x", "zkwpfjqh", "\t\u{0}\u{7f}control"] {
            assert!(Password::chosen(password).is_ok(), "{password:?}");
        }
    }

    #[test]
    fn common_passwords_are_refused_in_any_case() {
        assert!(COMMON.len() >= 3_000, "ASVS 5.0 6.2.4 asks for the 3,000 most used ones");
        assert!(COMMON.iter().all(|p| p.chars().count() >= MIN && *p == p.to_lowercase()));
        for password in ["password", "PASSWORD", "12345678", "iLoveYou", "qwertyuiop"] {
            assert_eq!(Password::chosen(password).unwrap_err().code, "password_common", "{password}");
        }
    }

    #[test]
    fn the_same_password_from_another_keyboard_is_the_same() {
        assert_eq!(Password::presented("Zu\u{308}rich am See"), Password::presented("Zürich\u{a0}am\u{3000}See"));
        assert_ne!(Password::presented("Geheimnis1"), Password::presented("geheimnis1"));
    }

    proptest! {
        #[test]
        fn a_password_that_was_taken_is_presented_as_the_same_bytes(input in any::<String>()) {
            let presented = Password::presented(&input);
            prop_assert_eq!(Password::presented(&presented.0), presented.clone());
            if let Ok(chosen) = Password::chosen(&input) {
                prop_assert_eq!(&chosen, &presented);
                prop_assert!((MIN..=MAX).contains(&presented.0.chars().count()));
            }
            prop_assert_eq!(format!("{presented:?}"), "[redacted]");
        }
    }
}
