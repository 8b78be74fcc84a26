//! The verbs of `config`, and their help.

use clap::Subcommand;
use std::path::PathBuf;

/// What `config` does.
#[derive(Subcommand)]
pub(crate) enum ConfigVerb {
    /// Checks a configuration file before it is used.
    ///
    /// Prints nothing if it can be used. Otherwise it prints the line, what is wrong there, and what to write
    /// instead. It also names a volume that refuses every member of its profile, and a profile that is never
    /// used. It reads the file only: `sftpjail check` says what it means for the members.
    ///
    /// FILE can be a draft, owned by anybody. Without FILE, it checks the file that is in use, which must
    /// be owned by root and writable by nobody else.
    ///
    /// Exit status: 0 it can be used, also if a profile is never used; 1 it cannot, or refuses all members of a
    /// profile; 2 it could not be read.
    #[command(after_help = "\
Examples:
  sftpjail config check
  sftpjail config check /root/draft.toml &&
    install -m 644 /root/draft.toml /etc/sftpjail/config.toml")]
    Check {
        /// The file to check.
        file: Option<PathBuf>,
    },
}
