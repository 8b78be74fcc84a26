//! Checks the directories above a home and above the sources of volumes: whether the jail opens a home that their modes
//! close, and who can replace the home or a source.
//!
//! What is below the home of another account, the main account of a hosting customer, is meant to be there: then this
//! is no warning.

use super::path_to_home::{self, PathToHome, described, group, user};
use crate::desired::home_access;
use crate::host::accounts::Accounts;
use crate::report::Findings;
use crate::report::text::listed_first;
use nix::sys::stat::{FileStat, Mode, stat};
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::plan::{VolumePaths, root_path};
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// The home of another account, above the account's own.
struct MainHome {
    name: String,
    uid: u32,
    /// Without symlinks.
    home: PathBuf,
}

impl MainHome {
    /// `spelled`: the path as the account's entry or the configuration has it; `way`: the directories from `/` to it.
    fn find(accounts: &Accounts, account: &Account, spelled: &Path, way: &[PathBuf]) -> Option<Self> {
        let (path, all_above) = way.split_last()?;
        all_above.iter().find_map(|above| {
            // As the entries of both accounts spell it.
            let below = path.strip_prefix(above).ok()?.components().count();
            let spelled = spelled.ancestors().nth(below)?;
            let (name, uid) = accounts.with_home(spelled).or_else(|| accounts.with_home(above))?;
            let is_theirs =
                uid != 0 && name != account.name && stat(above).is_ok_and(|stat| stat.st_uid == uid);
            is_theirs.then(|| Self { name: name.to_owned(), uid, home: above.clone() })
        })
    }

    fn has(&self, directory: &Path) -> bool {
        directory.starts_with(&self.home)
    }
}

impl Display for MainHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, the home of {}", escaped(&self.home), escaped(&self.name))
    }
}

/// Checks the directories above the home. `has_keys`: whether sshd looks for keys of the user's.
pub(super) fn examine(
    account: &Account,
    accounts: &Accounts,
    path_to_home: &PathToHome,
    has_keys: bool,
    findings: &mut Findings,
) {
    others(account, accounts, path_to_home, findings);
    let main = MainHome::find(accounts, account, &account.home, path_to_home.directories());
    access(account, path_to_home, main.as_ref(), has_keys, findings);
    writable_by_all(path_to_home, findings);
    let home = Replaceable {
        check: "home parents",
        what: "the home".to_owned(),
        by: format!("another directory that {} or root owns", escaped(&account.name)),
        on_disk: None,
    };
    parents(account, path_to_home.above(), main.as_ref(), &home, findings);
}

/// Checks the directories above the sources of volumes. One that is missing yet is made where only root can write.
pub(super) fn examine_volumes(
    account: &Account,
    accounts: &Accounts,
    volumes: &[VolumePaths],
    findings: &mut Findings,
) {
    for VolumePaths { target, source, owner, .. } in volumes {
        let way = path_to_home::way_to(source);
        let Some((_, above)) = way.split_last() else { continue };
        let main = MainHome::find(accounts, account, source, &way);
        let volume = Replaceable {
            check: "volume parents",
            what: escaped(source).to_string(),
            by: format!("any other directory, which members would see as {}", escaped(target)),
            on_disk: *owner,
        };
        parents(account, above, main.as_ref(), &volume, findings);
    }
}

/// What can be replaced by who can write a directory above it.
struct Replaceable {
    check: &'static str,
    what: String,
    /// What it can be replaced with: a login refuses a home that another user owns.
    by: String,
    /// The uid of the account whose files the member has there, who may do as it likes with them.
    on_disk: Option<u32>,
}

/// All that is below the home is in the jail, such as all homes if the home is `/home`. A main account owns the home
/// that holds its sub-accounts' homes.
fn others(account: &Account, accounts: &Accounts, path_to_home: &PathToHome, findings: &mut Findings) {
    let Some(home) = path_to_home.home() else { return };
    let uid = account.uid.as_raw();
    // The home of another user is refused already.
    let Some(stat) = stat(home).ok().filter(|stat| stat.st_uid == 0 && uid != 0) else { return };
    let mut names = accounts.with_home_below(&account.home, uid);
    if names.is_empty() {
        names = accounts.with_home_below(home, uid);
    }
    // A main account's home that root has taken: the rehearsal says what that hinders.
    if names.is_empty() || home_access::is_of_main_account(account, home, &names) {
        return;
    }
    let name = escaped(&account.name);
    let evidence = format!(
        "{} ({}) holds the homes of {}: the jail has all of it, and {name} can do there what the modes allow",
        escaped(home),
        described(&stat),
        listed_first(names.iter())
    );
    let fix =
        format!("unless {name} is meant to reach all of that, give {name} a home of its own (usermod -d)");
    findings.warned("other homes", evidence, fix);
}

