//! Lets sshd run where its directory of privilege separation is missing, such as /run/sshd before the first sshd since
//! the boot: a process gets one in a mount namespace of its own. Nothing of it is on the host.
//!
//! A directory for a mount cannot be made there without the host seeing it. So the namespace has another /run: a tmpfs
//! with that directory, and with everything that is in the host's, mounted one by one. Only what is made right in /run
//! stays in the namespace.

use crate::report::error::errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use pam_sftpjail::escape::escaped;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, mkdirat, mknodat, open, readlinkat, statat, symlinkat};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where such directories are made when sshd is started. What is missing elsewhere was never installed, or was removed.
const RUN: &str = "/run";

/// Whether it is one that is made when sshd is started.
pub(super) fn is_made_at_start(directory: &Path) -> bool {
    directory.parent() == Some(Path::new(RUN)) || directory.parent() == Some(Path::new("/var/run"))
}

/// The exit status of the hidden verb where there can be no such directory. sshd ends with 1 or 255.
pub(super) const NOT_LENT: i32 = 2;

/// A program with its arguments.
#[derive(Clone)]
pub(crate) struct Words {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

/// What runs `command` where this directory exists. `own`: a path of this program.
pub(super) fn with(directory: &Path, own: &Path, command: &Words) -> Words {
    let verb = [OsStr::new("with-privsep"), directory.as_os_str(), OsStr::new("--")].map(OsStr::to_owned);
    let command =
        [command.program.clone().into_os_string()].into_iter().chain(command.arguments.iter().cloned());
    Words { program: own.to_owned(), arguments: verb.into_iter().chain(command).collect() }
}

/// Runs the hidden verb `with-privsep`: becomes `command` where this directory exists. Returns only if that fails, and
/// the program ends with [`NOT_LENT`] then.
pub(crate) fn exec(directory: &Path, command: &[OsString]) -> io::Error {
    let Some((program, arguments)) = command.split_first() else {
        return io::Error::other("no command was given");
    };
    if let Err(error) = provide(directory) {
        let why = errno(&error);
        return io::Error::other(format!("{} cannot be made for sshd alone: {why}", escaped(directory)));
    }
    let error = Command::new(program).args(arguments).exec();
    io::Error::other(format!("{} cannot be run: {}", escaped(program), errno(&error)))
}

/// Enters a mount namespace in which it exists.
fn provide(directory: &Path) -> io::Result<()> {
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none)?;
    // That of the host, which the tmpfs covers.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let host = open(RUN, flags, Mode::empty())?;
    let names: Vec<_> =
        fs::read_dir(RUN)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    let flags_of_tmpfs = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("sftpjail"), RUN, Some("tmpfs"), flags_of_tmpfs, Some("mode=0755"))?;
    let own = open(RUN, flags, Mode::empty())?;
    for name in &names {
        let stat = match statat(&host, name, AtFlags::SYMLINK_NOFOLLOW) {
            // It has just been removed.
            Err(rustix::io::Errno::NOENT) => continue,
            stat => stat?,
        };
        let place = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => {
                symlinkat(readlinkat(&host, name, Vec::new())?.as_c_str(), &own, name)?;
                continue;
            }
            FileType::Directory => mkdirat(&own, name, Mode::from_raw_mode(0o755)),
            _ => mknodat(&own, name, FileType::RegularFile, Mode::from_raw_mode(0o600), 0),
        };
        place?;
        let clone =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
        let tree = match open_tree(&host, name, clone | OpenTreeFlags::AT_SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => continue,
            tree => tree?,
        };
        move_mount(&tree, "", &own, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    }
    match directory.file_name() {
        Some(name) => match mkdirat(&own, name, Mode::from_raw_mode(0o755)) {
            // An sshd has just been started.
            Err(rustix::io::Errno::EXIST) | Ok(()) => Ok(()),
            Err(errno) => Err(errno.into()),
        },
        None => Err(io::ErrorKind::InvalidInput.into()),
    }
}
