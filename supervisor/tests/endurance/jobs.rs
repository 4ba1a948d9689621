//! Many short jobs, and one job that runs many times: every exit status is right, and nothing of them stays in memory.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use flightline_fixtures::supervisor::Supervisor;
use flightline_fixtures::wait;

use super::rig::{figure, jobs, length, mib, setup, turn, worker};

/// For all of them to run, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(600);

/// What may come and go between two looks at memory, in KiB: a page here and there that the allocator keeps.
const SLACK: u64 = 1024;

/// How often all of them are run: what the allocator keeps of them is the same from the fifth time on.
const GENERATIONS: usize = 8;

/// A status that tells the jobs apart.
fn status(index: usize) -> usize {
    index % 200
}

fn many(count: usize) -> String {
    let mut text = "{control: {socket: '{{ .SOCKET }}'}, jobs: [
        {name: 'keeper', exec: 'sleep 86400', restarts: 'unlimited'},"
        .to_owned();
    for index in 0..count {
        let status = status(index);
        writeln!(
            text,
            "{{name: 'job-{index}', exec: ['sh', '-c', 'exit {status}']}},"
        )
        .expect("text takes text");
    }
    text.push_str("]}");
    text
}

/// Waits until each has run, and looks at how it ended.
fn all_have_run(supervisor: &Supervisor, generation: usize) {
    let ended = wait::until(PATIENCE, || {
        let taken = supervisor.count("control: serving at") == generation;
        taken
            && jobs(supervisor)
                .iter()
                .skip(1)
                .all(|job| job.exit.is_some())
    });
    assert!(ended.is_ok(), "{:?}", jobs(supervisor));
    for (index, job) in jobs(supervisor).iter().skip(1).enumerate() {
        assert_eq!(job.name, format!("job-{index}"));
        assert_eq!(job.exit, i32::try_from(status(index)).ok(), "{job:?}");
        assert_eq!(job.attempt, 1, "{job:?}");
    }
}

#[test]
fn many_short_jobs_end_with_their_own_status_and_leave_nothing() {
    let _turn = turn();
    let count = length(200, 1_000);
    let begun = Instant::now();
    let mut supervisor = setup(&many(count)).start();
    let mut resident = Vec::new();
    for generation in 1..=GENERATIONS {
        all_have_run(&supervisor, generation);
        let usage = worker(&supervisor);
        resident.push(usage.resident);
        if generation == 1 {
            figure(format_args!(
                "{count} short jobs of one configuration: {:.1} s, CPU of the worker {:.2} s",
                begun.elapsed().as_secs_f64(),
                usage.cpu.as_secs_f64(),
            ));
        }
        if generation < GENERATIONS {
            assert!(supervisor.cli(&["reload", "--hard"]).status.success());
        }
    }
    let shown: Vec<String> = resident
        .iter()
        .map(|kib| format!("{:.1}", mib(*kib)))
        .collect();
    figure(format_args!(
        "{count} short jobs, run {GENERATIONS} times: {} MiB resident",
        shown.join(", ")
    ));
    let (fifth, last) = (resident[4], resident[GENERATIONS - 1]);
    assert!(last <= fifth + SLACK, "{resident:?} KiB");
    assert!(supervisor.stop().success());
}

/// Runs as fast as it ends.
const AGAIN: &str = r#"{
    control: {socket: '{{ .SOCKET }}'},
    jobs: [
        {name: 'keeper', exec: 'sleep 86400', restarts: 'unlimited'},
        {name: 'again', exec: ['sh', '-c', 'echo run >> "$FOLDER/runs"; exit 3'], when: {interval: '1ms'}, timeout: '60s', restarts: {{ .RESTARTS }}},
    ],
}"#;

#[test]
fn a_job_that_runs_many_times_ends_with_its_own_status_each_time_and_leaves_nothing() {
    let _turn = turn();
    let count: usize = length(300, 1_000);
    let begun = Instant::now();
    let mut supervisor = setup(AGAIN)
        .env("RESTARTS", &(count - 1).to_string())
        .start();
    let runs = || {
        let text = fs::read_to_string(supervisor.folder().join("runs")).unwrap_or_default();
        text.lines().count()
    };
    wait::until(PATIENCE, || runs() >= count / 3).expect("it runs");
    let early = worker(&supervisor);
    wait::until(PATIENCE, || supervisor.count("exited with") >= count).expect("it runs so often");
    let took = begun.elapsed();
    let late = worker(&supervisor);
    figure(format_args!(
        "one job {count} times: {:.1} s, CPU of the worker {:.0} µs a run; {:.1} MiB resident after a third, {:.1} at the end; {} files, then {}",
        took.as_secs_f64(),
        late.cpu.as_secs_f64() * 1e6 / f64::from(u32::try_from(count).unwrap()),
        mib(early.resident),
        mib(late.resident),
        early.files,
        late.files,
    ));
    assert_eq!(runs(), count);
    let again = jobs(&supervisor).pop().unwrap();
    assert_eq!((again.exit, again.attempt as usize), (Some(3), count));
    assert_eq!(supervisor.count("again exited with"), count);
    assert!(late.resident <= early.resident + SLACK);
    assert!(supervisor.stop().success());
}
