//! Reports what the user should be able to list or write in the jail, and cannot.

use super::Subject;
use crate::check::path_to_home::{described, user};
use crate::desired::home_access::{self, Need};
use crate::desired::unwritable::reason;
use crate::host::rehearsal::{Rehearsal, Unwritable};
use crate::report::{Consequence, Findings, Outside};
use nix::errno::Errno;
use nix::sys::stat::{FileStat, stat};
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::plan::VolumePaths;
use std::path::Path;

const CHECK: &str = "write";

/// The beginning of the fix for a volume that the first login makes.
const OTHER_CREATE: &str =
    "give its `create` in the configuration an owner, a group or a mode that lets the user";

/// Reports the directory in which the session begins, if the user cannot list it: clients stop there.
pub(super) fn listing(rehearsal: &Rehearsal, subject: &Subject<'_>, findings: &mut Findings) {
    let Some(errno) = rehearsal.unlistable else { return };
    let account = subject.account;
    let (name, home) = (escaped(&account.name), escaped(&account.home));
    let state = stat(&account.home).map(|stat| format!(" ({})", described(&stat))).unwrap_or_default();
    let evidence = format!(
        "{name} cannot list {home}{state}, in which the session begins: {}",
        Errno::from_raw(errno).desc()
    );
    let consequence = Consequence::Hindered(format!("cannot list {home}"));
    let (owner, otherwise) = (subject.profile.home_owner.as_deref(), format!("let {name} list it"));
    let fix = home_access::fix(account, owner, &account.home, Need::Enter, otherwise);
    findings.failed("list", consequence, evidence, fix);
}

/// Reports the volumes for reading only that the user cannot list.
pub(super) fn volumes(rehearsal: &Rehearsal, subject: &Subject<'_>, findings: &mut Findings) {
    let name = escaped(&subject.account.name);
    for found in &rehearsal.unlistable_volumes {
        let Some(volume) = subject.volumes.get(found.volume) else { continue };
        let at = Outside::of_escaped(&found.path);
        let state = stat(&volume.source).map(|stat| format!(" ({})", described(&stat))).unwrap_or_default();
        let why = Errno::from_raw(found.errno).desc();
        let evidence = format!("{name} cannot list {}{state}: {why}", on_the_host(&at, volume));
        let fix = match is_missing(&volume.source) {
            true => format!("{OTHER_CREATE} enter and list it"),
            false => format!("let {name} enter and list {} on the host", escaped(&volume.source)),
        };
        match found.can_enter {
            true => findings.warned("list", evidence, format!("if that is not intended, {fix}")),
            false => {
                findings.failed("list", Consequence::Hindered(format!("cannot enter {at}")), evidence, fix);
            }
        }
    }
}

/// What a volume is, for a sentence.
fn on_the_host(at: &Outside<'_>, volume: &VolumePaths) -> String {
    let source = escaped(&volume.source);
    match is_missing(&volume.source) {
        true => format!("the volume {at}, which the first login makes as {source} on the host"),
        false => format!("the volume {at}, which is {source} on the host"),
    }
}

/// Whether a login makes the source of a volume, and only the rehearsal has it.
fn is_missing(source: &Path) -> bool {
    stat(source) == Err(Errno::ENOENT)
}

/// Reports what cannot be written. A directory of root's with one in it that the user can write is meant so, as in an
/// upload portal.
pub(super) fn report(rehearsal: &Rehearsal, subject: &Subject<'_>, findings: &mut Findings) {
    let name = escaped(&subject.account.name);
    for found in &rehearsal.unwritable {
        let at = Outside::of_escaped(&found.path);
        let volume = found.volume.and_then(|index| subject.volumes.get(index));
        let what = match volume {
            Some(volume) => on_the_host(&at, volume),
            None => at.to_string(),
        };
        if !found.inside.is_empty() {
            let inside = found.inside.iter().map(|path| Outside::of_escaped(path).to_string());
            let inside = inside.collect::<Vec<_>>().join(", ");
            match was_the_users(found, subject) {
                Some((why, fix)) => {
                    let evidence = format!("{name} can write {inside} in {what}, and not {what} itself{why}");
                    findings.warned(CHECK, evidence, fix);
                }
                None => findings
                    .passed(CHECK, format!("{name} cannot write {what}, but can write {inside} in it")),
            }
            continue;
        }
        let host = volume.map_or(&subject.account.home, |volume| &volume.source);
        let errno = Errno::from_raw(found.errno);
        let (why, fix) = match reason(host, errno) {
            Some((why, fix)) => (format!(": {why}"), fix),
            None => {
                let owner = volume.and_then(|volume| volume.owner);
                let why = by_modes(found, errno, stat(host).ok(), subject.account, owner);
                (why, by_access(subject, found))
            }
        };
        let consequence = Consequence::Hindered(format!("cannot write {at}"));
        findings.failed(CHECK, consequence, format!("{name} cannot write {what}{why}"), fix);
    }
}

