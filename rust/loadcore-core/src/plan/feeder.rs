//! Where rows of test data come from.

use serde::{Deserialize, Serialize};

use super::Literal;

/// A table of rows that are dealt out to iterations. A row's columns become the user's variables, by their names.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Feeder {
    /// Unique in the plan.
    pub name: String,
    /// The rows.
    pub source: Source,
    /// Which row is next.
    pub order: Order,
    /// What happens when the rows are used up.
    pub at_end: AtEnd,
    /// Place in the user's file.
    #[serde(default)]
    pub at: Option<String>,
}

/// Where the rows are.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// A CSV file with a header line, UTF-8.
    Csv {
        /// Absolute path.
        path: String,
        /// What stands between two values: one byte.
        #[serde(default = "comma")]
        delimiter: char,
    },
    /// A JSON file: an array of objects.
    Json {
        /// Absolute path.
        path: String,
    },
    /// One JSON object a line.
    JsonLines {
        /// Absolute path.
        path: String,
    },
    /// Rows from a Python iterable, carried in the plan.
    Rows {
        /// Names of the variables.
        columns: Vec<String>,
        /// One list of values for each row, in the order of `columns`.
        rows: Vec<Vec<Literal>>,
    },
}

const fn comma() -> char {
    ','
}

/// Which row is next. "Draw *n*" counts over all workers: worker *i* of *N* makes draws *i*, *i + N*, *i + 2N* …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Draw *n* gives row *n*; at the end as [`Feeder::at_end`] says.
    Sequential,
    /// Each iteration gets any row: which one depends on the seed, the feeder and what the iteration is, and not on who
    /// draws before it. Has no end.
    Random,
    /// As `sequential`, over a seeded permutation of the rows that is the same on every worker.
    Shuffled,
    /// User *u* has row *u* in every iteration.
    PerUser,
    /// User *u* has row *u* in every iteration, and users without a row of their own are a problem found before the start
    /// (`at_end` is not asked).
    Unique,
}

/// What happens when the rows are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AtEnd {
    /// Begin again with the first row.
    Recycle,
    /// The user stops; its scenario ends when all have.
    Stop,
    /// The run ends as failed, saying so.
    Fail,
}
