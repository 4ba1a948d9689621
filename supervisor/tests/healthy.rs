//! Promise: `flightline-supervisor healthy` is the health check of a container: 0 while its jobs are as they should be, 1 with a line for each
//! that is not, 69 when no supervisor answers.

use flightline_fixtures::supervisor::{FLIGHTLINE, Place, Setup, Supervisor};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flightline-supervisor");
const CONFIG: &str = "{
  control: { socket: '{{ .SOCKET }}' },
  jobs: [
    { name: 'app', exec: 'sleep 1000', health: { exec: 'test ! -e {{ .FOLDER }}/ill', interval: 1, ttl: 5 } },
    { name: 'once', exec: 'true' },
    { name: 'waits', exec: 'true', when: { source: 'app', once: 'unhealthy' } },
  ],
}";

fn healthy(supervisor: &Supervisor) -> (Option<i32>, String, String) {
    let output = supervisor.cli_named(FLIGHTLINE, &["healthy"]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn the_exit_code_follows_the_jobs_and_names_who_is_not_well() {
    let mut supervisor = Setup::new(PROGRAM)
        .place(Place::PidOne)
        .config(CONFIG)
        .start();
    supervisor.wait_for("all are well", || healthy(&supervisor).0 == Some(0));
    assert_eq!(healthy(&supervisor).1, "healthy\n");
    let ill = supervisor.folder().join("ill");
    std::fs::write(&ill, "").unwrap();
    supervisor.wait_for("one is not", || healthy(&supervisor).0 == Some(1));
    let (_, said, complaint) = healthy(&supervisor);
    assert!(
        said.starts_with("app: unhealthy, for "),
        "{said}{complaint}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    std::fs::remove_file(&ill).unwrap();
    supervisor.wait_for("all are well again", || healthy(&supervisor).0 == Some(0));
    assert!(supervisor.stop().success());
    let (code, said, complaint) = healthy(&supervisor);
    assert_eq!((code, said.as_str()), (Some(69), ""), "{complaint}");
    assert!(complaint.contains("no supervisor answers"), "{complaint}");
}

#[test]
fn a_job_that_is_down_fails_it() {
    let config = "{
      control: { socket: '{{ .SOCKET }}' },
      jobs: [
        { name: 'app', exec: 'sleep 1000' },
        { name: 'broken', exec: 'false', restarts: 0 },
      ],
    }";
    let mut supervisor = Setup::new(PROGRAM).config(config).start();
    supervisor.wait_for("it is seen", || healthy(&supervisor).0 == Some(1));
    let (_, said, _) = healthy(&supervisor);
    assert!(said.starts_with("broken: failed, for "), "{said}");
    assert!(said.ends_with(": its last exit was 1\n"), "{said}");
    assert!(supervisor.stop().success());
}
