//! A member who exists for one command only: in a mount namespace of its own, where /etc/passwd has
//! one more line. So sshd and `check` can be asked before anybody is in the group.

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

pub(super) const NAME: &str = "sftpjail-rehearsal";

/// Covered by a tmpfs, in the namespace only.
const DIRECTORY: &str = "/var/lib/sftpjail";

/// Becomes `command`. Returns only if it cannot.
pub(super) fn exec(gid: u32, command: &[OsString]) -> Error {
    let Some((program, args)) = command.split_first() else {
        return Error::new("there is no command", "give one");
    };
    if let Err(error) = prepare(gid) {
        let what = format!("a mount namespace for a rehearsal cannot be made: {}", errno(&error));
        return Error::new(
            what,
            "run this as root, outside of containers that forbid it; jails need the same",
        );
    }
    let error = Command::new(program).args(args).exec();
    Error::new(
        format!("{} cannot be run: {}", Path::new(program).display(), errno(&error)),
        "see that it is there",
    )
}

fn prepare(gid: u32) -> std::io::Result<()> {
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;

    cover(Path::new(DIRECTORY))?;
    // Names of people need not be UTF-8.
    let mut passwd = fs::read(PASSWD)?;
    let uid = free_uid(&Accounts::parse(&String::from_utf8_lossy(&passwd)));
    let home = Path::new(DIRECTORY).join("home");
    fs::create_dir(&home)?;
    chown(&home, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    if !passwd.ends_with(b"\n") {
        passwd.push(b'\n');
    }
    passwd.extend_from_slice(format!("{NAME}:x:{uid}:{gid}::{}:/bin/sh\n", home.display()).as_bytes());
    let file = Path::new(DIRECTORY).join("passwd");
    fs::write(&file, passwd)?;
    mount(Some(&file), PASSWD, none, MsFlags::MS_BIND, none)?;

    // It would answer for /etc/passwd as it is outside.
    for cache in
        ["/run/nscd", "/var/run/nscd"].map(Path::new).into_iter().filter(|path| path.is_dir()).take(1)
    {
        cover(cache)?;
    }
    volumes(uid, gid)
}

/// Gives the member what each volume needs that is another for each user, on tmpfs: nothing of it
/// is to stay on the host.
fn volumes(uid: u32, gid: u32) -> std::io::Result<()> {
    let Ok(config) = Config::load(None) else { return Ok(()) };
    let volumes: Vec<_> = config.profiles.iter().flat_map(|profile| &profile.volumes).collect();
    let mut covered = vec![PathBuf::from(DIRECTORY)];
    // Up to what differs between users.
    let shelves = volumes.iter().filter_map(|volume| {
        let path = expanded(&volume.source, |_| "\u{1}".to_owned())?;
        let (fixed, _) = path.to_str()?.split_once('\u{1}')?;
        Some(PathBuf::from(fixed.rsplit_once('/')?.0))
    });
    for shelf in shelves.filter(|path| path.is_dir() && path.parent().is_some()) {
        if !covered.contains(&shelf) {
            cover(&shelf)?;
            covered.push(shelf);
        }
    }
    let group = Group::by_gid(Gid::from_raw(gid)).map_err(std::io::Error::other)?;
    let group = group.map(|group| group.name).unwrap_or_default();
    // The others are made by the login itself.
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
fn free_uid(accounts: &Accounts) -> u32 {
    (1000..65_000).rev().find(|uid| !accounts.has_uid(*uid)).unwrap_or(64_999)
}
