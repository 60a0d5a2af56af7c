//! Where records of a text end, and on which lines they stand.
//!
//! A record is a line, but for line ends in quoted fields of CSV. Only whole records are handed out, so that half a line is
//! never read. Blank lines are no records.

use csv_core::{ReadFieldResult, ReadRecordResult, Reader};
use std::collections::VecDeque;

/// What some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Finds the ends of records.
pub enum Splitter {
    /// As the CSV reader does.
    Csv(Box<Reader>),
    /// At line ends.
    Lines,
}

/// Text that was read and not handed out yet.
pub struct Records {
    splitter: Splitter,
    bytes: Vec<u8>,
    /// How many of the bytes were handed out already.
    taken: usize,
    /// How many of them were searched for ends.
    scanned: usize,
    /// Where the line begins whose end was not found. JSON lines only.
    line_begin: usize,
    /// Ends of whole records, as positions in the bytes.
    ends: VecDeque<usize>,
    /// The line on which the bytes begin that were not handed out.
    line: u64,
    /// Bytes that were handed out.
    position: u64,
    begun: bool,
}

/// Whole records.
pub struct Chunk {
    pub bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
    /// The line on which the bytes begin.
    line: u64,
    /// Bytes of lines that are blank.
    blank: &'static [u8],
}

impl Records {
    pub fn new(splitter: Splitter) -> Self {
        let (bytes, ends) = (Vec::new(), VecDeque::new());
        Self {
            splitter,
            bytes,
            taken: 0,
            scanned: 0,
            line_begin: 0,
            ends,
            line: 1,
            position: 0,
            begun: false,
        }
    }

    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.compact();
        let mark = if self.begun { None } else { bytes.strip_prefix(BYTE_ORDER_MARK) };
        self.begun = true;
        self.bytes.extend_from_slice(mark.unwrap_or(bytes));
        match &self.splitter {
            Splitter::Csv(_) => self.scan_csv(),
            Splitter::Lines => self.scan_lines(),
        }
    }

    /// Nothing more comes: what is left is a record, too.
    ///
    /// # Errors
    /// The line on which a quote opens that is not closed.
    pub fn end(&mut self) -> Result<(), u64> {
        let blank = self.blank();
        let unfinished = self.unfinished();
        let begin = unfinished.iter().take_while(|byte| blank.contains(byte)).count();
        if begin < unfinished.len() {
            self.end_record(begin)?;
            self.ends.push_back(self.bytes.len());
        }
        self.scanned = self.bytes.len();
        Ok(())
    }

    /// Ends the record that begins at this place of what is unfinished.
    fn end_record(&mut self, begin: usize) -> Result<(), u64> {
        let Splitter::Csv(reader) = &mut self.splitter else { return Ok(()) };
        // The reader does not tell where it stands, but a line end ends a record that has no quote open.
        let (result, ..) = reader.read_record(b"\n", &mut [0; 8], &mut [0; 8]);
        reader.reset();
        if result == ReadRecordResult::Record {
            return Ok(());
        }
        let start = self.ends.back().copied().unwrap_or(self.taken);
        let quote = start + begin + last_field(&self.bytes[start + begin..], reader);
        Err(self.line + line_ends(&self.bytes[self.taken..quote]))
    }

    /// Bytes of lines that are blank. In a record of CSV, spaces and tabs are values.
    fn blank(&self) -> &'static [u8] {
        match self.splitter {
            Splitter::Csv(_) => b"\r\n",
            Splitter::Lines => b" \t\r\n",
        }
    }

    /// How many whole records there are.
    pub fn complete(&self) -> usize {
        self.ends.len()
    }

    /// The bytes behind the last whole record.
    pub fn unfinished(&self) -> &[u8] {
        &self.bytes[self.ends.back().copied().unwrap_or(self.taken)..]
    }

    /// Bytes that were handed out.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The line behind the last whole record.
    pub fn unfinished_line(&self) -> u64 {
        let end = self.ends.back().copied().unwrap_or(self.taken);
        self.line + line_ends(&self.bytes[self.taken..end])
    }

    /// The first records, at most so many. They stay.
    pub fn sample(&self, most: usize) -> Chunk {
        let count = most.min(self.ends.len());
        let ends: Vec<usize> = self.ends.iter().take(count).map(|end| end - self.taken).collect();
        let length = ends.last().copied().unwrap_or_default();
        let bytes = self.bytes[self.taken..][..length].to_vec();
        Chunk { bytes, ends, line: self.line, blank: self.blank() }
    }

    /// Hands out the first records, at most so many.
    pub fn take(&mut self, most: usize) -> Chunk {
        let chunk = self.sample(most);
        self.ends.drain(..chunk.rows());
        self.taken += chunk.bytes.len();
        self.position += chunk.bytes.len() as u64;
        self.line += line_ends(&chunk.bytes);
        chunk
    }

    /// Lets go of what was handed out.
    fn compact(&mut self) {
        self.bytes.drain(..self.taken);
        self.scanned -= self.taken;
        self.line_begin = self.line_begin.saturating_sub(self.taken);
        for end in &mut self.ends {
            *end -= self.taken;
        }
        self.taken = 0;
    }

    fn scan_csv(&mut self) {
        let Splitter::Csv(reader) = &mut self.splitter else { return };
        let (mut fields, mut field_ends) = ([0; 4096], [0; 256]);
        while self.scanned < self.bytes.len() {
            let input = &self.bytes[self.scanned..];
            let (result, read, ..) = reader.read_record(input, &mut fields, &mut field_ends);
            self.scanned += read;
            if result == ReadRecordResult::Record {
                self.ends.push_back(end_of_line(&self.bytes, self.scanned));
            }
        }
    }

    fn scan_lines(&mut self) {
        while let Some(length) = self.bytes[self.scanned..].iter().position(|byte| *byte == b'\n') {
            let end = self.scanned + length + 1;
            if self.bytes[self.line_begin..end].iter().any(|byte| !byte.is_ascii_whitespace()) {
                self.ends.push_back(end);
            }
            self.scanned = end;
            self.line_begin = end;
        }
        // Each byte is searched once, however long a line is, and in whatever pieces it comes.
        self.scanned = self.bytes.len();
    }
}

