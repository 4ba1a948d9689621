//! A format comes in, its texts and verbs go out one after another, each verb with its layout and the argument it takes.

use super::quote::Charset;
use crate::template::value::Value;

/// The largest width and precision that an argument may give, and that digits in a format may go on from; Go's own limit.
const WIDEST: usize = 1_000_000;

/// What stands between a percent sign and its verb, as bits.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const SHARP: Self = Self(1);
    pub(super) const ZERO: Self = Self(2);
    pub(super) const PLUS: Self = Self(4);
    pub(super) const MINUS: Self = Self(8);
    pub(super) const SPACE: Self = Self(16);
    /// `#` before `v`.
    pub(super) const GO_SYNTAX: Self = Self(32);

    pub(super) fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    pub(super) fn with(self, flag: Self) -> Self {
        Self(self.0 | flag.0)
    }

    pub(super) fn without(self, flag: Self) -> Self {
        Self(self.0 & !flag.0)
    }

    /// Of texts in quotes.
    pub(super) fn charset(self) -> Charset {
        match self.has(Self::PLUS) {
            true => Charset::Ascii,
            false => Charset::Printable,
        }
    }

    fn named(character: char) -> Option<Self> {
        Some(match character {
            '#' => Self::SHARP,
            '0' => Self::ZERO,
            '+' => Self::PLUS,
            '-' => Self::MINUS,
            ' ' => Self::SPACE,
            _ => return None,
        })
    }
}

/// How one value is to look.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Layout {
    pub(super) flags: Flags,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    /// What is printed before it, since width or precision were not to be had.
    pub(super) complaint: &'static str,
}

impl Layout {
    /// As many characters as the precision lets through.
    pub(super) fn cut<'t>(&self, text: &'t str) -> &'t str {
        let end = self
            .precision
            .and_then(|most| text.char_indices().nth(most));
        end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
    }
}

/// What follows a piece of plain text.
pub(super) enum Verb {
    /// The end.
    None,
    /// A percent sign, and the end.
    Missing,
    Percent(Layout),
    /// With an argument's number that is none.
    BadIndex(Layout, char),
    /// With the position of its argument, which need not be there.
    Print(Layout, char, usize),
}

/// Whether each argument is used once and in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Given,
    /// Numbers of arguments were used: which ones are left over is not told.
    Chosen,
}

/// Whether a number of an argument stood just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Index,
    Other,
}

/// Whether the numbers of arguments of one verb are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    Good,
    Bad,
}

pub(super) struct Reader<'f> {
    rest: &'f str,
    arguments: usize,
    next: usize,
    order: Order,
    numbers: Numbers,
}

impl<'f> Reader<'f> {
    pub(super) fn new(format: &'f str, arguments: usize) -> Self {
        Self {
            rest: format,
            arguments,
            next: 0,
            order: Order::Given,
            numbers: Numbers::Good,
        }
    }

    /// The first argument that no verb took.
    pub(super) fn unused(&self) -> usize {
        match self.order {
            Order::Given => self.next,
            Order::Chosen => self.arguments,
        }
    }

