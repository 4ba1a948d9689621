//! Bodies as they come: whole, in pieces, packed, too long, too slow.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use prometheus::IntGauge;

use super::*;
use crate::ingest::room::Room;

fn room(limit: usize) -> Arc<Room> {
    Arc::new(Room::new(limit, IntGauge::new("held", "held").unwrap()))
}

fn limits(bytes: usize) -> Limits {
    Limits {
        bytes,
        idle: Duration::from_secs(10),
        until: Instant::now() + Duration::from_secs(30),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn read_all(
    bytes: Vec<u8>,
    coding: Coding,
    limit: usize,
    room: &Arc<Room>,
) -> Result<Bytes, Cut> {
    let mut place = room.place();
    read(
        Full::new(Bytes::from(bytes)),
        coding,
        limits(limit),
        &mut place,
    )
    .await
}

#[tokio::test]
async fn bodies_come_out_as_they_were_meant() {
    let room = room(1_000);
    let text = b"m v=1 1\n".repeat(10);
    assert_eq!(
        read_all(text.clone(), Coding::Identity, 80, &room)
            .await
            .unwrap(),
        text
    );
    assert_eq!(
        read_all(gzip(&text), Coding::Gzip, 80, &room)
            .await
            .unwrap(),
        text
    );
    // Several members are one body.
    let twice = [gzip(&text), gzip(&text)].concat();
    assert_eq!(
        read_all(twice, Coding::Gzip, 160, &room)
            .await
            .unwrap()
            .len(),
        160
    );
    assert_eq!(room.held(), 0);
}

#[tokio::test]
async fn what_is_too_long_is_cut_while_it_comes() {
    let room = room(1_000);
    assert_eq!(
        read_all(vec![b'x'; 81], Coding::Identity, 80, &room).await,
        Err(Cut::TooLarge)
    );
    let bomb = gzip(&vec![0; 10_000_000]);
    assert!(bomb.len() < 20_000);
    assert_eq!(
        read_all(bomb.clone(), Coding::Gzip, 80, &room).await,
        Err(Cut::TooLarge)
    );
    // Within the limit, but there is no room for so much.
    assert_eq!(
        read_all(bomb, Coding::Gzip, usize::MAX, &room).await,
        Err(Cut::Full)
    );
    assert_eq!(room.held(), 0);
}

#[tokio::test]
async fn what_is_no_gzip_or_not_all_of_it_is_told_so() {
    let room = room(1_000);
    assert_eq!(
        read_all(b"m v=1".to_vec(), Coding::Gzip, 80, &room).await,
        Err(Cut::NoGzip)
    );
    let mut half = gzip(b"m v=1 1\n");
    half.truncate(half.len() - 4);
    assert_eq!(
        read_all(half, Coding::Gzip, 80, &room).await,
        Err(Cut::NoGzip)
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_or_trickles_is_not_waited_for() {
    let room = room(1_000_000);
    for (pause, lasted) in [(11, 10), (9, 30)] {
        let frames = futures_util::stream::unfold((), move |()| async move {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            let frame = Frame::data(Bytes::from_static(b"x"));
            Some((Ok::<_, std::convert::Infallible>(frame), ()))
        });
        let start = Instant::now();
        let mut place = room.place();
        let body = StreamBody::new(Box::pin(frames));
        let read = read(body, Coding::Identity, limits(1_000), &mut place).await;
        assert_eq!((read, start.elapsed().as_secs()), (Err(Cut::Slow), lasted));
    }
}
