//! JSON of the contract's classes becomes lines.

use super::*;

const METRIC: &str = "telemetry.metric.shop.shop-1";
const HEALTH: &str = "telemetry.health.shop.shop-1";
const APP: &str = "telemetry.app.shop.orders";
const LIFECYCLE: &str = "telemetry.lifecycle.shop.shop-1";

#[test]
fn each_kind_of_sample_has_its_own_fields() {
    let payload = r#"{"samples":[
        {"name":"temp","kind":"gauge","value":-21.5},
        {"name":"requests","kind":"counter","temporality":"cumulative","labels":{"code":"200"},"value":12},
        {"name":"bytes","kind":"counter","temporality":"delta","value":1e300,"time":9},
        {"name":"lat","kind":"histogram","temporality":"cumulative","buckets":[{"le":0.1,"count":3},{"le":1,"count":4}],"sum":1.25,"count":5},
        {"name":"lat","kind":"histogram","temporality":"delta","buckets":[{"le":0.5,"count":0}],"sum":0,"count":0}
    ],"time":8}"#;
    let outcome = decode(METRIC, payload);
    assert_eq!(
        outcome.text,
        "temp,service=shop,instance=shop-1 value=-21.5 8\n\
         requests,service=shop,instance=shop-1,code=200 value=12 8\n\
         bytes,service=shop,instance=shop-1 delta=1e+300 9\n\
         lat,service=shop,instance=shop-1 0.1=3,1=4,+Inf=5,sum=1.25,count=5 8\n\
         lat,service=shop,instance=shop-1 delta_0.5=0,delta_+Inf=0,delta_sum=0,delta_count=0 8\n"
    );
    assert_eq!(outcome.letters, []);
    assert_eq!(outcome.seen[0], "shop/shop-1 temp Gauge(-21.5)");
}

#[test]
fn samples_of_a_set_share_the_time_and_sets_of_an_array_follow_each_other() {
    let set = r#"{"samples":[{"name":"a","kind":"gauge","value":1},{"name":"b","kind":"gauge","value":1}]}"#;
    let outcome = decode(METRIC, format!("[{set},{set}]"));
    let times: Vec<&str> = outcome
        .text
        .lines()
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    let (first, second) = (TIME.to_string(), (TIME + 1).to_string());
    assert_eq!(times, [&first, &first, &second, &second]);
}

