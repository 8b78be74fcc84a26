//! The system group: the system's own tool adds it, and undo removes its lines from the files that the tool
//! wrote.

use super::atomic;
use super::journal::{BACKUP_PREFIX, Backup, State, Step};
use super::target::Target;
use crate::host::groups::local_members;
use crate::host::programs;
use crate::report::Error;
use crate::report::text::listed;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use pam_sftpjail::account::GROUP_FILE;
use pam_sftpjail::escape::escaped;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The two files of groups, and the copy of each that groupadd makes before it writes.
const FILES: [&str; 4] = ["/etc/group", "/etc/gshadow", "/etc/group-", "/etc/gshadow-"];

/// The same: each with its copy.
const PAIRS: [[&str; 2]; 2] = [["/etc/group", "/etc/group-"], ["/etc/gshadow", "/etc/gshadow-"]];

/// How long lckpwdf(3) waits for the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(15);

/// Backs up the files that [`add`] writes. `number`: that of the step.
pub(super) fn back_up(name: &str, number: usize, state: &State) -> Result<Step, Error> {
    let mut files = Vec::new();
    for (i, path) in FILES.iter().map(Path::new).enumerate() {
        let before = atomic::read(path)?;
        let backup = format!("{BACKUP_PREFIX}{number}-{i}");
        let before = before.map(|bytes| state.back_up(backup, path, &bytes)).transpose()?;
        files.push((path.to_owned(), before));
    }
    Ok(Step::Group { name: name.to_owned(), files })
}

/// Adds the group.
pub(super) fn add(name: &str) -> Result<(), Error> {
    let fix = "fix what it names, or add the group yourself";
    if let Some(groupadd) = programs::find("groupadd") {
        programs::must_whole(&groupadd, ["--system", name], fix)?;
    } else if let Some(addgroup) = programs::find("addgroup") {
        // Busybox.
        programs::must_whole(&addgroup, ["-S", name], fix)?;
    } else {
        return Err(Error::new(
            format!("the group {name} cannot be added: neither groupadd nor addgroup is installed"),
            fix,
        ));
    }
    // A power cut could else leave half of what the tool did: the group in one of its files, and the tool's locks.
    let file = Path::new(GROUP_FILE);
    atomic::sync_directory(file).map_err(|error| Error::with(file, "be written", &error))
}

/// What undoing a group's addition comes to.
pub(super) enum Removal {
    /// Somebody has removed it already.
    Done,
    Possible,
    /// Somebody is or may be in it: the reason, as a clause.
    Impossible(String),
}

/// What [`restore`] would come to. It changes nothing. `added`: all groups that setup has added.
pub(super) fn removal(
    name: &str,
    files: &[(PathBuf, Option<Backup>)],
    added: &[&str],
) -> Result<Removal, Error> {
    if let Some(reason) = reason_to_keep(name)? {
        return Ok(Removal::Impossible(reason));
    }
    for [file, copy] in PAIRS {
        let current = atomic::read(Path::new(file))?.unwrap_or_default();
        if without_line(&current, name) != current || is_groupadds(copy, file, files, added)? {
            return Ok(Removal::Possible);
        }
    }
    Ok(Removal::Done)
}

/// Whether the copy is what groupadd made of the file before it wrote it, so that nobody has written it since.
///
/// One setup may add several groups. All of its backups are of the file without any of them; the copy has all but the
/// last.
fn is_groupadds(
    copy: &str,
    file: &str,
    files: &[(PathBuf, Option<Backup>)],
    added: &[&str],
) -> Result<bool, Error> {
    let (Some(was), older) = (before(files, file), before(files, copy)) else { return Ok(false) };
    let Some(current) = atomic::read(Path::new(copy))? else { return Ok(false) };
    if older.is_some_and(|older| older.is_of(&current)) {
        return Ok(false);
    }
    if was.is_of(&current) {
        return Ok(true);
    }
    // Without its backup, it is unknown which of them are of the same setup.
    let Some(bytes) = was.read()? else { return Ok(false) };
    let mut without = current;
    let mut missing = 0;
    for name in added.iter().filter(|name| without_line(&bytes, name) == bytes) {
        let rest = without_line(&without, name);
        missing += usize::from(rest == without);
        without = rest;
    }
    Ok(missing == 1 && was.is_of(&without))
}

