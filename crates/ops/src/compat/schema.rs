//! Two schemas of one value: whether who was written against the old one gets along with the new one.
//!
//! Of JSON Schema 2020-12 what our documents use is understood; a keyword that is not, and differs, is reported as
//! unreadable instead of being passed over. Descriptions, examples and defaults bind nobody.

use super::rules::{Break, Rule};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Which way a value goes, seen from the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Clients send it.
    In,
    /// The service sends it.
    Out,
}

/// Keywords that bind nobody.
const WORDS: [&str; 9] =
    ["description", "title", "example", "examples", "default", "$comment", "deprecated", "readOnly", "writeOnly"];
/// Keywords that have code below.
const KNOWN: [&str; 13] = [
    "$ref",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "oneOf",
    "anyOf",
    "allOf",
    "x-extensible-enum",
    "propertyNames",
];
/// Lower bounds: a larger one lets less through.
const LEAST: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
/// Upper bounds: a smaller one lets less through.
const MOST: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];
/// Compared as they stand: another value is another type.
const FORMS: [&str; 4] = ["format", "pattern", "multipleOf", "uniqueItems"];
const REFERENCE: &str = "#/components/schemas/";
/// Deeper than any value of ours; what refers to itself is known by its names before.
const DEPTH: usize = 64;

/// Compares schemas of two documents.
pub struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    /// Pairs of names that were compared or are being compared, so that what refers to itself ends.
    seen: BTreeSet<(String, String, Way)>,
    /// What was found.
    pub breaks: Vec<Break>,
}

impl<'a> Comparison<'a> {
    /// Between two documents.
    pub fn new(old: &'a Value, new: &'a Value) -> Self {
        Self { old, new, seen: BTreeSet::new(), breaks: Vec::new() }
    }

    /// Notes a break.
    pub fn found(&mut self, place: &str, rule: Rule, what: impl Into<String>) {
        self.breaks.push(Break { place: place.to_owned(), rule, what: what.into() });
    }

    /// Compares two schemas of one place.
    pub fn compare(&mut self, place: &str, way: Way, old: &Value, new: &Value) {
        self.compare_at(place, way, old, new, 0);
    }

    fn compare_at(&mut self, place: &str, way: Way, old: &Value, new: &Value, depth: usize) {
        if depth > DEPTH {
            self.found(place, Rule::Unreadable, "it is nested too deep");
            return;
        }
        if let (Some(old), Some(new)) = (name_of(old), name_of(new))
            && !self.seen.insert((old.to_owned(), new.to_owned(), way))
        {
            return;
        }
        let (Some(old), Some(new)) = (Form::of(old, self.old, 0), Form::of(new, self.new, 0)) else {
            self.found(place, Rule::Unreadable, "a reference leads nowhere");
            return;
        };
        self.types(place, way, &old, &new);
        self.words(place, way, &old, &new);
        self.fields(place, way, &old, &new, depth);
        self.items(place, way, &old, &new, depth);
        self.variants(place, way, &old, &new, depth);
        self.bounds(place, way, &old, &new);
        self.forms(place, &old, &new);
    }

    /// In, less may not be taken; out, more may not come.
    fn types(&mut self, place: &str, way: Way, old: &Form, new: &Form) {
        let (before, after) = (&old.types, &new.types);
        // None said: any.
        let covers = |wide: &BTreeSet<String>, narrow: &BTreeSet<String>| {
            wide.is_empty()
                || (!narrow.is_empty()
                    && narrow.iter().all(|one| wide.contains(one) || (one == "integer" && wide.contains("number"))))
        };
        let what = || format!("type {} became {}", said(before), said(after));
        match way {
            Way::In if !covers(after, before) => self.found(place, Rule::InputTypeNarrowed, what()),
            Way::Out if !covers(before, after) => self.found(place, Rule::OutputTypeWidened, what()),
            _ => {}
        }
    }

