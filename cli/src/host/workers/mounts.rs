//! Which mounts with homes do not answer: who has a home on one of them is not waited for, once somebody else was.
//!
//! The path of a home tells its mount, and nothing on the mount is looked at here.

use pam_sftpjail::escape::escaped;
use pam_sftpjail::forked::{Forked, Group, fork};
use pam_sftpjail::host_mounts::octal;
use pam_sftpjail::nss::User;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// The mounts of this process, and which of them do not answer.
#[derive(Default)]
pub(super) struct Mounts {
    points: BTreeSet<PathBuf>,
    /// With the user whose check has shown it.
    silent: HashMap<PathBuf, String>,
    /// The mount with the home of each user who was asked for.
    of_users: HashMap<String, Option<PathBuf>>,
}

/// A child that asks a mount for its root.
pub(super) struct Question {
    mount: PathBuf,
    child: Forked,
}

impl Mounts {
    /// Asks the mount with the home of a user, without waiting for the answer. `None`: it is unknown, or no child can
    /// be started.
    pub(super) fn ask(&mut self, user: &str) -> Option<Question> {
        if self.points.is_empty() {
            self.points = points(&fs::read("/proc/self/mountinfo").unwrap_or_default());
        }
        let mount = self.of(user)?.to_owned();
        let child = fork(Group::Own, |_pipe| {
            // The pipe ends with the child. Without FORCE_SYNC, the kernel may know the answer.
            let _ = statx(CWD, &mount, AtFlags::STATX_FORCE_SYNC, StatxFlags::BASIC_STATS);
        });
        Some(Question { child: child.ok()?, mount })
    }

    /// Notes the answer, or that there is none, at the end of the time for the check of this user.
    pub(super) fn end(&mut self, question: Question, user: &str) {
        let Question { mount, child } = question;
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let has_answered = poll(&mut [PollFd::new(&child.output, PollFlags::IN)], Some(&now)) != Ok(0);
        if !has_answered {
            child.abandon();
            self.silent.entry(mount).or_insert_with(|| user.to_owned());
        }
    }

    /// Why this user's check need not be waited for, as a clause. `None`: no reason is known.
    pub(super) fn is_silent(&mut self, user: &str) -> Option<String> {
        if self.silent.is_empty() {
            return None;
        }
        let mount = self.of(user)?.to_owned();
        let other = self.silent.get(&mount)?;
        Some(format!(
            "the filesystem at {} has not answered the check of {}",
            escaped(&mount),
            escaped(other)
        ))
    }

    fn of(&mut self, user: &str) -> Option<&Path> {
        if !self.of_users.contains_key(user) {
            let home = User::by_name(user).ok().flatten().map(|user| user.home);
            let mount = home.and_then(|home| holding(&self.points, &home).map(Path::to_owned));
            self.of_users.insert(user.to_owned(), mount);
        }
        self.of_users.get(user)?.as_deref()
    }
}

/// The innermost mount point at or above a path.
fn holding<'p>(points: &BTreeSet<PathBuf>, path: &'p Path) -> Option<&'p Path> {
    path.ancestors().find(|above| points.contains(*above))
}

/// The mount points of a mountinfo: the fifth fields of proc_pid_mountinfo(5).
fn points(table: &[u8]) -> BTreeSet<PathBuf> {
    let lines = table.split(|byte| *byte == b'\n');
    lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4)).map(octal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_above_a_home_has_it() {
        let table =
            b"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:40 / /home rw shared:1 - nfs4 server:/home rw\n\
            3 2 0:41 / /home/the\\040other rw - nfs4 server:/other rw\n";
        let points = points(table);
        for (home, mount) in [
            ("/home/anna", "/home"),
            ("/home", "/home"),
            ("/homes/anna", "/"),
            ("/home/the other/anna/", "/home/the other"),
            ("/srv/anna", "/"),
        ] {
            assert_eq!(holding(&points, Path::new(home)), Some(Path::new(mount)), "{home}");
        }
        assert_eq!(holding(&points, Path::new("relative")), None);
    }
}
