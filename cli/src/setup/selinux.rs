//! Loads the policy module of SELinux that sshd needs for jails, and labels what setup made for them. What the module
//! says is in `desired::selinux`.

use super::change::{Change, FileChange};
use super::choices::Choices;
use super::target::Target;
use super::{atomic, directory};
use crate::desired::selinux::{FILE_TYPE, MODULE, PATH, ROOT_TYPE, policy};
use crate::host::programs;
use crate::host::selinux::{self, Context, LABEL};
use crate::report::Error;
use rustix::fs::{XattrFlags, lsetxattr};
use std::io;
use std::path::{Path, PathBuf};

/// What may have come about before the policy module was loaded, besides the jail root.
const RUN: [&str; 2] = ["/run/sftpjail", "/run/sftpjail-dev"];

/// The changes that SELinux needs; none where it is off.
pub(super) fn changes(choices: &Choices) -> Result<Vec<Change>, Error> {
    if selinux::mode().is_none() {
        return Ok(Vec::new());
    }
    semodule()?;
    let path = Path::new(PATH);
    let target = Target::ours(path)?;
    let (before, after) = (target.read()?, policy(&choices.jail_root).into_bytes());
    if before.as_ref() == Some(&after) {
        return Ok(Vec::new());
    }
    let mut changes = Vec::new();
    if let Some(above) = path.parent().filter(|_| choices.new_config.is_none()) {
        changes.extend(directory::change(above, 0o755)?);
    }
    changes.push(Change::File(FileChange::whole(target, before, after)));
    Ok(changes)
}

fn semodule() -> Result<PathBuf, Error> {
    selinux::semodule().ok_or_else(|| {
        Error::new(
            "SELinux is on, and there is no semodule to load the policy module with that sshd needs for jails",
            "install it: it is in the package policycoreutils",
        )
    })
}

/// Whether it is the policy module: it has to be loaded after a change of it.
pub(super) fn is_policy(path: &Path) -> bool {
    path == Path::new(PATH)
}

/// Whether the policy module's file is there and SELinux is on without it.
pub(super) fn is_unloaded() -> Result<bool, Error> {
    if selinux::mode().is_none() || !Path::new(PATH).exists() {
        return Ok(false);
    }
    let is_known = selinux::knows_type(ROOT_TYPE).map_err(|error| {
        let what =
            format!("the kernel does not say whether SELinux has the policy module for jails: {error}");
        Error::new(what, "see what `sestatus` says")
    })?;
    Ok(!is_known)
}

/// Labels what is there; before that, where the policy module's file was changed, loads it, or unloads it where the
/// file is gone. Gives the sentence that says so. Where SELinux is off, it does nothing.
pub(super) fn load(is_changed: bool, directories: &[PathBuf]) -> Result<Option<String>, Error> {
    if selinux::mode().is_none() {
        return Ok(None);
    }
    let is_there = atomic::is_file(Path::new(PATH))?;
    // A setup that failed may not have loaded it.
    let is_due = is_changed && (is_there || selinux::knows_type(ROOT_TYPE).unwrap_or(true));
    let said = match is_there {
        _ if !is_due => None,
        true => {
            label_policy()?;
            // One that somebody has disabled stays disabled, whatever is installed: semodule(8).
            semodule_with(&["-i", PATH, "-e", MODULE])?;
            Some(format!("SELinux has loaded the policy module for jails (semodule -i {PATH} -e {MODULE})."))
        }
        false => {
            semodule_with(&["-r", MODULE])?;
            leave_run()?;
            Some(format!("SELinux has unloaded the policy module for jails (semodule -r {MODULE})."))
        }
    };
    label(directories).map(|()| said)
}

/// Gives what is in /run the label of /run itself, since the policy no longer knows its type and names no other.
fn leave_run() -> Result<(), Error> {
    for path in RUN.map(Path::new).into_iter().filter(|path| path.is_dir()) {
        set_label(path, Context::of_file(Path::new("/run")))?;
    }
    Ok(())
}

/// Gives the policy module's file the label with which semodule may read it.
fn label_policy() -> Result<(), Error> {
    set_label(Path::new(PATH), Context::of_file(Path::new("/")).map(|root| root.of_object(FILE_TYPE)))
}

fn set_label(path: &Path, label: io::Result<Context>) -> Result<(), Error> {
    let labelled = label.and_then(|label| Ok(lsetxattr(path, LABEL, label.as_bytes(), XattrFlags::empty())?));
    labelled.map_err(|error| Error::with(path, "be labelled", &error))
}

fn semodule_with(args: &[&str]) -> Result<(), Error> {
    programs::must(&semodule()?, args, "fix what it names, and run this again").map(drop)
}

/// Gives the labels of the loaded policy to what is ours. Homes keep theirs: nothing below the jail root is touched.
fn label(directories: &[PathBuf]) -> Result<(), Error> {
    let fix = "see what it says, and label them by hand";
    let Some(restorecon) = programs::find("restorecon") else { return Ok(()) };
    let there: Vec<_> = directories.iter().filter(|directory| directory.is_dir()).collect();
    if !there.is_empty() {
        programs::must(&restorecon, there, fix)?;
    }
    let run: Vec<_> = RUN.into_iter().filter(|path| Path::new(path).is_dir()).collect();
    if !run.is_empty() && Path::new(PATH).exists() {
        programs::must(&restorecon, ["-R"].into_iter().chain(run), fix)?;
    }
    Ok(())
}
