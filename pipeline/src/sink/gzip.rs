//! Segments come in, one compressed body goes out.

use std::io::{self, Write};

use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Level 1: six times smaller at 600 MB/s; the higher levels take several times as long for a few percent.
const LEVEL: u32 = 1;
/// Bodies up to here are compressed where they stand, larger ones on a thread for blocking work: at some 500 MB/s this is 130 µs,
/// the order of a task's turn.
const INLINE: usize = 64 * 1024;
/// What a line shrinks to, roughly, so that the buffer is grown once at most.
const RATIO: usize = 4;

/// Compresses `segments`.
///
/// # Errors
/// Only if the process is ending.
pub async fn compress(segments: Vec<Bytes>) -> io::Result<Bytes> {
    let bytes: usize = segments.iter().map(Bytes::len).sum();
    if bytes <= INLINE {
        return encode(&segments, bytes);
    }
    tokio::task::spawn_blocking(move || encode(&segments, bytes))
        .await
        .map_err(io::Error::other)?
}

fn encode(segments: &[Bytes], bytes: usize) -> io::Result<Bytes> {
    let buffer = BytesMut::with_capacity(bytes / RATIO + 64).writer();
    let mut encoder = GzEncoder::new(buffer, Compression::new(LEVEL));
    for segment in segments {
        encoder.write_all(segment)?;
    }
    Ok(encoder.finish()?.into_inner().freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[tokio::test]
    async fn what_goes_in_comes_out_whatever_its_size() {
        for lines in [0, 1, 10_000] {
            let segments: Vec<Bytes> = (0..lines)
                .map(|n| Bytes::from(format!("m v={n} {n}\n")))
                .collect();
            let plain = segments.concat();
            let packed = compress(segments).await.unwrap();
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(packed.as_ref())
                .read_to_end(&mut unpacked)
                .unwrap();
            assert_eq!(unpacked, plain);
        }
    }
}
