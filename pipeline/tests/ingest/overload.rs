//! Honest overload: a store that stands still makes the worker say no in time, and yes again by itself.

use std::fmt::Write as _;

use crate::rig::{PATIENCE, Rig};

#[test]
fn over_the_high_water_mark_writes_are_refused_at_once_until_the_store_moves_again() {
    let keys = "max_body = \"128KiB\"\nmax_pending = \"256KiB\"";
    let sections = "[batch]\nbytes = \"256KiB\"\nage = \"100ms\"";
    let mut rig = Rig::with(keys, sections, "high_water = \"1MiB\"");
    rig.influx.server().pause();
    let (mut answered, mut time) = (0_u64, 0_u64);
    let refused = loop {
        let mut body = String::new();
        for _ in 0..1_000 {
            time += 1;
            writeln!(body, "crowd,host=a-host-of-some-length v={time} {time}").unwrap();
        }
        let answer = rig.post("/write?db=x", body.as_bytes());
        if answer.status != 204 {
            break answer;
        }
        answered += 1_000;
        assert!(answered < 1_000_000, "never refused: {}", rig.worker.log());
    };
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    assert!(refused.text().contains("overloaded"), "{}", refused.text());
    assert_eq!(rig.worker.get("/readyz").status, 503);
    assert_eq!(rig.worker.get("/healthz").status, 200);
    let stage = rig.worker.status()["stages"][0].clone();
    assert_eq!(stage["stage"], "ingest", "{stage}");
    rig.influx.server().unpause();
    rig.worker.wait_ready();
    let taken = || rig.post("/write?db=x", b"after v=1 1").status == 204;
    rig.worker
        .wait_for("writes are taken again", PATIENCE, taken);
    rig.wait_stored("crowd", answered);
    rig.wait_stored("after", 1);
}
