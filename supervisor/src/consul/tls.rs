//! Consul's certificates come in as files and folders, the client's part of TLS goes out: with the system's authorities unless others
//! are named, and with nobody checked only where the configuration says so.

use std::fs;
use std::path::{Path, PathBuf};

use flightline_link::tls::{self as link, TlsError};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use crate::config::{ConsulTls, Verify};

/// Files in a folder of authorities that are looked at; a system's own folder has some hundred.
const CA_FILES: usize = 1000;

/// How connections to the agent are protected.
///
/// # Errors
/// When a file is missing or wrong.
pub fn client_config(tls: &ConsulTls) -> Result<ClientConfig, TlsError> {
    let trusting = match (tls.verify, files(tls)) {
        (Verify::Nobody, _) => link::anybody::trusting(link::begin()?),
        (Verify::Peer, Ok(files)) if files.is_empty() => link::trusting_system(link::begin()?)?,
        (Verify::Peer, files) => link::begin()?.with_root_certificates(link::authorities(&files?)?),
    };
    link::identified(trusting, tls.identity.as_ref())
}

/// A part of [`ConsulTls`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `ca_file`.
    CaFile,
    /// `ca_path`.
    CaPath,
    /// `identity`.
    Identity,
    /// `server_name`.
    ServerName,
}

/// Every part that cannot be used, as [`client_config`] and [`server_name`] would say of the first.
pub fn faults(tls: &ConsulTls) -> Vec<(Part, TlsError)> {
    let ca_file = || tls.ca_file.iter().try_for_each(read);
    let ca_path = || tls.ca_path.iter().try_for_each(|folder| read_all(folder));
    let identity = || {
        let builder = link::begin()?.with_root_certificates(RootCertStore::empty());
        link::identified(builder, tls.identity.as_ref()).map(drop)
    };
    let name = || match &tls.server_name {
        Some(name) => server_name(name).map(drop),
        None => Ok(()),
    };
    let mut said = Vec::new();
    if tls.verify == Verify::Peer {
        said.extend([(Part::CaFile, ca_file()), (Part::CaPath, ca_path())]);
    }
    said.extend([(Part::Identity, identity()), (Part::ServerName, name())]);
    let faults = said.into_iter();
    faults
        .filter_map(|(part, result)| Some((part, result.err()?)))
        .collect()
}

fn read(file: &PathBuf) -> Result<(), TlsError> {
    link::authorities([file]).map(drop)
}

fn read_all(folder: &Path) -> Result<(), TlsError> {
    link::authorities(files_in(folder)?).map(drop)
}

/// The name that the agent's certificate must have.
///
/// # Errors
/// When it is no name.
pub fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    let named = Path::new("server name").join(name);
    ServerName::try_from(name.to_owned()).map_err(|error| link::refuse(&named, &error))
}

/// The files with authorities, if any are named.
fn files(tls: &ConsulTls) -> Result<Vec<PathBuf>, TlsError> {
    let mut files: Vec<PathBuf> = tls.ca_file.iter().cloned().collect();
    if let Some(folder) = &tls.ca_path {
        files.extend(files_in(folder)?);
    }
    Ok(files)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, TlsError> {
    let entries = fs::read_dir(folder).map_err(|error| link::refuse(folder, &error))?;
    let mut files = Vec::new();
    for entry in entries.take(CA_FILES) {
        let path = entry.map_err(|error| link::refuse(folder, &error))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(link::refuse(folder, &"there is no file in it"));
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_or_folder_without_a_certificate_is_named() {
        let empty = tempfile::tempdir().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let missing = PathBuf::from("/nowhere/ca.pem");
        let cases = [
            (Some(missing.clone()), None, &*missing),
            (Some(file.path().to_owned()), None, file.path()),
            (None, Some(empty.path().to_owned()), empty.path()),
        ];
        for (ca_file, ca_path, named) in cases {
            let tls = ConsulTls {
                ca_file,
                ca_path,
                ..ConsulTls::default()
            };
            let said = client_config(&tls).unwrap_err().to_string();
            assert!(said.contains(&named.display().to_string()), "{said}");
        }
    }
}