impl Chunk {
    /// How many records they are.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// A record, without what stands before its text.
    pub fn record(&self, at: usize) -> &[u8] {
        let record = self.records(at, at + 1);
        &record[self.blanks(record)..]
    }

    /// The line on which a record begins. Reads all records before it.
    pub fn line(&self, at: usize) -> u64 {
        let record = self.records(at, at + 1);
        self.line + line_ends(self.records(0, at)) + line_ends(&record[..self.blanks(record)])
    }

    /// Bytes of blank lines that stand before a record.
    fn blanks(&self, record: &[u8]) -> usize {
        record.iter().position(|byte| !self.blank.contains(byte)).unwrap_or_default()
    }

    /// Some of the records.
    pub fn records(&self, from: usize, to: usize) -> &[u8] {
        let start = from.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..to.checked_sub(1).map_or(0, |last| self.ends[last])]
    }

    /// The line on which the last record ends.
    pub fn last_line(&self) -> u64 {
        self.line + line_ends(self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes))
    }
}

/// Where the last field of a record without an end begins.
fn last_field(record: &[u8], reader: &mut Reader) -> usize {
    let (mut read, mut begin, mut text) = (0, 0, [0; 4096]);
    loop {
        let (result, length, _) = reader.read_field(&record[read..], &mut text);
        read += length;
        match result {
            ReadFieldResult::Field { .. } => begin = read,
            ReadFieldResult::OutputFull => {}
            ReadFieldResult::InputEmpty | ReadFieldResult::End => return begin,
        }
    }
}

