//! The system group: added by the system's own tool, taken out of the files that it wrote.

use super::atomic;
use super::journal::{BACKUP, Before, State, Step};
use super::target::Target;
use crate::host::groups::local_members;
use crate::host::programs;
use crate::report::Error;
use crate::report::text::listed;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use pam_sftpjail::escape::escaped;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The two that hold groups, and then what groupadd leaves of each as it was before.
const FILES: [&str; 4] = ["/etc/group", "/etc/gshadow", "/etc/group-", "/etc/gshadow-"];

/// As long as lckpwdf(3) waits.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) fn keep(name: &str, number: usize, state: &State) -> Result<Step, Error> {
    let mut kept = Vec::new();
    for (i, path) in FILES.iter().map(Path::new).enumerate() {
        let before = atomic::read(path)?;
        let backup = format!("{BACKUP}{number}-{i}");
        let before = before.map(|bytes| state.keep(backup, path, &bytes)).transpose()?;
        kept.push((path.to_owned(), before));
    }
    Ok(Step::Group { name: name.to_owned(), files: kept })
}

pub(super) fn add(name: &str) -> Result<(), Error> {
    let fix = "fix what it names, or add the group yourself";
    if let Some(groupadd) = programs::find("groupadd") {
        programs::must(&groupadd, ["--system", name], fix)?;
    } else if let Some(addgroup) = programs::find("addgroup") {
        // Busybox.
        programs::must(&addgroup, ["-S", name], fix)?;
    } else {
        return Err(Error::new(format!("there is neither groupadd nor addgroup to add {name}"), fix));
    }
    Ok(())
}

/// Takes the group out again, unless somebody is in it. Gives what there is to say about it.
pub(super) fn restore(
    name: &str,
    kept: &[(PathBuf, Option<Before>)],
    state: &State,
) -> Result<Option<String>, Error> {
    let _lock = lock()?;
    if let Some(members) = members(name)? {
        let shown = escaped(name);
        return Ok(Some(format!("the group {shown} is kept, for {members} in it (groupdel {shown})")));
    }
    let before =
        |path: &str| kept.iter().find(|(own, _)| own == Path::new(path)).and_then(|(_, b)| b.as_ref());
    for [file, old] in [["/etc/group", "/etc/group-"], ["/etc/gshadow", "/etc/gshadow-"]] {
        let Some(was) = before(file) else { continue };
        let path = Path::new(file);
        if let Some(current) = atomic::read(path)? {
            let without = without_line(&current, name);
            if without != current {
                // Others' changes stay.
                let at = was.modified.filter(|_| was.is(&without));
                atomic::replace(&Target::of_others(path)?, &without, 0o644, at)?;
            }
        }
        // What groupadd left, and nobody since: the file as it was before.
        let path = Path::new(old);
        if atomic::read(path)?.is_some_and(|bytes| was.is(&bytes)) {
            match before(old) {
                Some(older) => {
                    atomic::replace(&Target::of_others(path)?, &state.kept(older)?, 0o644, older.modified)?
                }
                None => atomic::remove(path)?,
            }
        }
    }
    Ok(None)
}

/// Who is in the group, for people.
fn members(name: &str) -> Result<Option<String>, Error> {
    let members = local_members(name)?.unwrap_or_default();
    Ok(match members.as_slice() {
        [] => None,
        [one] => Some(format!("{} is", escaped(one))),
        [first, .., last] if members.len() > 5 => {
            Some(format!("{}, …, {}: {} users are", escaped(first), escaped(last), members.len()))
        }
        some => Some(format!("{} are", listed(some))),
    })
}

fn without_line(bytes: &[u8], name: &str) -> Vec<u8> {
    let start = format!("{name}:");
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.filter(|line| !line.starts_with(start.as_bytes())).flatten().copied().collect()
}

/// As lckpwdf(3), which useradd and its kin take, too. Until it is dropped.
fn lock() -> Result<File, Error> {
    let path = Path::new("/etc/.pwd.lock");
    let failed = |error: std::io::Error| Error::with(path, "be locked", &error);
    // Whoever could read it, could lock it.
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
            Err(Errno::EAGAIN | Errno::EACCES) if start.elapsed() < PATIENCE => thread::sleep(PATIENCE / 100),
            Err(Errno::EAGAIN | Errno::EACCES) => {
                let fix =
                    "wait for useradd, vipw or whatever it is (fuser -v /etc/.pwd.lock), then run this again";
                return Err(Error::new("another program keeps the files of users locked", fix));
            }
            Err(errno) => return Err(failed(errno.into())),
        }
    }
}
