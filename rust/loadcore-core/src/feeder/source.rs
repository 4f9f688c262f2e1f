//! Reading rows: CSV, JSON, JSON lines, and rows that the plan carries.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::csv::Records;
use super::table::{MOST_BYTES, Table};
use super::{Fault, FeederProblem};
use crate::json::{Json, Members};
use crate::plan::{Literal, Source};

/// Reads the rows of a source. Lines without any value (blank, or only separators) are left out. Strings are taken as they
/// are, all other values as JSON text, digit by digit. Control characters are allowed: where a value may not hold them, such as
/// in a header, the request that would have is not sent and its record says so.
pub(crate) fn load(source: &Source) -> Result<Table, Box<FeederProblem>> {
    let mut reader = Reader::default();
    let read = match source {
        Source::Csv { path, delimiter } => text(path).and_then(|text| reader.csv(&text, *delimiter)),
        Source::Json { path } => text(path).and_then(|text| reader.json(&text)),
        Source::JsonLines { path } => text(path).and_then(|text| reader.json_lines(&text)),
        Source::Rows { columns, rows } => reader.rows(columns, rows),
    };
    reader.finish(read).map_err(|problem| Box::new(FeederProblem { file: file(source), ..*problem }))
}

/// The file's path, as short as it can be.
fn file(source: &Source) -> Option<String> {
    let (Source::Csv { path, .. } | Source::Json { path } | Source::JsonLines { path }) = source else { return None };
    let folder = std::env::current_dir().ok();
    let shorter = folder.as_deref().and_then(|folder| Path::new(path).strip_prefix(folder).ok());
    Some(shorter.map_or_else(|| path.clone(), |path| path.display().to_string()))
}

/// The text of a file, without a byte order mark.
fn text(path: &str) -> Result<String, Misread> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Fault::NoFile,
        _ => Fault::Read(error.to_string()),
    };
    let mut bytes = Vec::new();
    // One byte more than the limit tells a file that is just as large from one that is larger.
    File::open(path).map_err(failed)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    decode(bytes)
}

