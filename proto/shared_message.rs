//! A message that is its bytes.
//!
//! A watch response is an item, encoded once however many are watching, and a resume token, made per
//! filter. Protobuf lets messages be joined by joining their bytes, and the token is the last field
//! of all messages that carry events; so the shared head and the small tail are written one after the other,
//! and nothing is encoded again.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::encoding::{DecodeContext, WireType, decode_varint, encode_key, encode_varint};
use prost::{DecodeError, Message};

/// An encoded message in two parts that are written one after the other.
///
/// Cloning copies no bytes. Decoding keeps every field as it came, known or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedMessage {
    head: Bytes,
    tail: Bytes,
}

impl SharedMessage {
    /// Joins the shared bytes of an item and the bytes of what is said to this stream alone. Each
    /// part must consist of whole fields.
    #[must_use]
    pub const fn new(head: Bytes, tail: Bytes) -> Self {
        Self { head, tail }
    }

    /// A message of one part.
    pub fn of(message: &impl Message) -> Self {
        Self::new(message.encode_to_vec().into(), Bytes::new())
    }
}

impl Message for SharedMessage {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.head);
        buf.put_slice(&self.tail);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        _context: DecodeContext,
    ) -> Result<(), DecodeError> {
        let mut field = BytesMut::new();
        encode_key(tag, wire_type, &mut field);
        let length = match wire_type {
            WireType::Varint => {
                encode_varint(decode_varint(buf)?, &mut field);
                0
            }
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::LengthDelimited => {
                let length = decode_varint(buf)?;
                encode_varint(length, &mut field);
                usize::try_from(length).unwrap_or(usize::MAX)
            }
            WireType::StartGroup | WireType::EndGroup => {
                return Err(malformed());
            }
        };
        if buf.remaining() < length {
            return Err(malformed());
        }
        field.put(buf.take(length));
        let mut whole = BytesMut::from(std::mem::take(&mut self.tail));
        whole.unsplit(field);
        self.tail = whole.freeze();
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// prost makes its errors itself; the shortest way to one that says "malformed".
fn malformed() -> DecodeError {
    #[allow(
        deprecated,
        reason = "prost offers no other constructor to implementors"
    )]
    DecodeError::new("a field is cut short or of a kind that is not used any more")
}