/// A carriage return and a line feed end one line.
fn end_of_line(bytes: &[u8], end: usize) -> usize {
    let returned = end.checked_sub(1).is_some_and(|last| bytes[last] == b'\r');
    if returned && bytes.get(end) == Some(&b'\n') { end + 1 } else { end }
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv() -> Records {
        Records::new(Splitter::Csv(Box::new(Reader::new())))
    }

    /// Lines and texts of all records, read in pieces of this size.
    fn all(mut records: Records, text: &str, size: usize) -> Vec<(u64, String)> {
        for piece in text.as_bytes().chunks(size) {
            records.push(piece);
        }
        records.end().unwrap();
        let mut found = Vec::new();
        while records.complete() > 0 {
            let chunk = records.take(2);
            found.extend((0..chunk.rows()).map(|at| {
                let text = String::from_utf8(chunk.record(at).to_vec()).unwrap();
                (chunk.line(at), text.trim_end().to_owned())
            }));
        }
        assert_eq!(records.unfinished(), b"");
        found
    }

    #[test]
    fn quoted_line_ends_belong_to_their_record_and_count_as_lines() {
        let text = "a,b\r\n1,\"x\r\ny\"\r\n\r\n2,\"\"\"\n\"\n3,4\"5\n6,7";
        let expected = [(1, "a,b"), (2, "1,\"x\r\ny\""), (5, "2,\"\"\"\n\""), (7, "3,4\"5"), (8, "6,7")]
            .map(|(line, text)| (line, text.to_owned()));
        for size in [1, 2, 3, 7, 100] {
            assert_eq!(all(csv(), text, size), expected, "in pieces of {size} bytes");
        }
    }

    #[test]
    fn quote_that_is_not_closed_is_told_by_its_line() {
        for (text, line) in [
            ("a,b\n1,x\n2,\"cut\n3,y\n4,z\n", Some(3)),
            ("a,b\n\n\r\n\"1\n2\",3,\"x", Some(5)),
            ("\"a", Some(1)),
            ("a\n\"", Some(2)),
            ("a,\"b\"\"", Some(1)),
            ("a,\"b\"", None),
            ("a,b\"c", None),
            ("a,b\n\n", None),
            ("", None),
        ] {
            for size in [1, 3, 100] {
                let mut records = csv();
                for piece in text.as_bytes().chunks(size) {
                    records.push(piece);
                }
                assert_eq!(records.end().err(), line, "{text:?} in pieces of {size} bytes");
            }
        }
    }

    #[test]
    fn blank_lines_between_json_lines_are_counted_and_left_out() {
        let text = "{\"a\":1}\n\n  \n{\"a\":2}\n{\"a\":3}";
        let expected = [(1, "{\"a\":1}"), (4, "{\"a\":2}"), (5, "{\"a\":3}")];
        for size in [1, 5, 100] {
            let found: Vec<_> = all(Records::new(Splitter::Lines), text, size);
            let found: Vec<_> = found.iter().map(|(line, text)| (*line, text.trim())).collect();
            assert_eq!(found, expected, "in pieces of {size} bytes");
        }
    }

    #[test]
    fn what_was_searched_is_not_searched_again() {
        for mut records in [csv(), Records::new(Splitter::Lines)] {
            records.push(b"1\n\n  ");
            records.push(b"half a");
            assert_eq!(records.scanned, records.bytes.len());
            assert_eq!(records.take(9).rows(), 1);
            records.push(b" line");
            assert_eq!(records.scanned, records.bytes.len());
            records.push(b"\n \n");
            assert_eq!(records.sample(9).record(0).trim_ascii(), b"half a line");
        }
    }

    #[test]
    fn half_a_line_is_not_handed_out() {
        for mut records in [csv(), Records::new(Splitter::Lines)] {
            records.push(b"\xEF\xBB\xBF1,2\n3,");
            assert_eq!((records.complete(), records.unfinished()), (1, &b"3,"[..]));
            assert_eq!(records.take(9).bytes, b"1,2\n");
            records.push(b"4\n");
            let chunk = records.take(9);
            assert_eq!((chunk.rows(), chunk.record(0), chunk.line(0)), (1, &b"3,4\n"[..], 2));
            assert_eq!(chunk.last_line(), 2);
            assert_eq!(records.unfinished_line(), 3);
        }
    }
}
