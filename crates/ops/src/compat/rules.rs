//! What breaks whom.
//!
//! Two versions run at once while a release lasts, and clients live longer: whoever was written against the old
//! document has to get along with the new one. What they send goes *in*, what they are sent comes *out*, and the same
//! change is harmless in one direction and a break in the other.

use std::fmt;

/// A rule, and who feels that it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "`TABLE` says what each is")]
pub enum Rule {
    PathRemoved,
    MethodRemoved,
    EventRemoved,
    ParameterRequired,
    ParameterRemoved,
    BodyRequired,
    BodyKindRemoved,
    AnswerRemoved,
    AnswerKindRemoved,
    HeaderRemoved,
    SecurityAdded,
    OutputFieldRemoved,
    OutputFieldOptional,
    OutputTypeWidened,
    OutputEnumAdded,
    OutputVariantAdded,
    OutputBoundLoosened,
    InputFieldRequired,
    InputFieldRemoved,
    InputTypeNarrowed,
    InputEnumRemoved,
    InputVariantRemoved,
    InputBoundTightened,
    InputClosed,
    FormChanged,
    Unreadable,
}

/// Every rule with its name on the command line and its reason.
pub const TABLE: &[(Rule, &str, &str)] = &[
    (Rule::PathRemoved, "path-removed", "who asks for it gets 404"),
    (Rule::MethodRemoved, "method-removed", "who uses it gets 405"),
    (Rule::EventRemoved, "event-removed", "who waits for it waits for ever"),
    (Rule::ParameterRequired, "parameter-required", "who does not send it is refused"),
    (Rule::ParameterRemoved, "parameter-removed", "what it asked for is not done any more, and nobody is told"),
    (Rule::BodyRequired, "body-required", "who sends none is refused"),
    (Rule::BodyKindRemoved, "body-kind-removed", "who sends this content type gets 415"),
    (Rule::AnswerRemoved, "answer-removed", "who waits for this success gets another"),
    (Rule::AnswerKindRemoved, "answer-kind-removed", "who reads this content type gets another"),
    (Rule::HeaderRemoved, "header-removed", "who reads it finds none"),
    (Rule::SecurityAdded, "security-added", "who sends no such credentials is refused"),
    (Rule::OutputFieldRemoved, "output-field-removed", "who reads it finds none"),
    (Rule::OutputFieldOptional, "output-field-optional", "who relies on it may find none"),
    (Rule::OutputTypeWidened, "output-type-widened", "who reads it may find what it cannot decode"),
    (
        Rule::OutputEnumAdded,
        "output-enum-added",
        "who decodes a closed list fails on a word that it does not know; lists that may grow say so with `x-extensible-enum`",
    ),
    (
        Rule::OutputVariantAdded,
        "output-variant-added",
        "who decodes a closed choice fails on a form that it does not know",
    ),
    (Rule::OutputBoundLoosened, "output-bound-loosened", "who made room for the old bound has too little"),
    (Rule::InputFieldRequired, "input-field-required", "who does not send it is refused"),
    (Rule::InputFieldRemoved, "input-field-removed", "who sends it is refused, or not heard"),
    (Rule::InputTypeNarrowed, "input-type-narrowed", "who sends the other type is refused"),
    (Rule::InputEnumRemoved, "input-enum-removed", "who sends the word is refused"),
    (Rule::InputVariantRemoved, "input-variant-removed", "who sends the form is refused"),
    (Rule::InputBoundTightened, "input-bound-tightened", "who sends what was just within it is refused"),
    (Rule::InputClosed, "input-closed", "who sends more than is known is refused"),
    (Rule::FormChanged, "form-changed", "who writes or reads the old form is not understood, or does not understand"),
    (Rule::Unreadable, "unreadable", "what cannot be compared is not known to be harmless"),
];

impl Rule {
    /// Its name.
    pub fn name(self) -> &'static str {
        self.entry().1
    }

    /// Who feels it.
    pub fn why(self) -> &'static str {
        self.entry().2
    }

    fn entry(self) -> &'static (Self, &'static str, &'static str) {
        // A test holds that every rule is in the table.
        TABLE.iter().find(|(rule, ..)| *rule == self).unwrap_or(&TABLE[TABLE.len() - 1])
    }
}

/// One thing that breaks somebody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Break {
    /// Where: method and path, then the place in what goes in or comes out.
    pub place: String,
    /// Which rule.
    pub rule: Rule,
    /// What became of what.
    pub what: String,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({}: {})", self.place, self.what, self.rule.name(), self.rule.why())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_is_in_the_table_once_and_has_a_name_of_its_own() {
        let rules: BTreeSet<Rule> = TABLE.iter().map(|(rule, ..)| *rule).collect();
        let names: BTreeSet<&str> = TABLE.iter().map(|(_, name, _)| *name).collect();
        // `Unreadable` is the last one.
        assert_eq!((rules.len(), names.len()), (Rule::Unreadable as usize + 1, TABLE.len()));
        assert_eq!(rules.len(), TABLE.len());
    }
}