    fn words(&mut self, place: &str, way: Way, old: &Form, new: &Form) {
        match (way, &old.words, &new.words) {
            (Way::In, Some(before), Some(after)) => {
                let gone: BTreeSet<_> = before.difference(after).cloned().collect();
                if !gone.is_empty() {
                    self.found(place, Rule::InputEnumRemoved, format!("{} is gone", said(&gone)));
                }
            }
            (Way::In, None, Some(after)) if !old.is_nothing() => {
                self.found(place, Rule::InputEnumRemoved, format!("only {} is taken", said(after)));
            }
            (Way::Out, Some(before), Some(after)) if !old.may_grow => {
                let come: BTreeSet<_> = after.difference(before).cloned().collect();
                if !come.is_empty() {
                    self.found(place, Rule::OutputEnumAdded, format!("{} is new", said(&come)));
                }
            }
            (Way::Out, Some(before), None) if !old.may_grow && new.variants.is_empty() => {
                self.found(place, Rule::OutputEnumAdded, format!("it was one of {} and is anything", said(before)));
            }
            _ => {}
        }
    }

    fn fields(&mut self, place: &str, way: Way, old: &Form, new: &Form, depth: usize) {
        for (name, before) in &old.fields {
            let inner = format!("{place}.{name}");
            match (way, new.fields.get(name)) {
                (_, Some(after)) => {
                    let (before, after) = (before.clone(), after.clone());
                    self.compare_at(&inner, way, &before, &after, depth + 1);
                }
                (Way::In, None) => self.found(&inner, Rule::InputFieldRemoved, "it is gone"),
                (Way::Out, None) => self.found(&inner, Rule::OutputFieldRemoved, "it is gone"),
            }
        }
        match way {
            Way::In => {
                for name in new.required.difference(&old.required) {
                    self.found(&format!("{place}.{name}"), Rule::InputFieldRequired, "it has to be sent from now on");
                }
            }
            Way::Out => {
                for name in old.required.difference(&new.required).filter(|name| new.fields.contains_key(*name)) {
                    self.found(&format!("{place}.{name}"), Rule::OutputFieldOptional, "it may be missing from now on");
                }
            }
        }
        match (way, &old.others, &new.others) {
            (_, Value::Object(before), Value::Object(after)) => {
                let (before, after) = (Value::Object(before.clone()), Value::Object(after.clone()));
                self.compare_at(&format!("{place}.*"), way, &before, &after, depth + 1);
            }
            // A new service that refuses what it does not know refuses clients that send more; `unevaluated` is not used.
            (Way::In, before, Value::Bool(false)) if *before != Value::Bool(false) && !old.is_nothing() => {
                self.found(place, Rule::InputClosed, "fields that it does not know are refused from now on");
            }
            (Way::In, before, Value::Object(_)) if !old.is_nothing() && *before != Value::Bool(false) => {
                self.found(place, Rule::InputTypeNarrowed, "other fields have to have a certain form from now on");
            }
            (Way::Out, Value::Object(_), after) if !after.is_object() => {
                self.found(place, Rule::OutputFieldRemoved, "the fields with names of their own are gone");
            }
            _ => {}
        }
        if let (Some(before), Some(after)) = (old.names.clone(), new.names.clone()) {
            self.compare_at(&format!("{place}.(names)"), way, &before, &after, depth + 1);
        }
    }

    fn items(&mut self, place: &str, way: Way, old: &Form, new: &Form, depth: usize) {
        match (old.items.clone(), new.items.clone()) {
            (Some(before), Some(after)) => self.compare_at(&format!("{place}[]"), way, &before, &after, depth + 1),
            (None, Some(_)) if way == Way::In && old.types.contains("array") => {
                self.found(place, Rule::InputTypeNarrowed, "its items have to have a certain form from now on");
            }
            (Some(_), None) if way == Way::Out && new.types.contains("array") => {
                self.found(place, Rule::OutputTypeWidened, "its items may be anything from now on");
            }
            _ => {}
        }
    }

