//! What members do to files.

use clap::ValueEnum;

/// A request about a file, as it was logged before it was tried.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) verb: Verb,
    /// As the client spelled it. Of a link, where it is; of a renaming, what was renamed.
    pub(crate) path: Vec<u8>,
    /// What something was renamed to or hard-linked as, or where a symlink points.
    pub(crate) target: Option<Vec<u8>>,
    /// What else the line tells: flags, mode, owner.
    pub(crate) detail: String,
    /// Read and written, when a file is closed.
    pub(crate) bytes: Option<(u64, u64)>,
    /// Why it failed, where the line itself says so.
    pub(crate) failure: Option<String>,
    /// The line is so long that its end is missing.
    pub(crate) cut: bool,
    /// Two names that cannot be told apart, since quotes within names are not escaped: they are in
    /// `path` as the line has them.
    pub(crate) ambiguous: bool,
}

/// What is done; its spelling on the command line and in the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Verb {
    #[default]
    Open,
    Close,
    Opendir,
    Closedir,
    Remove,
    Mkdir,
    Rmdir,
    Rename,
    /// A symbolic link.
    Symlink,
    /// A hard link.
    Link,
    /// Mode, owner, times or size.
    Set,
    /// Free space.
    Statvfs,
    /// Only if it failed.
    Read,
    /// Only if it failed.
    Write,
    /// This and the following are logged at the level VERBOSE only.
    Stat,
    Lstat,
    Realpath,
    Readlink,
    Fsync,
}

impl Verb {
    /// As in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
            Self::Opendir => "opendir",
            Self::Closedir => "closedir",
            Self::Remove => "remove",
            Self::Mkdir => "mkdir",
            Self::Rmdir => "rmdir",
            Self::Rename => "rename",
            Self::Symlink => "symlink",
            Self::Link => "link",
            Self::Set => "set",
            Self::Statvfs => "statvfs",
            Self::Read => "read",
            Self::Write => "write",
            Self::Stat => "stat",
            Self::Lstat => "lstat",
            Self::Realpath => "realpath",
            Self::Readlink => "readlink",
            Self::Fsync => "fsync",
        }
    }
}
