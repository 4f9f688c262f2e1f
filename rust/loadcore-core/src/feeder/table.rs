//! Rows, stored compactly.

use super::Fault;
use crate::step::{Names, Slot, Variables};

/// The most bytes of values in a table; also keeps their places within 32 bits.
pub(super) const MOST_BYTES: usize = 1 << 30;

/// Marks the end of a value that is a string, rather than JSON or any text. Ends are below it.
const STRING: u32 = 1 << 31;

/// Rows of values under named columns. A value costs its bytes and 4 more. Values are not part of the `Debug` output: they
/// may be passwords.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Table {
    columns: Vec<String>,
    /// All values, row by row.
    bytes: Vec<u8>,
    /// Where each value ends, and whether it is a string ([`STRING`]).
    ends: Vec<u32>,
}

/// Which columns go into which variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding(Vec<(usize, Slot)>);

impl Table {
    /// A table without rows yet.
    pub(super) fn new(columns: Vec<String>) -> Result<Self, Fault> {
        for (index, name) in columns.iter().enumerate() {
            if name.is_empty() {
                return Err(Fault::UnnamedColumn { number: index + 1 });
            }
            if columns[..index].contains(name) {
                return Err(Fault::DuplicateColumn(name.clone()));
            }
        }
        Ok(Self { columns, bytes: Vec::new(), ends: Vec::new() })
    }

    /// Appends a value: the next of its row, or the first of a new row.
    pub(super) fn push(&mut self, value: &[u8]) -> Result<(), Fault> {
        let end = self.bytes.len() + value.len();
        let end = u32::try_from(end).ok().filter(|_| end <= MOST_BYTES).ok_or(Fault::TooLarge)?;
        self.bytes.extend_from_slice(value);
        self.ends.push(end);
        Ok(())
    }

    /// Appends a value that is a string, whatever it looks like.
    pub(super) fn push_string(&mut self, value: &str) -> Result<(), Fault> {
        self.push(value.as_bytes())?;
        if let Some(end) = self.ends.last_mut() {
            *end |= STRING;
        }
        Ok(())
    }

    /// Gives back room that was kept for more rows.
    pub(super) fn finish(mut self) -> Result<Self, Fault> {
        if self.rows() == 0 {
            return Err(Fault::NoRows);
        }
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
        Ok(self)
    }

    /// Names of the columns: the variables that a row sets.
    #[must_use]
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are; above 0 in every table that has been loaded.
    #[must_use]
    pub(crate) fn rows(&self) -> usize {
        self.ends.len().checked_div(self.columns.len()).unwrap_or(0)
    }

    /// A value; `None` outside of the table.
    #[must_use]
    pub(crate) fn value(&self, row: usize, column: usize) -> Option<&[u8]> {
        if column >= self.columns.len() {
            return None;
        }
        let place = self.place(row, column)?;
        let end = |place: usize| (self.ends[place] & !STRING) as usize;
        self.bytes.get(place.checked_sub(1).map_or(0, end)..end(place))
    }

    fn place(&self, row: usize, column: usize) -> Option<usize> {
        let place = row.checked_mul(self.columns.len())?.checked_add(column)?;
        (place < self.ends.len()).then_some(place)
    }

    /// Connects columns with the variables of their names. Columns that no template of the scenario knows are left out, so
    /// bind when all of them have been compiled.
    #[must_use]
    pub(crate) fn bind(&self, names: &Names) -> Binding {
        let known = self.columns.iter().enumerate().filter_map(|(column, name)| Some((column, names.find(name)?)));
        Binding(known.collect())
    }

    /// Sets a user's variables to the values of a row. A row outside of the table sets none.
    pub(crate) fn fill(&self, row: usize, binding: &Binding, variables: &mut Variables) {
        for (column, slot) in &binding.0 {
            let (Some(value), Some(place)) = (self.value(row, *column), self.place(row, *column)) else { continue };
            if self.ends[place] & STRING == 0 {
                variables.set(*slot, value);
            } else {
                variables.set_string(*slot, value);
            }
        }
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Table({} rows of {:?})", self.rows(), self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(vec!["user".to_owned(), "password".to_owned()]).unwrap();
        for value in ["ann", "a1", "", "b\n2"] {
            table.push(value.as_bytes()).unwrap();
        }
        table.finish().unwrap()
    }

    /// Values are found by row and column, and nothing is found outside of the table.
    #[test]
    fn values() {
        let table = table();
        assert_eq!(table.rows(), 2);
        assert_eq!(table.value(0, 1), Some(&b"a1"[..]));
        assert_eq!(table.value(1, 0), Some(&b""[..]));
        assert_eq!(table.value(1, 1), Some(&b"b\n2"[..]));
        assert_eq!(table.value(2, 0), None);
        assert_eq!(table.value(0, 2), None);
        assert_eq!(table.value(usize::MAX, 1), None);
    }

    /// A row sets the variables that templates know, and no others.
    #[test]
    fn rows_become_variables() {
        let mut names = Names::new();
        let (other, password) = (names.slot("other"), names.slot("password"));
        let mut variables = Variables::new(&names);
        variables.set(other, b"kept");
        let table = table();
        let binding = table.bind(&names);
        table.fill(1, &binding, &mut variables);
        assert_eq!(variables.get(password), Some(&b"b\n2"[..]));
        assert_eq!(variables.get(other), Some(&b"kept"[..]));
        assert_eq!(names.len(), 2);
    }

    /// Values are not shown.
    #[test]
    fn debug_shows_no_values() {
        assert_eq!(format!("{:?}", table()), "Table(2 rows of [\"user\", \"password\"])");
    }
}