fn decode(bytes: Vec<u8>) -> Result<String, Misread> {
    if bytes.len() > MOST_BYTES {
        return Err(Fault::TooLarge.into());
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Fault::NotUtf8.at(format!("line {}", memchr::memchr_iter(b'\n', valid).count() + 1))
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// A fault and the place of it.
#[derive(Debug, PartialEq, Eq)]
struct Misread {
    place: Option<String>,
    fault: Fault,
}

impl Fault {
    const fn at(self, place: String) -> Misread {
        Misread { place: Some(place), fault: self }
    }

    /// What a JSON text is not; its error ends with a line and a column, which the place says.
    fn json(error: &serde_json::Error) -> Self {
        let reason = error.to_string();
        Self::Malformed(reason.split(" at line ").next().unwrap_or(&reason).to_owned())
    }
}

impl From<Fault> for Misread {
    fn from(fault: Fault) -> Self {
        Self { place: None, fault }
    }
}

/// Makes a table of what it reads.
#[derive(Debug, Default)]
struct Reader {
    /// As soon as the columns are known.
    table: Option<Table>,
}

impl Reader {
    fn csv(&mut self, text: &str, delimiter: char) -> Result<(), Misread> {
        let byte = u8::try_from(delimiter).ok().filter(u8::is_ascii).unwrap_or(b',');
        let (mut records, mut values) = (Records::new(text, byte), Vec::new());
        loop {
            let line = format!("line {}", records.line());
            let more = records.next(&mut values).map_err(|fault| fault.at(format!("line {}", records.line())))?;
            if !more {
                return Ok(());
            }
            if values.iter().all(|value| value.is_empty()) {
                continue;
            }
            let Some(table) = &mut self.table else {
                let names = values.iter().map(|name| name.trim().to_owned()).collect();
                self.table = Some(header(names, delimiter).map_err(|fault| fault.at(line))?);
                continue;
            };
            if values.len() != table.columns().len() {
                return Err(ragged(table.columns(), values.len()).at(line));
            }
            for value in &values {
                table.push(value.as_bytes())?;
            }
        }
    }

    fn rows(&mut self, columns: &[String], rows: &[Vec<Literal>]) -> Result<(), Misread> {
        let table = self.table.insert(Table::new(columns.to_vec())?);
        for (index, row) in rows.iter().enumerate() {
            if row.len() != columns.len() {
                return Err(ragged(columns, row.len()).at(format!("row {}", index + 1)));
            }
            for value in row {
                match value {
                    Literal::Text(text) => table.push_string(text)?,
                    Literal::Json(json) => table.push(json.as_bytes())?,
                }
            }
        }
        Ok(())
    }

    fn json_lines(&mut self, text: &str) -> Result<(), Misread> {
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let place = || format!("line {}", index + 1);
            let object = serde_json::from_str(line).map_err(|error| Fault::json(&error).at(place()))?;
            self.object(&object).map_err(|fault| fault.at(place()))?;
        }
        Ok(())
    }

    fn json(&mut self, text: &str) -> Result<(), Misread> {
        if text.trim_start().starts_with('{') {
            let what = "one object, but this is read as a list of objects; json_lines_feeder reads an object a line";
            return Err(Fault::Malformed(what.to_owned()).into());
        }
        let mut list = List { reader: self, problem: None };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = (&mut list).deserialize(&mut deserializer).and_then(|()| deserializer.end());
        match (list.problem, read) {
            (Some(problem), _) => Err(problem),
            (None, Err(error)) => Err(Fault::json(&error).at(format!("line {}", error.line()))),
            (None, Ok(())) => Ok(()),
        }
    }

    fn object(&mut self, Members(members): &Members<'_>) -> Result<(), Fault> {
        for (index, (name, _)) in members.iter().enumerate() {
            if members[..index].iter().any(|(other, _)| other == name) {
                return Err(Fault::RepeatedValue(name.to_string()));
            }
        }
        let table = match &mut self.table {
            Some(table) => table,
            None => self.table.insert(Table::new(members.iter().map(|(name, _)| name.to_string()).collect())?),
        };
        if let Some((column, _)) = members.iter().find(|(name, _)| !table.columns().iter().any(|known| known == name)) {
            return Err(Fault::UnknownColumn(column.to_string()));
        }
        for index in 0..table.columns().len() {
            let column = &table.columns()[index];
            let Some((_, value)) = members.iter().find(|(name, _)| name == column) else {
                return Err(Fault::MissingValue(column.clone()));
            };
            match Json::parse(value.get()) {
                Ok(Json::String(text)) => table.push_string(&text)?,
                Ok(_) => table.push(value.get().as_bytes())?,
                Err(error) => return Err(Fault::json(&error)),
            }
        }
        Ok(())
    }

    fn finish(self, read: Result<(), Misread>) -> Result<Table, Box<FeederProblem>> {
        let columns = self.table.as_ref().map_or_else(Vec::new, |table| table.columns().to_vec());
        let finished = match (read, self.table) {
            (Err(misread), _) => Err(misread),
            (Ok(()), Some(table)) => table.finish().map_err(Misread::from),
            (Ok(()), None) => Err(Fault::NoRows.into()),
        };
        finished.map_err(|Misread { place, fault }| Box::new(FeederProblem { file: None, place, fault, columns }))
    }
}

/// The table under the names of a CSV file's first line.
fn header(names: Vec<String>, delimiter: char) -> Result<Table, Fault> {
    const OTHERS: [(char, &str); 4] = [(';', ";"), ('\t', "\\t"), ('|', "|"), (',', ",")];
    if let [name] = &names[..]
        && let Some((_, other)) = OTHERS.iter().find(|(other, _)| *other != delimiter && name.contains(*other))
    {
        return Err(Fault::Delimiter { name: name.clone(), delimiter: other });
    }
    Table::new(names)
}

fn ragged(columns: &[String], found: usize) -> Fault {
    let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let (found, expected) = (counted(found, "value"), counted(columns.len(), "column"));
    Fault::Ragged { found, expected, columns: columns.join(", ") }
}

/// Reads a list of objects, one after another: the whole document is never in memory as such.
struct List<'r> {
    reader: &'r mut Reader,
    /// Why reading was ended early.
    problem: Option<Misread>,
}

