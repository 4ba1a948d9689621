//! A number comes in, an object of the contract comes out that no trial publishes: the classes whose decode has a way of its own.

use super::TIME;

/// A check result.
pub(super) fn health(number: u32) -> Vec<u8> {
    format!(
        "{{\"check\":\"http-{number:06}\",\"status\":\"passing\",\
         \"output\":\"GET /healthz: 200 in 3 ms\",\"time\":{TIME}}}"
    )
    .into_bytes()
}

/// A transition.
pub(super) fn lifecycle(number: u32) -> Vec<u8> {
    let sequence = 1_000_000 + number;
    format!(
        "{{\"from\":\"running\",\"to\":\"healthy\",\"cause\":\"check passed\",\"pid\":4101,\
         \"attempt\":1,\"sequence\":{sequence},\"time\":{TIME}}}"
    )
    .into_bytes()
}

/// A point of an application.
pub(super) fn point(number: u32) -> Vec<u8> {
    format!(
        "{{\"measurement\":\"orders\",\"tags\":{{\"shop\":\"shop-{number:06}\",\"currency\":\"EUR\"}},\
         \"fields\":{{\"total\":129.95,\"items\":3,\"paid\":true,\"customer\":\"c-48213\"}},\
         \"time\":{TIME}}}"
    )
    .into_bytes()
}
