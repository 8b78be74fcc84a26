//! How an admin lets the user enter or write the home. A home that root owns may be a web root, or hold the homes of
//! others: a command that gives it to the user's group would take it from them. So it is a sentence unless the directory
//! is plainly the user's.

use crate::host::accounts::Accounts;
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
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

/// `home`: its path on the host. `sentence`: what to do where no command is safe.
pub(crate) fn fix(account: &Account, home: &Path, need: Need, sentence: String) -> Fix {
    let (Some(path), Ok(found)) = (root_path(home), home.symlink_metadata()) else { return sentence.into() };
    let uid = account.uid.as_raw();
    if found.is_dir() && found.uid() == uid {
        return Command::new("chmod u+rwx").arg(&path).into();
    }
    let Ok(accounts) = Accounts::list() else { return sentence.into() };
    if [home, &account.home].into_iter().any(|at| !accounts.with_home_below(at, uid).is_empty()) {
        let name = escaped(&account.name);
        return format!(
            "give {name} a home of its own (usermod -d): {} holds the homes of others",
            escaped(home)
        )
        .into();
    }
    if !is_plainly_theirs(account, &accounts, home, &found) {
        return sentence.into();
    }
    // Root stays the owner.
    let modes = match need {
        Need::Enter => Command::new("chmod g+rx"),
        Need::Write => Command::new("chmod g+rwx"),
    };
    Command::new("chgrp").arg(account.gid.as_raw()).arg(&path).and(&modes.arg(&path)).into()
}

/// Whether a home that root owns is for this user only: neither its path nor its group stands for anybody else.
fn is_plainly_theirs(account: &Account, accounts: &Accounts, home: &Path, found: &Metadata) -> bool {
    let is_roots = found.is_dir() && found.uid() == 0 && found.gid() == 0;
    let has_own_name = home.file_name().is_some_and(|last| last == account.name.as_str());
    let has_own_group = || {
        Group::by_gid(account.gid).is_ok_and(|group| group.is_some_and(|group| group.name == account.name))
    };
    // Where NSS does not list everybody, others may be in the group.
    let is_alone = || {
        Line::all_are_listed()
            && accounts.is_alone_in(account.gid.as_raw(), account.uid.as_raw()).unwrap_or(false)
    };
    is_roots && has_own_name && has_own_group() && is_alone()
}
