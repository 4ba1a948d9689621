//! The segments of a batch as a request's body: each goes to the socket as it is, none is copied. Nothing is lost: a body is made
//! anew for each try.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// A body of known length: the request says Content-Length, which some servers and proxies demand.
#[derive(Debug)]
pub struct Segments {
    left: std::vec::IntoIter<Bytes>,
    bytes: u64,
}

impl Segments {
    /// A body of `segments`.
    pub fn new(segments: Vec<Bytes>) -> Self {
        let bytes = segments.iter().map(|segment| segment.len() as u64).sum();
        Self {
            left: segments.into_iter(),
            bytes,
        }
    }
}

impl http_body::Body for Segments {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.left.next();
        if let Some(segment) = &next {
            self.bytes -= segment.len() as u64;
        }
        Poll::Ready(next.map(|segment| Ok(Frame::data(segment))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.as_slice().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Body;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn the_segments_come_out_in_order_with_their_exact_size() {
        let body = Segments::new(vec![
            Bytes::from("a 1\n"),
            Bytes::from("b"),
            Bytes::from(" 2\n"),
        ]);
        assert_eq!(body.size_hint().exact(), Some(8));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "a 1\nb 2\n");
        let empty = Segments::new(Vec::new());
        assert!(empty.is_end_stream());
        assert_eq!(empty.size_hint().exact(), Some(0));
    }
}
