//! What breaks whom.
//!
//! Two versions run at once while a release lasts, and clients live longer: whoever was written against the old
//! document has to get along with the new one. What they send goes *in*, what they are sent comes *out*, and the same
//! change is harmless in one direction and a break in the other.

use crate::rule::rules;
use std::fmt;

rules! {
    /// A rule, and who feels that it is broken.
    PathRemoved "path-removed": "who asks for it gets 404",
    MethodRemoved "method-removed": "who uses it gets 405",
    EventRemoved "event-removed": "who waits for it waits for ever",
    ParameterRequired "parameter-required": "who does not send it is refused",
    ParameterRemoved "parameter-removed": "what it asked for is not done any more, and nobody is told",
    BodyRequired "body-required": "who sends none is refused",
    BodyKindRemoved "body-kind-removed": "who sends this content type gets 415",
    AnswerRemoved "answer-removed": "who waits for this success gets another",
    AnswerKindRemoved "answer-kind-removed": "who reads this content type gets another",
    HeaderRemoved "header-removed": "who reads it finds none",
    SecurityAdded "security-added": "who sends no such credentials is refused",
    OutputFieldRemoved "output-field-removed": "who reads it finds none",
    OutputFieldOptional "output-field-optional": "who relies on it may find none",
    OutputTypeWidened "output-type-widened": "who reads it may find what it cannot decode",
    OutputEnumAdded "output-enum-added": "who decodes a closed list fails on a word that it does not know; lists that may grow say so with `x-extensible-enum`",
    OutputVariantAdded "output-variant-added": "who decodes a closed choice fails on a form that it does not know",
    OutputBoundLoosened "output-bound-loosened": "who made room for the old bound has too little",
    InputFieldRequired "input-field-required": "who does not send it is refused",
    InputFieldRemoved "input-field-removed": "who sends it is refused, or not heard",
    InputTypeNarrowed "input-type-narrowed": "who sends the other type is refused",
    InputEnumRemoved "input-enum-removed": "who sends the word is refused",
    InputVariantRemoved "input-variant-removed": "who sends the form is refused",
    InputBoundTightened "input-bound-tightened": "who sends what was just within it is refused",
    InputClosed "input-closed": "who sends more than is known is refused",
    FormChanged "form-changed": "who writes or reads the old form is not understood, or does not understand",
    Unreadable "unreadable": "what cannot be compared is not known to be harmless",
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
    fn every_rule_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
    }
}
