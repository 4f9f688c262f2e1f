//! Reading rows: CSV, JSON, JSON lines, and rows that the plan carries.

use std::fmt;
use std::fs::File;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::FeederProblem;
use super::table::{MOST_BYTES, Table};
use crate::plan::Source;

/// Reads the rows of a source. Lines without any value (blank, or only separators) are left out. Strings are taken as they
/// are, all other values as JSON text. Control characters are allowed: where a value may not hold them, such as in a
/// header, the request that would have is not sent and its record says so.
pub fn load(source: &Source) -> Result<Table, FeederProblem> {
    match source {
        Source::Csv { path } => from_csv(&text(path)?),
        Source::Json { path } => from_json(&text(path)?),
        Source::JsonLines { path } => from_json_lines(&text(path)?),
        Source::Rows { columns, rows } => from_rows(columns, rows),
    }
}

/// The text of a file, without a byte order mark.
fn text(path: &str) -> Result<String, FeederProblem> {
    let failed = |error: std::io::Error| FeederProblem::Read { path: path.to_owned(), reason: error.to_string() };
    let mut bytes = Vec::new();
    // One byte more than the limit tells a file that is just as large from one that is larger.
    File::open(path).map_err(failed)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    decode(bytes)
}

fn decode(bytes: Vec<u8>) -> Result<String, FeederProblem> {
    if bytes.len() > MOST_BYTES {
        return Err(FeederProblem::TooLarge);
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        FeederProblem::NotUtf8 { line: memchr::memchr_iter(b'\n', valid).count() + 1 }
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

fn from_csv(text: &str) -> Result<Table, FeederProblem> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut record = csv::ByteRecord::new();
    let mut table: Option<Table> = None;
    while reader.read_byte_record(&mut record).map_err(|error| malformed("the file", &error))? {
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        let Some(table) = &mut table else {
            let names = record.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned());
            table = Some(Table::new(names.collect())?);
            continue;
        };
        let expected = table.columns().len();
        if record.len() != expected {
            let place = format!("line {}", record.position().map_or(0, csv::Position::line));
            return Err(FeederProblem::Ragged { place, found: record.len(), expected });
        }
        for value in &record {
            table.push(value)?;
        }
    }
    table.ok_or(FeederProblem::NoRows)?.finish()
}

fn from_rows(columns: &[String], rows: &[Vec<Value>]) -> Result<Table, FeederProblem> {
    let mut table = Table::new(columns.to_vec())?;
    for (index, row) in rows.iter().enumerate() {
        if row.len() != columns.len() {
            let place = format!("row {}", index + 1);
            return Err(FeederProblem::Ragged { place, found: row.len(), expected: columns.len() });
        }
        for value in row {
            push(&mut table, value)?;
        }
    }
    table.finish()
}

fn from_json_lines(text: &str) -> Result<Table, FeederProblem> {
    let mut objects = Objects::default();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let place = format!("line {}", index + 1);
        let object = serde_json::from_str(line).map_err(|error| malformed(&place, &error))?;
        objects.push(&object, &place)?;
    }
    objects.finish()
}

fn from_json(text: &str) -> Result<Table, FeederProblem> {
    let mut objects = Objects::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = (&mut objects).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (objects.problem.take(), read) {
        (Some(problem), _) => Err(problem),
        (None, Err(error)) => Err(malformed(&format!("line {}", error.line()), &error)),
        (None, Ok(())) => objects.finish(),
    }
}

/// Collects objects into a table, one after another: the whole document is never in memory as such.
#[derive(Default)]
struct Objects {
    /// Made from the first object.
    table: Option<Table>,
    /// Why reading was ended early.
    problem: Option<FeederProblem>,
}

