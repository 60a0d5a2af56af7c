//! Bitmaps: bits of many pieces, each at its own odd offset, put behind each other.

/// Bits that do not fill a word, from the lowest on; those above are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) word: u64,
    /// How many, less than 64.
    pub(crate) count: usize,
}

/// Writes bits from the first bit of `destination` on, a word at a time.
pub(crate) struct BitWriter<'a> {
    /// What has not been written yet.
    destination: &'a mut [u8],
    /// Bits that wait for their word to be full; those above `filled` are zero.
    word: u64,
    /// How many, always less than 64.
    filled: usize,
}

impl<'a> BitWriter<'a> {
    pub(crate) fn new(destination: &'a mut [u8]) -> Self {
        Self { destination, word: 0, filled: 0 }
    }

    /// Appends `length` bits of `source`, the first of them at bit `offset`.
    pub(crate) fn append(&mut self, source: &[u8], mut offset: usize, mut length: usize) {
        if self.filled == 0 && offset.is_multiple_of(8) {
            let bytes = length / 64 * 8;
            self.take(bytes).copy_from_slice(&source[offset / 8..][..bytes]);
            offset += bytes * 8;
            length -= bytes * 8;
        }
        while length > 0 {
            let count = length.min(64);
            self.push(read(source, offset, count), count);
            offset += count;
            length -= count;
        }
    }

    /// Appends bits of an open word.
    pub(crate) fn append_open(&mut self, open: Open) {
        if open.count > 0 {
            self.push(open.word, open.count);
        }
    }

    /// Appends `length` set bits.
    pub(crate) fn append_set(&mut self, mut length: usize) {
        while length > 0 {
            let count = length.min(64);
            self.push(u64::MAX >> (64 - count), count);
            length -= count;
        }
    }

    /// Writes the last word and leaves the bits past the end zero.
    ///
    /// # Panics
    ///
    /// If the bits do not end in the last byte of the destination.
    pub(crate) fn finish(self) {
        let bytes = self.filled.div_ceil(8);
        self.destination.copy_from_slice(&self.word.to_le_bytes()[..bytes]);
    }

    /// Appends the low `count` bits of `bits`, 1 to 64; the others must be zero.
    fn push(&mut self, bits: u64, count: usize) {
        self.word |= bits << self.filled;
        let total = self.filled + count;
        if total < 64 {
            self.filled = total;
            return;
        }
        let word = self.word;
        self.take(8).copy_from_slice(&word.to_le_bytes());
        self.word = if self.filled == 0 { 0 } else { bits >> (64 - self.filled) };
        self.filled = total - 64;
    }

    fn take(&mut self, bytes: usize) -> &'a mut [u8] {
        let (taken, rest) = std::mem::take(&mut self.destination).split_at_mut(bytes);
        self.destination = rest;
        taken
    }
}

/// The `count` bits (1 to 64) of `source` from bit `offset` on; the bits above are zero.
fn read(source: &[u8], offset: usize, count: usize) -> u64 {
    let source = &source[offset / 8..];
    let shift = offset % 8;
    let bytes = (shift + count).div_ceil(8);
    let mut low = [0; 8];
    if bytes >= 8 {
        low.copy_from_slice(&source[..8]);
    } else {
        low[..bytes].copy_from_slice(&source[..bytes]);
    }
    let mut bits = u64::from_le_bytes(low) >> shift;
    if bytes > 8 {
        bits |= u64::from(source[8]) << (64 - shift);
    }
    bits & (u64::MAX >> (64 - count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bit(bytes: &[u8], at: usize) -> bool {
        bytes[at / 8] >> (at % 8) & 1 == 1
    }

    #[test]
    fn bits_from_every_offset_land_behind_every_other() {
        let source: Vec<u8> = (0..64_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
        for before in 0..70 {
            for offset in 0..20 {
                for length in (0..140).chain([255, 256, 300]) {
                    let mut destination = vec![0xFF; (before + length + 3_usize).div_ceil(8)];
                    let mut writer = BitWriter::new(&mut destination);
                    writer.append(&source, 1, before);
                    writer.append(&source, offset, length);
                    writer.append_set(3);
                    writer.finish();
                    for i in 0..before {
                        assert_eq!(bit(&destination, i), bit(&source, 1 + i));
                    }
                    for i in 0..length {
                        assert_eq!(bit(&destination, before + i), bit(&source, offset + i));
                    }
                    for i in before + length..destination.len() * 8 {
                        assert_eq!(bit(&destination, i), i < before + length + 3, "past the end is zero");
                    }
                }
            }
        }
    }

    #[test]
    fn source_is_not_read_past_its_last_bit() {
        let source = [0xFF; 9];
        let mut destination = [0; 9];
        let mut writer = BitWriter::new(&mut destination);
        writer.append(&source, 7, 65);
        writer.finish();
        assert_eq!(destination, [255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }
}
