//! Runs a command where a trial member exists: in a mount namespace of its own, in which /etc/passwd has one
//! more line.
//!
//! So setup can ask sshd and `check` about a member before anybody is in the group. Nothing of it stays on
//! the host.

use crate::host::accounts::{Accounts, PASSWD};
use crate::report::Error;
use crate::report::error::errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid, chown};
use pam_sftpjail::config::{Config, Template, Variable};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::nss::Group;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The login name of the trial member.
pub(super) const NAME: &str = "sftpjail-rehearsal";

/// A tmpfs covers it, in the namespace only. It holds the member's home and passwd file.
const DIRECTORY: &str = "/var/lib/sftpjail";

/// Becomes `command`, where the trial member has the primary group `gid`. Returns only if that fails.
pub(super) fn exec(gid: u32, command: &[OsString]) -> Error {
    let Some((program, args)) = command.split_first() else {
        return Error::new("no command was given", "give one");
    };
    if let Err(error) = prepare(gid) {
        let what = format!("a mount namespace for the trial member cannot be made: {}", errno(&error));
        return Error::new(
            what,
            "run this as root, outside of containers that forbid it; jails need mount namespaces, too",
        );
    }
    let error = Command::new(program).args(args).exec();
    Error::new(
        format!("{} cannot be run: {}", Path::new(program).display(), errno(&error)),
        "check that it is there",
    )
}

/// Enters a mount namespace of its own. Gives a directory in it that is on no disk, and that ends with it.
pub(super) fn enter_namespace() -> std::io::Result<&'static Path> {
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let directory = Path::new(DIRECTORY);
    mount_tmpfs(directory)?;
    Ok(directory)
}

/// Puts a file over another one, in the namespace only.
pub(super) fn cover(file: &Path, by: &Path) -> std::io::Result<()> {
    Ok(mount(Some(by), file, None::<&str>, MsFlags::MS_BIND, None::<&str>)?)
}

/// Enters the namespace, and adds the member.
fn prepare(gid: u32) -> std::io::Result<()> {
    let directory = enter_namespace()?;
    // Full names in /etc/passwd need not be UTF-8.
    let mut passwd = fs::read(PASSWD)?;
    let uid = free_uid(&Accounts::parse(&String::from_utf8_lossy(&passwd)));
    let home = directory.join("home");
    fs::create_dir(&home)?;
    chown(&home, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    if !passwd.ends_with(b"\n") {
        passwd.push(b'\n');
    }
    passwd.extend_from_slice(format!("{NAME}:x:{uid}:{gid}::{}:/bin/sh\n", home.display()).as_bytes());
    let file = directory.join("passwd");
    fs::write(&file, passwd)?;
    cover(Path::new(PASSWD), &file)?;

    // nscd has read /etc/passwd outside of the namespace, and would not know the member.
    for cache in
        ["/run/nscd", "/var/run/nscd"].map(Path::new).into_iter().filter(|path| path.is_dir()).take(1)
    {
        mount_tmpfs(cache)?;
    }
    make_volumes(uid, gid)
}

/// Makes the member's sources of volumes. Those whose path differs between users are made on a tmpfs, so that
/// nothing stays on the host.
fn make_volumes(uid: u32, gid: u32) -> std::io::Result<()> {
    let Ok(config) = Config::load(None) else { return Ok(()) };
    let volumes: Vec<_> = config.profiles.iter().flat_map(|profile| &profile.volumes).collect();
    let mut covered = vec![PathBuf::from(DIRECTORY)];
    // The part of the path that is the same for all users. \u{1} stands for what differs.
    let parents = volumes.iter().filter_map(|volume| {
        let path = expanded(&volume.source, |_| "\u{1}".to_owned())?;
        let (fixed, _) = path.to_str()?.split_once('\u{1}')?;
        Some(PathBuf::from(fixed.rsplit_once('/')?.0))
    });
    for parent in parents.filter(|path| path.is_dir() && path.parent().is_some()) {
        if !covered.contains(&parent) {
            mount_tmpfs(&parent)?;
            covered.push(parent);
        }
    }
    let group = Group::by_gid(Gid::from_raw(gid)).map_err(std::io::Error::other)?;
    let group = group.map(|group| group.name).unwrap_or_default();
    // A login makes those with `create` itself, and a rehearsal has stand-ins for them.
    for volume in volumes.iter().filter(|volume| volume.create.is_none()) {
        let path = expanded(&volume.source, |variable| match variable {
            Variable::User => NAME.to_owned(),
            Variable::Uid => uid.to_string(),
            Variable::Group => group.clone(),
            Variable::Home => Path::new(DIRECTORY).join("home").display().to_string(),
        });
        if let Some(path) = path.filter(|path| covered.iter().any(|cover| path.starts_with(cover))) {
            fs::create_dir_all(path)?;
        }
    }
    Ok(())
}

fn expanded(template: &Template, value: impl Fn(Variable) -> String) -> Option<PathBuf> {
    template.expand(|variable| Ok::<_, Refusal>(value(variable).into())).ok().map(PathBuf::from)
}

/// Covers a directory with an empty tmpfs.
fn mount_tmpfs(path: &Path) -> std::io::Result<()> {
    Ok(mount(
        Some("sftpjail"),
        path,
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some("mode=0755"),
    )?)
}

/// A uid that no account has. It is below 65,000, since containers may not map higher ones.
fn free_uid(accounts: &Accounts) -> u32 {
    (1000..65_000).rev().find(|uid| !accounts.has_uid(*uid)).unwrap_or(64_999)
}
