//! Comparisons of a value with what the plan expects.
//!
//! Two numbers compare as numbers, all else as text. A number is: a number in the plan; a number in a JSON body; and
//! where the other side is one of these, or the operator asks for an order, any text that reads as a number (of a
//! header, a variable, a string of the plan). A string in a JSON body is never a number: `"12"` is not 12.

use std::cmp::Ordering;

use super::jsonpath::unescape;
use super::number::Number;
use super::response::{Evaluation, Scratch};
use super::template::{Context, Template, TemplateProblem};
use super::variables::Names;
use crate::plan::{Comparison, Literal};

/// Why a comparison makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ComparisonProblem {
    /// No such operator.
    #[error("unknown operator `{operator}`: use ==, !=, <, <=, > or >=")]
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
    /// The expected string is not a template.
    #[error(transparent)]
    Template(#[from] TemplateProblem),
}

/// A comparison ready to be made.
#[derive(Debug, Clone)]
pub(crate) struct CompiledComparison {
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
    Number(Number<Box<[u8]>>),
    Literal(Word),
    Text(Template),
}

/// A JSON value that is a word.
#[derive(Debug, Clone, Copy)]
enum Word {
    Null,
    True,
    False,
}

impl Word {
    const fn text(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::True => "true",
            Self::False => "false",
        }
    }

    /// Whether these bytes are the word: by constants, which takes no call.
    #[inline]
    fn is(self, text: &[u8]) -> bool {
        match self {
            Self::Null => text == b"null",
            Self::True => text == b"true",
            Self::False => text == b"false",
        }
    }
}

/// A value that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operand<'a> {
    /// Text that may read as a number: a header, a variable.
    Text(&'a [u8]),
    /// The text of a JSON value, a string with its quotes.
    Json(&'a [u8]),
    /// A whole number.
    Integer(u64),
}

impl CompiledComparison {
    /// Compiles a comparison.
    pub(crate) fn compile(comparison: &Comparison, names: &mut Names) -> Result<Self, ComparisonProblem> {
        let operator = Operator::parse(&comparison.operator)
            .ok_or_else(|| ComparisonProblem::Operator { operator: comparison.operator.clone() })?;
        let expected = match &comparison.value {
            Literal::Text(text) => Expected::Text(Template::parse(text, Context::Text, names)?),
            Literal::Json(json) => match &**json {
                "null" => Expected::Literal(Word::Null),
                "true" => Expected::Literal(Word::True),
                "false" => Expected::Literal(Word::False),
                number => {
                    Number::parse(number.as_bytes().into()).map(Expected::Number).ok_or(ComparisonProblem::NotScalar)?
                }
            },
        };
        match expected {
            Expected::Literal(value) if operator.orders() => {
                Err(ComparisonProblem::NoOrder { value: value.text().to_owned() })
            }
            expected => Ok(Self { operator, expected }),
        }
    }

    /// Whether the value compares as expected. A value that cannot be compared (a word with a number), or an expected text
    /// whose variables are not set, holds for no operator but `!=`.
    #[inline]
    pub(crate) fn holds(&self, actual: Operand<'_>, evaluation: &mut Evaluation<'_, '_>) -> bool {
        match &self.expected {
            // Only equal or not: what is ordered is not compared with a word.
            Expected::Literal(expected) => {
                let same = matches!(actual, Operand::Text(text) | Operand::Json(text) if expected.is(text));
                same != (self.operator == Operator::NotEqual)
            }
            Expected::Number(expected) => self.operator.accepts(compare_number(actual, expected)),
            Expected::Text(template) => self.holds_for_text(template, actual, evaluation),
        }
    }

    #[inline(never)]
    fn holds_for_text(&self, template: &Template, actual: Operand<'_>, evaluation: &mut Evaluation<'_, '_>) -> bool {
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

    fn compare_text(&self, actual: Operand<'_>, expected: &[u8], unescaped: &mut Vec<u8>) -> Option<Ordering> {
        let is_number = matches!(actual, Operand::Integer(_) | Operand::Json([b'-' | b'0'..=b'9', ..]));
        let may_be_number = matches!(actual, Operand::Text(_)) && self.operator.orders();
        if (is_number || may_be_number)
            && let Some(expected) = Number::parse(expected)
            && let Some(ordering) = compare_number(actual, &expected)
        {
            return Some(ordering);
        }
        match actual {
            Operand::Text(text) => Some(text.cmp(expected)),
            Operand::Json(json) => Some(json_text(json, unescaped)?.cmp(expected)),
            Operand::Integer(_) => None,
        }
    }
}

/// How a value stands to a number; `None` if it is none.
#[inline(never)]
fn compare_number<T: AsRef<[u8]>>(actual: Operand<'_>, expected: &Number<T>) -> Option<Ordering> {
    match actual {
        Operand::Text(text) | Operand::Json(text) => Number::parse(text)?.compare(expected),
        Operand::Integer(integer) => expected.compare_integer(integer),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::random::Random;
    use crate::schedule::Share;
    use crate::step::{Builtins, Counter, Variables};

    fn holds(actual: Operand<'_>, operator: &str, value: Value) -> bool {
        let mut names = Names::new();
        let comparison = Comparison { operator: operator.to_owned(), value: serde_json::from_value(value).unwrap() };
        let compiled = CompiledComparison::compile(&comparison, &mut names).unwrap();
        let limit = names.slot("limit");
        names.slot("unset");
        let mut variables = Variables::new(&names);
        variables.set(limit, b"10");
        let (mut random, mut counter) = (Random::new(1, "test", 0), Counter::new(Share::WHOLE, 0));
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
        let long = || json!({"json": "12345678901234567890123"});
        assert!(holds(json_value("12345678901234567890123"), "==", long()));
        assert!(holds(json_value("12345678901234567890124"), ">", long()));
        assert!(holds(json_value("12345678901234567890122"), "!=", long()));
        assert!(holds(text("12345678901234567890123.0"), "==", long()));
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
            let comparison =
                Comparison { operator: operator.to_owned(), value: serde_json::from_value(value).unwrap() };
            CompiledComparison::compile(&comparison, &mut Names::new()).unwrap_err()
        };
        assert!(matches!(problem("=~", json!(1)), ComparisonProblem::Operator { .. }));
        assert!(matches!(problem("<", json!(true)), ComparisonProblem::NoOrder { .. }));
        assert!(matches!(problem("==", json!([])), ComparisonProblem::NotScalar));
        assert!(matches!(problem("==", json!("{")), ComparisonProblem::Template(_)));
    }
}
