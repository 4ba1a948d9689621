//! When the stage is needed, and what it is told.

use super::*;

#[test]
fn only_who_asks_for_more_than_a_folder_needs_it() {
    let mut setting = Setting {
        cwd: Some("/".into()),
        ..Setting::default()
    };
    assert_eq!(Plan::of(&setting, &[]), None);
    setting.group = Some("0".to_owned());
    assert!(Plan::of(&setting, &[]).is_some());
}

#[test]
fn a_plan_comes_back_from_its_argument() {
    let mut setting = Setting {
        user: Some("a\"b".to_owned()),
        rlimits: vec![Limit {
            resource: Resource::RLIMIT_NOFILE,
            soft: Some(u64::MAX),
            hard: None,
        }],
        ..Setting::default()
    };
    setting.env.insert("HOME".to_owned(), String::new());
    setting.env.insert("OTHER".to_owned(), String::new());
    let plan = Plan::of(&setting, &[("USER".to_owned(), String::new())]).unwrap();
    assert_eq!(plan.keep.iter().collect::<Vec<_>>(), ["HOME", "USER"]);
    assert_eq!(
        serde_json::from_str::<Plan>(&plan.to_argument()).unwrap(),
        plan
    );
}

#[test]
fn what_is_no_plan_is_refused() {
    for plan in ["", "{}", "[]", "{\"user\":1}"] {
        let failure = launch(
            OsStr::new(plan),
            OsStr::new("true"),
            std::iter::empty::<&str>(),
        );
        assert_eq!(failure.status(), EXIT_USAGE, "{plan}");
    }
}
