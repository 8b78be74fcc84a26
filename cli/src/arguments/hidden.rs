//! Verbs that are not for people: what this program runs as children of itself.

use crate::host::sshd::option::SshdConfigOption;
use clap::Subcommand;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum HiddenVerb {
    /// The child of `probe`: probes, reports as JSON, and cleans up and ends when its standard input ends.
    #[command(hide = true)]
    Probing {
        user: String,
        #[command(flatten)]
        sshd: SshdConfigOption,
    },
    /// The child of `setup`: becomes COMMAND where a member of the group GID exists.
    #[command(hide = true)]
    AsMember {
        gid: u32,
        #[arg(last = true)]
        command: Vec<OsString>,
    },
    /// The child of `setup --undo`: reports where sshd would send users with other files, which standard input has.
    #[command(hide = true)]
    Sent,
    /// The child of `setup --confirm-within`: restores everything unless it is confirmed.
    #[command(hide = true)]
    SetupTimer { seconds: u64, until: u64 },
    /// The child of `probe`: builds the jail around itself and reports as JSON.
    #[command(hide = true)]
    Rehearse { user: String },
    /// The child of `probe`: makes the checks of a login, which may have to wait for a filesystem.
    #[command(hide = true)]
    Look { user: String },
    /// The child of `probe`: becomes USER, tries to write into DIRECTORY, and reports as JSON.
    #[command(hide = true)]
    WriteAs { user: String, directory: PathBuf },
    /// Becomes COMMAND, an sshd, where the directory exists that it needs to separate its privileges.
    #[command(hide = true)]
    WithPrivsep {
        directory: PathBuf,
        #[arg(last = true)]
        command: Vec<OsString>,
    },
    /// The child of `check`: reports whether the dynamic linker has loaded MODULE into it.
    #[command(hide = true)]
    Loaded { module: PathBuf },
}
