//! Feeders: tables of test data, and who gets which row.
//!
//! Every worker reads the whole table and deals from it by the number of the draw, so that no two workers need to talk:
//! see [`crate::plan::Order`].

mod policy;
mod source;
mod table;

pub use policy::{Dealer, Dealt, missing_rows};
pub use source::load;
pub use table::{Binding, Table};

/// Why a feeder's rows cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeederProblem {
    /// The file cannot be read.
    #[error("cannot read {path}: {reason}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// The file or the rows are larger than 1 GiB.
    #[error("the rows are larger than 1 GiB, the most that a feeder may hold")]
    TooLarge,
    /// Text in another encoding.
    #[error("line {line} is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// Counted from 1.
        line: usize,
    },
    /// Not the format that the source says.
    #[error("{place}: {reason}")]
    Malformed {
        /// `line 3`, `row 2`.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// A row with more or fewer values than there are columns.
    #[error("{place} has {found} values, but there are {expected} columns")]
    Ragged {
        /// `line 3`, `row 2`.
        place: String,
        /// Values in the row.
        found: usize,
        /// Columns of the table.
        expected: usize,
    },
    /// A row of named values that lacks one.
    #[error("{place} has no value for `{column}`")]
    MissingValue {
        /// `line 3`, `row 2`.
        place: String,
        /// The column.
        column: String,
    },
    /// A row of named values with one that the first row does not have.
    #[error("{place} has a value for `{column}`, which the first row does not have")]
    UnknownColumn {
        /// `line 3`, `row 2`.
        place: String,
        /// The column.
        column: String,
    },
    /// Two columns of one name.
    #[error("there are two columns named `{name}`")]
    DuplicateColumn {
        /// The name.
        name: String,
    },
    /// A column without a name.
    #[error("column {number} has no name")]
    UnnamedColumn {
        /// Counted from 1.
        number: usize,
    },
    /// Nothing to deal out.
    #[error("there are no rows")]
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
