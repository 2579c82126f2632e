//! The wire format: tags and what follows them.

use super::Error;

/// Reads one message, field by field.
#[derive(Clone)]
pub(super) struct Reader<'de> {
    bytes: &'de [u8],
    offset: usize,
    /// For errors.
    message: &'static str,
}

/// What a field holds on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire<'de> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Len(&'de [u8]),
}

impl<'de> Reader<'de> {
    pub(super) fn new(bytes: &'de [u8], message: &'static str) -> Self {
        Reader {
            bytes,
            offset: 0,
            message,
        }
    }

    /// The next field's number and content; `None` at the end.
    pub(super) fn tag(&mut self) -> Result<Option<(u32, Wire<'de>)>, Error> {
        if self.offset == self.bytes.len() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3)
            .ok()
            .filter(|number| *number > 0)
            .ok_or(self.malformed())?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| self.malformed())?;
                Wire::Len(self.take(length)?)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.array()?)),
            // Groups, which the API has none of.
            _ => return Err(self.malformed()),
        };
        Ok(Some((number, wire)))
    }

    /// Bytes as text.
    pub(super) fn text(&self, bytes: &'de [u8]) -> Result<&'de str, Error> {
        std::str::from_utf8(bytes).map_err(|_| Error::NotUtf8 {
            message: self.message,
        })
    }

    pub(super) fn malformed(&self) -> Error {
        Error::Malformed {
            message: self.message,
            offset: self.offset,
        }
    }

    fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let low = u64::from(byte & 0x7f);
            if shift == 63 && low > 1 {
                return Err(self.malformed());
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.malformed())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| self.malformed())
    }

    fn take(&mut self, length: usize) -> Result<&'de [u8], Error> {
        let end = self
            .offset
            .checked_add(length)
            .filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            return Err(Error::Truncated {
                message: self.message,
                offset: self.bytes.len(),
            });
        };
        let taken = &self.bytes[self.offset..end];
        self.offset = end;
        Ok(taken)
    }
}