    /// A choice of forms: each of one side is compared with the one of the other that it is most like.
    fn variants(&mut self, place: &str, way: Way, old: &Form, new: &Form, depth: usize) {
        if old.variants.is_empty() && new.variants.is_empty() {
            return;
        }
        // A single form is a choice of one.
        let (from, to) = match way {
            Way::In => (old.choice(), new.choice()),
            Way::Out => (new.choice(), old.choice()),
        };
        for one in &from {
            let attempts = to.iter().map(|other| {
                let (before, after) = if way == Way::In { (one, other) } else { (other, one) };
                let mut trial =
                    Comparison { old: self.old, new: self.new, seen: self.seen.clone(), breaks: Vec::new() };
                trial.compare_at(&format!("{place}({})", label(one)), way, before, after, depth + 1);
                (usize::from(label(one) != label(other)), trial.breaks, trial.seen)
            });
            let best = attempts.min_by_key(|(differs, breaks, _)| (breaks.len(), *differs));
            let like = best.as_ref().is_some_and(|(differs, breaks, _)| breaks.is_empty() || *differs == 0);
            match best {
                Some((_, breaks, seen)) if like => {
                    self.breaks.extend(breaks);
                    self.seen = seen;
                }
                _ if way == Way::In => {
                    self.found(place, Rule::InputVariantRemoved, format!("{} is not taken any more", label(one)));
                }
                _ => self.found(place, Rule::OutputVariantAdded, format!("{} is new", label(one))),
            }
        }
    }

    fn bounds(&mut self, place: &str, way: Way, old: &Form, new: &Form) {
        let lists = LEAST.iter().map(|name| (*name, true)).chain(MOST.iter().map(|name| (*name, false)));
        for (name, least) in lists {
            let (before, after) = (old.number(name), new.number(name));
            let tighter = |than: Option<f64>, this: Option<f64>| match (than, this) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(than), Some(this)) => {
                    if least {
                        this > than
                    } else {
                        this < than
                    }
                }
            };
            let what = || format!("{name} {} became {}", number(before), number(after));
            match way {
                Way::In if tighter(before, after) && !old.is_nothing() => {
                    self.found(place, Rule::InputBoundTightened, what());
                }
                // What comes out is bounded for whoever stores it; a smaller least value surprises as much.
                Way::Out if tighter(after, before) => self.found(place, Rule::OutputBoundLoosened, what()),
                _ => {}
            }
        }
    }

    fn forms(&mut self, place: &str, old: &Form, new: &Form) {
        for name in FORMS {
            let (before, after) = (old.rest.get(name), new.rest.get(name));
            if before != after {
                let text = |value: Option<&Value>| value.map_or_else(|| "none".to_owned(), Value::to_string);
                self.found(place, Rule::FormChanged, format!("{name} {} became {}", text(before), text(after)));
            }
        }
        for (name, after) in &new.rest {
            let bound = LEAST.contains(&name.as_str()) || MOST.contains(&name.as_str());
            let known = bound || FORMS.contains(&name.as_str());
            if !known && old.rest.get(name) != Some(after) {
                self.found(place, Rule::Unreadable, format!("the keyword {name} is not understood"));
            }
        }
    }
}

/// A schema with its references followed and its `allOf` joined.
#[derive(Clone, Debug, Default)]
struct Form {
    types: BTreeSet<String>,
    words: Option<BTreeSet<String>>,
    may_grow: bool,
    fields: BTreeMap<String, Value>,
    required: BTreeSet<String>,
    others: Value,
    names: Option<Value>,
    items: Option<Value>,
    variants: Vec<Value>,
    rest: BTreeMap<String, Value>,
    whole: Value,
}

impl Form {
    fn of(schema: &Value, document: &Value, depth: usize) -> Option<Self> {
        if depth > DEPTH {
            return None;
        }
        let mut form = Self { whole: schema.clone(), ..Self::default() };
        let Value::Object(schema) = schema else {
            return Some(form);
        };
        if let Some(reference) = schema.get("$ref") {
            let name = reference.as_str()?.strip_prefix(REFERENCE)?;
            form.join(Self::of(document["components"]["schemas"].get(name)?, document, depth + 1)?);
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            form.join(Self::of(part, document, depth + 1)?);
        }
        form.read(schema);
        // `oneOf: [null, X]` is X that may be null, as `type: [null, …]` is.
        if form.variants.len() == 2 && form.variants.iter().any(is_null) {
            let other = form.variants.iter().find(|one| !is_null(one)).cloned()?;
            form.variants.clear();
            form.join(Self::of(&other, document, depth + 1)?);
            if form.types.is_empty() {
                // A choice of forms, of which null is one more.
                form.variants.push(serde_json::json!({ "type": "null" }));
            } else {
                form.types.insert("null".to_owned());
            }
        }
        Some(form)
    }

