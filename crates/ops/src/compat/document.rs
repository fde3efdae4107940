//! Two OpenAPI documents: what who was written against the old one does not find in the new one.

use super::rules::{Break, Rule};
use super::schema::{Comparison, Way};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "patch", "head", "options"];

/// Everything in `new` that breaks who was written against `old`, in the order of its places.
pub fn compare(old: &Value, new: &Value) -> Vec<Break> {
    let mut comparison = Comparison::new(old, new);
    let after = by_shape(&new["paths"]);
    for (shape, (path, before)) in by_shape(&old["paths"]) {
        let Some((_, after)) = after.get(&shape) else {
            comparison.found(path, Rule::PathRemoved, "it is gone");
            continue;
        };
        for method in METHODS {
            let place = format!("{} {path}", method.to_uppercase());
            match (before.get(method), after.get(method)) {
                (Some(before), Some(after)) => operation(&mut comparison, &place, before, after),
                (Some(_), None) => comparison.found(&place, Rule::MethodRemoved, "it is gone"),
                (None, _) => {}
            }
        }
    }
    for (name, before) in entries(&old["webhooks"]) {
        match new["webhooks"].get(name) {
            Some(after) => event(&mut comparison, name, &before["post"], &after["post"]),
            None => comparison.found(name, Rule::EventRemoved, "it is gone"),
        }
    }
    let mut breaks = comparison.breaks;
    breaks.sort();
    breaks.dedup();
    breaks
}

