//! A JSON body comes in; how many lines it will be, or what is wrong with it and where, comes out. The same decoder decides as behind
//! the stream, so what is taken here becomes no dead letter there. Pure.

use bytes::Bytes;
use flightline_contract::encoding::Encoding;
use flightline_contract::topic::Topic;

use crate::batch::Body;
use crate::decode::Decoder;
use crate::decode::observe::Nobody;
use crate::decode::route::Router;
use crate::delivery::{Ack, Attempt, Declared, Delivery, Stamp};
use crate::ingest::refusals::Refusals;

/// The lines that `payload` makes when it is published on `topic`, and what of it is refused.
pub(super) fn check(router: &Router, topic: &Topic, payload: &Bytes) -> (u32, Refusals) {
    let delivery = Delivery {
        subject: topic.as_str().into(),
        payload: payload.clone(),
        declared: Declared::Known(Encoding::Json),
        // What has no time of its own gets that of the stream.
        stamp: Stamp {
            time: 0,
            sequence: None,
            attempt: Attempt::First,
        },
        ack: Ack::none(),
    };
    let mut refusals = Refusals::default();
    let Some(route) = router.route(&delivery.subject) else {
        // Topics are made of the router's own prefix and a class.
        return (0, refusals);
    };
    let (mut lines, mut letters) = (Body::default(), Vec::new());
    let written =
        Decoder::new(router).decode(&delivery, &route, &mut lines, &mut Nobody, &mut letters);
    for letter in letters {
        let number = usize::try_from(letter.line.unwrap_or(1)).unwrap_or(usize::MAX);
        refusals.add(|| number, letter.reason, || letter.detail, &letter.payload);
    }
    (written, refusals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::route::tests::lines_in_files;
    use flightline_contract::class::Class;
    use flightline_contract::deadletter::Reason;
    use flightline_contract::token::{Prefix, Token};

    fn checked(class: Class, payload: &'static str) -> (u32, Vec<(usize, Reason)>) {
        let router = Router::of("telemetry", &[], &[lines_in_files(&Class::ALL)]).unwrap();
        let (service, token) = (Token::new("shop").unwrap(), Token::new("one").unwrap());
        let topic = Topic::new(&Prefix::default(), class, &service, &token);
        let (lines, refusals) = check(&router, &topic, &Bytes::from_static(payload.as_bytes()));
        let numbers = refusals.listed().iter().map(|listed| listed.number);
        let reasons = refusals
            .reasons()
            .flat_map(|(reason, count)| (0..count).map(move |_| reason));
        (lines, numbers.zip(reasons).collect())
    }

    #[test]
    fn a_payload_of_its_class_passes_and_another_is_refused_with_its_place() {
        let point = r#"{"measurement":"m","fields":{"v":1}}"#;
        assert_eq!(checked(Class::App, point), (1, Vec::new()));
        let second = r#"[{"measurement":"m","fields":{"v":1}},{"measurement":"m"}]"#;
        assert_eq!(
            checked(Class::App, second),
            (1, vec![(2, Reason::JsonShape)])
        );
        assert_eq!(
            checked(Class::App, "{\"measurement\":"),
            (0, vec![(1, Reason::JsonShape)])
        );
        assert_eq!(
            checked(Class::Health, point),
            (0, vec![(1, Reason::JsonShape)])
        );
        assert_eq!(checked(Class::App, "[]"), (0, Vec::new()));
    }
}