    /// Plain text, and the verb behind it.
    pub(super) fn advance(&mut self, values: &[Value<'_>]) -> (&'f str, Verb) {
        let Some((before, behind)) = self.rest.split_once('%') else {
            return (std::mem::take(&mut self.rest), Verb::None);
        };
        self.rest = behind;
        (before, self.verb(values))
    }

    fn verb(&mut self, values: &[Value<'_>]) -> Verb {
        self.numbers = Numbers::Good;
        let mut layout = Layout::default();
        while let Some(flag) = self.rest.chars().next().and_then(Flags::named) {
            layout.flags = layout.flags.with(flag);
            self.skip();
        }
        let before = self.index();
        let before = self.width(&mut layout, before, values);
        let before = self.precision(&mut layout, before, values);
        if before == Before::Other {
            self.index();
        }
        let Some(verb) = self.rest.chars().next() else {
            return Verb::Missing;
        };
        self.skip();
        if verb == '%' {
            return Verb::Percent(layout);
        }
        if self.numbers == Numbers::Bad {
            return Verb::BadIndex(layout, verb);
        }
        if verb == 'v' || verb == 'w' {
            let flags = layout.flags;
            layout.flags = flags.without(Flags::SHARP).without(Flags::PLUS);
            if flags.has(Flags::SHARP) {
                layout.flags = layout.flags.with(Flags::GO_SYNTAX);
            }
        }
        let position = self.next;
        if position < self.arguments {
            self.next += 1;
        }
        Verb::Print(layout, verb, position)
    }

    fn skip(&mut self) {
        let mut characters = self.rest.chars();
        characters.next();
        self.rest = characters.as_str();
    }

    fn width(&mut self, layout: &mut Layout, before: Before, values: &[Value<'_>]) -> Before {
        if let Some(behind) = self.rest.strip_prefix('*') {
            self.rest = behind;
            match self.measure(values) {
                Some(width) => {
                    layout.width = Some(usize::try_from(width.unsigned_abs()).unwrap_or(WIDEST));
                    if width < 0 {
                        let flags = layout.flags.with(Flags::MINUS);
                        layout.flags = flags.without(Flags::ZERO);
                    }
                }
                None => layout.complaint = "%!(BADWIDTH)",
            }
            return Before::Other;
        }
        layout.width = self.digits();
        if before == Before::Index && layout.width.is_some() {
            self.numbers = Numbers::Bad;
        }
        before
    }

    fn precision(&mut self, layout: &mut Layout, before: Before, values: &[Value<'_>]) -> Before {
        // A lone point at the end is a verb, and an unknown one.
        let Some(behind) = self.rest.strip_prefix('.').filter(|rest| !rest.is_empty()) else {
            return before;
        };
        self.rest = behind;
        if before == Before::Index {
            self.numbers = Numbers::Bad;
        }
        let before = self.index();
        let Some(behind) = self.rest.strip_prefix('*') else {
            layout.precision = Some(self.digits().unwrap_or(0));
            return before;
        };
        self.rest = behind;
        let measure = self.measure(values).filter(|measure| *measure >= 0);
        layout.precision = measure.and_then(|measure| usize::try_from(measure).ok());
        if layout.precision.is_none() {
            layout.complaint = match layout.complaint {
                "" => "%!(BADPREC)",
                _ => "%!(BADWIDTH)%!(BADPREC)",
            };
        }
        Before::Other
    }

    /// The number of an argument in brackets, which is where to go on from.
    fn index(&mut self) -> Before {
        let Some(behind) = self.rest.strip_prefix('[') else {
            return Before::Other;
        };
        self.order = Order::Chosen;
        let closed = behind.split_once(']').filter(|_| behind.len() >= 2);
        let Some((number, rest)) = closed else {
            self.rest = behind;
            self.numbers = Numbers::Bad;
            return Before::Other;
        };
        self.rest = rest;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let position = match number.parse::<usize>() {
            Ok(number) if is_number => number.checked_sub(1),
            _ => {
                self.numbers = Numbers::Bad;
                return Before::Other;
            }
        };
        match position {
            Some(position) if position < self.arguments => self.next = position,
            _ => self.numbers = Numbers::Bad,
        }
        Before::Index
    }

    /// A width or precision from the next argument.
    fn measure(&mut self, values: &[Value<'_>]) -> Option<i64> {
        let value = values.get(self.next)?;
        self.next += 1;
        let number = match value {
            Value::Int(number) => *number,
            Value::Byte(byte) => i64::from(*byte),
            _ => return None,
        };
        (number.unsigned_abs() <= WIDEST as u64).then_some(number)
    }

    /// A width or precision from the format. One that is far too large takes the rest of the format with it, as in Go.
    fn digits(&mut self) -> Option<usize> {
        let mut number = None;
        while let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(10)) {
            let before = number.unwrap_or(0);
            if before > WIDEST {
                self.rest = "";
                return None;
            }
            number = Some(before * 10 + digit as usize);
            self.skip();
        }
        number
    }
}
