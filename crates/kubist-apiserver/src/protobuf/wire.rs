//! Tags, lengths and varints.

use super::Error;

/// Reads the fields of a message.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// The value of a field.
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The next field and its number.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| Error::Malformed)?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Error::Malformed)?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(Error::Malformed),
        };
        if number == 0 {
            return Err(Error::Malformed);
        }
        Ok(Some((number, value)))
    }

    fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Error::Malformed)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| Error::Malformed)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'a> Value<'a> {
    pub(super) fn bytes(&self) -> Result<&'a [u8], Error> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(Error::Malformed),
        }
    }

    pub(super) fn text(&self) -> Result<String, Error> {
        std::str::from_utf8(self.bytes()?)
            .map(str::to_owned)
            .map_err(|_| Error::Malformed)
    }

    pub(super) fn integer(&self) -> Result<i64, Error> {
        match self {
            Value::Varint(value) => Ok(value.cast_signed()),
            Value::Fixed32(value) => Ok(i64::from(*value)),
            Value::Fixed64(value) => Ok(value.cast_signed()),
            Value::Bytes(_) => Err(Error::Malformed),
        }
    }

    pub(super) fn double(&self) -> Result<f64, Error> {
        match self {
            Value::Fixed64(value) => Ok(f64::from_bits(*value)),
            _ => Err(Error::Malformed),
        }
    }
}

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
