//! When a running sshd has last read its configuration.
//!
//! It does so when it is started, and when SIGHUP makes it execute itself again, which changes no time that the kernel
//! keeps. But each time it writes its pid file again.
//!
//! What was changed since, the time of the inode tells: mv, cp -p and rsync -t keep that of the content. chmod(1) and
//! hard links change it as well, and so does an editor's temporary file that of its directory; but nobody can know what
//! was there before.

use crate::host::sshd::files::SshdConfig;
use pam_sftpjail::confinement::Process as Identity;
use procfs::process::Process;
use procfs::{Current, Uptime};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where setup notes when it has let which sshd read its files, for those that write no pid file: lines of [`note`]. It
/// is gone after a reboot, as the processes are.
pub(crate) const NOTES: &str = "/run/sftpjail-reloaded";

/// The line for a process that was told to read its files at this time.
pub(crate) fn note(process: &Identity, at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{} {}\n", process.key(), since.as_nanos())
}

/// When this process was last told so, by the notes.
fn noted(process: &Identity) -> Option<SystemTime> {
    let key = format!("{} ", process.key());
    let notes = fs::read_to_string(NOTES).ok()?;
    let since = notes.lines().rev().find_map(|line| line.strip_prefix(&key)?.parse().ok())?;
    UNIX_EPOCH.checked_add(Duration::from_nanos(since))
}

/// By how much a time that is counted from the boot may be wrong: the clock may have been set since.
const ERROR: Duration = Duration::from_secs(2);

/// When an sshd has last read its configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) at: SystemTime,
    /// Whether it may have been reloaded after that time: there is no pid file that would tell.
    pub(crate) may_be_later: bool,
}

/// How a file or directory was changed after a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// A file: its content, its name or its mode.
    File(PathBuf, SystemTime),
    /// The entries of a directory with included files: one may have been added, renamed or removed.
    Directory(PathBuf, SystemTime),
}

impl Reading {
    /// `pid_file`: the process's setting PidFile.
    pub(super) fn of(pid: i32, pid_file: Option<&str>) -> Option<Self> {
        let stat = Process::new(pid).and_then(|process| process.stat()).ok()?;
        let since_boot = Duration::from_secs_f64(Uptime::current().ok()?.uptime);
        let started = Duration::from_millis(stat.starttime.checked_mul(1000)? / procfs::ticks_per_second());
        let started = SystemTime::now().checked_sub(since_boot.saturating_sub(started))?;
        let written = pid_file.filter(|file| *file != "none").and_then(|file| {
            let names_it = fs::read_to_string(file).is_ok_and(|text| text.trim() == pid.to_string());
            names_it.then(|| fs::metadata(file).and_then(|stat| stat.modified()).ok())?
        });
        // One that is older than the process is by the clock before it was set.
        Some(match written.filter(|written| *written + ERROR >= started) {
            Some(at) => Self { at, may_be_later: false },
            None => {
                let noted = noted(&Identity::new(pid, stat.starttime));
                Self { at: noted.unwrap_or(started + ERROR).max(started + ERROR), may_be_later: true }
            }
        })
    }

    /// What was changed last of the configuration's files and directories, if that was after the reading. Changed files
    /// count before directories.
    pub(crate) fn changed_since(&self, config: &SshdConfig) -> Option<Changed> {
        let last = |paths: &[PathBuf]| {
            let times = paths.iter().filter_map(|path| Some((changed(path)?, path.clone())));
            times.filter(|(time, _)| *time > self.at).max()
        };
        let file = last(&config.files).map(|(time, path)| Changed::File(path, time));
        file.or_else(|| last(&config.directories).map(|(time, path)| Changed::Directory(path, time)))
    }
}

/// When the inode of a path, or that of a symlink there, was changed last.
fn changed(path: &Path) -> Option<SystemTime> {
    let of = |stat: Metadata| {
        let since = Duration::new(stat.ctime().try_into().ok()?, stat.ctime_nsec().try_into().ok()?);
        UNIX_EPOCH.checked_add(since)
    };
    let all = [path.metadata().ok().and_then(of), path.symlink_metadata().ok().and_then(of)];
    all.into_iter().flatten().max()
}
