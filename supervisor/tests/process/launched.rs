//! Users, groups and limits: taken on before the program runs, under the same pid; what fails is said and has its own status.

use flightline_supervisor::config::Limit;
use flightline_supervisor::event::ExitStatus;
use flightline_supervisor::process::launch;
use nix::sys::resource::Resource;

use super::rig::{Ask, Rig};

const IDS: &str = "echo $(id -u) $(id -g) $(id -G)";

fn nobody() -> (u32, u32) {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test takes on another user: run it as root"
    );
    let user = nix::unistd::User::from_name("nobody")
        .expect("the user database can be read")
        .expect("every system has nobody");
    (user.uid.as_raw(), user.gid.as_raw())
}

#[tokio::test]
async fn a_user_comes_with_its_groups_and_home() {
    let mut rig = Rig::new();
    let (uid, gid) = nobody();
    let mut ask = Ask::script(&format!("{IDS}; echo $USER $LOGNAME $HOME"));
    ask.setting.user = Some("nobody".to_owned());
    ask.setting
        .env
        .insert("HOME".to_owned(), "/elsewhere".to_owned());
    let expected = [
        format!("{uid} {gid} {gid}"),
        "nobody nobody /elsewhere".to_owned(),
    ];
    assert_eq!(rig.print(&ask).await, expected);
}

#[tokio::test]
async fn users_and_groups_may_be_numbers() {
    let mut rig = Rig::new();
    nobody();
    let mut ask = Ask::script(IDS);
    ask.setting.user = Some("4321".to_owned());
    ask.setting.group = Some("1234".to_owned());
    assert_eq!(rig.print(&ask).await, ["4321 1234 1234"]);
    ask.setting.group = None;
    assert_eq!(
        rig.run(&ask).await,
        ExitStatus::Code(i32::from(launch::EXIT_USER))
    );
    assert!(rig.lines().last().unwrap().contains("say its group, too"));
}

#[tokio::test]
async fn limits_hold_and_the_pid_stays() {
    let mut rig = Rig::new();
    let mut ask = Ask::script("ulimit -Sn; ulimit -Hn; ulimit -c; echo $$");
    let files = Limit {
        resource: Resource::RLIMIT_NOFILE,
        soft: Some(64),
        hard: Some(128),
    };
    let core = Limit {
        resource: Resource::RLIMIT_CORE,
        soft: Some(0),
        hard: Some(0),
    };
    ask.setting.rlimits = vec![files, core];
    let (_, pid) = rig.try_spawn(&ask).unwrap();
    rig.exit().await;
    assert_eq!(rig.lines(), ["64", "128", "0", &pid.to_string()]);
}

#[tokio::test]
async fn every_limit_that_can_be_configured_is_known_to_the_launcher() {
    let mut rig = Rig::new();
    for resource in [
        Resource::RLIMIT_AS,
        Resource::RLIMIT_CPU,
        Resource::RLIMIT_DATA,
        Resource::RLIMIT_FSIZE,
        Resource::RLIMIT_LOCKS,
        Resource::RLIMIT_MEMLOCK,
        Resource::RLIMIT_MSGQUEUE,
        Resource::RLIMIT_NICE,
        Resource::RLIMIT_NPROC,
        Resource::RLIMIT_RSS,
        Resource::RLIMIT_RTPRIO,
        Resource::RLIMIT_RTTIME,
        Resource::RLIMIT_SIGPENDING,
        Resource::RLIMIT_STACK,
    ] {
        let mut ask = Ask::script("exit 6");
        let (soft, hard) = nix::sys::resource::getrlimit(resource).unwrap();
        let known = |limit| (limit != nix::sys::resource::RLIM_INFINITY).then_some(limit);
        let (soft, hard) = (known(soft), known(hard));
        ask.setting.rlimits = vec![Limit {
            resource,
            soft,
            hard,
        }];
        assert_eq!(rig.run(&ask).await, ExitStatus::Code(6), "{resource:?}");
    }
}

#[tokio::test]
async fn what_fails_is_said_and_has_its_own_status() {
    let mut rig = Rig::new();
    let fails = |change: &dyn Fn(&mut Ask)| {
        let mut ask = Ask::script("exit 0");
        ask.setting.group = Some("0".to_owned());
        change(&mut ask);
        ask
    };
    let no_user = fails(&|ask| ask.setting.user = Some("no-such-user".to_owned()));
    let no_group = fails(&|ask| ask.setting.group = Some("no-such-group".to_owned()));
    let no_program = fails(&|ask| ask.exec.program = "no-such-program".to_owned());
    let no_limit = fails(&|ask| {
        ask.setting.rlimits = vec![Limit {
            resource: Resource::RLIMIT_NOFILE,
            soft: Some(9),
            hard: Some(8),
        }];
    });
    for (ask, status, said) in [
        (
            no_user,
            launch::EXIT_USER,
            "there is no user `no-such-user`",
        ),
        (
            no_group,
            launch::EXIT_GROUP,
            "there is no group `no-such-group`",
        ),
        (
            no_program,
            launch::EXIT_EXEC,
            "cannot run `no-such-program`",
        ),
        (
            no_limit,
            launch::EXIT_LIMITS,
            "cannot set the limit RLIMIT_NOFILE",
        ),
    ] {
        assert_eq!(rig.run(&ask).await, ExitStatus::Code(i32::from(status)));
        let last = rig.lines().pop().unwrap();
        assert!(
            last.starts_with("cannot start: ") && last.contains(said),
            "{last}"
        );
    }
}
