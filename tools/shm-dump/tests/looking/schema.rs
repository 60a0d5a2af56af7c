//! Every kind of line that is printed is one of the printed schema.

use crate::support::{Directory, SYMBOL, trades};
use arrow::array::RecordBatch;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// What is wrong with a value, by the part of JSON Schema that the tool's schema uses. An object has no fields but those named.
fn fault(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let schema = schema.as_object()?;
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return fault(root, root.pointer(&reference[1..]).unwrap(), value);
    }
    if let Some(choices) = schema.get("oneOf").or(schema.get("anyOf")).and_then(Value::as_array) {
        let fits = choices.iter().any(|choice| fault(root, choice, value).is_none());
        return (!fits).then(|| format!("{value} is none of {choices:?}"));
    }
    if schema.get("const").is_some_and(|wanted| wanted != value) {
        return Some(format!("{value} is not {}", schema["const"]));
    }
    let types: Vec<&str> = match &schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    if !types.iter().any(|wanted| is_of(wanted, value)) {
        return Some(format!("{value} is no {types:?}"));
    }
    match value {
        Value::Array(items) => items.iter().find_map(|item| fault(root, schema.get("items")?, item)),
        Value::Object(fields) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            let missing = required.filter_map(Value::as_str).find(|name| !fields.contains_key(*name));
            let wrong = fields.iter().find_map(|(name, field)| {
                match known.and_then(|known| known.get(name)).or(schema.get("additionalProperties")) {
                    Some(schema) => fault(root, schema, field).map(|fault| format!("{name}: {fault}")),
                    None => Some(format!("{name} is not in the schema")),
                }
            });
            missing.map(|name| format!("{name} is missing")).or(wrong)
        }
        _ => None,
    }
}

fn is_of(wanted: &str, value: &Value) -> bool {
    match wanted {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

/// A directory in which every command has something to tell.
fn eventful() -> (Directory, Vec<shmframe_writer::Writer>) {
    let directory = Directory::new();
    let mut writers = Vec::new();
    for (name, rows) in [("ticks", 4), ("others", 4), ("broken", 2), ("old", 1)] {
        let mut writer = directory.options().history(8).create(name).unwrap();
        let batch = trades(rows);
        // The same symbols, other prices.
        writer.put("trades", &batch.slice(usize::from(name == "others"), 1)).unwrap();
        let schema = batch.schema().project(&[1]).unwrap();
        let quotes = RecordBatch::try_new(schema.into(), vec![batch.column(1).clone()]).unwrap();
        writer.put("quotes", &quotes).unwrap();
        writers.push(writer);
    }
    writers.pop();
    directory.overwrite("broken", SYMBOL.as_bytes(), b"\xFF\xFE");
    let leftover = directory.path().join(format!(".left.{:032x}.shmf-tmp", 9));
    fs::create_dir(leftover).unwrap();
    (directory, writers)
}

#[test]
fn every_line_is_one_of_the_schema_and_every_kind_of_it_is_printed() {
    let (directory, _writers) = eventful();
    let printed = directory.run(&["json-schema"]).with_status(0).out;
    let schema: Value = serde_json::from_str(&printed).unwrap();
    let kind_of = |kind: &Value| kind["properties"]["kind"]["const"].as_str().unwrap().to_owned();
    let kinds = schema["oneOf"].as_array().unwrap();
    let mut dead = directory.reader("ticks/trades");
    dead.kill().unwrap();
    dead.wait().unwrap();
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("trades.csv");
    let mut seen = BTreeSet::new();
    for arguments in [
        &["ls", "--all"][..],
        &["info", "ticks"],
        &["info", "ticks", "--header"],
        &["schema", "ticks"],
        &["versions", "ticks"],
        &["head", "ticks/trades"],
        &["stats", "ticks/trades"],
        &["export", "ticks/trades", "-o", file.to_str().unwrap()],
        &["diff", "ticks/trades", "others/trades"],
        &["diff", "ticks/trades", "ticks/quotes"],
        &["watch", "ticks", "--count", "1"],
        &["wait", "ticks", "--version", "1"],
        &["readers", "ticks"],
        &["readers", "ticks", "--reap"],
        &["map", "ticks"],
        &["metrics", "ticks"],
        &["verify", "--deep", "broken"],
        &["doctor"],
        &["gc"],
        &["rm", "old"],
    ] {
        let told = directory.run(&[arguments, &["--json"]].concat());
        assert!(!told.out.is_empty(), "{arguments:?}: {}", told.said);
        for line in told.out.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let kind = kinds.iter().find(|kind| kind_of(kind) == line["kind"]);
            let fault = fault(&schema, kind.unwrap(), &line);
            assert_eq!(fault, None, "{arguments:?}: {line}");
            // States and the like are named by the schema, one by one.
            for name in ["state", "outcome", "came", "metric_type", "severity"] {
                let mut other = line.clone();
                if other.get(name).is_some() && line["kind"] != "tick" {
                    other[name] = "no_such_word".into();
                    assert!(self::fault(&schema, kind.unwrap(), &other).is_some(), "{name}: {line}");
                }
            }
            seen.insert(line["kind"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(seen, kinds.iter().map(kind_of).collect());
}

#[test]
fn checker_finds_what_does_not_fit() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": { "state": { "$ref": "#/$defs/State" }, "rows": { "type": ["integer", "null"] } },
        "required": ["state"],
        "$defs": { "State": { "oneOf": [{ "type": "string", "const": "open" }] } },
    });
    let fits = |value: Value| fault(&schema, &schema, &value).is_none();
    assert!(fits(serde_json::json!({ "state": "open", "rows": null })));
    assert!(!fits(serde_json::json!({ "rows": 1 })));
    assert!(!fits(serde_json::json!({ "state": "other" })));
    assert!(!fits(serde_json::json!({ "state": "open", "rows": "1" })));
    assert!(!fits(serde_json::json!({ "state": "open", "more": 1 })));
}
