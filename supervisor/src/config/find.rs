//! Where the configuration is: the flag and the environment come in, a path goes out.

use std::path::{Path, PathBuf};

use crate::config::load::LoadError;
use crate::template::Environment;

/// The variable that names the configuration; the applications that are run read it, too.
pub const VARIABLE: &str = "CONTAINERPILOT";

/// The file that `flag` names, or else the variable [`VARIABLE`].
///
/// # Errors
/// When neither names one.
pub fn find(flag: Option<&Path>, env: &Environment) -> Result<PathBuf, LoadError> {
    let named = flag.map(Path::to_owned);
    let variable = || env.get(VARIABLE).map(PathBuf::from);
    let found = named.or_else(variable);
    let found = found.filter(|path| !path.as_os_str().is_empty());
    found.ok_or(LoadError::NotNamed)
}

/// The variables of this process; one that is no text is no variable to a template.
pub fn environment() -> Environment {
    let variables = std::env::vars_os();
    let texts = variables.filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        Some((name, value.into_string().ok()?))
    });
    texts.collect()
}