    fn read(&mut self, schema: &Map<String, Value>) {
        match schema.get("type") {
            Some(Value::String(one)) => drop(self.types.insert(one.clone())),
            Some(Value::Array(several)) => {
                self.types.extend(several.iter().filter_map(|one| one.as_str().map(str::to_owned)));
            }
            _ => {}
        }
        let list = |name: &str| schema.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let word = |value: &Value| value.to_string();
        if schema.contains_key("enum") {
            self.words = Some(list("enum").iter().map(word).collect());
        }
        if let Some(one) = schema.get("const") {
            self.words = Some([word(one)].into());
        }
        self.may_grow |= schema.get("x-extensible-enum") == Some(&Value::Bool(true));
        if let Some(Value::Object(fields)) = schema.get("properties") {
            self.fields.extend(fields.iter().map(|(name, field)| (name.clone(), field.clone())));
        }
        self.required.extend(list("required").iter().filter_map(|name| name.as_str().map(str::to_owned)));
        if let Some(others) = schema.get("additionalProperties") {
            self.others = others.clone();
        }
        self.names = schema.get("propertyNames").cloned().or(self.names.take());
        self.items = schema.get("items").cloned().or(self.items.take());
        for name in ["oneOf", "anyOf"] {
            self.variants.extend(list(name).iter().cloned());
        }
        let other = |name: &&String| !KNOWN.contains(&name.as_str()) && !WORDS.contains(&name.as_str());
        self.rest
            .extend(schema.iter().filter(|(name, _)| other(name)).map(|(name, value)| (name.clone(), value.clone())));
    }

    fn join(&mut self, part: Self) {
        self.types.extend(part.types);
        self.words = part.words.or(self.words.take());
        self.may_grow |= part.may_grow;
        self.fields.extend(part.fields);
        self.required.extend(part.required);
        if !part.others.is_null() {
            self.others = part.others;
        }
        self.names = part.names.or(self.names.take());
        self.items = part.items.or(self.items.take());
        self.variants.extend(part.variants);
        self.rest.extend(part.rest);
    }

    /// The forms that the value may have.
    fn choice(&self) -> Vec<Value> {
        if self.variants.is_empty() { vec![self.whole.clone()] } else { self.variants.clone() }
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.rest.get(name).and_then(Value::as_f64)
    }

    /// Whether nothing was ever sent in this place: `false`, the schema of no value.
    fn is_nothing(&self) -> bool {
        self.whole == Value::Bool(false)
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

fn name_of(schema: &Value) -> Option<&str> {
    let schema = schema.as_object()?;
    let binding = schema.keys().filter(|key| !WORDS.contains(&key.as_str())).count();
    if binding == 1 { schema.get("$ref")?.as_str()?.strip_prefix(REFERENCE) } else { None }
}

/// What a form of a choice is called: by its name, by the words of a field that tells it from the others, else by type.
fn label(schema: &Value) -> String {
    if let Some(name) = name_of(schema) {
        return name.to_owned();
    }
    let own = schema.get("properties").and_then(Value::as_object);
    let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let joined = parts.filter_map(|part| part.get("properties")?.as_object());
    for fields in own.into_iter().chain(joined) {
        for (name, field) in fields {
            let words = field.get("enum").and_then(Value::as_array).filter(|words| words.len() == 1);
            if let Some([word]) = words.map(Vec::as_slice) {
                return format!("{name}={word}");
            }
        }
    }
    if let Some(words) = schema.get("enum") {
        return words.to_string();
    }
    if let Some(required) = schema.get("required").filter(|_| own.is_some_and(|fields| fields.len() == 1)) {
        return required.to_string();
    }
    schema.get("type").map_or_else(|| "a form".to_owned(), |kind| kind.to_string().replace('"', ""))
}

fn said(words: &BTreeSet<String>) -> String {
    if words.is_empty() {
        return "anything".to_owned();
    }
    words.iter().cloned().collect::<Vec<_>>().join("|")
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}
