//! What a client shows to be let in is shown to nobody: not at the loudest log, not by the listener, not in an answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::rig::Rig;

/// Stands in every token, the right one and the wrong ones, and nowhere else.
const MARK: &str = "zqMARKqz";

/// Everything, from every library.
const LOUD: &str =
    "[log]\nlevel = \"trace,async_nats=trace,hyper=trace,hyper_util=trace,tokio_util=trace\"\n";

#[test]
fn no_token_of_a_client_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    std::fs::write(&file, format!("first-token\n{MARK}-right\n")).unwrap();
    let rig = Rig::with(&format!("token_file = {file:?}"), LOUD, "");
    let mut shown = String::new();
    let mut dressed = Vec::new();
    for (token, status) in [
        (format!("{MARK}-right"), 204),
        (format!("{MARK}-wrong"), 401),
    ] {
        let login = STANDARD.encode(format!("joe:{token}"));
        let in_query = format!("/write?db=x&u=joe&p={token}");
        let answers = [
            ("/write?db=x", Some(format!("Basic {login}"))),
            ("/api/v2/write?bucket=x", Some(format!("Token {token}"))),
            ("/api/v3/write_lp?db=x", Some(format!("Bearer {token}"))),
            (in_query.as_str(), None),
        ]
        .map(|(path, header)| {
            let headers: Vec<_> = header.iter().map(|it| ("Authorization", &**it)).collect();
            rig.post_with(path, &headers, b"let_in v=1 1")
        });
        for answer in answers {
            assert_eq!(answer.status, status, "{}", answer.text());
            shown.push_str(&answer.text());
        }
        dressed.push(login);
    }
    for path in ["/", "/status", "/metrics", "/readyz"] {
        shown.push_str(&rig.worker.get(path).text());
    }
    let log = std::fs::read_to_string(rig.worker.folder().join("flightline.log")).unwrap();
    assert!(log.contains("TRACE"), "the log is not loud:\n{log}");
    assert!(log.contains("refused a request to ingest"), "{log}");
    shown.push_str(&log);
    for secret in dressed.iter().map(String::as_str).chain([MARK]) {
        assert!(!shown.contains(secret), "{secret} is shown:\n{shown}");
    }
}
