//! A member who exists for one command only: in a mount namespace of its own, where /etc/passwd has
//! one more line. So sshd and `check` can be asked before anybody is in the group.

use super::trouble::{Trouble, errno};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, chown};
use pam_sftpjail::config::Config;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) const NAME: &str = "sftpjail-rehearsal";

/// Covered by a tmpfs, in the namespace only.
const DIRECTORY: &str = "/var/lib/sftpjail";

/// Becomes `command`. Returns only if it cannot.
pub(super) fn exec(gid: u32, command: &[OsString]) -> Trouble {
    let Some((program, args)) = command.split_first() else {
        return Trouble::new("there is no command", "give one");
    };
    if let Err(error) = prepare(gid) {
        let what = format!("a mount namespace for a rehearsal cannot be made: {}", errno(&error));
        return Trouble::new(
            what,
            "run this as root, outside of containers that forbid it; jails need the same",
        );
    }
    let error = Command::new(program).args(args).exec();
    Trouble::new(
        format!("{} cannot be run: {}", Path::new(program).display(), errno(&error)),
        "see that it is there",
    )
}

fn prepare(gid: u32) -> std::io::Result<()> {
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;

    cover(Path::new(DIRECTORY))?;
    let passwd = fs::read_to_string("/etc/passwd")?;
    let uid = free_uid(&passwd);
    let home = Path::new(DIRECTORY).join("home");
    fs::create_dir(&home)?;
    chown(&home, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    let end = if passwd.ends_with('\n') { "" } else { "\n" };
    let text = format!("{passwd}{end}{NAME}:x:{uid}:{gid}::{}:/bin/sh\n", home.display());
    let file = Path::new(DIRECTORY).join("passwd");
    fs::write(&file, text)?;
    mount(Some(&file), "/etc/passwd", none, MsFlags::MS_BIND, none)?;

    // It would answer for /etc/passwd as it is outside.
    for cache in
        ["/run/nscd", "/var/run/nscd"].map(Path::new).into_iter().filter(|path| path.is_dir()).take(1)
    {
        cover(cache)?;
    }
    // The first login makes a member's folder there, and this is none.
    for shelf in shelves() {
        cover(&shelf)?;
    }
    Ok(())
}

fn cover(path: &Path) -> std::io::Result<()> {
    Ok(mount(
        Some("sftpjail"),
        path,
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some("mode=0755"),
    )?)
}

/// Within what containers map, and nobody's.
fn free_uid(passwd: &str) -> u32 {
    let is_taken = |uid: &u32| passwd.lines().any(|line| line.split(':').nth(2) == Some(&uid.to_string()));
    (1000..65_000).rev().find(|uid| !is_taken(uid)).unwrap_or(64_999)
}

/// Directories in which volumes are made for each user.
fn shelves() -> Vec<PathBuf> {
    let Ok(config) = Config::load(None) else { return Vec::new() };
    let volumes = config.profiles.iter().flat_map(|profile| &profile.volumes);
    let mut shelves: Vec<_> = volumes
        .filter(|volume| volume.create.is_some())
        .filter_map(|volume| {
            // Up to what differs between users.
            let mark = OsStr::new("\u{1}");
            let path =
                volume.source.expand(|_| Ok::<_, pam_sftpjail::error::Refusal>(mark.to_owned())).ok()?;
            let path = path.into_string().ok()?;
            let (fixed, _) = path.split_once('\u{1}')?;
            Some(PathBuf::from(fixed.rsplit_once('/')?.0))
        })
        .filter(|path| path.is_dir() && path.parent().is_some())
        .collect();
    shelves.dedup();
    shelves
}
