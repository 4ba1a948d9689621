//! Line protocol passes as it is, and a bad line costs only itself.

use super::*;
use crate::batch::BY_REFERENCE;

const APP: &str = "telemetry.app.shop.orders";

#[test]
fn good_lines_go_out_byte_for_byte() {
    let payload = "a,t=x\\ y f=1.50,g=\"two\nlines\" 5\nb  f=1i  6\nc f=t 7\n";
    assert_eq!(decode(APP, payload).text, payload);
}

#[test]
fn a_large_run_of_lines_travels_by_reference() {
    let line = "measurement,host=a value=1.5 1700000000000000000\n";
    let payload = line.repeat(BY_REFERENCE / line.len() + 1);
    let router = router(&[]);
    let (mut decoder, mut body) = (Decoder::new(&router), Body::default());
    let delivery = message(APP, &payload);
    let route = router.route(APP).unwrap();
    decoder.decode(
        &delivery,
        &route,
        &mut body,
        &mut observe::Nobody,
        &mut Vec::new(),
    );
    assert_eq!(body.bytes(), payload.len());
    assert!(body.buffer().is_empty());
}

#[test]
fn a_line_without_a_timestamp_gets_the_messages_time_and_its_number() {
    let outcome = decode(APP, "a f=1\n# comment\n\nb f=2 9\nbad\nc f=3\n");
    assert_eq!(
        outcome.text,
        format!("a f=1 {TIME}\nb f=2 9\nc f=3 {}\n", TIME + 3)
    );
    assert_eq!(
        outcome.letters,
        [(Reason::LineSyntax, Some(3), "bad".to_owned())]
    );
    assert_eq!(outcome.seen[2], format!("c f=3:Float {}", TIME + 3));
}

#[test]
fn crlf_and_a_missing_last_newline_become_newlines() {
    assert_eq!(
        decode(APP, "a f=1 1\r\nb f=1 2 \nc f=1 3").text,
        "a f=1 1\nb f=1 2\nc f=1 3\n"
    );
    assert_eq!(
        decode(APP, "a f=1\r\nb f=1").text,
        format!("a f=1 {TIME}\nb f=1 {}\n", TIME + 1)
    );
}

#[test]
fn a_bad_line_costs_only_itself() {
    let outcome = decode(APP, "a f=1 1\nb f= 2\nc f=1 3\nd f=1e999 4\ne f=1 5");
    assert_eq!(outcome.text, "a f=1 1\nc f=1 3\ne f=1 5\n");
    assert_eq!(
        outcome.letters,
        [
            (Reason::LineSyntax, Some(2), "b f= 2".to_owned()),
            (Reason::Value, Some(4), "d f=1e999 4".to_owned()),
        ]
    );
}

#[test]
fn a_line_must_suit_every_sink_that_takes_its_class() {
    assert_eq!(decode(APP, "a f=7u 1\n").text, "a f=7u 1\n");
    let metric = decode("telemetry.metric.shop.shop-1", "a f=7u 1\n");
    assert_eq!(
        metric.letters,
        [(Reason::Value, Some(1), "a f=7u 1".to_owned())]
    );
}

#[test]
fn a_message_with_too_many_bad_lines_is_one_letter_and_its_good_lines_are_stored() {
    use refused::LETTERS_PER_MESSAGE;

    let few = "x\n".repeat(LETTERS_PER_MESSAGE);
    assert_eq!(decode(APP, &few).letters.len(), LETTERS_PER_MESSAGE);
    let many = format!("a f=1 1\n{few}x y\nb f=1 2\n");
    let outcome = decode(APP, &many);
    assert_eq!(outcome.text, "a f=1 1\nb f=1 2\n");
    assert_eq!(outcome.letters, [(Reason::LineSyntax, None, many)]);
}

#[test]
fn the_letter_of_many_bad_lines_tells_the_first_fault_and_how_many_and_leaves_other_letters_alone()
{
    let router = router(&[]);
    let (mut decoder, mut body, mut letters) = (Decoder::new(&router), Body::default(), Vec::new());
    let route = router.route(APP).unwrap();
    for payload in ["x".to_owned(), "x\n".repeat(500_000)] {
        let delivery = message(APP, payload);
        let nobody = &mut observe::Nobody;
        decoder.decode(&delivery, &route, &mut body, nobody, &mut letters);
    }
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].line, Some(1));
    let fault = format!("the first is number 1: {}", letters[0].detail);
    let told = letters[1].detail.as_str();
    assert!(
        told.starts_with("500000 lines ") && told.ends_with(&fault),
        "{told}"
    );
}