/// Paths by what they match: the names of their parameters are the service's own business.
fn by_shape(paths: &Value) -> BTreeMap<String, (&str, &Value)> {
    let shape = |path: &str| -> String {
        let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    entries(paths).map(|(path, item)| (shape(path), (path.as_str(), item))).collect()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn operation(comparison: &mut Comparison<'_>, place: &str, old: &Value, new: &Value) {
    parameters(comparison, place, old, new);
    body(comparison, place, &old["requestBody"], &new["requestBody"]);
    for (status, before) in entries(&old["responses"]) {
        let place = format!("{place} {status}");
        match new["responses"].get(status) {
            Some(after) => answer(comparison, &place, before, after),
            // A refusal that does not come any more is missed by nobody.
            None if status.starts_with(['2', '3']) => comparison.found(&place, Rule::AnswerRemoved, "it is gone"),
            None => {}
        }
    }
    if !admits(&alternatives(new), &alternatives(old)) {
        comparison.found(place, Rule::SecurityAdded, "other credentials are asked for");
    }
}

/// Parameters by where they are and their name; those in the path are told apart by their order there.
fn parameters_of(operation: &Value) -> BTreeMap<(String, String), &Value> {
    let text = |parameter: &Value, key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
    let all = operation["parameters"].as_array().into_iter().flatten();
    let named = all.filter(|parameter| parameter["in"] != "path");
    named
        .map(|parameter| {
            let (place, name) = (text(parameter, "in"), text(parameter, "name"));
            // The names of headers have no case.
            let name = if place == "header" { name.to_lowercase() } else { name };
            ((place, name), parameter)
        })
        .collect()
}

fn parameters(comparison: &mut Comparison<'_>, place: &str, old: &Value, new: &Value) {
    let (before, after) = (parameters_of(old), parameters_of(new));
    let is_required = |parameter: &Value| parameter["required"] == true;
    for (key, parameter) in &after {
        let was = before.get(key).is_some_and(|parameter| is_required(parameter));
        if is_required(parameter) && !was {
            comparison.found(&at(place, key), Rule::ParameterRequired, "it has to be sent from now on");
        }
    }
    for (key, parameter) in &before {
        match after.get(key) {
            Some(now) => comparison.compare(&at(place, key), Way::In, &parameter["schema"], &now["schema"]),
            None => comparison.found(&at(place, key), Rule::ParameterRemoved, "it is gone"),
        }
    }
    // Segments of the path have no choice but to be sent; their values may not become fewer.
    let segments = |operation: &Value| -> Vec<Value> {
        let all = operation["parameters"].as_array().into_iter().flatten();
        all.filter(|parameter| parameter["in"] == "path").cloned().collect()
    };
    for (was, now) in segments(old).iter().zip(&segments(new)) {
        let key = ("path".to_owned(), was["name"].as_str().unwrap_or_default().to_owned());
        comparison.compare(&at(place, &key), Way::In, &was["schema"], &now["schema"]);
    }
}

fn at(place: &str, (kind, name): &(String, String)) -> String {
    format!("{place} {kind} {name}")
}

fn body(comparison: &mut Comparison<'_>, place: &str, old: &Value, new: &Value) {
    let place = format!("{place} body");
    if new["required"] == true && old["required"] != true {
        comparison.found(&place, Rule::BodyRequired, "it has to be sent from now on");
    }
    contents(comparison, &place, Way::In, Rule::BodyKindRemoved, &old["content"], &new["content"]);
}

fn contents(comparison: &mut Comparison<'_>, place: &str, way: Way, gone: Rule, old: &Value, new: &Value) {
    for (kind, before) in entries(old) {
        match new.get(kind) {
            Some(after) if before.get("schema").is_some() && after.get("schema").is_some() => {
                comparison.compare(place, way, &before["schema"], &after["schema"]);
            }
            Some(_) => {}
            None => comparison.found(place, gone, format!("{kind} is gone")),
        }
    }
}

fn answer(comparison: &mut Comparison<'_>, place: &str, old: &Value, new: &Value) {
    contents(comparison, place, Way::Out, Rule::AnswerKindRemoved, &old["content"], &new["content"]);
    headers(comparison, place, &lower(&old["headers"]), &lower(&new["headers"]));
}

fn headers(
    comparison: &mut Comparison<'_>,
    place: &str,
    old: &BTreeMap<String, &Value>,
    new: &BTreeMap<String, &Value>,
) {
    for (name, before) in old {
        let place = format!("{place} header {name}");
        match new.get(name) {
            Some(after) => comparison.compare(&place, Way::Out, &before["schema"], &after["schema"]),
            None => comparison.found(&place, Rule::HeaderRemoved, "it is gone"),
        }
    }
}

fn lower(headers: &Value) -> BTreeMap<String, &Value> {
    entries(headers).map(|(name, header)| (name.to_lowercase(), header)).collect()
}

/// A request that the service makes: its body and its headers go out.
fn event(comparison: &mut Comparison<'_>, name: &str, old: &Value, new: &Value) {
    let named = |operation: &'_ Value| -> BTreeMap<String, Value> {
        let all = parameters_of(operation).into_iter();
        all.map(|((_, name), parameter)| (name, parameter.clone())).collect()
    };
    let (before, after) = (named(old), named(new));
    headers(comparison, name, &before.iter().map(borrow).collect(), &after.iter().map(borrow).collect());
    let (old, new) = (&old["requestBody"]["content"], &new["requestBody"]["content"]);
    contents(comparison, name, Way::Out, Rule::AnswerKindRemoved, old, new);
}

fn borrow<'a>((name, header): (&String, &'a Value)) -> (String, &'a Value) {
    (name.clone(), header)
}

/// The sets of credentials of which one is enough; none: nothing is asked for.
fn alternatives(operation: &Value) -> Vec<BTreeSet<String>> {
    let all = operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object);
    let schemes = |one: &Map<String, Value>| one.keys().cloned().collect();
    all.map(schemes).collect()
}

/// Whether every set that was enough is enough still.
fn admits(new: &[BTreeSet<String>], old: &[BTreeSet<String>]) -> bool {
    let nothing = [BTreeSet::new()];
    let (new, old) = (if new.is_empty() { &nothing } else { new }, if old.is_empty() { &nothing } else { old });
    old.iter().all(|enough| new.iter().any(|asked| asked.is_subset(enough)))
}
