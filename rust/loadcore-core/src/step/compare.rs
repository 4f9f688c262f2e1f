//! Comparisons of a value with what the plan expects.
//!
//! Two numbers compare as numbers, all else as text. A number is: a number in the plan; a number in a JSON body; and where
//! the other side is one of these, or the operator asks for an order, any text that reads as a number (of a header, a
//! variable, a string of the plan). A string in a JSON body is never a number: `"12"` is not 12.

use std::cmp::Ordering;

use serde_json::Value;

use super::jsonpath::unescape;
use super::response::{Evaluation, Scratch};
use super::template::{Context, Template, TemplateProblem};
use super::variables::{Names, Slot};
use crate::plan::Comparison;

/// Why a comparison makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonProblem {
    /// No such operator.
    #[error("there is no operator `{operator}`; there are ==, !=, <, <=, > and >=")]
    Operator {
        /// What was given.
        operator: String,
    },
    /// Neither true, false nor null is more or less than anything.
    #[error("{value} has no order; it can be compared with == and != only")]
    NoOrder {
        /// What was given.
        value: String,
    },
    /// A list or an object.
    #[error("a value is compared with a string, a number, true, false or null")]
    NotScalar,
    /// The expected text is no template.
    #[error(transparent)]
    Template(#[from] TemplateProblem),
}

/// A comparison ready to be made.
#[derive(Debug, Clone)]
pub struct CompiledComparison {
    operator: Operator,
    expected: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone)]
enum Expected {
    Number(Number),
    /// `true`, `false` or `null`.
    Literal(&'static str),
    Text(Template),
}

/// A value that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand<'a> {
    /// Text that may read as a number: a header, a variable.
    Text(&'a [u8]),
    /// The text of a JSON value, a string with its quotes.
    Json(&'a [u8]),
    /// A whole number.
    Integer(u64),
}

impl CompiledComparison {
    /// Compiles a comparison.
    pub fn compile(comparison: &Comparison, names: &mut Names) -> Result<Self, ComparisonProblem> {
        let operator = Operator::parse(&comparison.operator)
            .ok_or_else(|| ComparisonProblem::Operator { operator: comparison.operator.clone() })?;
        let expected = match &comparison.value {
            Value::Null => Expected::Literal("null"),
            Value::Bool(true) => Expected::Literal("true"),
            Value::Bool(false) => Expected::Literal("false"),
            Value::Number(number) => match Number::parse(number.to_string().as_bytes()) {
                Some(number) => Expected::Number(number),
                None => return Err(ComparisonProblem::NotScalar),
            },
            Value::String(text) => Expected::Text(Template::parse(text, Context::Text, names)?),
            Value::Array(_) | Value::Object(_) => return Err(ComparisonProblem::NotScalar),
        };
        match expected {
            Expected::Literal(value) if operator.orders() => {
                Err(ComparisonProblem::NoOrder { value: value.to_owned() })
            }
            expected => Ok(Self { operator, expected }),
        }
    }

    /// Whether the value compares as expected. A value that cannot be compared (a word with a number), or an expected text
    /// whose variables are not set, holds for no operator but `!=`.
    pub fn holds(&self, actual: Operand<'_>, evaluation: &mut Evaluation<'_, '_>) -> bool {
        match &self.expected {
            Expected::Number(expected) => {
                let ordering = Number::of(actual).and_then(|actual| actual.compare(*expected));
                self.operator.accepts(ordering)
            }
            Expected::Literal(expected) => {
                let same = matches!(actual, Operand::Text(text) | Operand::Json(text) if text == expected.as_bytes());
                self.operator.accepts(same.then_some(Ordering::Equal))
            }
            Expected::Text(template) => {
                let Scratch { expected, actual: unescaped } = &mut *evaluation.scratch;
                let expected = if let Some(expected) = template.is_static() {
                    expected
                } else {
                    expected.clear();
                    if template.render(evaluation.variables, evaluation.builtins, expected).is_err() {
                        return self.operator == Operator::NotEqual;
                    }
                    expected
                };
                self.operator.accepts(self.compare_text(actual, expected, unescaped))
            }
        }
    }

    /// The variables that the expected text needs.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let template = match &self.expected {
            Expected::Text(template) => Some(template),
            Expected::Number(_) | Expected::Literal(_) => None,
        };
        template.into_iter().flat_map(Template::slots)
    }

    fn compare_text(&self, actual: Operand<'_>, expected: &[u8], unescaped: &mut Vec<u8>) -> Option<Ordering> {
        let is_number = matches!(actual, Operand::Integer(_) | Operand::Json([b'-' | b'0'..=b'9', ..]));
        let may_be_number = matches!(actual, Operand::Text(_)) && self.operator.orders();
        if (is_number || may_be_number)
            && let (Some(actual), Some(expected)) = (Number::of(actual), Number::parse(expected))
        {
            return actual.compare(expected);
        }
        match actual {
            Operand::Text(text) => Some(text.cmp(expected)),
            Operand::Json(json) => Some(json_text(json, unescaped)?.cmp(expected)),
            Operand::Integer(_) => None,
        }
    }
}

