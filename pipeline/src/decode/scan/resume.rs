//! Where reading goes on after a bad line. Runs only for bad lines, so it is simple rather than fast.

/// The newline that ends the bad line which starts with `text`, if any does.
///
/// Only an equals sign behind the first blank opens a string, as in a good line. A string without an end, or with something
/// strange behind it, is no string. A newline behind a backslash ends no line, neither here nor in any InfluxDB: what follows it is
/// part of a name.
pub(super) fn newline(text: &[u8]) -> Option<usize> {
    let mut fields = false;
    let mut at = 0;
    loop {
        match (text.get(at)?, text.get(at + 1)) {
            (b'\n', _) => return Some(at),
            (b'\\', _) => at += 2,
            (b' ', _) => {
                fields = true;
                at += 1;
            }
            (b'=', Some(b'"')) if fields => at = closed(text, at + 2).unwrap_or(at + 2),
            _ => at += 1,
        }
    }
}

/// The byte behind the quote that closes the string which has its first byte at `at`.
fn closed(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            let behind = at + 1;
            return matches!(text.get(behind), None | Some(b',' | b' ' | b'\n' | b'\r'))
                .then_some(behind);
        }
        at += 2;
    }
}
