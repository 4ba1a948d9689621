//! What a run leaves behind: it is told to end, can be killed, and is never mistaken for somebody else.

use flightline_fixtures::wait;
use flightline_supervisor::event::ExitStatus;
use flightline_supervisor::process::{Sent, Who};
use nix::sys::signal::Signal;

use super::rig::{Ask, PATIENCE, Rig, wait_dead};

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
async fn who_ignores_that_is_listed_until_it_is_killed() {
    let mut rig = Rig::new();
    let ask = Ask::script("trap '' TERM; sleep 300 & echo $!; exit 0");
    let run = rig.spawn(&ask);
    assert_eq!(rig.exit().await, (run, ExitStatus::Code(0)));
    let left = rig.spawner.left();
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].run, left[0].who), (run, Who::Rest));
    assert_eq!(rig.spawner.signal(run, Signal::SIGKILL), Sent::Sent);
    wait_dead(rig.lines()[0].parse().unwrap()).await;
    let gone = || async { rig.spawner.left().is_empty() };
    wait::until_async(PATIENCE, gone).await.unwrap();
    assert_eq!(rig.spawner.signal(run, Signal::SIGKILL), Sent::Gone);
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
    assert_eq!(rig.spawner.left()[0].who, Who::Leader);
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
    let zombie = || !super::rig::lives(pid);
    wait::until(PATIENCE, zombie).unwrap();
    assert_eq!(rig.spawner.signal(run, Signal::SIGTERM), Sent::Sent);
    assert_eq!(rig.exit().await, (run, ExitStatus::Code(0)));
}
