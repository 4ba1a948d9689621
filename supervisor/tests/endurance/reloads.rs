//! Many reloads in a row, two hundred in the long form, by changed files and of everything: the processes, the memory and the open files are what they were.

use std::fs;
use std::time::Instant;

use flightline_fixtures::server::free_port;
use flightline_fixtures::supervisor::Place;

use super::rig::{figure, length, mib, millis, setup, turn, worker};

/// What may come and go between two looks at memory, in KiB.
const SLACK: u64 = 1024;

/// `VARIANT` makes one job another.
const CONFIG: &str = r#"{
    control: {socket: '{{ .SOCKET }}'},
    telemetry: {port: {{ .PORT }}, interfaces: ['lo'], metrics: [{name: 'x', help: 'x', type: 'gauge'}]},
    jobs: [
        {name: 'stays', exec: 'sleep 86400', restarts: 'unlimited', health: {exec: 'true', interval: 1, ttl: 5}},
        {name: 'changes', exec: 'sleep 8640VARIANT', restarts: 'unlimited'},
        {name: 'each', exec: 'true', when: {source: 'SIGHUP'}},
        {name: 'pre-stop', exec: 'true', when: {source: 'changes', once: 'stopping'}},
    ],
}"#;

#[test]
fn reloads_in_a_row_change_nothing() {
    let _turn = turn();
    let reloads: u32 = length(60, 200);
    let mut supervisor = setup(&CONFIG.replace("VARIANT", "0"))
        .place(Place::PidOne)
        .env("PORT", &free_port().to_string())
        .start();
    supervisor.wait_log("control: serving at");
    // A check may run at any time: who stays is meant.
    let stay = || {
        let all = supervisor.processes();
        let names = all.iter().map(|process| process.name.clone());
        names.filter(|name| name != "true").count()
    };
    supervisor.wait_for("its jobs run", || stay() == 4);
    let mut early = None;
    let mut begun = Instant::now();
    for reload in 1..=reloads {
        let variant = (reload % 10).to_string();
        fs::write(
            supervisor.config_path(),
            CONFIG.replace("VARIANT", &variant),
        )
        .unwrap();
        let words: &[&str] = if reload % 4 == 0 {
            &["reload", "--hard"]
        } else {
            &["reload"]
        };
        let output = supervisor.cli(words);
        assert!(output.status.success(), "{output:?}\n{}", supervisor.log());
        supervisor.wait_for("it is taken", || {
            supervisor.count("control: serving at") == reload as usize + 1
        });
        if reload == reloads / 10 {
            early = Some(worker(&supervisor));
            begun = Instant::now();
        }
    }
    let took = begun.elapsed();
    supervisor.wait_for("its jobs run", || stay() == 4);
    let (early, late) = (early.unwrap(), worker(&supervisor));
    figure(format_args!(
        "{reloads} reloads, after the first tenth: {:.0} ms each, CPU of the worker {:.1} ms each; {:.1} MiB resident, then {:.1}; {} files, then {}; {} threads, then {}",
        millis(took) / f64::from(reloads * 9 / 10),
        millis(late.cpu - early.cpu) / f64::from(reloads * 9 / 10),
        mib(early.resident),
        mib(late.resident),
        early.files,
        late.files,
        early.threads,
        late.threads,
    ));
    // A check that is under way has a pipe and a socket.
    assert!(late.files <= early.files + 4, "{early:?} {late:?}");
    assert!(
        late.resident <= early.resident + SLACK,
        "{early:?} {late:?}"
    );
    assert!(supervisor.stop().success());
}
