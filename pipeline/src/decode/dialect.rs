//! Where the line protocols of InfluxDB 1, 2 and 3 differ.

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