/// A bind mount opens the home even where a directory above it is closed.
fn access(
    account: &Account,
    path_to_home: &PathToHome,
    main: Option<&MainHome>,
    has_keys: bool,
    findings: &mut Findings,
) {
    let check = "home access";
    let Some(tried) = &path_to_home.tried else { return };
    let closed = path_to_home.above().iter().enumerate().find(|(i, _)| tried.is_closed(*i));
    let Some((_, directory)) = closed else {
        return findings.passed(check, "the user may enter every directory above the home");
    };
    let (name, home) = (escaped(&account.name), escaped(&account.home));
    let keys = if has_keys { "; sshd cannot read keys there, since it reads them as the user" } else { "" };
    if let Some(main) = main.filter(|main| main.has(directory)) {
        return findings
            .passed(check, format!("the jail shows {home}; {name} may not enter {main}, above it{keys}"));
    }
    let state = stat(directory).map(|stat| described(&stat)).unwrap_or_default();
    let evidence = format!(
        "{name} may not enter {} ({state}), but the jail shows {home} below it{keys}",
        escaped(directory)
    );
    let fix = format!("if that is not intended, let {name} enter it, or give {name} a home elsewhere");
    findings.warned(check, evidence, fix);
}

/// Outside of the jail, others can then change what the user has there, and sshd takes no key from it.
fn writable_by_all(path_to_home: &PathToHome, findings: &mut Findings) {
    let Some(home) = path_to_home.home() else { return };
    let lets_others =
        |directory: &Path, bits: u32| stat(directory).is_ok_and(|stat| stat.st_mode & bits == bits);
    if !path_to_home.above().iter().all(|above| lets_others(above, 0o001)) {
        return;
    }
    let Some(stat) = stat(home).ok().filter(|stat| stat.st_mode & 0o003 == 0o003) else { return };
    let evidence = format!("everybody on this host can write in {} ({})", escaped(home), described(&stat));
    let words = "if that is not intended";
    let fix = match root_path(home) {
        Some(path) => Fix::from(Command::new("chmod o-w").arg(&path)).explained(words),
        None => format!("{words}, let only its owner write in {}", escaped(home)).into(),
    };
    findings.warned("home access", evidence, fix);
}

/// Users who can write a directory above it can replace it between two logins.
fn parents(
    account: &Account,
    above: &[PathBuf],
    main: Option<&MainHome>,
    replaceable: &Replaceable,
    findings: &mut Findings,
) {
    let Replaceable { check, what, by, on_disk } = replaceable;
    let mut is_ok = true;
    let mut is_mains = false;
    for directory in above {
        let Ok(stat) = stat(directory) else { continue };
        let main = main.filter(|main| main.has(directory) && main.uid == stat.st_uid);
        is_mains |= main.is_some();
        let mut who = Vec::new();
        let is_owners = stat.st_uid == account.uid.as_raw() || *on_disk == Some(stat.st_uid);
        if stat.st_uid != 0 && !is_owners && main.is_none() {
            who.push(format!("its owner {}", user(stat.st_uid)));
        }
        // In a sticky directory, such as /tmp, only the owner of an entry can replace it.
        let is_open = |bit| stat.st_mode & bit != 0 && stat.st_mode & Mode::S_ISVTX.bits() == 0;
        // Who shares the home of a main account is that account's choice.
        if is_open(0o020) && main.is_none() {
            who.push(format!("the group {}", group(stat.st_gid)));
        }
        if is_open(0o002) {
            who.push("everybody".into());
        }
        if !who.is_empty() {
            is_ok = false;
            let evidence = format!(
                "{} ({}): {} can replace {what} with {by}",
                escaped(directory),
                described(&stat),
                who.join(" and "),
            );
            findings.warned(check, evidence, parent_fix(directory, &stat));
        }
    }
    match main.filter(|_| is_mains) {
        _ if !is_ok || above.is_empty() => {}
        Some(main) => findings.passed(check, format!("below {main}, who can replace it")),
        None => {
            let who = if on_disk.is_some() { "root and the owner" } else { "root and the user" };
            findings.passed(check, format!("only {who} can replace the directories above {what}"));
        }
    }
}

/// What keeps others from replacing it. The owner of the directory may need it, so that stays as it is.
fn parent_fix(directory: &Path, stat: &FileStat) -> Fix {
    let words = "if that is not intended";
    let modes = root_path(directory).filter(|_| stat.st_uid == 0);
    match modes.map(|path| Command::new("chmod go-w").arg(&path)) {
        Some(modes) => Fix::from(modes).explained(words),
        None => format!("{words}, let only root own and write {}", escaped(directory)).into(),
    }
}
