//! The frames of a body come in, all of it comes out, inflated: never more than the limit of one body, never more than there is room
//! for, never later than the client's patience allows. A bomb costs no more than any other body.

use std::io::{self, Write};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::ingest::room::Place;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// As it is.
    Identity,
    /// gzip, one member or more.
    Gzip,
}

/// What bodies may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes, inflated.
    pub(super) bytes: usize,
    /// Without one more byte.
    pub(super) idle: Duration,
    /// For all of it.
    pub(super) until: Instant,
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// It is longer than a body may be.
    TooLarge,
    /// There is no room for it now.
    Full,
    /// It came too slowly.
    Slow,
    /// The client went away, or broke the framing.
    Broken,
    /// It is not gzip, although its headers say so.
    NoGzip,
}

/// How the body behind `headers` is packed; `None` for a way that is not known here.
pub(super) fn coding(headers: &HeaderMap) -> Option<Coding> {
    let Some(value) = headers.get(CONTENT_ENCODING) else {
        return Some(Coding::Identity);
    };
    match value.to_str().unwrap_or_default().trim() {
        "" | "identity" => Some(Coding::Identity),
        text if text.eq_ignore_ascii_case("gzip") || text.eq_ignore_ascii_case("x-gzip") => {
            Some(Coding::Gzip)
        }
        _ => None,
    }
}

/// The length that `headers` announce, if they do.
pub(super) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// All of `body`; `place` grows with it.
pub(super) async fn read<B: Body<Data = Bytes> + Unpin>(
    mut body: B,
    coding: Coding,
    limits: Limits,
    place: &mut Place,
) -> Result<Bytes, Cut> {
    let announced = body
        .size_hint()
        .exact()
        .and_then(|bytes| usize::try_from(bytes).ok());
    let kept = Kept {
        bytes: BytesMut::new(),
        limit: limits.bytes,
        place,
        cut: None,
    };
    let mut reader = match coding {
        Coding::Identity => Reader::Identity(kept.expecting(announced.unwrap_or_default())?),
        Coding::Gzip => Reader::Gzip(Box::new(MultiGzDecoder::new(kept))),
    };
    loop {
        let patience = limits.until.min(Instant::now() + limits.idle);
        let frame = match timeout_at(patience, body.frame()).await {
            Err(_) => return Err(Cut::Slow),
            Ok(Some(Err(_))) => return Err(Cut::Broken),
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
        };
        // Trailers say nothing that is needed here.
        if let Ok(data) = frame.into_data() {
            reader.put(&data)?;
        }
    }
    reader.finish()
}

/// What has been read, by how it is packed.
enum Reader<'p> {
    Identity(Kept<'p>),
    Gzip(Box<MultiGzDecoder<Kept<'p>>>),
}

impl Reader<'_> {
    fn put(&mut self, data: &[u8]) -> Result<(), Cut> {
        match self {
            Self::Identity(kept) => kept.put(data),
            Self::Gzip(inflater) => inflater.write_all(data).map_err(|_| why(inflater)),
        }
    }

    fn finish(self) -> Result<Bytes, Cut> {
        let kept = match self {
            Self::Identity(kept) => kept,
            Self::Gzip(mut inflater) => {
                inflater.try_finish().map_err(|_| why(&inflater))?;
                inflater.finish().map_err(|_| Cut::NoGzip)?
            }
        };
        Ok(kept.bytes.freeze())
    }
}

/// Why an inflater has failed.
fn why(inflater: &MultiGzDecoder<Kept<'_>>) -> Cut {
    inflater.get_ref().cut.unwrap_or(Cut::NoGzip)
}

/// What has been read.
struct Kept<'p> {
    bytes: BytesMut,
    limit: usize,
    place: &'p mut Place,
    /// Why the last write was refused.
    cut: Option<Cut>,
}

impl Kept<'_> {
    /// With room for so many bytes at once.
    fn expecting(mut self, bytes: usize) -> Result<Self, Cut> {
        self.room_for(bytes)?;
        self.bytes.reserve(bytes);
        Ok(self)
    }

    fn put(&mut self, data: &[u8]) -> Result<(), Cut> {
        self.room_for(self.bytes.len() + data.len())?;
        self.bytes.put_slice(data);
        Ok(())
    }

    fn room_for(&mut self, bytes: usize) -> Result<(), Cut> {
        if bytes > self.limit {
            return Err(Cut::TooLarge);
        }
        self.place.grow_to(bytes).map_err(|_| Cut::Full)
    }
}

impl Write for Kept<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self.put(data) {
            Ok(()) => Ok(data.len()),
            Err(cut) => {
                self.cut = Some(cut);
                Err(io::Error::other("no room"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
