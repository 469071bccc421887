//! What every OpenAPI document must keep, whatever it describes; tools that make code of it rely on it.

use std::collections::BTreeSet;

use serde_json::Value;

/// Asserts that each operation has an id of its own, and that each reference leads somewhere.
#[track_caller]
pub fn assert_sound(document: &Value) {
    let paths = document["paths"].as_object().expect("an object of paths");
    let operations = paths
        .values()
        .filter_map(Value::as_object)
        .flat_map(|item| item.values());
    let ids: Vec<_> = operations
        .map(|operation| {
            operation["operationId"]
                .as_str()
                .expect("an operation's id")
        })
        .collect();
    let different: BTreeSet<_> = ids.iter().collect();
    assert_eq!(
        different.len(),
        ids.len(),
        "an id of two operations: {ids:?}"
    );
    assert_leads_somewhere(document, document);
}

#[track_caller]
fn assert_leads_somewhere(document: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let found = reference
                    .strip_prefix('#')
                    .and_then(|it| document.pointer(it));
                assert!(found.is_some(), "{reference} leads nowhere");
            }
            for member in members.values() {
                assert_leads_somewhere(document, member);
            }
        }
        Value::Array(items) => {
            for item in items {
                assert_leads_somewhere(document, item);
            }
        }
        _ => {}
    }
}
