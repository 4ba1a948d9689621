//! Promise: every line is stored or dead-lettered by an InfluxDB sink, whatever the store answers; a bad line costs only itself.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/sink.rs"]
mod rig;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use flightline::config::{Compression, InfluxApi, InfluxAuth};
use flightline_contract::deadletter::Reason;
use flightline_fixtures::stub::Stub;
use flightline_fixtures::stub::answer::{Answer, Api, Keep, Neighbours};
use flightline_fixtures::wait;
use flightline_link::secret::Secret;
use rig::{PATIENCE, Rig, batch, influx, lines};

fn api(api: Api) -> InfluxApi {
    match api {
        Api::V1 => InfluxApi::V1 {
            db: "d".to_owned(),
            rp: None,
        },
        Api::V2 => InfluxApi::V2 {
            org: "o".to_owned(),
            bucket: "b".to_owned(),
        },
        Api::V3 => InfluxApi::V3 { db: "d".to_owned() },
    }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[tokio::test]
async fn all_lines_arrive_by_each_api_compressed_or_not_below_a_path_prefix() {
    for (version, path, query) in [
        (Api::V1, "/in/flux/write", "db=d&precision=ns"),
        (
            Api::V2,
            "/in/flux/api/v2/write",
            "org=o&bucket=b&precision=ns",
        ),
        (
            Api::V3,
            "/in/flux/api/v3/write_lp",
            "db=d&precision=nanosecond&accept_partial=true",
        ),
    ] {
        for compression in [Compression::None, Compression::Gzip] {
            let stub = Stub::start();
            let mut config = influx(&format!("{}/in/flux", stub.url()), api(version));
            config.compression = compression;
            config.auth = InfluxAuth::Token(Secret::Value("secret".to_owned()));
            let mut rig = Rig::influx(config);
            let sent = lines(0..12_000);
            for chunk in sent.chunks(4000) {
                rig.send(batch(chunk)).await;
            }
            rig.settled(3).await;
            assert!(rig.finish().await.is_empty());
            assert_eq!(sorted(stub.stored()), sorted(sent));
            let write = &stub.writes()[0];
            assert_eq!((write.path.as_str(), write.query.as_str()), (path, query));
            let word = if version == Api::V3 {
                "Bearer"
            } else {
                "Token"
            };
            assert_eq!(write.header("authorization"), format!("{word} secret"));
            assert_eq!(write.header("content-length"), write.wire_bytes.to_string());
            assert_eq!(
                write.wire_bytes < write.body.len(),
                compression == Compression::Gzip
            );
        }
    }
}

#[tokio::test]
async fn one_bad_line_among_5000_costs_only_itself() {
    for version in [Api::V1, Api::V2, Api::V3] {
        for neighbours in [Neighbours::Stored, Neighbours::Refused] {
            let stub = Stub::answering(move |request| {
                Answer::judging(version, request, neighbours, |line| line.starts_with("bad"))
            });
            let mut rig = Rig::influx(influx(&stub.url(), api(version)));
            let mut sent = lines(0..5000);
            sent[3711] = "bad,n=1 v=1 1".to_owned();
            rig.send(batch(&sent)).await;
            rig.settled(1).await;
            let letters = rig.finish().await;
            assert_eq!(letters.len(), 1, "{version:?} {neighbours:?}");
            assert_eq!(letters[0].payload, "bad,n=1 v=1 1");
            assert_eq!(letters[0].reason, Reason::Refused);
            let stored: BTreeSet<String> = stub.stored().into_iter().collect();
            sent.remove(3711);
            assert_eq!(stored, sent.into_iter().collect());
            assert_eq!(stub.writes().len(), 2, "the refusal and the rest");
        }
    }
}

#[tokio::test]
async fn lines_that_nobody_names_are_found_by_halving() {
    let stub = Stub::answering(|request| {
        if request.lines().iter().any(|line| line.starts_with("bad")) {
            Answer::type_conflict()
        } else {
            Answer::stored()
        }
    });
    let mut rig = Rig::influx(influx(&stub.url(), api(Api::V2)));
    let mut sent = lines(0..5000);
    for bad in [0, 2500, 4999] {
        sent[bad] = format!("bad v={bad} 1");
    }
    rig.send(batch(&sent)).await;
    rig.settled(1).await;
    let letters = rig.finish().await;
    let refused: Vec<_> = letters
        .iter()
        .map(|letter| letter.payload.as_ref())
        .collect();
    assert_eq!(
        refused,
        [b"bad v=0 1".as_slice(), b"bad v=2500 1", b"bad v=4999 1"]
    );
    assert!(
        letters[0].detail.contains("field type conflict"),
        "{}",
        letters[0].detail
    );
    let stored: BTreeSet<String> = stub.stored().into_iter().collect();
    assert_eq!(stored.len(), 4997);
    assert!(stub.writes().len() < 80, "{} requests", stub.writes().len());
}

#[tokio::test]
async fn no_answer_but_stored_counts_as_stored() {
    let script = [
        Answer::HangUp(Keep::Nothing),
        Answer::HangUp(Keep::Everything),
        Answer::Silence(Keep::Nothing),
        Answer::unavailable(),
        Answer::internal_error(),
        Answer::not_found(Api::V2, "b"),
        Answer::json(302, &serde_json::json!({})),
        Answer::json(402, &serde_json::json!({})),
        Answer::json(202, &serde_json::json!({})),
    ];
    let tries = script.len() + 1;
    let stub = Stub::scripted(script);
    let mut rig = Rig::influx(influx(&stub.url(), api(Api::V2)));
    let sent = lines(0..10);
    rig.send(batch(&sent)).await;
    rig.settled(1).await;
    assert!(rig.finish().await.is_empty());
    assert_eq!(stub.writes().len(), tries);
    let stored: BTreeSet<String> = stub.stored().into_iter().collect();
    assert_eq!(stored, sent.into_iter().collect());
}

#[tokio::test]
async fn a_400_about_the_request_dead_letters_nothing() {
    let wrong = || Answer::json(400, &serde_json::json!({"error": "database is required"}));
    // Both the write and the empty body after it are refused, twice; then somebody has corrected the server.
    let stub = Stub::scripted([wrong(), wrong(), wrong(), wrong()]);
    let mut rig = Rig::influx(influx(&stub.url(), api(Api::V1)));
    let sent = lines(0..10);
    rig.send(batch(&sent)).await;
    rig.settled(1).await;
    assert!(rig.finish().await.is_empty());
    assert_eq!(stub.stored(), sent);
}

#[tokio::test]
async fn a_store_that_takes_no_gzip_dead_letters_nothing() {
    let stub = Stub::answering(|request| {
        if request.header("content-encoding") == "gzip" {
            Answer::json(400, &serde_json::json!({"error": "unknown coding"}))
        } else {
            Answer::stored()
        }
    });
    let mut config = influx(&stub.url(), api(Api::V1));
    config.compression = Compression::Gzip;
    let mut rig = Rig::influx(config);
    rig.send(batch(&lines(0..10))).await;
    // The first write, the empty body after it, and the write again.
    wait::until_async(PATIENCE, async || stub.writes().len() >= 3)
        .await
        .unwrap();
    assert_eq!(rig.settled_so_far(), 0);
    let codings = stub.writes().into_iter().take(3);
    for write in codings {
        assert_eq!(write.header("content-encoding"), "gzip");
    }
    rig.cut_off().await;
}

#[tokio::test]
async fn a_400_in_unknown_words_is_about_a_line_if_an_empty_body_passes() {
    let stub = Stub::answering(|request| {
        if request.lines().iter().any(|line| line.starts_with("bad")) {
            Answer::json(400, &serde_json::json!({"oops": "something is wrong"}))
        } else {
            Answer::stored()
        }
    });
    let mut rig = Rig::influx(influx(&stub.url(), api(Api::V1)));
    rig.send(batch(&["a v=1 1".to_owned(), "bad v=1 1".to_owned()]))
        .await;
    rig.settled(1).await;
    let letters = rig.finish().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].payload, "bad v=1 1");
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let stub = Stub::scripted([Answer::too_many_requests("1")]);
    let mut rig = Rig::influx(influx(&stub.url(), api(Api::V2)));
    let started = Instant::now();
    rig.send(batch(&lines(0..10))).await;
    rig.settled(1).await;
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    assert!(rig.finish().await.is_empty());
}

