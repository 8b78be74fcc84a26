//! What an admin can do about a home that is missing, or that somebody else owns.
//!
//! A directory may be the home of several accounts, or a web root. So a command is given only for a home that has the
//! account's name, and that belongs to nobody else by its path.

use crate::account::Account;
use crate::escape::escaped;
use crate::fix::{Command, Fix, Mode, Name};
use crate::nss::{Group, User};
use crate::path::Normalised;
use crate::plan::root_path;
use nix::unistd::Uid;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;

/// The settings with which useradd(8) makes homes: login.defs(5).
const LOGIN_DEFS: &str = "/etc/login.defs";

/// In bytes. The file is a few pages of text; no more of it is read.
const MAX_SIZE: u64 = 256 << 10;

/// UIDs below this one are for the system's own accounts: UID_MIN of login.defs(5).
const FIRST_UID: u32 = 1000;

/// The fix for a home that may not be where it is.
pub(super) fn elsewhere(jail_root: &Normalised, account: &Account) -> Fix {
    let overlaps = |home: &OsStr| Normalised::parse(home).is_ok_and(|home| home.overlaps(jail_root));
    let usual = format!("/home/{}", account.name);
    // A jail root above all homes is wrong, not the homes.
    if overlaps(usual.as_ref()) {
        return "set another jail_root in the configuration, outside of all homes, such as /jail".into();
    }
    let mut fix = format!("give the account another home, such as {}", escaped(&usual));
    if overlaps(account.home.as_os_str()) {
        fix.push_str(", or set another jail_root in the configuration, outside of all homes");
    }
    fix.into()
}

/// The fix for a missing home.
pub(super) fn missing(account: &Account) -> Fix {
    let words = "restore it from a backup";
    let Some(home) = root_path(&account.home) else {
        // What an owner makes there is the owner's.
        let above = account.home.ancestors().skip(1).find(|above| above.symlink_metadata().is_ok());
        let (above, home) = (escaped(above.unwrap_or(&account.home)), escaped(&account.home));
        return format!(
            "{words}, or let the owner of {above} make {home}; then see that it is a directory and no symlink, and \
             make {} its owner",
            escaped(&account.name)
        )
        .into();
    };
    if !has_own_name(account) {
        return format!("{words}, or make it with the owner, the group and the mode that it had").into();
    }
    let make =
        Command::new("install -d -m").arg(Mode(mode_of_new_homes())).arg("-o").arg(Name(&account.name));
    let make = match Group::by_gid(account.gid) {
        Ok(Some(group)) => make.arg("-g").arg(Name(&group.name)),
        _ => make.arg("-g").arg(account.gid.as_raw()),
    };
    Fix::from(make.arg(&home)).explained(format!("{words}, or make an empty one"))
}

/// The fix for a home that `owner` owns, who is neither the account nor root.
pub(super) fn of_another(account: &Account, owner: Uid) -> Fix {
    let (name, home) = (escaped(&account.name), escaped(&account.home));
    let other = match User::by_uid(owner) {
        Ok(other) => other,
        Err(_) => return format!("find out whose it is, and give it to {name} if it is theirs").into(),
    };
    let is_free = other.as_ref().is_none_or(|other| {
        let is_system = other.uid.as_raw() < FIRST_UID || other.name == "nobody";
        has_own_name(account) && !is_system && !account.home.starts_with(&other.home)
    });
    let own =
        root_path(&account.home).map(|home| Command::new("chown -h").arg(Name(&account.name)).arg(&home));
    let Some(other) = other else { return Fix::or(own, format!("give it to {name}")) };
    if is_free {
        let first = format!("if it is not meant to be {}'s", escaped(&other.name));
        return match own {
            Some(own) => Fix::after(first, &own),
            None => format!("{first}, give it to {name}").into(),
        };
    }
    format!(
        "leave it to {}; give {name} a home of its own, and a profile whose jail shows {home} as a volume \
         ([[profile.volume]] with source = \"{}\" and target = \"{}\"), with a group or an access control list for \
         what {name} may do there",
        escaped(&other.name),
        account.home.display().to_string().replace('%', "%%").escape_debug(),
        target(account)
    )
    .into()
}

/// Where the volume appears.
fn target(account: &Account) -> String {
    let last = account.home.file_name().unwrap_or_default().to_string_lossy();
    format!("/{}", last.replace('%', "%%").escape_debug())
}

/// Whether the home is plainly the account's: /home/anna for anna.
fn has_own_name(account: &Account) -> bool {
    account.home.file_name().is_some_and(|last| last == account.name.as_str())
}

/// The mode that useradd(8) gives to a new home.
fn mode_of_new_homes() -> u32 {
    let mut text = Vec::new();
    // Without the file, useradd takes its own defaults.
    let _ = File::open(LOGIN_DEFS).and_then(|file| file.take(MAX_SIZE).read_to_end(&mut text));
    mode_in(&String::from_utf8_lossy(&text))
}

fn mode_in(login_defs: &str) -> u32 {
    let number = |key: &str| {
        let mut lines = login_defs.lines().filter_map(|line| line.trim_start().strip_prefix(key));
        let value = lines.rfind(|rest| rest.starts_with(char::is_whitespace))?.trim();
        // As strtol(3) reads it.
        match value.strip_prefix('0') {
            Some(octal) => u32::from_str_radix(octal, 8).ok().or((octal.is_empty()).then_some(0)),
            None => value.parse().ok(),
        }
    };
    number("HOME_MODE").unwrap_or_else(|| !number("UMASK").unwrap_or(0o022)) & 0o777
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_that_of_useradd() {
        for (text, mode) in [
            ("", 0o755),
            ("# UMASK 077\nUMASK\t\t027\n", 0o750),
            ("UMASK 022\nHOME_MODE 0700\n", 0o700),
            ("#HOME_MODE 0700\nUMASK 077", 0o700),
            ("UMASK_OF_OTHERS 077\n", 0o755),
            ("UMASK 0", 0o777),
            ("HOME_MODE what", 0o755),
        ] {
            assert_eq!(mode_in(text), mode, "{text}");
        }
    }
}
