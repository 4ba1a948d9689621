//! Clients as they are: the client library of InfluxDB 2, and Telegraf's requests, byte for byte in what matters.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use flightline_fixtures::http;
use flightline_fixtures::wait;

use crate::rig::Rig;

#[test]
fn telegraf_makes_its_database_and_writes_chunked_and_packed() {
    let rig = Rig::start();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let made = rig.post_with("/query", &form, b"q=CREATE+DATABASE+%22telegraf%22");
    assert_eq!(
        (made.status, made.text().as_str()),
        (200, "{\"results\":[{\"statement_id\":0}]}\n")
    );
    assert_eq!(rig.post("/query?q=SHOW+DATABASES", b"").status, 400);
    let ping = http::get(&format!("http://{}/ping", rig.front)).unwrap();
    assert_eq!(
        (ping.status, ping.header("x-influxdb-version")),
        (204, Some("1.8.10"))
    );
    // Go sends chunks when it packs while it sends; several requests on one connection.
    let mut client = rig.connect();
    for round in 0..3 {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        for number in 0..1_000 {
            writeln!(
                packer,
                "cpu,host=a,cpu=cpu{number} v={number}.5,w=1i {}",
                1_700_000_000_000_000_000_i64 + round
            )
            .unwrap();
        }
        let packed = packer.finish().unwrap();
        let headers = [
            "User-Agent: Telegraf/1.37.2",
            "Transfer-Encoding: chunked",
            "Content-Encoding: gzip",
            "Content-Type: text/plain; charset=utf-8",
            "Accept-Encoding: gzip",
        ];
        client.head("/write?consistency=any&db=telegraf", &headers);
        for chunk in packed.chunks(1_000) {
            client.send(format!("{:x}\r\n", chunk.len()).as_bytes());
            client.send(chunk);
            client.send(b"\r\n");
        }
        client.send(b"0\r\n\r\n");
        assert_eq!(client.answer(), (204, String::new()));
    }
    rig.wait_stored("cpu", 3_000);
}

#[test]
fn a_client_that_waits_to_be_told_is_told_to_go_on_only_if_it_may() {
    let rig = Rig::with("max_body = \"1KiB\"\nmax_pending = \"1KiB\"", "", "");
    let mut client = rig.connect();
    client.head(
        "/write?db=x",
        &["Expect: 100-continue", "Content-Length: 6"],
    );
    assert_eq!(client.answer().0, 100);
    client.send(b"go v=1");
    assert_eq!(client.answer().0, 204);
    rig.wait_stored("go", 1);
    let mut client = rig.connect();
    client.head(
        "/write?db=x",
        &["Expect: 100-continue", "Content-Length: 2000"],
    );
    assert_eq!(client.answer().0, 413);
}

#[test]
fn who_has_no_token_writes_nothing_and_a_rotated_one_holds_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "first-token\n").unwrap();
    let rig = Guarded::start(file.path());
    for (path, code) in [
        ("/write?db=x", 401),
        ("/write?db=x&u=me&p=wrong", 401),
        ("/write?db=x&u=me&p=first-token", 204),
        ("/api/v2/write?bucket=x", 401),
        ("/api/v3/write_lp?db=x", 401),
        ("/publish/app/a/b", 401),
        ("/query?q=CREATE+DATABASE+x", 401),
    ] {
        assert_eq!(rig.post(path, None), code, "{path}");
    }
    for header in [
        "Token first-token",
        "Bearer first-token",
        "Basic YW55Ym9keTpmaXJzdC10b2tlbg==",
    ] {
        assert_eq!(
            rig.post("/api/v2/write?bucket=x", Some(header)),
            204,
            "{header}"
        );
    }
    assert_eq!(
        rig.post("/api/v2/write?bucket=x", Some("Token second-token")),
        401
    );
    std::fs::write(file.path(), "second-token, longer\nthird").unwrap();
    let rotated = wait::until(Duration::from_secs(20), || {
        rig.post("/write?db=x", Some("Token third")) == 204
    });
    assert!(rotated.is_ok());
    assert_eq!(rig.post("/write?db=x", Some("Token first-token")), 401);
    let log = rig.rig.worker.log();
    assert!(
        !log.contains("first-token") && !log.contains("third"),
        "{log}"
    );
    let status = rig.rig.worker.get("/status").text();
    assert!(!status.contains("first-token"), "{status}");
}

#[test]
fn the_client_library_of_influxdb_2_writes_and_reads_its_errors() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "first-token\n").unwrap();
    let rig = Guarded::start(file.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let url = format!("http://{}", rig.rig.front);
        let client = influxdb2::Client::new(url.clone(), "o", "first-token");
        client
            .write_line_protocol("o", "b", "library v=1 1\nlibrary v=2 2\n")
            .await
            .unwrap();
        let partly = client
            .write_line_protocol("o", "b", "library v=3 3\nlibrary v=\n")
            .await
            .unwrap_err();
        assert!(
            partly.to_string().contains("unable to parse line 2"),
            "{partly}"
        );
        assert_eq!(client.health().await.unwrap().name, "flightline");
        let stranger = influxdb2::Client::new(url, "o", "another");
        let refused = stranger
            .write_line_protocol("o", "b", "library v=9 9\n")
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("unauthorized"), "{refused}");
    });
    rig.rig.wait_stored("library", 3);
}

/// A rig that asks for tokens.
struct Guarded {
    rig: Rig,
}

impl Guarded {
    fn start(tokens: &std::path::Path) -> Self {
        let keys = format!("token_file = \"{}\"", tokens.display());
        Self {
            rig: Rig::with(&keys, "", ""),
        }
    }

    fn post(&self, path: &str, authorization: Option<&str>) -> u16 {
        let headers: Vec<_> = authorization
            .map(|value| ("Authorization", value))
            .into_iter()
            .collect();
        self.rig
            .post_with(path, &headers, b"guarded v=1 1\n")
            .status
    }
}