#[test]
fn a_bad_sample_costs_only_itself() {
    let (good, bad) = (
        r#"{"name":"a","kind":"gauge","value":1,"time":3}"#,
        r#"{"name":"b","kind":"counter","value":1}"#,
    );
    let outcome = decode(METRIC, format!(r#"{{"samples":[{bad}, {good},{bad}]}}"#));
    assert_eq!(outcome.text, "a,service=shop,instance=shop-1 value=1 3\n");
    let letter = |line| (Reason::Value, Some(line), bad.to_owned());
    assert_eq!(outcome.letters, [letter(1), letter(3)]);
    assert_eq!(outcome.seen.len(), 1);
}

#[test]
fn health_is_stored_with_status_and_code() {
    let outcome = decode(
        HEALTH,
        r#"{"check":"disk","status":"critical","output":"say \"no\"","time":"1970-01-01T00:00:00.000000005Z"}"#,
    );
    assert_eq!(
        outcome.text,
        "health,service=shop,instance=shop-1,check=disk status=\"critical\",code=2i,output=\"say \\\"no\\\"\" 5\n"
    );
    assert_eq!(outcome.seen, ["shop/shop-1 disk Critical"]);
}

#[test]
fn the_output_of_a_check_is_cut_at_a_character() {
    let output = "é".repeat(5000);
    let outcome = decode(
        HEALTH,
        format!(r#"{{"check":"a","status":"passing","output":"{output}"}}"#),
    );
    assert_eq!(outcome.text.matches('é').count(), 2048);
}

#[test]
fn a_transition_of_a_job_names_it_in_a_tag_wherever_it_stands() {
    let usual =
        r#"{"job":"web 1","from":"running","to":"backoff","cause":"exit","sequence":7,"time":1}"#;
    let escaped = r#"{"from":"running","to":"backoff","cause":"exit","sequence":7,"time":1,"job":"we\u0062 1"}"#;
    let line = "lifecycle,service=shop,instance=shop-1,job=web\\ 1 from=\"running\",to=\"backoff\",cause=\"exit\",attempt=0i,sequence=7i 1\n";
    for text in [usual, escaped] {
        assert_eq!(decode(LIFECYCLE, text).text, line);
    }
    let nameless = r#"{"job":"","from":"running","to":"backoff","cause":"exit","sequence":7}"#;
    assert_eq!(decode(LIFECYCLE, nameless).text, "");
}

#[test]
fn a_transition_is_stored_with_what_is_known() {
    let full = r#"{"from":"running","to":"backoff","cause":"exit","pid":42,"exit":-1,"attempt":2,"sequence":7,"time":1}"#;
    let short = r#"{"from":"pending","to":"starting","cause":"go","sequence":1}"#;
    let outcome = decode(LIFECYCLE, format!("[{full},{short}]"));
    assert_eq!(
        outcome.text,
        format!(
            "lifecycle,service=shop,instance=shop-1 from=\"running\",to=\"backoff\",cause=\"exit\",pid=42i,exit=-1i,attempt=2i,sequence=7i 1\n\
             lifecycle,service=shop,instance=shop-1 from=\"pending\",to=\"starting\",cause=\"go\",attempt=0i,sequence=1i {}\n",
            TIME + 1
        )
    );
    assert_eq!(outcome.seen.len(), 2);
}

#[test]
fn a_point_is_shown_to_the_observer_as_the_line_it_became() {
    let outcome = decode(
        APP,
        r#"{"measurement":"or ders","tags":{"k,1":"a=b"},"fields":{"n":42,"t":"x\ny","b":true,"gone":null},"time":5}"#,
    );
    assert_eq!(
        outcome.text,
        "or\\ ders,service=shop,k\\,1=a\\=b n=42,t=\"x\ny\",b=true 5\n"
    );
    assert_eq!(
        outcome.seen,
        ["or\\ ders,service=shop,k\\,1=a\\=b n=42:Float t=\"x\ny\":String b=true:Boolean 5"]
    );
}

#[test]
fn the_subject_says_who_published_and_a_publishers_own_label_is_kept_beside_it() {
    let sample =
        r#"{"name":"a","kind":"gauge","value":1,"labels":{"instance":"x","service":"y"},"time":1}"#;
    assert_eq!(
        decode(METRIC, format!(r#"{{"samples":[{sample}]}}"#)).text,
        "a,service=shop,instance=shop-1,exported_instance=x,exported_service=y value=1 1\n"
    );
    assert_eq!(
        decode(
            APP,
            r#"{"tags":{"service":"y","instance":"x"},"fields":{"v":1},"time":1}"#
        )
        .text,
        "orders,service=shop,exported_service=y,instance=x v=1 1\n"
    );
}

#[test]
fn an_empty_tag_is_left_out() {
    assert_eq!(
        decode(APP, r#"{"tags":{"room":""},"fields":{"v":1},"time":1}"#).text,
        "orders,service=shop v=1 1\n"
    );
}

#[test]
fn a_bad_element_costs_only_itself_and_a_broken_message_leaves_nothing() {
    let good = r#"{"fields":{"v":1},"time":1}"#;
    let outcome = decode(
        APP,
        format!(r#"[{good}, {{"fields":{{"v":[]}}}} ,7,{good}]"#),
    );
    assert_eq!(outcome.text, "orders,service=shop v=1 1\n".repeat(2));
    assert_eq!(
        outcome.letters,
        [
            (
                Reason::JsonShape,
                Some(2),
                r#"{"fields":{"v":[]}}"#.to_owned()
            ),
            (Reason::JsonShape, Some(3), "7".to_owned()),
        ]
    );
    let broken = format!("[{good},{good}");
    let outcome = decode(APP, &broken);
    assert_eq!((outcome.text.as_str(), outcome.seen.len()), ("", 0));
    assert_eq!(outcome.letters, [(Reason::JsonShape, None, broken)]);
}

#[test]
fn what_has_no_place_in_a_store_is_refused_with_its_reason() {
    for (subject, payload, reason) in [
        (APP, r#"{"fields":{}}"#, Reason::Value),
        (APP, r#"{"fields":{"v":null}}"#, Reason::Value),
        (APP, r#"{"fields":{"time":1}}"#, Reason::Value),
        (APP, r#"{"fields":{"v":1e400}}"#, Reason::Value),
        (
            APP,
            r#"{"fields":{"v":1},"time":9223372036854775807}"#,
            Reason::Value,
        ),
        (
            APP,
            r#"{"tags":{"a\nb":"c"},"fields":{"v":1}}"#,
            Reason::Value,
        ),
        (
            APP,
            r#"{"tags":{"a":"c\\"},"fields":{"v":1}}"#,
            Reason::Value,
        ),
        (APP, r#"{"tags":{"":"c"},"fields":{"v":1}}"#, Reason::Value),
        (
            APP,
            r##"{"measurement":"#m","fields":{"v":1}}"##,
            Reason::Value,
        ),
        (
            APP,
            r#"{"tags":{"a":"1","a":"2"},"fields":{"v":1}}"#,
            Reason::JsonShape,
        ),
        (
            APP,
            r#"{"tags":{"service":"1","exported_service":"2"},"fields":{"v":1}}"#,
            Reason::Value,
        ),
        (APP, r#"{"field":{"v":1}}"#, Reason::JsonShape),
        (HEALTH, r#"{"check":"","status":"passing"}"#, Reason::Value),
        (
            HEALTH,
            r#"{"check":"a","status":"fine"}"#,
            Reason::JsonShape,
        ),
        (
            LIFECYCLE,
            r#"{"from":"pending","to":"starting","cause":"go","sequence":18446744073709551615}"#,
            Reason::Value,
        ),
        (METRIC, r#"{"time":1}"#, Reason::JsonShape),
        (METRIC, r#"{"samples":{}}"#, Reason::JsonShape),
        (METRIC, r#"{"samples":[],"samples":[]}"#, Reason::JsonShape),
        (METRIC, r#"{"samples":[],"time":"soon"}"#, Reason::JsonShape),
    ] {
        let outcome = decode(subject, payload);
        assert_eq!(outcome.letters, [(reason, None, payload.to_owned())]);
        assert_eq!(
            (outcome.text.as_str(), outcome.seen.len()),
            ("", 0),
            "{payload}"
        );
    }
    let long = format!(
        r#"{{"tags":{{"a":"{}"}},"fields":{{"v":1}}}}"#,
        "x".repeat(70_000)
    );
    assert_eq!(decode(APP, &long).letters, [(Reason::TooLarge, None, long)]);
}

#[test]
fn nothing_in_an_array_is_nothing_to_store() {
    for (subject, payload) in [(APP, "[]"), (METRIC, "[]"), (METRIC, r#"{"samples":[]}"#)] {
        let outcome = decode(subject, payload);
        assert_eq!((outcome.text.as_str(), outcome.letters.len()), ("", 0));
    }
}

#[test]
fn an_array_with_too_many_bad_elements_is_one_letter_and_its_good_elements_are_stored() {
    let good = r#"{"measurement":"a","fields":{"v":1},"time":"2026-11-22T10:00:00Z"}"#;
    let bad = ",1".repeat(1 + refused::LETTERS_PER_MESSAGE);
    let payload = format!("[{good}{bad}]");
    let outcome = decode("telemetry.app.shop.orders", &payload);
    assert_eq!(outcome.seen.len(), 1);
    assert_eq!(outcome.letters, [(Reason::JsonShape, None, payload)]);
}

#[test]
fn an_object_with_more_entries_than_are_noted_is_read_to_its_end() {
    let many: String = (0..2 * json::NOTED)
        .map(|number| format!("\"k{number}\":{number},"))
        .collect();
    let sample = r#"{"name":"m","kind":"gauge","value":1}"#;
    let set = format!(r#"{{{many}"time":7,"samples":[{sample}]}}"#);
    let outcome = decode("telemetry.metric.s.t", &set);
    assert_eq!(outcome.text, "m,service=s,instance=t value=1 7\n");
    let point = |fields: &str| format!(r#"{{{many}"fields":{fields},"time":7}}"#);
    let outcome = decode("telemetry.app.s.t", point(r#"{"v":1}"#));
    let few = decode("telemetry.app.s.t", r#"{"k":0,"fields":{"v":1},"time":7}"#);
    assert_eq!(outcome.text, few.text, "as with few");
}