#[tokio::test]
async fn a_rotated_token_is_read_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "old\n").unwrap();
    let stub = Stub::start();
    stub.require_token("new");
    let mut config = influx(&stub.url(), api(Api::V2));
    config.auth = InfluxAuth::Token(Secret::File(file.path().to_owned()));
    let mut rig = Rig::influx(config);
    rig.send(batch(&lines(0..10))).await;
    wait::until_async(PATIENCE, async || !stub.writes().is_empty())
        .await
        .unwrap();
    std::fs::write(file.path(), "new\n").unwrap();
    rig.settled(1).await;
    assert!(rig.finish().await.is_empty());
    assert_eq!(stub.stored(), lines(0..10));
}

#[tokio::test]
async fn too_large_bodies_are_split_and_a_line_too_large_by_itself_is_a_letter() {
    let stub = Stub::answering(|request| {
        if request.body.len() > 1000 {
            Answer::too_large(Api::V2)
        } else {
            Answer::stored()
        }
    });
    let mut rig = Rig::influx(influx(&stub.url(), api(Api::V2)));
    let mut sent = lines(0..500);
    sent[77] = format!("long s=\"{}\" 1", "x".repeat(1000));
    rig.send(batch(&sent)).await;
    rig.settled(1).await;
    let letters = rig.finish().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (letters[0].reason, letters[0].payload.len()),
        (Reason::TooLarge, sent[77].len())
    );
    sent.remove(77);
    assert_eq!(sorted(stub.stored()), sorted(sent));
}

