//! What a run leaves behind: it is told to end, can be killed, and is never mistaken for somebody else.

use std::time::Instant;

use flightline_fixtures::wait;
use flightline_supervisor::event::ExitStatus;
use flightline_supervisor::log::Kind;
use flightline_supervisor::process::{CHECK_GROUP_PATIENCE, Sent};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::rig::{Ask, GROUP_PATIENCE, PATIENCE, Rig, lives, wait_dead};

#[tokio::test]
async fn who_is_left_of_a_group_gets_sigterm_when_its_leader_ends() {
    let mut rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    let mut ask = Ask::script(
        "sh -c 'trap \"echo told; exit\" TERM; touch armed; while :; do sleep 0.02; done' &
         while [ ! -e armed ]; do sleep 0.02; done; exit 5",
    );
    ask.setting.cwd = Some(folder.path().to_owned());
    assert_eq!(rig.run(&ask).await, ExitStatus::Code(5));
    rig.wait_line("told").await;
}

#[tokio::test]
async fn an_end_is_told_when_nobody_is_left_of_the_group() {
    let mut rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    let mut ask = Ask::script(
        "sh -c 'trap \"sleep 0.5; echo last; exit\" TERM; echo $$; touch armed; while :; do sleep 0.02; done' &
         while [ ! -e armed ]; do sleep 0.02; done; exit 5",
    );
    ask.setting.cwd = Some(folder.path().to_owned());
    assert_eq!(rig.run(&ask).await, ExitStatus::Code(5));
    let lines = rig.lines();
    assert!(!lives(lines[0].parse().unwrap()), "{lines:?}");
    // Its shell may have said that its child was told, too.
    assert_eq!(lines.last().unwrap(), "last");
    assert!(rig.spawner.left().is_empty());
}

#[tokio::test]
async fn who_ignores_that_is_killed_before_the_end_is_told() {
    let mut rig = Rig::new();
    let patience = CHECK_GROUP_PATIENCE;
    for kind in [Kind::Job, Kind::Check] {
        let before = (rig.lines().len(), Instant::now());
        let mut ask = Ask::script("trap '' TERM; sleep 300 & echo $!; exit 0");
        (ask.kind, ask.patience) = (kind, patience);
        rig.spawn(&ask);
        rig.wake().await;
        let child = rig.lines()[before.0].parse().unwrap();
        assert!(!lives(child), "{kind:?}");
        assert!(before.1.elapsed() >= patience, "{kind:?}");
        assert!(rig.spawner.left().is_empty());
    }
}

#[tokio::test]
async fn a_kill_reaches_a_group_whose_leader_is_reaped() {
    let mut rig = Rig::new();
    let begun = Instant::now();
    let ask = Ask::script("trap '' TERM; sleep 300 & echo $!; exit 3");
    let (run, leader) = rig.try_spawn(&ask).unwrap();
    let reaped = || async { !std::fs::exists(format!("/proc/{leader}")).unwrap() };
    wait::until_async(PATIENCE, reaped).await.unwrap();
    let printed = || async { !rig.lines().is_empty() };
    wait::until_async(PATIENCE, printed).await.unwrap();
    assert_eq!(rig.spawner.left()[0].run, run);
    assert_eq!(rig.spawner.signal(run, Signal::SIGKILL), Sent::Sent);
    assert_eq!(rig.exit().await, (run, ExitStatus::Code(3)));
    assert!(begun.elapsed() < GROUP_PATIENCE);
    assert!(!lives(rig.lines()[0].parse().unwrap()));
    assert_eq!(rig.spawner.signal(run, Signal::SIGKILL), Sent::Gone);
}

#[tokio::test]
async fn zombies_that_nobody_reaps_are_not_waited_for() {
    let mut rig = Rig::new();
    let begun = Instant::now();
    // The parent of who dies with the group leaves it, and reaps nobody.
    let ask = Ask::script(
        "sh -c 'sleep 300 & echo $!; echo $$; exec setsid sleep 300' & sleep 0.3; exit 4",
    );
    assert_eq!(rig.run(&ask).await, ExitStatus::Code(4));
    assert!(begun.elapsed() < GROUP_PATIENCE);
    let [zombie, parent] = [0, 1].map(|line| rig.lines()[line].parse::<u32>().unwrap());
    assert!(std::fs::exists(format!("/proc/{zombie}")).unwrap());
    assert!(!lives(zombie));
    kill(Pid::from_raw(parent.cast_signed()), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn who_has_left_the_group_delays_nothing_and_lives_on() {
    let mut rig = Rig::new();
    let begun = Instant::now();
    let ask = Ask::script("sh -c 'echo $$; exec setsid sleep 300' & sleep 0.3; exit 0");
    assert_eq!(rig.run(&ask).await, ExitStatus::Code(0));
    assert!(begun.elapsed() < GROUP_PATIENCE);
    let daemon: u32 = rig.lines()[0].parse().unwrap();
    assert!(lives(daemon));
    kill(Pid::from_raw(daemon.cast_signed()), Signal::SIGKILL).unwrap();
}

#[tokio::test]
async fn ends_are_seen_beside_a_dead_child_of_somebody_else() {
    // The system would name this one again and again.
    let mut other = std::process::Command::new("true").spawn().unwrap();
    wait::until(PATIENCE, || !lives(other.id())).unwrap();
    let mut rig = Rig::new();
    for code in [0, 7] {
        let status = rig.run(&Ask::script(&format!("exit {code}"))).await;
        assert_eq!(status, ExitStatus::Code(code));
    }
    assert!(other.wait().unwrap().success());
}

#[tokio::test]
async fn a_run_that_is_gone_is_not_signalled() {
    let mut rig = Rig::new();
    let run = rig.spawn(&Ask::script("exit 0"));
    assert_eq!(rig.exit().await.0, run);
    assert_eq!(rig.spawner.signal(run, Signal::SIGKILL), Sent::Gone);
}

#[tokio::test]
async fn a_signal_reaches_the_whole_group() {
    let mut rig = Rig::new();
    let ask = Ask::script("sleep 300 & echo $!; wait");
    let run = rig.spawn(&ask);
    let printed = || async { !rig.lines().is_empty() };
    wait::until_async(PATIENCE, printed).await.unwrap();
    assert_eq!(rig.spawner.left()[0].run, run);
    assert_eq!(rig.spawner.signal(run, Signal::SIGINT), Sent::Sent);
    // A shell starts what is in the background with SIGINT ignored.
    assert_eq!(rig.exit().await.1, ExitStatus::Signal(2));
    wait_dead(rig.lines()[0].parse().unwrap()).await;
}

#[tokio::test]
async fn between_death_and_the_telling_a_signal_harms_nobody() {
    let mut rig = Rig::new();
    let (run, pid) = rig.try_spawn(&Ask::script("exit 0")).unwrap();
    // The loop is busy: the process dies without anybody looking.
    let zombie = || !lives(pid);
    wait::until(PATIENCE, zombie).unwrap();
    assert_eq!(rig.spawner.signal(run, Signal::SIGTERM), Sent::Sent);
    assert_eq!(rig.exit().await, (run, ExitStatus::Code(0)));
}
