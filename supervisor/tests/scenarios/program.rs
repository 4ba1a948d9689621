//! Programs that jobs run where a shell is not enough. Debian promises neither an HTTP server nor a client, so this test's own binary is
//! both: it is run with the name of one of these. They are no tests: without their variables they do nothing.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use flightline_fixtures::http;
use serde_json::Value;

/// Answers each request. What is below `/app/` is asked of the first address in the file `UPSTREAM`, if there is one, as a reverse proxy
/// would.
#[test]
fn serves() {
    let Ok(port) = env::var("SCENARIO_PORT") else {
        return;
    };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    for client in listener.incoming() {
        let mut client = client.unwrap();
        let answer = match path(&client).as_deref() {
            Some("/app/") => forwarded(),
            Some("/") => Some("served".to_owned()),
            _ => None,
        };
        let (status, body) = match answer {
            Some(body) => ("200 OK", body),
            None => ("502 Bad Gateway", String::new()),
        };
        let length = body.len();
        // A client that has gone is its own matter.
        drop(write!(
            client,
            "HTTP/1.0 {status}\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
    }
}

fn path(client: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(client).lines();
    let first = lines.next()?.ok()?;
    let rest = lines.map_while(Result::ok).find(String::is_empty);
    rest?;
    first.split(' ').nth(1).map(str::to_owned)
}

fn forwarded() -> Option<String> {
    let upstream = fs::read_to_string(env::var("SCENARIO_UPSTREAM").ok()?).ok()?;
    let answer = http::get(&format!("http://{}/", upstream.lines().next()?)).ok()?;
    (answer.status == 200).then(|| format!("{} to another", answer.text()))
}

/// Succeeds when a page is there.
#[test]
fn fetches() {
    if let Ok(port) = env::var("SCENARIO_PORT") {
        let url = format!("http://127.0.0.1:{port}/");
        assert!(http::answers(&url, 200), "{url} does not answer");
    }
}

/// Writes the addresses of all passing instances of `app` into the file `UPSTREAM`, a line each.
#[test]
fn renders() {
    let (Ok(consul), Ok(file)) = (env::var("CONSUL"), env::var("SCENARIO_UPSTREAM")) else {
        return;
    };
    let url = format!("http://{consul}/v1/health/service/app?passing=1");
    let found: Value = serde_json::from_slice(&http::get(&url).unwrap().body).unwrap();
    let mut lines: Vec<String> = found.as_array().unwrap().iter().map(line).collect();
    lines.sort();
    // Who reads it meanwhile sees the old one or the new one.
    let next = format!("{file}.next");
    fs::write(&next, lines.concat()).unwrap();
    fs::rename(next, file).unwrap();
}

fn line(instance: &Value) -> String {
    let service = &instance["Service"];
    format!(
        "{}:{}\n",
        service["Address"].as_str().unwrap(),
        service["Port"]
    )
}
