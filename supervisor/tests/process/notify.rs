//! A process says that it is ready, and is heard once.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use flightline_supervisor::config::Readiness;
use flightline_supervisor::event::{ExitStatus, Wake};

use super::rig::{Ask, Rig};

const HELPER: &str = "notify::a_program_that_says_it_is_ready";

/// No test but a program, which another test runs as a job: without a socket there is nothing to do.
#[test]
fn a_program_that_says_it_is_ready() {
    let Ok(name) = std::env::var("NOTIFY_SOCKET") else {
        return;
    };
    let name = name.strip_prefix('@').expect("a name, no file");
    let address = SocketAddr::from_abstract_name(name).unwrap();
    let socket = UnixDatagram::unbound().unwrap();
    for message in ["STATUS=loading", "NOISE", "READY=1\nSTATUS=up", "READY=1"] {
        socket.send_to_addr(message.as_bytes(), &address).unwrap();
    }
    // It stays until it is told to go: what it said is heard while it runs.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    std::process::Command::new("sleep")
        .arg("300")
        .status()
        .unwrap();
}

#[tokio::test]
async fn ready_is_told_once() {
    let mut rig = Rig::new();
    let helper = std::env::current_exe().unwrap();
    let mut ask = Ask::program(helper.to_str().unwrap(), &["--exact", HELPER]);
    ask.readiness = Readiness::Notify;
    let run = rig.spawn(&ask);
    let Wake::Ready { run: ready } = rig.wake().await else {
        panic!("not ready");
    };
    assert_eq!(ready, run);
    rig.spawner.signal(run, nix::sys::signal::Signal::SIGKILL);
    assert_eq!(rig.exit().await, (run, ExitStatus::Signal(9)));
}

#[tokio::test]
async fn who_is_not_asked_has_no_socket() {
    let mut rig = Rig::new();
    let printed = rig.print(&Ask::script("echo ${NOTIFY_SOCKET-none}")).await;
    assert_eq!(printed, ["none"]);
}
