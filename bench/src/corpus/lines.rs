//! A number comes in, a line comes out that is shorter or longer than those of trials: what the scanner is held against besides.

use super::{Length, TIME};

/// One tag, one field.
pub(super) fn short(host: u32) -> Vec<u8> {
    ended(
        format!("load,host=host-{host:06} busy_all=12."),
        Length::Short,
    )
}

/// Eight tags, forty fields.
pub(super) fn long(host: u32) -> Vec<u8> {
    let mut text = format!("process,host=host-{host:06}");
    for tag in 1..8 {
        text.push_str(&format!(",label_{tag}=value-{tag:05}"));
    }
    text.push(' ');
    for field in 0..39 {
        text.push_str(&format!("field_{field:02}={}.25,", 1_000 + field));
    }
    text.push_str("last=7.");
    ended(text, Length::Long)
}

/// The last value's fraction brings a line to its length.
fn ended(mut text: String, length: Length) -> Vec<u8> {
    let end = format!(" {TIME}");
    let missing = length.bytes() - text.len() - end.len();
    text.extend("25".chars().cycle().take(missing));
    text.push_str(&end);
    text.into_bytes()
}
