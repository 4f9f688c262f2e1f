//! Feeders: tables of test data, and who gets which row.
//!
//! Every worker reads the whole table and deals from it by the number of the draw, so that no two workers need to talk:
//! see [`crate::plan::Order`].

mod csv;
mod policy;
mod source;
mod table;

use std::fmt;

pub(crate) use policy::{Dealer, Dealt, missing_rows};
pub(crate) use source::load;
pub(crate) use table::{Binding, Table};

/// Why a feeder's rows cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeederProblem {
    /// The file, unless the rows are from Python.
    pub file: Option<String>,
    /// Where in it: `line 3`, `row 2`.
    pub place: Option<String>,
    /// What is wrong.
    pub fault: Fault,
    /// The columns, as far as they could be read.
    pub columns: Vec<String>,
}

impl fmt::Display for FeederProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<&str> = self.file.iter().chain(&self.place).map(String::as_str).collect();
        let separator = if places.is_empty() { "" } else { ": " };
        write!(formatter, "{}{separator}{}", places.join(", "), self.fault)
    }
}

/// What is wrong with a feeder's rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The path leads nowhere.
    #[error("the file does not exist")]
    NoFile,
    /// The file cannot be read.
    #[error("cannot read the file: {0}")]
    Read(String),
    /// The file or the rows are larger than 1 GiB.
    #[error("the rows are larger than 1 GiB, the most that a feeder may hold")]
    TooLarge,
    /// Text in another encoding.
    #[error("not UTF-8; save the file as UTF-8")]
    NotUtf8,
    /// Not the format that the source says.
    #[error("{0}")]
    Malformed(String),
    /// A quote without its partner.
    #[error("the quote is not closed")]
    NotClosed,
    /// A value continues after its closing quote.
    #[error("`{found}` follows a closing quote; write a quote within a quoted value twice, `\"\"`")]
    AfterQuote {
        /// What follows.
        found: char,
    },
    /// All columns in one, as another delimiter would part them.
    #[error("the only column is `{name}`; write delimiter=\"{delimiter}\" to part it")]
    Delimiter {
        /// The column.
        name: String,
        /// What would part it.
        delimiter: &'static str,
    },
    /// A row with more or fewer values than there are columns.
    #[error("{found}, but {expected} ({columns}); quote a value that contains the delimiter")]
    Ragged {
        /// Values in the row, in words.
        found: String,
        /// Columns of the table, in words.
        expected: String,
        /// Their names.
        columns: String,
    },
    /// A row of named values that lacks one.
    #[error("no value for `{0}`")]
    MissingValue(String),
    /// A row of named values with one that the first row does not have.
    #[error("a value for `{0}`, which the first row does not have")]
    UnknownColumn(String),
    /// A row of named values with two of one name.
    #[error("two values for `{0}`")]
    RepeatedValue(String),
    /// Two columns of one name.
    #[error("two columns are named `{0}`")]
    DuplicateColumn(String),
    /// A column without a name.
    #[error("column {number} has no name")]
    UnnamedColumn {
        /// Counted from 1.
        number: usize,
    },
    /// Nothing to deal out.
    #[error("it has no rows")]
    NoRows,
    /// Users that would have no row of their own.
    #[error("{users} users need a row each, but there are only {rows}")]
    TooFewRows {
        /// Users of the scenario.
        users: u64,
        /// Rows of the table.
        rows: usize,
    },
}
