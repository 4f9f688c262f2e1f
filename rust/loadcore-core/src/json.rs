//! JSON text whose values are kept as they were written: numbers with all their digits, members in their order.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in their order; a repeated name comes repeatedly.
#[derive(Debug)]
pub(crate) struct Members<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

/// What a JSON text is.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    Object(Members<'a>),
    Array(Vec<&'a RawValue>),
    String(Cow<'a, str>),
    /// A number, `true`, `false` or `null`, as it is written.
    Plain(&'a str),
}

impl<'a> Json<'a> {
    /// Reads one level of a JSON text.
    pub(crate) fn parse(text: &'a str) -> serde_json::Result<Self> {
        Ok(match text.trim_start().as_bytes().first() {
            Some(b'{') => Self::Object(serde_json::from_str(text)?),
            Some(b'[') => Self::Array(serde_json::from_str(text)?),
            Some(b'"') => Self::String(serde_json::from_str::<Text<'a>>(text)?.0),
            _ => Self::Plain(serde_json::from_str::<&RawValue>(text)?.get()),
        })
    }
}

/// Whether this is one JSON value and nothing else.
pub(crate) fn is_json(text: &[u8]) -> bool {
    // Most are a number without a fraction.
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && digits.iter().all(u8::is_ascii_digit) {
        return true;
    }
    std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// A string, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Read)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((name.0, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One level is read; what is below it keeps its text, repeated names and digits included.
    #[test]
    fn one_level() {
        let Json::Object(Members(members)) = Json::parse(r#" {"a": 1.50, "\u0062": [1e400], "a": "x"} "#).unwrap()
        else {
            panic!("no object")
        };
        let members: Vec<(&str, &str)> = members.iter().map(|(name, value)| (&**name, value.get())).collect();
        assert_eq!(members, [("a", "1.50"), ("b", "[1e400]"), ("a", "\"x\"")]);
        assert!(matches!(Json::parse("[1, {}]").unwrap(), Json::Array(items) if items.len() == 2));
        assert!(matches!(Json::parse(r#""\u00e9""#).unwrap(), Json::String(text) if text == "é"));
        assert!(matches!(Json::parse(" 12345678901234567890123 ").unwrap(), Json::Plain("12345678901234567890123")));
        for bad in ["", "{", "1 2", "'a'", "nan", r#""\ud800""#, "007"] {
            assert!(Json::parse(bad).is_err(), "{bad}");
        }
    }

    /// JSON is distinguished from lookalikes.
    #[test]
    fn valid() {
        for text in ["0", "-7", "12345678901234567890123", "1e5", "true", "null", "\"a\"", "[1, 2]", " {} "] {
            assert!(is_json(text.as_bytes()), "{text}");
        }
        for text in ["", "-", "007", "a1b2", "1,\"admin\":true", "1 2", "1.", "[1,]", "\"", "\"\n\"", "NaN"] {
            assert!(!is_json(text.as_bytes()), "{text}");
        }
        assert!(!is_json(b"\"\xff\""));
    }
}