/// The backup of one of the files.
fn before<'f>(files: &'f [(PathBuf, Option<Backup>)], path: &str) -> Option<&'f Backup> {
    files.iter().find(|(own, _)| own == Path::new(path)).and_then(|(_, backup)| backup.as_ref())
}

/// Removes the group again, unless somebody is or may be in it; then it gives the reason. `added`: as in [`removal`].
pub(super) fn restore(
    name: &str,
    files: &[(PathBuf, Option<Backup>)],
    added: &[&str],
) -> Result<Option<String>, Error> {
    let _lock = lock()?;
    if let Some(reason) = reason_to_keep(name)? {
        return Ok(Some(reason));
    }
    for [file, old] in PAIRS {
        let Some(was) = before(files, file) else { continue };
        let path = Path::new(file);
        if let Some(current) = atomic::read(path)? {
            let without = without_line(&current, name);
            if without != current {
                // What others have changed since stays; if there is nothing, the time of change is restored,
                // too.
                let modified = was.modified.filter(|_| was.is_of(&without));
                atomic::replace(&Target::of_others(path)?, &without, 0o644, modified)?;
            }
        }
        if is_groupadds(old, file, files, added)? {
            let path = Path::new(old);
            match before(files, old)
                .map(|older| older.read().map(|bytes| (bytes, older.modified)))
                .transpose()?
            {
                Some((Some(bytes), modified)) => {
                    atomic::replace(&Target::of_others(path)?, &bytes, 0o644, modified)?
                }
                // Its backup is lost. It stays, as after any other groupadd.
                Some((None, _)) => {}
                None => atomic::remove(path)?,
            }
        }
    }
    Ok(None)
}

/// Why the group stays: somebody is in it, or its line in /etc/group is broken, so that its members are unknown.
fn reason_to_keep(name: &str) -> Result<Option<String>, Error> {
    let Some(members) = local_members(name)? else {
        let groups = atomic::read(Path::new(GROUP_FILE))?.unwrap_or_default();
        let is_broken = without_line(&groups, name) != groups;
        return Ok(is_broken.then(|| format!("its line in {GROUP_FILE} is broken")));
    };
    Ok(match members.as_slice() {
        [] => None,
        [one] => Some(format!("{} is in it", escaped(one))),
        [first, .., last] if members.len() > 5 => {
            Some(format!("{} users are in it: {}, …, {}", members.len(), escaped(first), escaped(last)))
        }
        some => Some(format!("{} are in it", listed(some))),
    })
}

/// `bytes` without the group's line of group(5).
fn without_line(bytes: &[u8], name: &str) -> Vec<u8> {
    let start = format!("{name}:");
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !line.starts_with(start.as_bytes())).flatten().copied().collect()
}

/// Takes the lock of lckpwdf(3), which useradd and others take, too. It holds until the file is dropped.
fn lock() -> Result<File, Error> {
    let path = Path::new("/etc/.pwd.lock");
    let failed = |error: std::io::Error| Error::with(path, "be locked", &error);
    // Users who can read it can lock it.
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path).map_err(failed)?;
    let whole = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let start = Instant::now();
    loop {
        match fcntl(&file, FcntlArg::F_SETLK(&whole)) {
            Ok(_) => return Ok(file),
            Err(Errno::EAGAIN | Errno::EACCES) if start.elapsed() < LOCK_TIMEOUT => {
                thread::sleep(LOCK_TIMEOUT / 100);
            }
            Err(Errno::EAGAIN | Errno::EACCES) => {
                let fix = "wait until useradd, vipw or whatever it is ends (fuser -v /etc/.pwd.lock), then run this again";
                return Err(Error::new("another program has locked /etc/passwd and /etc/group", fix));
            }
            Err(errno) => return Err(failed(errno.into())),
        }
    }
}