impl Objects {
    fn push(&mut self, object: &Map<String, Value>, place: &str) -> Result<(), FeederProblem> {
        let table = match &mut self.table {
            Some(table) => table,
            None => self.table.insert(Table::new(object.keys().cloned().collect())?),
        };
        if let Some(column) = object.keys().find(|key| !table.columns().contains(key)) {
            return Err(FeederProblem::UnknownColumn { place: place.to_owned(), column: column.clone() });
        }
        for index in 0..table.columns().len() {
            let column = &table.columns()[index];
            let Some(value) = object.get(column) else {
                return Err(FeederProblem::MissingValue { place: place.to_owned(), column: column.clone() });
            };
            push(table, value)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<Table, FeederProblem> {
        self.table.ok_or(FeederProblem::NoRows)?.finish()
    }
}

impl<'de> DeserializeSeed<'de> for &mut Objects {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Objects {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(object) = elements.next_element()? {
            number += 1;
            if let Err(problem) = self.push(&object, &format!("row {number}")) {
                self.problem = Some(problem);
                return Err(serde::de::Error::custom("stopped at a bad row"));
            }
        }
        Ok(())
    }
}

fn push(table: &mut Table, value: &Value) -> Result<(), FeederProblem> {
    match value {
        Value::String(text) => table.push(text.as_bytes()),
        other => table.push(other.to_string().as_bytes()),
    }
}

fn malformed(place: &str, error: &impl fmt::Display) -> FeederProblem {
    FeederProblem::Malformed { place: place.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(table: &Table) -> Vec<Vec<String>> {
        let value = |row, column| String::from_utf8(table.value(row, column).unwrap().to_vec()).unwrap();
        (0..table.rows()).map(|row| (0..table.columns().len()).map(|column| value(row, column)).collect()).collect()
    }

    fn problem(result: Result<Table, FeederProblem>) -> String {
        result.unwrap_err().to_string()
    }

    /// Quotes, line ends within values, blank lines, spaces around names, and either line end are read as meant.
    #[test]
    fn csv() {
        let table = from_csv("user, password\r\nann,\"a,\"\"1\"\"\n2\"\r\n\r\n,\r\nbob, b \n").unwrap();
        assert_eq!(table.columns(), ["user", "password"]);
        assert_eq!(rows(&table), [["ann", "a,\"1\"\n2"], ["bob", " b "]]);
    }

    /// A row of another length is reported with the line it begins on.
    #[test]
    fn ragged_csv() {
        assert_eq!(problem(from_csv("a,b\n1,\"2\n2\"\n3\n")), "line 4 has 1 values, but there are 2 columns");
        assert_eq!(problem(from_csv("a,b\n1,2,3\n")), "line 2 has 3 values, but there are 2 columns");
    }

    /// Tables without rows, without names, or with one name twice are refused.
    #[test]
    fn unusable_tables() {
        assert_eq!(problem(from_csv("")), "there are no rows");
        assert_eq!(problem(from_csv("a,b\n\n")), "there are no rows");
        assert_eq!(problem(from_csv("a,a\n1,2\n")), "there are two columns named `a`");
        assert_eq!(problem(from_csv("a,\n1,2\n")), "column 2 has no name");
        assert_eq!(problem(from_json("[]")), "there are no rows");
        assert_eq!(problem(from_json("[{}, {}]")), "there are no rows");
        assert_eq!(problem(from_json_lines("\n")), "there are no rows");
        assert_eq!(problem(from_rows(&["a".to_owned()], &[])), "there are no rows");
    }

    /// Objects may name their columns in any order; values that are no strings are JSON text.
    #[test]
    fn json() {
        let table = from_json(r#" [{"id": 1, "tags": ["x"]}, {"tags": null, "id": "ü"}] "#).unwrap();
        assert_eq!(table.columns(), ["id", "tags"]);
        assert_eq!(rows(&table), [["1", "[\"x\"]"], ["ü", "null"]]);
        let table = from_json_lines("{\"id\": true}\n\n{\"id\": 1.5}\r\n").unwrap();
        assert_eq!(rows(&table), [["true"], ["1.5"]]);
        let table = from_rows(&["id".to_owned()], &[vec![json!("a")], vec![json!(2)]]).unwrap();
        assert_eq!(rows(&table), [["a"], ["2"]]);
    }

    /// What is wrong with JSON is said with its place.
    #[test]
    fn bad_json() {
        assert_eq!(problem(from_json("[{\"a\":1},{}]")), "row 2 has no value for `a`");
        assert_eq!(
            problem(from_json("[{\"a\":1},{\"a\":1,\"b\":2}]")),
            "row 2 has a value for `b`, which the first row does not have"
        );
        assert!(problem(from_json("{\"a\":1}")).contains("expected a list of objects"));
        assert!(problem(from_json("[{\"a\":1},\n3]")).starts_with("line 2: "));
        assert!(problem(from_json("[{\"a\":1}] x")).contains("trailing characters"));
        assert!(problem(from_json_lines("{\"a\":1}\n[1]")).starts_with("line 2: "));
        let ragged = from_rows(&["a".to_owned()], &[vec![json!(1), json!(2)]]);
        assert_eq!(problem(ragged), "row 1 has 2 values, but there are 1 columns");
    }

    /// A byte order mark is no part of the first name, and text in another encoding is refused with its line.
    #[test]
    fn encodings() {
        assert_eq!(decode(b"\xef\xbb\xbfa\n1".to_vec()).unwrap(), "a\n1");
        assert_eq!(decode(b"a\n1\n\xfc\n".to_vec()), Err(FeederProblem::NotUtf8 { line: 3 }));
    }

    /// Files are read from their path, and one that is not there is named.
    #[test]
    fn files() {
        let path = std::env::temp_dir().join(format!("loadcore-feeder-{}.csv", std::process::id()));
        let name = path.to_str().unwrap().to_owned();
        std::fs::write(&path, "\u{feff}user\nann\n").unwrap();
        let table = load(&Source::Csv { path: name.clone() }).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!((table.columns(), rows(&table)), (&["user".to_owned()][..], vec![vec!["ann".to_owned()]]));
        let missing = problem(load(&Source::JsonLines { path: name.clone() }));
        assert!(missing.starts_with(&format!("cannot read {name}: ")), "{missing}");
    }
}
