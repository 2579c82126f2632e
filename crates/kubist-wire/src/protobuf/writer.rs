//! The wire format, written.

/// Writes the fields of a message.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl From<Vec<u8>> for Writer {
    fn from(bytes: Vec<u8>) -> Writer {
        Writer(bytes)
    }
}

impl Writer {
    pub(super) fn bytes(&mut self, number: u32, bytes: &[u8]) {
        self.varint(u64::from(number) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn integer(&mut self, number: u32, value: i64) {
        self.varint(u64::from(number) << 3);
        self.varint(value.cast_unsigned());
    }

    pub(super) fn double(&mut self, number: u32, value: f64) {
        self.varint(u64::from(number) << 3 | 1);
        self.0.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}
