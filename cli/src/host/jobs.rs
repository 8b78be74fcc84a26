//! Reads the crontabs and at jobs of users, and whether cron runs.

use crate::host::process_table;
use crate::report::Error;
use pam_sftpjail::name::UserName;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The directories of crontabs, whose names are those of users: of Debian, SUSE, Red Hat and Arch, Alpine.
const CRONTABS: [&str; 4] =
    ["/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron", "/etc/crontabs"];

/// The directories of at jobs: of Debian, Red Hat, SUSE.
const JOBS: [&str; 3] = ["/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs"];

/// The largest crontab that is read, in bytes; cron accepts no larger one.
const MAX_CRONTAB: u64 = 1 << 20;

/// The crontab of a user, if it holds anything but comments.
pub(crate) fn crontab(name: &UserName) -> io::Result<Option<PathBuf>> {
    for directory in CRONTABS {
        let path = Path::new(directory).join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(CWD, &path, flags, Mode::empty()) {
            // cron follows no symlink either.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
            file => File::from(file?),
        };
        if !file.metadata()?.is_file() {
            continue;
        }
        let mut text = Vec::new();
        file.take(MAX_CRONTAB).read_to_end(&mut text)?;
        let is_job = |line: &[u8]| !matches!(line.trim_ascii_start().first(), None | Some(b'#'));
        if text.split(|byte| *byte == b'\n').any(is_job) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Whether a cron of root's runs, by its name.
pub(crate) fn cron_runs() -> Result<bool, Error> {
    let all = process_table::all();
    let names = ["cron", "crond"];
    let runs = all.found.iter().any(|process| {
        // Everybody can start a process of any name.
        let [_, effective, _] = process.uids;
        effective == 0 && names.contains(&process.name.as_str())
    });
    match all.unseen {
        Some(why) if !runs => Err(why),
        _ => Ok(runs),
    }
}

/// The number of at jobs of a user that are queued or running.
pub(crate) fn at_jobs(uid: u32) -> io::Result<usize> {
    let mut count = 0;
    for directory in JOBS {
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if !is_job(entry.file_name().as_bytes()) {
                continue;
            }
            match entry.metadata() {
                // The job was just started.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                metadata => count += usize::from(metadata?.uid() == uid),
            }
        }
    }
    Ok(count)
}

/// Whether it is the name of a job: the queue, or `=` while it runs, then number and time in 13 hexadecimal
/// digits.
fn is_job(name: &[u8]) -> bool {
    match name.split_first() {
        Some((queue, digits)) => {
            (queue.is_ascii_alphabetic() || *queue == b'=')
                && digits.len() == 13
                && digits.iter().all(u8::is_ascii_hexdigit)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_job;

    #[test]
    fn lock_files_and_sequence_numbers_are_not_jobs() {
        for (name, expected) in [
            ("a0000101c9d4a0", true),
            ("=0000101c9d4a0", true),
            (".SEQ", false),
            (".lockfile", false),
            ("a0000101c9d4a", false),
            ("", false),
        ] {
            assert_eq!(is_job(name.as_bytes()), expected, "{name}");
        }
    }
}
