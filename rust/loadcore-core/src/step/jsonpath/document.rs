//! A whole JSON document, for paths that name several places.
//!
//! `serde_json_path` looks for places in values, which forget how their numbers were written. So what it finds is
//! looked up in the text again, and the text is what is taken: the same that a walk over the bytes would give.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

use super::scan::{Cursor, NotJson, unescape};
use crate::json::is_json;

/// Deeper documents are refused, as `serde_json` does.
const MOST_DEPTH: usize = 128;

/// A document: its text and its values. Of a repeated name the first counts, as in a walk over the bytes.
#[derive(Debug)]
pub(super) struct Document<'a> {
    text: &'a [u8],
    value: Value,
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, NotJson> {
        let mut cursor = Cursor::new(text);
        let value = value(&mut cursor, 0)?;
        if cursor.is_at_end() { Ok(Self { text, value }) } else { Err(NotJson) }
    }

    /// The JSON of the values at a path, in the order in which it names them.
    pub(super) fn at(&self, path: &serde_json_path::JsonPath, most: usize) -> Result<Vec<&'a [u8]>, NotJson> {
        let nodes: Vec<*const Value> =
            path.query(&self.value).iter().take(most).map(|node| std::ptr::from_ref(*node)).collect();
        let mut texts: HashMap<*const Value, &'a [u8]> = nodes.iter().map(|node| (*node, &b""[..])).collect();
        if !texts.is_empty() {
            find(&mut Cursor::new(self.text), &self.value, &mut texts)?;
        }
        Ok(nodes.iter().filter_map(|node| texts.get(node).copied()).collect())
    }
}

/// Reads a value.
fn value(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, NotJson> {
    if depth > MOST_DEPTH {
        return Err(NotJson);
    }
    match cursor.peek()? {
        b'{' => {
            let mut members = Map::new();
            let mut more = cursor.begin(b'{', b'}')?;
            while more {
                let name = string(cursor.name()?)?;
                let member = value(cursor, depth + 1)?;
                members.entry(name).or_insert(member);
                more = cursor.goes_on(b'}')?;
            }
            Ok(Value::Object(members))
        }
        b'[' => {
            let mut items = Vec::new();
            let mut more = cursor.begin(b'[', b']')?;
            while more {
                items.push(value(cursor, depth + 1)?);
                more = cursor.goes_on(b']')?;
            }
            Ok(Value::Array(items))
        }
        _ => match cursor.take()? {
            [b'"', text @ .., b'"'] => Ok(Value::String(string(text)?)),
            b"null" => Ok(Value::Null),
            b"true" => Ok(Value::Bool(true)),
            b"false" => Ok(Value::Bool(false)),
            digits => number(digits),
        },
    }
}

fn string(text: &[u8]) -> Result<String, NotJson> {
    let mut unescaped = Vec::new();
    unescape(text, &mut unescaped)?;
    String::from_utf8(unescaped).map_err(|_| NotJson)
}

fn number(digits: &[u8]) -> Result<Value, NotJson> {
    if let Ok(number) = serde_json::from_slice::<Number>(digits) {
        return Ok(Value::Number(number));
    }
    // One that is larger than any that filters can compare.
    let largest = if digits.starts_with(b"-") { f64::MIN } else { f64::MAX };
    if is_json(digits) { Ok(Value::from(largest)) } else { Err(NotJson) }
}

/// Walks over text and value side by side, and notes the JSON of the wanted values.
fn find<'a>(
    cursor: &mut Cursor<'a>,
    value: &Value,
    texts: &mut HashMap<*const Value, &'a [u8]>,
) -> Result<(), NotJson> {
    cursor.peek()?;
    let start = cursor.clone();
    match value {
        Value::Object(members) => {
            let mut members = members.iter().peekable();
            let mut more = cursor.begin(b'{', b'}')?;
            while more {
                let name = string(cursor.name()?)?;
                // Names are met in the order of the members, but for those that come again.
                match members.next_if(|(known, _)| **known == name) {
                    Some((_, member)) => find(cursor, member, texts)?,
                    None => cursor.take().map(|_| ())?,
                }
                more = cursor.goes_on(b'}')?;
            }
        }
        Value::Array(items) => {
            let mut more = cursor.begin(b'[', b']')?;
            for item in items {
                if more {
                    find(cursor, item, texts)?;
                    more = cursor.goes_on(b']')?;
                }
            }
        }
        _ => cursor.take().map(|_| ())?,
    }
    if let Some(text) = texts.get_mut(&std::ptr::from_ref(value)) {
        *text = start.up_to(cursor);
    }
    Ok(())
}
