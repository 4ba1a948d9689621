//! The client of the command line against the server: what is shown, and what a refusal becomes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use flightline_supervisor::cli::client::{Said, ask};
use flightline_supervisor::cli::{Exit, Failure, Form, Request};
use flightline_supervisor::control::command::{
    Action, Answer, Command, Jobs, Maintenance, Refusal, Reload, Trouble,
};
use nix::sys::signal::Signal;
use tokio::net::UnixListener;
use tokio::time::Instant;

use super::rig::{Loop, Rig, done, job, never};

async fn asked(answer: Loop, request: &Request) -> Result<Option<String>, Failure> {
    let rig = Rig::start(answer).await;
    ask(request, &rig.path()).await.map(|said| said.text)
}

fn act(job: &str, action: Action) -> Request {
    Request::Act {
        job: job.to_owned(),
        action,
    }
}

#[tokio::test]
async fn ping_says_ok_and_what_changes_something_is_silent() {
    let rig = Rig::start(done).await;
    let path = rig.path();
    assert_eq!(
        ask(&Request::Ping, &path).await,
        Ok(Said::done(Some("ok".to_owned())))
    );
    let requests = [
        Request::Reload(Reload::Changed),
        Request::Reload(Reload::Everything),
        Request::Maintenance(Maintenance::Enter),
        Request::Maintenance(Maintenance::Exit),
        act("job 1/ü?#%..", Action::Restart),
        act("..", Action::Signal(Signal::SIGUSR1)),
    ];
    for request in requests {
        assert_eq!(
            ask(&request, &path).await,
            Ok(Said::done(None)),
            "{request:?}"
        );
    }
    let expected = [
        Command::Reload(Reload::Changed),
        Command::Reload(Reload::Everything),
        Command::Maintenance(Maintenance::Enter),
        Command::Maintenance(Maintenance::Exit),
        Command::Job {
            name: "job 1/ü?#%..".to_owned(),
            action: Action::Restart,
        },
        Command::Job {
            name: "..".to_owned(),
            action: Action::Signal(Signal::SIGUSR1),
        },
    ];
    assert_eq!(*rig.commands.lock().unwrap(), expected);
}

#[tokio::test]
async fn variables_and_metrics_arrive_as_typed() {
    let rig = Rig::start(done).await;
    let pairs: BTreeMap<String, String> = [("A", "b=c\"\n"), ("e", "")]
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .into();
    assert_eq!(
        ask(&Request::PutVariables(pairs.clone()), &rig.path()).await,
        Ok(Said::done(None))
    );
    assert_eq!(*rig.variables.now(), pairs);
    assert_eq!(
        ask(&Request::PutMetrics(pairs.clone()), &rig.path()).await,
        Ok(Said::done(None))
    );
    assert_eq!(*rig.metrics.lock().unwrap(), [pairs]);
    let nameless = [(String::new(), "x".to_owned())].into();
    let failure = ask(&Request::PutVariables(nameless), &rig.path())
        .await
        .unwrap_err();
    assert_eq!(failure.exit, Exit::Refused);
}

#[tokio::test]
async fn jobs_are_shown_for_people_and_for_programs() {
    let jobs: Loop = |command| match command {
        Command::List => Some(Answer::Jobs(vec![job("a"), job("b")])),
        Command::Status(name) => Some(Answer::Jobs(vec![job(name)])),
        _ => None,
    };
    let list = asked(jobs, &Request::List(Form::Text))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(list.lines().count(), 3, "{list}");
    let json = asked(jobs, &Request::List(Form::Json))
        .await
        .unwrap()
        .unwrap();
    let read: Jobs = serde_json::from_str(&json).unwrap();
    assert_eq!(read.jobs, [job("a"), job("b")]);
    let one = Request::Status {
        job: Some("b".to_owned()),
        form: Form::Text,
    };
    let status = asked(jobs, &one).await.unwrap().unwrap();
    assert!(
        status.starts_with("b\n") && status.contains("last check"),
        "{status}"
    );
}

#[tokio::test]
async fn one_job_that_is_not_well_fails_the_whole_and_is_named() {
    let well: Loop = |_| Some(Answer::Jobs(vec![job("a")]));
    let rig = Rig::start(well).await;
    let said = ask(&Request::Healthy, &rig.path()).await;
    assert_eq!(said, Ok(Said::done(Some("healthy".to_owned()))));

    let one_down: Loop = |_| {
        let mut down = job("b");
        (down.trouble, down.exit) = (Some(Trouble::Down), Some(3));
        Some(Answer::Jobs(vec![job("a"), down]))
    };
    let rig = Rig::start(one_down).await;
    let said = ask(&Request::Healthy, &rig.path()).await.unwrap();
    assert_eq!(said.exit, Exit::Refused);
    let text = "b: down, and waits for its next start, for 3s: its last exit was 3\n";
    assert_eq!(said.text.as_deref(), Some(text));
}

/// ContainerPilot's own client does not look at what became of a reload or of maintenance.
#[tokio::test]
async fn a_refusal_is_a_failure_that_tells_why() {
    let refused: Loop = |command| {
        Some(Answer::Refused(match command {
            Command::Reload(_) => Refusal::Configuration("app.json5:3:1: no\n".to_owned()),
            Command::Maintenance(_) => Refusal::NotNow("it is ending".to_owned()),
            _ => Refusal::NoSuchJob("a".to_owned()),
        }))
    };
    for (request, expected) in [
        (Request::Reload(Reload::Changed), "app.json5:3:1: no"),
        (Request::Maintenance(Maintenance::Enter), "it is ending"),
        (act("a", Action::Stop), "no job is called `a`"),
    ] {
        let failure = asked(refused, &request).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Refused);
        assert!(failure.text.ends_with(expected), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_is_not_there_or_does_not_answer_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("socket");
    let failure = ask(&Request::Ping, &nowhere).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unavailable);
    assert!(failure.text.contains("socket"), "{failure}");

    let slow = asked(never, &Request::Reload(Reload::Changed))
        .await
        .unwrap_err();
    assert_eq!(slow.exit, Exit::Unavailable);

    // Somebody else listens, who never says a word.
    let _mute = UnixListener::bind(&nowhere).unwrap();
    let start = Instant::now();
    let failure = ask(&Request::Ping, &nowhere).await.unwrap_err();
    assert_eq!(failure.exit, Exit::Unavailable);
    assert!(
        start.elapsed() <= Duration::from_secs(16),
        "{:?}",
        start.elapsed()
    );
}

/// The same, as main calls it: from no runtime, and printed.
#[tokio::test(flavor = "multi_thread")]
async fn the_exit_says_how_it_went() {
    let rig = Rig::start(done).await;
    let path = rig.path();
    let run = |request, path: &Path| {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || {
            flightline_supervisor::cli::client::run(&request, &path)
        })
    };
    assert_eq!(
        run(Request::Reload(Reload::Changed), &path).await.unwrap(),
        Exit::Ok
    );
    let gone = path.with_extension("gone");
    assert_eq!(run(Request::Ping, &gone).await.unwrap(), Exit::Unavailable);
}