#[tokio::test]
async fn while_the_store_is_down_one_batch_probes_and_all_arrive_afterwards() {
    let stub = Stub::scripted((0..12).map(|_| Answer::unavailable()));
    let mut config = influx(&stub.url(), api(Api::V2));
    config.in_flight = 4;
    let mut rig = Rig::influx(config);
    let open = rig.metrics.breaker_open.with_label_values(&["main"]);
    let sent = lines(0..400);
    for chunk in sent.chunks(100) {
        rig.send(batch(chunk)).await;
    }
    wait::until_async(PATIENCE, async || open.get() == 1)
        .await
        .unwrap();
    rig.settled(4).await;
    assert_eq!(open.get(), 0);
    let retries = rig
        .metrics
        .retries
        .with_label_values(&["main", "server"])
        .get();
    assert_eq!(retries, 12);
    assert_eq!(
        rig.metrics.stored_lines.with_label_values(&["main"]).get(),
        400
    );
    assert!(rig.finish().await.is_empty());
    assert_eq!(sorted(stub.stored()), sorted(sent));
}

#[tokio::test]
async fn letters_that_are_not_kept_leave_the_batch_unsettled() {
    let stub =
        Stub::answering(|request| Answer::judging(Api::V1, request, Neighbours::Stored, |_| true));
    let mut rig = Rig::influx(influx(&stub.url(), api(Api::V1)));
    rig.close_office();
    rig.send(batch(&lines(0..3))).await;
    rig.finish_sink().await;
    assert_eq!(rig.settled_so_far(), 0);
}

#[tokio::test]
async fn a_store_that_says_too_large_before_it_has_read_all_is_understood() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || rig::refuse_early(&listener));
    let mut rig = Rig::influx(influx(&url, api(Api::V1)));
    // Larger than what the sockets hold.
    let long = "x".repeat(500_000);
    let sent: Vec<String> = (0..64).map(|n| format!("m s=\"{long}\" {n}")).collect();
    rig.send(batch(&sent)).await;
    rig.settled(1).await;
    let lost = rig
        .metrics
        .retries
        .with_label_values(&["main", "connection"])
        .get();
    assert_eq!(lost, 0, "the answer was lost with the connection");
    assert_eq!(rig.finish().await.len(), sent.len());
}
