//! CSV as RFC 4180 writes it, and nothing that would have to be guessed: a quote that is never closed swallows what
//! follows it.

use std::borrow::Cow;

use super::Fault;

/// The records of a CSV text, one after another. A record ends with LF, CR LF or CR; a quote that is not the first byte
/// of a value is a part of it.
#[derive(Debug)]
pub(super) struct Records<'a> {
    rest: &'a str,
    delimiter: u8,
    line: usize,
}

impl<'a> Records<'a> {
    pub(super) const fn new(text: &'a str, delimiter: u8) -> Self {
        Self { rest: text, delimiter, line: 1 }
    }

    /// The line that is read next, counted from 1. After an error: the one that it is about.
    pub(super) const fn line(&self) -> usize {
        self.line
    }

    /// Reads the next record into `values`; `false` at the end.
    pub(super) fn next(&mut self, values: &mut Vec<Cow<'a, str>>) -> Result<bool, Fault> {
        values.clear();
        if self.rest.is_empty() {
            return Ok(false);
        }
        loop {
            let value = match self.rest.strip_prefix('"') {
                Some(quoted) => self.quoted(quoted)?,
                None => Cow::Borrowed(self.take(self.plain_length())),
            };
            values.push(value);
            match self.rest.as_bytes() {
                [b'\r', b'\n', ..] => self.take(2),
                [b'\r' | b'\n', ..] => self.take(1),
                [] => "",
                _ => {
                    self.take(1);
                    continue;
                }
            };
            return Ok(true);
        }
    }

    /// A value in quotes, of which the first has been read.
    fn quoted(&mut self, text: &'a str) -> Result<Cow<'a, str>, Fault> {
        let mut value = Cow::Borrowed("");
        let mut rest = text;
        loop {
            let (piece, after) = rest.split_once('"').ok_or(Fault::NotClosed)?;
            if value.is_empty() {
                value = Cow::Borrowed(piece);
            } else {
                value.to_mut().push_str(piece);
            }
            if !after.starts_with('"') {
                self.take(self.rest.len() - after.len());
                return match after.chars().next() {
                    Some(found) if !self.ends_value(found) => Err(Fault::AfterQuote { found }),
                    _ => Ok(value),
                };
            }
            value.to_mut().push('"');
            rest = &after[1..];
        }
    }

    fn plain_length(&self) -> usize {
        self.rest.find(|character| self.ends_value(character)).unwrap_or(self.rest.len())
    }

    fn ends_value(&self, character: char) -> bool {
        character == char::from(self.delimiter) || matches!(character, '\r' | '\n')
    }

    /// Takes this number of bytes, and counts the lines that end in them.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        let bytes = taken.as_bytes();
        let returns = bytes.windows(2).filter(|pair| pair[0] == b'\r' && pair[1] != b'\n').count();
        let last = usize::from(bytes.last() == Some(&b'\r') && !rest.starts_with('\n'));
        self.line += memchr::memchr_iter(b'\n', bytes).count() + returns + last;
        self.rest = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Read = Result<Vec<(usize, Vec<String>)>, (usize, Fault)>;

    fn read(text: &str, delimiter: u8) -> Read {
        let (mut records, mut values, mut all) = (Records::new(text, delimiter), Vec::new(), Vec::new());
        loop {
            let line = records.line();
            match records.next(&mut values) {
                Ok(true) => all.push((line, values.iter().map(ToString::to_string).collect())),
                Ok(false) => return Ok(all),
                Err(fault) => return Err((records.line(), fault)),
            }
        }
    }

    /// Quotes, doubled quotes, line ends within quotes, and each kind of line end.
    #[test]
    fn records() {
        let text = "a,\"b\"\"c\"\r\n\"x\r\ny\",\n\n5\" disk,\"\"\r\"\"\"\",";
        let expected = [
            (1, vec!["a", "b\"c"]),
            (2, vec!["x\r\ny", ""]),
            (4, vec![""]),
            (5, vec!["5\" disk", ""]),
            (6, vec!["\"", ""]),
        ];
        let expected = expected.map(|(line, values)| (line, values.into_iter().map(str::to_owned).collect()));
        assert_eq!(read(text, b','), Ok(expected.to_vec()));
        assert_eq!(read("a,b;\"c;\"", b';'), Ok(vec![(1, vec!["a,b".to_owned(), "c;".to_owned()])]));
    }

    /// What would have to be guessed is an error on the line where it begins or stands.
    #[test]
    fn refused() {
        assert_eq!(read("u,p\nann,\"1\nbob,2\ncid,3\n", b','), Err((2, Fault::NotClosed)));
        assert_eq!(read("\"a\nb\",\"c", b','), Err((2, Fault::NotClosed)));
        assert_eq!(read("\"a\"\"", b','), Err((1, Fault::NotClosed)));
        assert_eq!(read("x,y\n\"a\\\"b\",1", b','), Err((2, Fault::AfterQuote { found: 'b' })));
        assert_eq!(read("\"a\" ,b", b','), Err((1, Fault::AfterQuote { found: ' ' })));
        assert_eq!(read("\"a\nb\"é", b','), Err((2, Fault::AfterQuote { found: 'é' })));
        assert_eq!(read("\"a\"\"b\"c\"", b','), Err((1, Fault::AfterQuote { found: 'c' })));
    }

    proptest! {
        /// What is written is read, whatever its values hold, and each record stands on its line.
        #[test]
        fn round_trip(
            rows in prop::collection::vec(prop::collection::vec("[a\",;\r\n ]{0,6}", 2..4), 1..5),
            end in prop_oneof![Just("\n"), Just("\r\n")],
        ) {
            let (mut text, mut expected, mut line) = (String::new(), Vec::new(), 1);
            for row in rows {
                let quoted: Vec<String> = row.iter().map(|value| format!("\"{}\"", value.replace('"', "\"\""))).collect();
                text += &(quoted.join(",") + end);
                let joined = row.concat().replace("\r\n", "\n").replace('\r', "\n");
                let lines: usize = row.iter().map(|value| value.replace("\r\n", "\n").replace('\r', "\n").matches('\n').count()).sum();
                prop_assert!(joined.len() <= row.concat().len());
                expected.push((line, row));
                line += lines + 1;
            }
            prop_assert_eq!(read(&text, b','), Ok(expected));
        }

        /// Whatever is accepted is what the csv crate reads, which accepts more.
        #[test]
        fn as_the_csv_crate(text in "[a\",;\r\n]{0,30}") {
            if let Ok(ours) = read(&text, b',') {
                let ours = ours.into_iter().map(|(_, values)| values).filter(|values| values.concat() != "" || values.len() > 1);
                let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
                let theirs: Vec<Vec<String>> = reader
                    .records()
                    .map(|record| record.unwrap().iter().map(str::to_owned).collect::<Vec<_>>())
                    .filter(|values| values.concat() != "" || values.len() > 1)
                    .collect();
                prop_assert_eq!(ours.collect::<Vec<_>>(), theirs);
            }
        }
    }
}
