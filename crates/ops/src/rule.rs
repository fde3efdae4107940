//! How a table of rules is written: each with its name on the command line and in messages, and its reason.

/// Makes the type `Rule` of a module from its table; a rule without a name or a reason cannot be written.
macro_rules! rules {
    ($(#[$about:meta])* $($rule:ident $name:literal: $why:literal,)+) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = concat!("`", $name, "`: ", $why, ".")] $rule,)+
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$rule),+];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)+
                }
            }

            /// Its reason.
            pub const fn why(self) -> &'static str {
                match self {
                    $(Self::$rule => $why,)+
                }
            }
        }
    };
}

pub(crate) use rules;
