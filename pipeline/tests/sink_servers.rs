//! Promise: what a sink settled is in the store, on a real InfluxDB 1 and a real VictoriaMetrics (the write API of InfluxDB 2): with a
//! bad line among good ones, with the server restarted in the middle, and with the database made late.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "rig/sink.rs"]
mod rig;

use std::time::Duration;

use flightline::config::{Compression, InfluxApi};
use flightline_contract::deadletter::Reason;
use flightline_fixtures::influxd::Influxd;
use flightline_fixtures::points::victoria::Samples;
use flightline_fixtures::points::{Point, Points, Time, Value};
use flightline_fixtures::victoria::Victoria;
use flightline_fixtures::wait;
use rig::{PATIENCE, Rig, batch, influx, lines};

const DB: &str = "d";

fn v1() -> InfluxApi {
    InfluxApi::V1 {
        db: DB.to_owned(),
        rp: None,
    }
}

fn v2() -> InfluxApi {
    InfluxApi::V2 {
        org: "o".to_owned(),
        bucket: "b".to_owned(),
    }
}

/// How many points `measurement` has, and the sum of their field `v`.
fn points(server: &Influxd, measurement: &str) -> (u64, f64) {
    let answer = server.query(DB, &format!("SELECT count(v), sum(v) FROM {measurement}"));
    let row = &answer["results"][0]["series"][0]["values"][0];
    (row[1].as_u64().unwrap_or(0), row[2].as_f64().unwrap_or(0.0))
}

fn sum(numbers: std::ops::Range<u32>) -> f64 {
    numbers.map(f64::from).sum()
}

#[tokio::test]
async fn influxdb_1_has_all_that_was_settled_compressed_or_not() {
    let server = Influxd::start();
    server.create_database(DB);
    for compression in [Compression::None, Compression::Gzip] {
        let mut config = influx(&server.url(), v1());
        config.compression = compression;
        let mut rig = Rig::influx(config);
        for chunk in lines(0..20_000).chunks(5000) {
            rig.send(batch(chunk)).await;
        }
        rig.settled(4).await;
        assert!(rig.finish().await.is_empty());
        assert_eq!(points(&server, "m"), (20_000, sum(0..20_000)));
    }
}

#[tokio::test]
async fn on_influxdb_1_a_bad_line_among_5000_costs_only_itself() {
    let server = Influxd::start();
    server.create_database(DB);
    server.write(DB, "m,host=first v=0 1\n");
    let mut rig = Rig::influx(influx(&server.url(), v1()));
    let mut sent = lines(0..5000);
    // Another type than the field has, which no grammar can know; and a line that InfluxDB 1 cannot parse.
    sent[1234] = "m,host=h v=7i 5".to_owned();
    sent[4000] = "m,host=h v=7u 5".to_owned();
    rig.send(batch(&sent)).await;
    rig.settled(1).await;
    let mut letters = rig.finish().await;
    letters.sort_by_key(|letter| letter.stamp.sequence);
    let refused: Vec<_> = letters
        .iter()
        .map(|letter| letter.payload.as_ref())
        .collect();
    assert_eq!(refused, [b"m,host=h v=7i 5".as_slice(), b"m,host=h v=7u 5"]);
    assert!(
        letters[0].detail.contains("field type conflict"),
        "{}",
        letters[0].detail
    );
    assert!(
        letters[1].detail.contains("invalid number"),
        "{}",
        letters[1].detail
    );
    assert_eq!(points(&server, "m"), (4999, sum(0..5000) - 1234.0 - 4000.0));
}

#[tokio::test]
async fn on_influxdb_1_a_batch_of_nothing_but_bad_lines_is_known_by_its_count() {
    let server = Influxd::start();
    server.create_database(DB);
    server.write(DB, "m,host=first v=0 1\n");
    let mut rig = Rig::influx(influx(&server.url(), v1()));
    let sent: Vec<String> = (0..500).map(|n| format!("m,host=h v={n}i {n}")).collect();
    rig.send(batch(&sent)).await;
    rig.settled(1).await;
    let letters = rig.finish().await;
    assert_eq!(letters.len(), 500);
    assert!(
        letters
            .iter()
            .all(|letter| letter.reason == Reason::Refused)
    );
}

#[tokio::test]
async fn influxdb_1_restarted_in_the_middle_misses_nothing() {
    let mut server = Influxd::start();
    server.create_database(DB);
    let mut rig = Rig::influx(influx(&server.url(), v1()));
    let sent = lines(0..40_000);
    for (n, chunk) in sent.chunks(2000).enumerate() {
        if n == 10 {
            server.server().kill();
        }
        rig.send(batch(chunk)).await;
        if n == 12 {
            server.server().resume_service();
        }
    }
    rig.settled(20).await;
    assert!(rig.finish().await.is_empty());
    assert_eq!(points(&server, "m"), (40_000, sum(0..40_000)));
}

#[tokio::test]
async fn a_database_made_late_gets_what_waited_for_it() {
    let server = Influxd::start();
    let mut rig = Rig::influx(influx(&server.url(), v1()));
    let missing = rig.metrics.retries.with_label_values(&["main", "missing"]);
    rig.send(batch(&lines(0..100))).await;
    wait::until_async(PATIENCE, async || missing.get() >= 3)
        .await
        .unwrap();
    server.create_database(DB);
    rig.settled(1).await;
    assert!(rig.finish().await.is_empty());
    assert_eq!(points(&server, "m"), (100, sum(0..100)));
}

#[tokio::test]
async fn influxdb_1_that_stands_still_is_waited_for() {
    let mut server = Influxd::start();
    server.create_database(DB);
    let mut config = influx(&server.url(), v1());
    config.timeout = Duration::from_millis(300);
    let mut rig = Rig::influx(config);
    let timeouts = rig.metrics.retries.with_label_values(&["main", "timeout"]);
    server.server().pause();
    rig.send(batch(&lines(0..100))).await;
    wait::until_async(PATIENCE, async || timeouts.get() >= 2)
        .await
        .unwrap();
    server.server().unpause();
    rig.settled(1).await;
    assert!(rig.finish().await.is_empty());
    assert_eq!(points(&server, "m"), (100, sum(0..100)));
}

#[tokio::test]
async fn victoria_metrics_has_all_that_was_settled_by_the_api_of_influxdb_2() {
    let mut server = Victoria::start();
    let mut config = influx(&server.url(), v2());
    config.compression = Compression::Gzip;
    let mut rig = Rig::influx(config);
    let mut sent = Vec::new();
    let mut expected = Points::default();
    for n in 0..10_000_u32 {
        let time = 1_700_000_000_000_000_000 + i64::from(n) * 1_000_000_000;
        sent.push(format!("m,n={n} v={n} {time}"));
        let point = Point::new("m", Time::At(time)).tag("n", &n.to_string());
        expected.add(point.field("v", Value::Float(f64::from(n))));
    }
    for (n, chunk) in sent.chunks(1000).enumerate() {
        if n == 5 {
            server.server().restart();
        }
        rig.send(batch(chunk)).await;
    }
    rig.settled(10).await;
    assert!(rig.finish().await.is_empty());
    assert_eq!(Samples::of(&expected).difference(&server.samples()), None);
}