/// The end of the evidence, and the fix, where root has a home that was the user's: a file there is the user's, who
/// could not make it now. `None`: it may be root's on purpose.
fn was_the_users(found: &Unwritable, subject: &Subject<'_>) -> Option<(String, Fix)> {
    let Subject { account, profile, .. } = *subject;
    let file = Outside::of_escaped(found.own_file.as_ref()?);
    let stat = stat(&account.home).ok().filter(|stat| stat.st_uid == 0 && profile.home_owner.is_none())?;
    let fix = home_access::fix(account, None, &account.home, Need::Write, "");
    fix.command()?;
    let why =
        format!(" ({}), though {file} there is a file of {}'s", described(&stat), escaped(&account.name));
    Some((why, fix.explained("unless root is meant to own the home")))
}

/// The end of the evidence where the kernel has asked the modes. `owner`: the uid with which the user's has changed
/// places there.
fn by_modes(
    found: &Unwritable,
    errno: Errno,
    stat: Option<FileStat>,
    account: &Account,
    owner: Option<u32>,
) -> String {
    let mut state = stat.map(|stat| format!(" ({})", described(&stat))).unwrap_or_default();
    if let Some(owner) = owner {
        state += &format!(", where {} has the rights of {}", escaped(&account.name), user(owner));
    }
    let why = match errno {
        Errno::EACCES if stat.is_some_and(|stat| is_allowed(&stat, account, owner)) => {
            "; its modes allow it, so an access control list or a security module does not"
        }
        Errno::EACCES if found.has_more => ", nor any of the first directories in it",
        Errno::EACCES => ", nor a directory in it (hidden ones aside)",
        other => return format!("{state}: {}", other.desc()),
    };
    format!("{state}{why}")
}

/// Whether the modes let the account write the directory: inode_permission of Linux's fs/namei.c.
fn is_allowed(stat: &FileStat, account: &Account, owner: Option<u32>) -> bool {
    let bits = if stat.st_uid == owner.unwrap_or(account.uid.as_raw()) {
        0o300
    } else if owner.is_none() && account.gids.iter().any(|gid| gid.as_raw() == stat.st_gid) {
        0o030
    } else {
        0o003
    };
    stat.st_mode & bits == bits
}

fn by_access(subject: &Subject<'_>, found: &Unwritable) -> Fix {
    let Subject { account, profile, volumes, .. } = *subject;
    let name = escaped(&account.name);
    let let_write = |host| format!("let {name} write {} on the host, or a directory in it", escaped(host));
    match found.volume {
        None => {
            let sentence = format!(
                "{}; if it is meant to be so, say home = \"read-only\" in the profile {}",
                let_write(&account.home),
                escaped(&profile.name)
            );
            match found.has_more {
                // One that the user can write may be among the others: then the home is root's on purpose.
                true => sentence.into(),
                false => {
                    let owner = profile.home_owner.as_deref();
                    home_access::fix(account, owner, &account.home, Need::Write, sentence)
                }
            }
        }
        Some(index) => match volumes.get(index) {
            Some(volume) => {
                let source = escaped(&volume.source);
                let other = match volume.owner {
                    _ if is_missing(&volume.source) => format!("{OTHER_CREATE} write it"),
                    Some(owner) => format!(
                        "name the account as owner that {source} belongs to, or let {} write it on the host",
                        user(owner)
                    ),
                    None if volume.is_granted => {
                        format!(
                            "{}, or name the account as owner that it belongs to",
                            let_write(&volume.source)
                        )
                    }
                    None => let_write(&volume.source),
                };
                let read_only = match volume.is_granted {
                    true => "access = \"read-only\" in the grant",
                    false => "read_only = true for the volume",
                };
                format!("{other}; if it is meant to be so, say {read_only}").into()
            }
            // The configuration has changed since.
            None => "check again".into(),
        },
    }
}
