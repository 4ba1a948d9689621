//! Values come in, texts as Go's fmt prints them go out. A verb that does not fit its argument is no error: it is printed with what is
//! wrong, as in `%!d(string=x)`.

use super::limits::{Bounded, Room};
use super::value::Value;

/// Fractions.
mod float;
/// Integers, also as characters.
mod integer;
/// Flags, widths, precisions and positions of arguments.
mod layout;
/// Texts in quotes.
mod quote;

pub(super) use quote::is_printable;

use layout::{Flags, Layout, Reader, Verb};

/// Values one after another, with a space between two that are both no texts.
pub(super) fn print(out: &mut Bounded, values: &[Value<'_>]) {
    let mut before_is_text = true;
    for value in values {
        let is_text = matches!(value, Value::Text(_));
        if !is_text && !before_is_text {
            out.push(" ");
        }
        Printer::plain(out).value(value, 'v');
        before_is_text = is_text;
    }
}

/// Values with spaces between them, and the end of the line.
pub(super) fn println(out: &mut Bounded, values: &[Value<'_>]) {
    for (position, value) in values.iter().enumerate() {
        if position > 0 {
            out.push(" ");
        }
        Printer::plain(out).value(value, 'v');
    }
    out.push("\n");
}

/// Values as a format wants them.
pub(super) fn printf(out: &mut Bounded, format: &str, values: &[Value<'_>]) {
    let mut reader = Reader::new(format, values.len());
    while out.room() == Room::Left {
        let (before, verb) = reader.advance(values);
        out.push(before);
        match verb {
            Verb::None => {
                extra(out, values.get(reader.unused()..).unwrap_or_default());
                return;
            }
            Verb::Missing => out.push("%!(NOVERB)"),
            Verb::Percent(layout) => {
                out.push(layout.complaint);
                out.push("%");
            }
            Verb::BadIndex(layout, verb) => {
                out.push(layout.complaint);
                complain(out, verb, "(BADINDEX)");
            }
            Verb::Print(layout, verb, position) => {
                out.push(layout.complaint);
                match values.get(position) {
                    Some(value) => Printer { out, layout }.value(value, verb),
                    None => complain(out, verb, "(MISSING)"),
                }
            }
        }
    }
}

fn complain(out: &mut Bounded, verb: char, what: &str) {
    out.push("%!");
    out.push_char(verb);
    out.push(what);
}

fn extra(out: &mut Bounded, values: &[Value<'_>]) {
    for (position, value) in values.iter().enumerate() {
        out.push(if position == 0 { "%!(EXTRA " } else { ", " });
        out.push(value.go_type());
        if !matches!(value, Value::Nil) {
            out.push("=");
            Printer::plain(out).value(value, 'v');
        }
    }
    if !values.is_empty() {
        out.push(")");
    }
}

/// Prints values with one layout.
struct Printer<'o> {
    out: &'o mut Bounded,
    layout: Layout,
}

impl<'o> Printer<'o> {
    fn plain(out: &'o mut Bounded) -> Self {
        let layout = Layout::default();
        Self { out, layout }
    }

    fn value(&mut self, value: &Value<'_>, verb: char) {
        match (value, verb) {
            (Value::Nil, 'v' | 'T') => self.pad("<nil>"),
            (_, 'T') => self.text(value.go_type(), 's', value),
            // Go prints where a list stands in memory, which would be another place each time.
            (Value::Nil, _) | (_, 'p') => self.bad_verb(value, verb),
            _ => self.element(value, verb),
        }
    }

    fn element(&mut self, value: &Value<'_>, verb: char) {
        match value {
            Value::Nil => self.pad("<nil>"),
            Value::Bool(truth) if matches!(verb, 't' | 'v') => {
                self.pad(if *truth { "true" } else { "false" });
            }
            Value::Bool(_) => self.bad_verb(value, verb),
            Value::Int(number) => {
                let sign = integer::Sign::of(*number);
                self.integer(number.unsigned_abs(), sign, verb, value);
            }
            Value::Byte(byte) => {
                self.integer(u64::from(*byte), integer::Sign::None, verb, value);
            }
            Value::Float(number) => self.float(*number, verb, value),
            Value::Text(text) => self.text(text, verb, value),
            Value::Texts(list) => {
                let elements = list.iter().map(|text| Value::Text(text.clone()));
                self.list(value, elements, verb);
            }
            Value::Ints(list) => self.list(value, list.iter().map(|int| Value::Int(*int)), verb),
            Value::Instances(list) => {
                self.list(value, list.iter().map(Value::Instance), verb);
            }
            Value::Instance(instance) => {
                let (open, between) = match self.layout.flags.has(Flags::GO_SYNTAX) {
                    true => ("template.Instance{", ", "),
                    false => ("{", " "),
                };
                self.out.push(open);
                for (position, field) in instance.values().enumerate() {
                    self.out.push(if position == 0 { "" } else { between });
                    self.element(&field, verb);
                }
                self.out.push("}");
            }
            Value::Environment(map) => {
                let (open, between, close) = match self.layout.flags.has(Flags::GO_SYNTAX) {
                    true => ("template.Environment{", ", ", "}"),
                    false => ("map[", " ", "]"),
                };
                self.out.push(open);
                for (position, (name, value)) in map.iter().enumerate() {
                    if self.out.room() == Room::Gone {
                        return;
                    }
                    self.out.push(if position == 0 { "" } else { between });
                    self.element(&Value::borrowed(name), verb);
                    self.out.push(":");
                    self.element(&Value::borrowed(value), verb);
                }
                self.out.push(close);
            }
        }
    }

    fn list<'v>(
        &mut self,
        list: &Value<'v>,
        elements: impl Iterator<Item = Value<'v>>,
        verb: char,
    ) {
        let go_syntax = self.layout.flags.has(Flags::GO_SYNTAX);
        let (open, between, close) = match go_syntax {
            true => ("{", ", ", "}"),
            false => ("[", " ", "]"),
        };
        self.out.push(if go_syntax { list.go_type() } else { "" });
        self.out.push(open);
        for (position, element) in elements.enumerate() {
            if self.out.room() == Room::Gone {
                return;
            }
            self.out.push(if position == 0 { "" } else { between });
            self.element(&element, verb);
        }
        self.out.push(close);
    }

    /// The value after all, with its type and the verb that does not fit it.
    fn bad_verb(&mut self, value: &Value<'_>, verb: char) {
        self.out.push("%!");
        self.out.push_char(verb);
        self.out.push("(");
        self.out.push(value.go_type());
        if !matches!(value, Value::Nil) {
            self.out.push("=");
            self.element(value, 'v');
        }
        self.out.push(")");
    }

    fn text(&mut self, text: &str, verb: char, value: &Value<'_>) {
        let flags = self.layout.flags;
        match verb {
            'q' => self.quoted(text),
            'v' if flags.has(Flags::GO_SYNTAX) => self.quoted(text),
            'v' | 's' => self.pad(self.layout.cut(text)),
            'x' => self.hexadecimal(text, "0123456789abcdef", "0x"),
            'X' => self.hexadecimal(text, "0123456789ABCDEF", "0X"),
            _ => self.bad_verb(value, verb),
        }
    }

    fn quoted(&mut self, text: &str) {
        let text = self.layout.cut(text);
        let flags = self.layout.flags;
        let quoted = match flags.has(Flags::SHARP) && quote::fits_back_quotes(text) {
            true => format!("`{text}`"),
            false => quote::quoted(text, '"', flags.charset()),
        };
        self.pad(&quoted);
    }

    /// Each byte in two digits.
    fn hexadecimal(&mut self, text: &str, digits: &str, prefix: &str) {
        let flags = self.layout.flags;
        let most = self.layout.precision.unwrap_or(usize::MAX);
        let digits = digits.as_bytes();
        let digit = |value: u8| char::from(digits.get(usize::from(value)).copied().unwrap_or(b'?'));
        let mut printed = String::new();
        for (position, byte) in text.bytes().take(most).enumerate() {
            if position > 0 && flags.has(Flags::SPACE) {
                printed.push(' ');
            }
            if flags.has(Flags::SHARP) && (position == 0 || flags.has(Flags::SPACE)) {
                printed.push_str(prefix);
            }
            printed.extend([digit(byte >> 4), digit(byte & 15)]);
        }
        self.pad(&printed);
    }

    /// A text that takes at least the wanted width.
    fn pad(&mut self, text: &str) {
        let Layout { flags, width, .. } = self.layout;
        let missing = width.unwrap_or(0).saturating_sub(text.chars().count());
        if flags.has(Flags::MINUS) {
            self.out.push(text);
            self.out.repeat(" ", missing);
        } else {
            let filler = if flags.has(Flags::ZERO) { "0" } else { " " };
            self.out.repeat(filler, missing);
            self.out.push(text);
        }
    }

    /// The same with spaces, for what has its zeros already.
    fn pad_with_spaces(&mut self, text: &str) {
        let flags = self.layout.flags;
        self.layout.flags = flags.without(Flags::ZERO);
        self.pad(text);
        self.layout.flags = flags;
    }
}
