//! The user's values in a plan.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value as the user wrote it. A string is written as one. All else may be written as itself, or as `{"json": "…"}`,
/// its JSON text: numbers of any length keep their digits only so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "Written", into = "Written")]
pub enum Literal {
    /// A string.
    Text(String),
    /// The JSON text of what is not a string.
    Json(Box<str>),
}

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Json(Wrapped),
    Plain(Value),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    json: String,
}

impl From<Written> for Literal {
    fn from(written: Written) -> Self {
        match written {
            Written::Text(text) => Self::Text(text),
            Written::Json(Wrapped { json }) => Self::Json(json.into()),
            Written::Plain(value) => Self::Json(value.to_string().into()),
        }
    }
}

impl From<Literal> for Written {
    fn from(literal: Literal) -> Self {
        match literal {
            Literal::Text(text) => Self::Text(text),
            Literal::Json(json) => match serde_json::from_str(&json) {
                Ok(plain @ (Value::Null | Value::Bool(_))) => Self::Plain(plain),
                Ok(Value::Number(number)) if !number.is_f64() => Self::Plain(Value::Number(number)),
                _ => Self::Json(Wrapped { json: json.into() }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each writing is read, and what was read is written so that it is read again.
    #[test]
    fn round_trip() {
        for (written, literal) in [
            (r#""1""#, Literal::Text("1".to_owned())),
            ("12", Literal::Json("12".into())),
            ("null", Literal::Json("null".into())),
            (r#"{"json":"12345678901234567890123.50"}"#, Literal::Json("12345678901234567890123.50".into())),
            (r#"[1,"a"]"#, Literal::Json(r#"[1,"a"]"#.into())),
        ] {
            let read: Literal = serde_json::from_str(written).unwrap();
            assert_eq!(read, literal, "{written}");
            assert_eq!(serde_json::from_str::<Literal>(&serde_json::to_string(&read).unwrap()).unwrap(), literal);
        }
    }
}