impl<'de> DeserializeSeed<'de> for &mut List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut List<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(object) = elements.next_element()? {
            number += 1;
            if let Err(fault) = self.reader.object(&object) {
                self.problem = Some(fault.at(format!("row {number}")));
                return Err(serde::de::Error::custom("stopped at a bad row"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(with: impl FnOnce(&mut Reader) -> Result<(), Misread>) -> Result<Table, Box<FeederProblem>> {
        let mut reader = Reader::default();
        let read = with(&mut reader);
        reader.finish(read)
    }

    fn from_csv(text: &str) -> Result<Table, Box<FeederProblem>> {
        read(|reader| reader.csv(text, ','))
    }

    fn from_json(text: &str) -> Result<Table, Box<FeederProblem>> {
        read(|reader| reader.json(text))
    }

    fn from_json_lines(text: &str) -> Result<Table, Box<FeederProblem>> {
        read(|reader| reader.json_lines(text))
    }

    fn from_rows(rows: &[Vec<Literal>]) -> Result<Table, Box<FeederProblem>> {
        read(|reader| reader.rows(&["id".to_owned()], rows))
    }

    fn rows(table: &Table) -> Vec<Vec<String>> {
        let value = |row, column| String::from_utf8(table.value(row, column).unwrap().to_vec()).unwrap();
        (0..table.rows()).map(|row| (0..table.columns().len()).map(|column| value(row, column)).collect()).collect()
    }

    fn problem(result: Result<Table, Box<FeederProblem>>) -> String {
        result.unwrap_err().to_string()
    }

    /// Quotes, line ends within values, blank lines, spaces around names, and either line end are read as meant.
    #[test]
    fn csv() {
        let table = from_csv("user, password\r\nann,\"a,\"\"1\"\"\n2\"\r\n\r\n,\r\nbob, b \n").unwrap();
        assert_eq!(table.columns(), ["user", "password"]);
        assert_eq!(rows(&table), [["ann", "a,\"1\"\n2"], ["bob", " b "]]);
        let table = read(|reader| reader.csv("a;b\n1,5;\"x;y\"\n", ';')).unwrap();
        assert_eq!(rows(&table), [["1,5", "x;y"]]);
    }

    /// A row of another length, and a quote that is not closed, are reported with the line they begin on.
    #[test]
    fn bad_csv() {
        let ragged = "but 2 columns (a, b); quote a value that contains the delimiter";
        assert_eq!(problem(from_csv("a,b\n1,\"2\n2\"\n3\n")), format!("line 4: 1 value, {ragged}"));
        assert_eq!(problem(from_csv("a,b\n1,2,3\n")), format!("line 2: 3 values, {ragged}"));
        assert_eq!(problem(from_csv("a,b\nx,\"1\ny,2\n")), "line 2: the quote is not closed");
        assert!(problem(from_csv("a,b\n\"x\"y,1\n")).starts_with("line 2: `y` follows a closing quote"));
    }

    /// A file with another delimiter is distinguished from one with a single column, and the remedy is named.
    #[test]
    fn another_delimiter() {
        for (text, delimiter) in [("u;p\n1;2\n", ";"), ("u\tp\n1\t2\n", "\\t"), ("u|p\n1|2", "|")] {
            let name = text.lines().next().unwrap();
            let expected = format!("line 1: the only column is `{name}`; write delimiter=\"{delimiter}\" to part it");
            assert_eq!(problem(from_csv(text)), expected);
        }
        assert!(from_csv("u\n1;2\n").is_ok());
    }

    /// Tables without rows, without names, or with one name twice are refused.
    #[test]
    fn unusable_tables() {
        assert_eq!(problem(from_csv("")), "it has no rows");
        assert_eq!(problem(from_csv("a,b\n\n")), "it has no rows");
        assert_eq!(problem(from_csv("a,a\n1,2\n")), "line 1: two columns are named `a`");
        assert_eq!(problem(from_csv("a,\n1,2\n")), "line 1: column 2 has no name");
        assert_eq!(problem(from_json("[]")), "it has no rows");
        assert_eq!(problem(from_json("[{}, {}]")), "it has no rows");
        assert_eq!(problem(from_json_lines("\n")), "it has no rows");
        assert_eq!(problem(from_rows(&[])), "it has no rows");
    }

    /// The columns are known as soon as they were read, whatever is wrong after them.
    #[test]
    fn columns_of_bad_tables() {
        assert_eq!(from_csv("a,b\n1\n").unwrap_err().columns, ["a", "b"]);
        assert_eq!(from_csv("a,b\n").unwrap_err().columns, ["a", "b"]);
        assert_eq!(from_json("[{\"a\":1},{}]").unwrap_err().columns, ["a"]);
        assert_eq!(from_json("x").unwrap_err().columns, [""; 0]);
    }

    /// Objects may name their columns in any order; values that are not strings are JSON text.
    #[test]
    fn json() {
        let table = from_json(r#" [{"id": 1, "tags": ["x"]}, {"tags": null, "id": "ü"}] "#).unwrap();
        assert_eq!(table.columns(), ["id", "tags"]);
        assert_eq!(rows(&table), [["1", "[\"x\"]"], ["ü", "null"]]);
        let table = from_json_lines("{\"id\": true}\n\n{\"id\": 1.5}\r\n").unwrap();
        assert_eq!(rows(&table), [["true"], ["1.5"]]);
        let table = from_rows(&[vec![Literal::Text("a".to_owned())], vec![Literal::Json("2".into())]]).unwrap();
        assert_eq!(rows(&table), [["a"], ["2"]]);
    }

    /// Numbers keep their digits, on every way and at any depth.
    #[test]
    fn digits() {
        for number in
            ["12345678901234567890123", "19.90", "1e2", "-0.0", "18446744073709551616", "0.1000000000000000055"]
        {
            let nested = format!("[{{\"a\": {number}}}]");
            let object = format!("{{\"n\": {number}, \"nested\": {nested}}}");
            for table in [from_json(&format!("[{object}]")), from_json_lines(&object)] {
                assert_eq!(rows(&table.unwrap()), [[number, &nested]]);
            }
            assert_eq!(rows(&from_rows(&[vec![Literal::Json(number.into())]]).unwrap()), [[number]]);
        }
    }

    /// Problems in JSON are reported with their place.
    #[test]
    fn not_tables_of_json() {
        assert_eq!(problem(from_json("[{\"a\":1},{}]")), "row 2: no value for `a`");
        assert_eq!(
            problem(from_json("[{\"a\":1},{\"a\":1,\"b\":2}]")),
            "row 2: a value for `b`, which the first row does not have"
        );
        assert_eq!(problem(from_json_lines("{\"a\":1,\"a\":2}")), "line 1: two values for `a`");
        assert!(problem(from_json("{\"a\":1}")).contains("json_lines_feeder"));
        assert_eq!(problem(from_json("[{\"a\":1},\n3]")), "line 2: invalid type: integer `3`, expected an object");
        assert!(problem(from_json("[{\"a\":1}] x")).contains("trailing characters"));
        assert!(problem(from_json_lines("{\"a\":1}\n[1]")).starts_with("line 2: "));
        let ragged = from_rows(&[vec![Literal::Json("1".into()), Literal::Json("2".into())]]);
        assert!(problem(ragged).starts_with("row 1: 2 values, but 1 column (id)"));
    }

    /// A byte order mark is not part of the first name, and text in another encoding is refused with its line.
    #[test]
    fn encodings() {
        assert_eq!(decode(b"\xef\xbb\xbfa\n1".to_vec()).unwrap(), "a\n1");
        assert_eq!(decode(b"a\n1\n\xfc\n".to_vec()), Err(Fault::NotUtf8.at("line 3".to_owned())));
    }

    /// Files are read from their path, and what is wrong with one names it.
    #[test]
    fn files() {
        let path = std::env::temp_dir().join(format!("loadcore-feeder-{}.csv", std::process::id()));
        let name = path.to_str().unwrap().to_owned();
        let source = Source::Csv { path: name.clone(), delimiter: ',' };
        std::fs::write(&path, "\u{feff}user\nann\n").unwrap();
        let table = load(&source).unwrap();
        std::fs::write(&path, "user\n\"ann\n").unwrap();
        let unclosed = problem(load(&source));
        std::fs::remove_file(&path).unwrap();
        assert_eq!((table.columns(), rows(&table)), (&["user".to_owned()][..], vec![vec!["ann".to_owned()]]));
        assert_eq!(unclosed, format!("{name}, line 2: the quote is not closed"));
        let missing = problem(load(&Source::JsonLines { path: name.clone() }));
        assert_eq!(missing, format!("{name}: the file does not exist"));
        let folder = std::env::temp_dir().to_str().unwrap().to_owned();
        let unreadable = problem(load(&Source::Json { path: folder.clone() }));
        assert!(unreadable.starts_with(&format!("{folder}: cannot read the file: ")), "{unreadable}");
    }
}