/// The text of a JSON value: of a string what it says, of all else the JSON. `None` if its escapes make no sense.
fn json_text<'a>(json: &'a [u8], buffer: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let [b'"', text @ .., b'"'] = json else { return Some(json) };
    if memchr::memchr(b'\\', text).is_none() {
        return Some(text);
    }
    buffer.clear();
    unescape(text, buffer).ok()?;
    Some(buffer)
}

impl Operator {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    const fn orders(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    /// Whether an actual value that stands so to the expected one is accepted; `None` if they cannot be compared.
    fn accepts(self, ordering: Option<Ordering>) -> bool {
        match self {
            Self::NotEqual => ordering != Some(Ordering::Equal),
            Self::Equal => ordering == Some(Ordering::Equal),
            Self::Less => ordering == Some(Ordering::Less),
            Self::LessOrEqual => ordering.is_some_and(Ordering::is_le),
            Self::Greater => ordering == Some(Ordering::Greater),
            Self::GreaterOrEqual => ordering.is_some_and(Ordering::is_ge),
        }
    }
}

/// A number; whole ones exactly, so that ids beyond 2^53 are not taken for one another.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// The number that a text in JSON's syntax of numbers stands for.
    fn parse(text: &[u8]) -> Option<Self> {
        Self::parse_usual(text).or_else(|| Self::parse_any(text))
    }

    /// A number of a few digits, which may have a point. With so few, the digits are exact in both types, and so is the
    /// power of ten: then one division rounds as a longer calculation would.
    #[expect(clippy::cast_precision_loss, reason = "15 digits fit an f64 exactly")]
    fn parse_usual(text: &[u8]) -> Option<Self> {
        const MOST: usize = 15;
        let (negative, size) = match text {
            [b'-', size @ ..] => (true, size),
            size => (false, size),
        };
        let (mut digits, mut point) = (0_i64, None);
        for (place, byte) in size.iter().enumerate().take(MOST + 2) {
            match byte {
                b'0'..=b'9' => digits = digits * 10 + i64::from(byte - b'0'),
                b'.' if point.is_none() => point = Some(place),
                _ => return None,
            }
        }
        let digits = if negative { -digits } else { digits };
        match point {
            None if (1..=MOST).contains(&size.len()) => Some(Self::Whole(i128::from(digits))),
            Some(point @ 1..) if (point + 2..=MOST + 1).contains(&size.len()) && digits != 0 => {
                Some(Self::Real(digits as f64 / POWERS_OF_TEN[size.len() - point - 1]))
            }
            _ => None,
        }
    }

    fn parse_any(text: &[u8]) -> Option<Self> {
        // Rust also reads "inf", "nan", "+1" and ".5", which JSON does not.
        if !matches!(text, [b'-', b'0'..=b'9', ..] | [b'0'..=b'9', ..]) {
            return None;
        }
        let text = std::str::from_utf8(text).ok()?;
        text.parse().map(Self::Whole).or_else(|_| text.parse().map(Self::Real)).ok()
    }

    fn of(operand: Operand<'_>) -> Option<Self> {
        match operand {
            Operand::Text(text) | Operand::Json(text) => Self::parse(text),
            Operand::Integer(integer) => Some(Self::Whole(i128::from(integer))),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "beside a real number, a whole one is one")]
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => Some(left.cmp(&right)),
            (Self::Whole(left), Self::Real(right)) => (left as f64).partial_cmp(&right),
            (Self::Real(left), Self::Whole(right)) => left.partial_cmp(&(right as f64)),
            (Self::Real(left), Self::Real(right)) => left.partial_cmp(&right),
        }
    }
}

