//! The folder of a scene: what its worker reads and writes there.

use std::fs;
use std::path::Path;

use flightline_fixtures::disk::SmallDisk;
use tempfile::TempDir;

use crate::outlet::{self, Outlet};

/// A disk that takes all lines of a scene, in bytes.
const DISK: u64 = 64 << 20;

/// The folder of a scene.
#[derive(Debug)]
pub(crate) enum Ground {
    /// On the machine's own disk.
    Folder(TempDir),
    /// On one that a fault fills.
    Disk(SmallDisk),
}

impl Ground {
    pub(crate) fn of(outlet: Outlet) -> Self {
        let ground = match outlet {
            Outlet::Store | Outlet::Played(_) => {
                Self::Folder(tempfile::tempdir().expect("a temporary folder"))
            }
            Outlet::Files => {
                let disk = SmallDisk::mount(DISK);
                Self::Disk(disk.unwrap_or_else(|error| panic!("{error}")))
            }
        };
        fs::write(outlet::token(ground.path()), "first").expect("the folder is writable");
        ground
    }

    /// Below it are the token, and the files where lines go into files.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Disk(disk) => disk.path(),
        }
    }

    /// The disk of a scene with files.
    pub(crate) fn disk(&self) -> &SmallDisk {
        match self {
            Self::Disk(disk) => disk,
            Self::Folder(_) => panic!("this scene has no disk of its own"),
        }
    }
}
