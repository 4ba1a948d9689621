//! Requests as clients make them, and what is understood of them.

use super::*;

fn home() -> Home {
    Home {
        prefix: Prefix::default(),
        class: Class::App,
        service: Token::new("ingest").unwrap(),
    }
}

fn asked(method: &Method, target: &str) -> Result<Call, Wrong> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    call(method, path, &Query(query), &home())
}

fn taken(target: &str) -> Take {
    match asked(&Method::POST, target) {
        Ok(Call::Take(take)) => take,
        other => panic!("{target}: {other:?}"),
    }
}

#[test]
fn every_write_api_leads_to_a_subject() {
    for (target, subject, precision) in [
        (
            "/write?db=telegraf",
            "telemetry.app.ingest.telegraf",
            Precision::Nanos,
        ),
        (
            "/write?db=telegraf&rp=two%20weeks&precision=s",
            "telemetry.app.ingest.telegraf/two%20weeks",
            Precision::Seconds,
        ),
        (
            "/write?precision=h&u=me&p=secret&db=a.b&consistency=any",
            "telemetry.app.ingest.a%2Eb",
            Precision::Hours,
        ),
        (
            "/api/v2/write?org=o&bucket=b&precision=ms",
            "telemetry.app.ingest.b",
            Precision::Millis,
        ),
        (
            "/api/v2/write?bucket=telegraf/autogen&precision=",
            "telemetry.app.ingest.telegraf/autogen",
            Precision::Nanos,
        ),
        (
            "/api/v3/write_lp?db=d",
            "telemetry.app.ingest.d",
            Precision::Auto,
        ),
        (
            "/api/v3/write_lp?db=d&precision=microsecond&no_sync=true",
            "telemetry.app.ingest.d",
            Precision::Micros,
        ),
        (
            "/publish/metric/shop/shop-1",
            "telemetry.metric.shop.shop-1",
            Precision::Nanos,
        ),
        (
            "/publish/health/z%C3%A4hler/1",
            "telemetry.health.zähler.1",
            Precision::Nanos,
        ),
    ] {
        let take = taken(target);
        assert_eq!(
            (take.topic.as_str(), take.precision),
            (subject, precision),
            "{target}"
        );
        assert_eq!(take.partial, Partial::Accept);
    }
    assert_eq!(
        taken("/api/v3/write_lp?db=d&accept_partial=false").partial,
        Partial::Refuse
    );
}

#[test]
fn what_clients_ask_beside_writing_is_known() {
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(asked(&method, "/ping"), Ok(Call::Ping));
        assert_eq!(asked(&method, "/health"), Ok(Call::Health));
    }
    assert_eq!(asked(&Method::POST, "/query?q=x"), Ok(Call::Query));
}

#[test]
fn what_is_wrong_is_told_without_repeating_it() {
    let parameter = |text: &str| Err(Wrong::Parameter(text.to_owned()));
    for (target, wrong) in [
        ("/write", parameter("db is required")),
        ("/write?db=", parameter("db is required")),
        ("/api/v2/write?org=o", parameter("bucket is required")),
        (
            "/write?db=x&precision=<d>",
            parameter("precision must be n, u, ms, s, m or h"),
        ),
        (
            "/api/v3/write_lp?db=x&accept_partial=1",
            parameter("accept_partial must be true or false"),
        ),
        (
            "/publish/metrics/shop/one",
            parameter("the class must be metric, health, app or lifecycle"),
        ),
        ("/publish/metric/shop/", parameter("token is required")),
        ("/publish/metric/shop", Err(Wrong::Path)),
        ("/publish/metric/shop/one/two", Err(Wrong::Path)),
        ("/", Err(Wrong::Path)),
        ("/write/", Err(Wrong::Path)),
    ] {
        assert_eq!(asked(&Method::POST, target), wrong, "{target}");
    }
    for target in [
        "/publish/metric/a%2Eb/one",
        "/publish/metric/shop/%3E",
        "/publish/metric/shop/a%0D%0APUB",
    ] {
        assert!(
            matches!(asked(&Method::POST, target), Err(Wrong::Parameter(_))),
            "{target}"
        );
    }
    assert_eq!(
        asked(&Method::GET, "/write?db=x"),
        Err(Wrong::Method("POST"))
    );
    assert_eq!(
        asked(&Method::DELETE, "/query"),
        Err(Wrong::Method("GET, POST"))
    );
}

#[test]
fn a_body_is_what_its_type_says_where_the_class_has_that() {
    let json = Written::As(Encoding::Json);
    let lines = Written::As(Encoding::LineProtocol);
    assert_eq!(
        written(
            Api::V1,
            Class::App,
            Some("application/x-www-form-urlencoded")
        ),
        Ok(lines)
    );
    assert_eq!(
        written(Api::Publish, Class::App, Some("text/plain; charset=utf-8")),
        Ok(lines)
    );
    assert_eq!(
        written(Api::Publish, Class::Health, Some("application/json")),
        Ok(json)
    );
    assert_eq!(
        written(
            Api::Publish,
            Class::Health,
            Some("application/x-www-form-urlencoded")
        ),
        Ok(Written::Unsaid)
    );
    assert_eq!(
        written(Api::Publish, Class::Health, None),
        Ok(Written::Unsaid)
    );
    assert!(written(Api::Publish, Class::Health, Some("text/plain")).is_err());
    assert!(written(Api::Publish, Class::App, Some("image/png")).is_err());
}
