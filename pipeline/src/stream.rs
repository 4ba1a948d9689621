//! Being written: this stands in until the real one lands.
/// A record.
#[derive(Debug)]
pub struct Record {
    /// x
    pub offset_ms: f64,
    /// x
    pub subject: String,
    /// x
    pub headers: Vec<(String, String)>,
    /// x
    pub payload: bytes::Bytes,
}
impl Record {
    /// x
    pub fn write(&self, _out: &mut Vec<u8>) -> std::io::Result<()> {
        Ok(())
    }
}
