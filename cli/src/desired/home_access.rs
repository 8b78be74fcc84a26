//! How an admin lets the user enter or write the home. A home that root owns may be a web root, or hold the homes of
//! others: a command that gives it to the user or to the user's group would take it from them. So it is a sentence
//! unless the directory is plainly the user's. Where it is the user's and holds sub-accounts' homes, the user gets it
//! back, and stays there.

use crate::host::accounts::Accounts;
use crate::report::text::listed_first;
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name, RootPath};
use pam_sftpjail::nss::Group;
use pam_sftpjail::nss::switch::Line;
use pam_sftpjail::plan::root_path;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What the user cannot do there.
#[derive(Clone, Copy)]
pub(crate) enum Need {
    Enter,
    Write,
}

impl Need {
    /// Whether the modes of a directory allow it to others than its owner and its group.
    fn is_for_all(self, mode: u32) -> bool {
        let bits = match self {
            Self::Enter => 0o005,
            Self::Write => 0o003,
        };
        mode & bits == bits
    }
}

/// `home`: its path on the host. `owner`: the account to which it belongs on disk, if that is another one. `otherwise`:
/// what to do where no command is safe, or none helps since the modes allow it already.
pub(crate) fn fix(
    account: &Account,
    owner: Option<&str>,
    home: &Path,
    need: Need,
    otherwise: impl Into<Fix>,
) -> Fix {
    let otherwise = otherwise.into();
    // A login refuses the home if it belongs to the user.
    if let Some(owner) = owner {
        let what = match need {
            Need::Enter => "enter",
            Need::Write => "write",
        };
        let (owner, name, home) = (escaped(owner), escaped(&account.name), escaped(home));
        return format!(
            "let {owner} {what} {home} on the host, since {name} has the rights of {owner} there"
        )
        .into();
    }
    let (Some(path), Ok(found)) = (root_path(home), home.symlink_metadata()) else { return otherwise };
    let uid = account.uid.as_raw();
    if found.is_dir() && found.uid() == uid {
        return match found.mode() & 0o700 {
            0o700 => otherwise,
            _ => Command::new("chmod u+rwx").arg(&path).into(),
        };
    }
    if need.is_for_all(found.mode()) {
        return otherwise;
    }
    // Entries of others may spell it in this way.
    let (Ok(accounts), Ok(real)) = (Accounts::list(), home.canonicalize()) else { return otherwise };
    let others = [home, &account.home, &real].map(|at| accounts.with_home_below(at, uid));
    if let Some(others) = others.into_iter().find(|others| !others.is_empty()) {
        let name = escaped(&account.name);
        if !(is_of_main_account(account, home, &others) && found.is_dir() && found.uid() == 0) {
            let shown = escaped(home);
            return format!("give {name} a home of its own (usermod -d): {shown} holds the homes of others")
                .into();
        }
        let are = if others.len() == 1 { "is a sub-account" } else { "are sub-accounts" };
        let first = format!("see that {} {are} of {name}'s", listed_first(others.iter()));
        return Fix::after(first, &given(account, &path));
    }
    match need {
        _ if !is_roots_by_their_name(account, home, &found) => otherwise,
        // Not by a group that could write: sshd's StrictModes takes no keys from such a home.
        Need::Write => given(account, &path).into(),
        // Root stays the owner.
        Need::Enter if is_group_theirs(account, &accounts) => {
            let modes = Command::new("chmod g+rx").arg(&path);
            Command::new("chgrp").arg(account.gid.as_raw()).arg(&path).and(&modes).into()
        }
        Need::Enter => otherwise,
    }
}

/// Makes the account the owner.
fn given(account: &Account, path: &RootPath) -> Command {
    let owned = Command::new("chown -h").arg(Name(&account.name)).arg(path);
    owned.and(&Command::new("chmod u+rwx").arg(path))
}

/// Whether a directory with the homes of others is by the names the account's own, as that of a hosting customer with
/// sub-accounts is. It is not where it only stands above all of them, as `/home` does.
pub(crate) fn is_of_main_account(account: &Account, home: &Path, others: &[&str]) -> bool {
    let is_sub_account = |other: &&str| {
        other.strip_prefix(account.name.as_str()).is_some_and(|rest| rest.starts_with(['-', '_', '.', '+']))
    };
    home.file_name().is_some_and(|last| last == account.name.as_str()) || others.iter().all(is_sub_account)
}

/// Whether root owns a home that has the account's name, and that no other group has been given.
fn is_roots_by_their_name(account: &Account, home: &Path, found: &Metadata) -> bool {
    let is_roots = found.is_dir() && found.uid() == 0 && [0, account.gid.as_raw()].contains(&found.gid());
    is_roots && home.file_name().is_some_and(|last| last == account.name.as_str())
}

/// Whether the primary group is for this user only.
fn is_group_theirs(account: &Account, accounts: &Accounts) -> bool {
    let has_own_name =
        Group::by_gid(account.gid).is_ok_and(|group| group.is_some_and(|group| group.name == account.name));
    // Where NSS does not list everybody, others may be in the group.
    has_own_name
        && Line::all_are_listed()
        && accounts.is_alone_in(account.gid.as_raw(), account.uid.as_raw()).unwrap_or(false)
}
