//! Where the line protocols of InfluxDB 1, 2 and 3 differ, and what a line must keep so that several stores take it.

/// What a store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// InfluxDB 1.x as released: no unsigned integers.
    V1,
    /// InfluxDB 2.x, and stores that speak its API.
    V2,
    /// InfluxDB 3.x.
    V3,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 3] = [Self::V1, Self::V2, Self::V3];

    const fn bit(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 4,
        }
    }
}

/// What a line must keep: everything that any of the stores it goes to asks for.
///
/// The grammar itself is the same for all: what one of them refuses for another reason than a dialect's, or takes and then
/// stores as something else, is refused for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules(u8);

impl Rules {
    /// The rules of all `dialects` together. Of none: what any of them takes.
    pub fn of(dialects: impl IntoIterator<Item = Dialect>) -> Self {
        Self(
            dialects
                .into_iter()
                .fold(0, |bits, dialect| bits | dialect.bit()),
        )
    }

    const fn has(self, dialect: Dialect) -> bool {
        self.0 & dialect.bit() != 0
    }

    /// Whether `7u` is a value. InfluxDB 1 as released answers "invalid number".
    pub const fn unsigned(self) -> bool {
        !self.has(Dialect::V1)
    }

    /// Whether `.5` and `1.` are values. InfluxDB 3 wants digits on both sides of a point.
    pub const fn bare_point(self) -> bool {
        !self.has(Dialect::V3)
    }

    /// Whether a tab may stand within a name. For InfluxDB 3 it ends the name.
    pub const fn tab_in_names(self) -> bool {
        !self.has(Dialect::V3)
    }

    /// Whether bytes that are not UTF-8 may stand in tags and strings. InfluxDB 3 refuses the whole body for them.
    pub const fn any_bytes(self) -> bool {
        !self.has(Dialect::V3)
    }

    /// Whether a tag and a field may have the same key. For InfluxDB 3 both are columns of one table.
    pub const fn tag_named_as_field(self) -> bool {
        !self.has(Dialect::V3)
    }
}