/// 1, 10, 100 … as far as a number of 15 digits can be divided.
const POWERS_OF_TEN: [f64; 15] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::random::Random;
    use crate::schedule::Share;
    use crate::step::{Builtins, Counter, Variables};

    fn holds(actual: Operand<'_>, operator: &str, value: Value) -> bool {
        let mut names = Names::new();
        let comparison = Comparison { operator: operator.to_owned(), value };
        let compiled = CompiledComparison::compile(&comparison, &mut names).unwrap();
        let limit = names.slot("limit");
        names.slot("unset");
        let mut variables = Variables::new(&names);
        variables.set(limit, b"10");
        let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::WHOLE));
        let mut builtins = Builtins { user: 0, iteration: 0, unix_ns: 0, random: &mut random, counter: &mut counter };
        let mut scratch = Scratch::default();
        let mut evaluation = Evaluation { variables: &variables, builtins: &mut builtins, scratch: &mut scratch };
        compiled.holds(actual, &mut evaluation)
    }

    fn json_value(text: &str) -> Operand<'_> {
        Operand::Json(text.as_bytes())
    }

    fn text(text: &str) -> Operand<'_> {
        Operand::Text(text.as_bytes())
    }

    /// Every operator with less, equal and more.
    #[test]
    fn operators() {
        for (operator, expected) in [
            ("==", [false, true, false]),
            ("!=", [true, false, true]),
            ("<", [true, false, false]),
            ("<=", [true, true, false]),
            (">", [false, false, true]),
            (">=", [false, true, true]),
        ] {
            let held = [9, 10, 11].map(|actual| holds(Operand::Integer(actual), operator, json!(10)));
            assert_eq!(held, expected, "{operator}");
            let held = ["a", "b", "c"].map(|actual| holds(text(actual), operator, json!("b")));
            assert_eq!(held, expected, "{operator}");
        }
    }

    /// Numbers compare as numbers, whoever wrote them, and whole ones exactly.
    #[test]
    fn numbers() {
        assert!(holds(json_value("1e1"), "==", json!(10)));
        assert!(holds(text("10.0"), "==", json!(10)));
        assert!(holds(json_value("10.0"), "==", json!("{limit}")));
        assert!(holds(text("9"), "<", json!("{limit}")));
        assert!(holds(json_value("9007199254740993"), "!=", json!(9_007_199_254_740_992_u64)));
        assert!(holds(json_value("-0"), "==", json!(0)));
        assert!(!holds(text("nan"), "==", json!(10)) && !holds(text("inf"), ">", json!(10)));
    }

    /// A JSON string is text, even if its text is digits, and a version is not a number.
    #[test]
    fn strings_are_no_numbers() {
        assert!(!holds(json_value("\"10\""), "==", json!(10)));
        assert!(holds(json_value("\"10\""), "==", json!("10")));
        assert!(holds(text("1.10"), "!=", json!("1.1")));
        assert!(holds(json_value(r#""a\u0062\n""#), "==", json!("ab\n")));
        assert!(!holds(json_value(r#""\ud800""#), "==", json!("x")));
    }

    /// Literals equal themselves only.
    #[test]
    fn literals() {
        assert!(holds(json_value("null"), "==", json!(null)));
        assert!(!holds(json_value("\"null\""), "==", json!(null)));
        assert!(holds(json_value("false"), "!=", json!(true)));
        assert!(holds(text("true"), "==", json!(true)));
        assert!(holds(json_value("true"), "==", json!("true")));
    }

    /// What cannot be compared is unequal and neither less nor more.
    #[test]
    fn incomparable() {
        assert!(holds(text("word"), "!=", json!(1)));
        for operator in ["==", "<", "<=", ">", ">="] {
            assert!(!holds(text("word"), operator, json!(1)), "{operator}");
            assert!(!holds(text("word"), operator, json!("{unset}")), "{operator}");
        }
        assert!(holds(text("word"), "!=", json!("{unset}")));
        assert!(!holds(Operand::Integer(1), "<", json!("word")));
    }

    /// Comparisons without sense are found when the plan is compiled.
    #[test]
    fn problems() {
        let problem = |operator: &str, value| {
            CompiledComparison::compile(&Comparison { operator: operator.to_owned(), value }, &mut Names::new())
                .unwrap_err()
        };
        assert!(matches!(problem("=~", json!(1)), ComparisonProblem::Operator { .. }));
        assert!(matches!(problem("<", json!(true)), ComparisonProblem::NoOrder { .. }));
        assert!(matches!(problem("==", json!([])), ComparisonProblem::NotScalar));
        assert!(matches!(problem("==", json!("{")), ComparisonProblem::Template(_)));
    }

    proptest! {
        /// What is read the short way is what the standard library reads.
        #[test]
        fn usual_numbers_are_read_as_any(text in "-?[0-9]{0,17}\\.?[0-9]{0,17}[e ]?") {
            if let Some(number) = Number::parse_usual(text.as_bytes()) {
                prop_assert_eq!(Some(number), Number::parse_any(text.as_bytes()));
            }
        }
    }

    /// The short way is taken for what is usual.
    #[test]
    fn usual_numbers() {
        for text in ["0", "-1", "19.5", "123456789012345", "0.00000000000001", "-12345.6789", "007"] {
            assert!(Number::parse_usual(text.as_bytes()).is_some(), "{text}");
        }
        for text in ["", "-", ".", "1.", ".5", "-.5", "1e3", "1234567890123456", "1.2.3", "+1"] {
            assert_eq!(Number::parse_usual(text.as_bytes()), None, "{text}");
        }
    }
}
