//! How a server reads requests and writes responses.
//!
//! Protobuf as tonic does it, but with buffers that begin small, since each open watch holds one,
//! and with a malformed request answered as the caller's fault and not as the server's.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// What a stream's buffer begins with, in bytes: two ordinary events.
const INITIAL_BUFFER: usize = 512;
/// How many ready bytes are joined into one write.
const WRITE_THRESHOLD: usize = 32 * 1024;

/// The codec of all services in [`crate::server`].
#[derive(Debug)]
pub struct ServerCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for ServerCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for ServerCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = RequestDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(buffers())
    }

    fn decoder(&mut self) -> Self::Decoder {
        RequestDecoder(ProstDecoder::new(buffers()))
    }
}

fn buffers() -> BufferSettings {
    BufferSettings::new(INITIAL_BUFFER, WRITE_THRESHOLD)
}

/// Reads requests.
#[derive(Debug)]
pub struct RequestDecoder<U>(ProstDecoder<U>);

impl<U: Message + Default> Decoder for RequestDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // prost names the message and the field at fault, and no values.
        self.0
            .decode(buf)
            .map_err(|fault| Status::invalid_argument(fault.message()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        buffers()
    }
}
