//! Operations on files, as internal-sftp logs them. Plain data.

/// A request about a file. internal-sftp logs it before it tries it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) verb: Verb,
    /// As the client spelled it. For a link, the link itself; for a renaming, the old name.
    pub(crate) path: Vec<u8>,
    /// The new name of a renaming or a hard link, or what a symlink points to.
    pub(crate) target: Option<Vec<u8>>,
    /// What else the log entry says: flags, mode, owner.
    pub(crate) detail: String,
    /// The bytes that were read and written, when a file is closed.
    pub(crate) bytes: Option<(u64, u64)>,
    /// Why it failed, if this log entry itself says so.
    pub(crate) failure: Option<String>,
    /// The log entry was so long that internal-sftp cut its end.
    pub(crate) cut: bool,
    /// Where one name ends and the other begins is unknown, because quotes in names are not escaped, or the rest is cut
    /// off: `path` holds both, as in the log.
    pub(crate) ambiguous: bool,
}

impl Operation {
    /// Whether it opens a file and may change it.
    pub(crate) fn opens_to_write(&self) -> bool {
        self.opens_with(&["WRITE", "APPEND"])
    }

    /// Whether it opens a file and may read it.
    pub(crate) fn opens_to_read(&self) -> bool {
        self.opens_with(&["READ"])
    }

    /// Whether it opens a file with one of these flags. What was cut off may have held any.
    fn opens_with(&self, flags: &[&str]) -> bool {
        self.verb == Verb::Open && (self.cut || self.detail.split(',').any(|flag| flags.contains(&flag)))
    }
}

/// What is done to a file. The names are those of the command line and of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
    Symlink,
    Link,
    Set,
    Statvfs,
    Read,
    Write,
    Stat,
    Lstat,
    Realpath,
    Readlink,
    Fsync,
}

impl Verb {
    /// What the help says of it, where the name does not say enough.
    pub(crate) fn help(self) -> Option<&'static str> {
        Some(match self {
            Self::Symlink => "Makes a symbolic link",
            Self::Link => "Makes a hard link",
            Self::Set => "Sets mode, owner, times or size",
            Self::Statvfs => "Asks for the free space",
            Self::Read | Self::Write => "Logged only if it failed",
            Self::Stat => "This one and the next four are logged at the level VERBOSE only",
            _ => return None,
        })
    }

    /// Its name in the output.
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
