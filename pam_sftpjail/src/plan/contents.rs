//! Adds the files of a jail besides the home: `/dev/log`, `/etc/passwd`, `/etc/group`, `/etc/localtime`.
//!
//! They serve logs and listings only. If the host has no syslog or time zone, they are left out, and nobody
//! is refused.

use super::syslog::Syslog;
use super::{Role, Source, Step, Steps};
use crate::account::Account;
use crate::config::Profile;
use crate::sys::directory;
use nix::sys::stat::SFlag;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

/// In bytes. Time zone files have 1 to 4 KiB; no more than this is copied.
const MAX_LOCALTIME: usize = 64 << 10;

/// Adds the way to the host's syslog.
pub(super) fn log(steps: &mut Steps, syslog: Syslog) {
    steps.directories("dev".as_ref());
    let (at, source) = match syslog {
        Syslog::Directory(directory) => ("dev", directory),
        Syslog::Socket(socket) => {
            steps.push(Step::File { at: "dev/log".into(), content: Vec::new() });
            ("dev/log", socket)
        }
    };
    let source = Source::Open(source);
    steps.push(Step::Mount { at: at.into(), source, read_only: true, ids: None, role: Role::Log });
}

/// Adds the files for listings.
pub(super) fn listings(steps: &mut Steps, profile: &Profile, account: &Account) {
    let localtime = if profile.localtime { localtime() } else { None };
    if profile.names || localtime.is_some() {
        steps.directories("etc".as_ref());
    }
    if profile.names {
        steps.push(Step::File { at: "etc/passwd".into(), content: passwd(account) });
        steps.push(Step::File { at: "etc/group".into(), content: group(account) });
    }
    if let Some(content) = localtime {
        steps.push(Step::File { at: "etc/localtime".into(), content });
    }
}

/// A copy of the host's time zone: the host may replace the file during a session.
fn localtime() -> Option<Vec<u8>> {
    let fd = directory::open_file_at("/etc/localtime".as_ref()).ok()?;
    let stat = directory::stat(&fd).ok()?;
    if directory::kind(&stat) != SFlag::S_IFREG {
        return None;
    }
    // With the size, read_to_end needs one call instead of many small ones.
    let size = usize::try_from(stat.st_size).ok()?.min(MAX_LOCALTIME);
    let mut content = Vec::with_capacity(size);
    File::from(fd).take(size as u64).read_to_end(&mut content).ok()?;
    Some(content)
}

/// Entries for root and the user, without password and shell.
fn passwd(account: &Account) -> Vec<u8> {
    let mut file = b"root:x:0:0:root:/root:/usr/sbin/nologin\n".to_vec();
    let (uid, gid) = (account.uid.to_string(), account.gid.to_string());
    let home = account.home.as_os_str().as_bytes();
    let fields =
        [account.name.as_bytes(), b"x", uid.as_bytes(), gid.as_bytes(), b"", home, b"/usr/sbin/nologin"];
    line(&mut file, &fields);
    file
}

/// Entries for root's group and the user's groups, without members.
fn group(account: &Account) -> Vec<u8> {
    let mut file = b"root:x:0:\n".to_vec();
    for (gid, name) in account.named_groups() {
        if gid.as_raw() != 0 {
            line(&mut file, &[name.as_bytes(), b"x", gid.to_string().as_bytes(), b""]);
        }
    }
    file
}

/// Adds an entry, unless a field contains a character that would end it. Then a listing shows the number.
fn line(file: &mut Vec<u8>, fields: &[&[u8]]) {
    if fields.iter().any(|field| field.iter().any(|b| *b == b':' || b.is_ascii_control())) {
        return;
    }
    file.extend_from_slice(&fields.join(&b':'));
    file.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_cannot_add_an_entry() {
        let mut file = Vec::new();
        line(&mut file, &[b"a:0", b"x"]);
        line(&mut file, &[b"a\nroot", b"x"]);
        line(&mut file, &[b"joe", b"x"]);
        assert_eq!(file, b"joe:x\n");
    }
}
