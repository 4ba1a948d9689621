//! A secret: named in, read when it is needed.

use std::path::PathBuf;

/// A secret that is read from its file when it is needed, so that a rotated one is picked up; never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Given in the configuration or the environment.
    Value(String),
    /// In a file; white space around it is not part of it.
    File(PathBuf),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Secret"),
            Self::File(path) => write!(f, "Secret({})", path.display()),
        }
    }
}

impl Secret {
    /// The secret as it stands now.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn read(&self) -> std::io::Result<String> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => Ok(std::fs::read_to_string(path)?.trim().to_owned()),
        }
    }
}
