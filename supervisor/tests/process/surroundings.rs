//! What a process finds around it: variables, folder, an empty standard input, a group of its own.

use std::path::PathBuf;

use flightline_fixtures::wait;
use flightline_supervisor::process::SpawnError;
use nix::sys::signal::Signal;

use super::rig::{Ask, PATIENCE, Rig};

#[tokio::test]
async fn variables_of_the_job_win_over_its_file_and_that_over_the_rest() {
    let mut rig = Rig::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "# for tests\nexport B=file\nC='a b' # said so\n",
    )
    .unwrap();
    let mut ask = Ask::script("echo $A $B $C; [ -n \"$PATH\" ] && echo inherited");
    for name in ["A", "B", "C"] {
        ask.variables.insert(name.to_owned(), "given".to_owned());
    }
    ask.setting.env_file = Some(file.path().to_owned());
    ask.setting.env.insert("C".to_owned(), "job".to_owned());
    assert_eq!(rig.print(&ask).await, ["given file job", "inherited"]);
}

#[tokio::test]
async fn a_wrong_file_of_variables_names_the_line() {
    let mut rig = Rig::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "A=1\nsecret\n").unwrap();
    let mut ask = Ask::script("exit 0");
    ask.setting.env_file = Some(file.path().to_owned());
    let error = rig.try_spawn(&ask).unwrap_err();
    assert!(matches!(error, SpawnError::EnvFile(_)));
    let said = error.to_string();
    assert!(
        said.contains(":2: has no `=`") && !said.contains("secret"),
        "{said}"
    );
}

#[tokio::test]
async fn programs_are_looked_for_in_the_path_of_the_job() {
    let mut rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/bin/echo", folder.path().join("say-it")).unwrap();
    let mut ask = Ask::program("say-it", &["found"]);
    assert!(rig.try_spawn(&ask).is_err());
    let path = folder.path().display().to_string();
    ask.setting.env.insert("PATH".to_owned(), path);
    assert_eq!(rig.print(&ask).await, ["found"]);
}

#[tokio::test]
async fn folders_are_taken_from_the_job() {
    let mut rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    std::os::unix::fs::symlink("/bin/pwd", folder.join("where")).unwrap();
    let mut ask = Ask::program("./where", &[]);
    ask.setting.cwd = Some(folder.clone());
    let printed = rig.print(&ask).await;
    assert_eq!(PathBuf::from(&printed[0]), folder);
}

#[tokio::test]
async fn it_leads_a_group_and_reads_nothing() {
    let mut rig = Rig::new();
    let ask = Ask::script("cat; cut -d' ' -f5 </proc/$$/stat; echo $$");
    let printed = rig.print(&ask).await;
    assert_eq!(printed.len(), 2);
    assert_eq!(printed[0], printed[1]);
}

#[tokio::test]
async fn the_pipe_of_one_is_not_open_in_another() {
    let mut rig = Rig::new();
    let run = rig.spawn(&Ask::script("readlink /proc/$$/fd/1; sleep 300"));
    let printed = || async { !rig.lines().is_empty() };
    wait::until_async(PATIENCE, printed).await.unwrap();
    let pipe = rig.lines().pop().unwrap();
    assert!(pipe.starts_with("pipe:"), "{pipe}");
    let open = rig.print(&Ask::script("ls -l /proc/$$/fd")).await;
    assert!(
        open.len() > 3 && !open.iter().any(|file| file.contains(&pipe)),
        "{open:?}"
    );
    rig.spawner.signal(run, Signal::SIGKILL);
}
