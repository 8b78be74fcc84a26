//! Tries out what was written before sshd reloads: sshd and rsyslog read their files, and `sftpjail check`
//! checks a trial member.

use super::choices::Choices;
use super::sshd::Sshd;
use super::syslog;
use super::trial_member::NAME;
use crate::desired::sshd::Setting;
use crate::host::accounts;
use crate::host::groups::members_of;
use crate::host::programs::{self, Output};
use crate::host::sshd::connections::Connection;
use crate::host::sshd::daemon::NoAnswer;
use crate::host::sshd::effective::Settings;
use crate::host::sshd::files::SshdConfig;
use crate::host::sshd::logins;
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::{Group, User};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Gives a line for each thing that could not be checked.
pub(super) fn all(choices: &Choices, sshd: &Sshd) -> Result<Vec<String>, Error> {
    let mut notes = Vec::new();
    sshd.daemon.test()?;
    syslog::test()?;
    let connection = Connection::plain(0, false, "22");
    let own = Path::new("/proc/self/exe");
    for name in &choices.groups {
        let group = Group::by_name(name)?.ok_or_else(|| {
            let what = format!("the group {} was added, but NSS does not know it", escaped(name));
            Error::new(what, "check that /etc/nsswitch.conf has `files` for group")
        })?;
        let gid = group.gid.to_string();
        let asked = sshd.daemon.words(own, &sshd.daemon.arguments(&["-T", "-C", &connection.of_user(NAME)]));
        let output = as_member(&gid, &asked.program, &asked.arguments)?;
        let member = format!("a member of {}", escaped(name));
        if !output.success {
            let what = format!("sshd -T says of {member}: {}", output.words);
            return Err(Error::new(what, "fix what it names"));
        }
        check_settings(&Settings::parse(&output.stdout), choices, sshd, NAME, &member)?;
        let file =
            sshd.daemon.file().into_iter().flat_map(|file| [OsStr::new("--sshd-config"), file.as_os_str()]);
        let check = ["check", "--trial", NAME].map(OsStr::new).into_iter().chain(file);
        let check: Vec<_> = check.map(OsStr::to_owned).collect();
        let output = as_member(&gid, own, &check)?;
        let marked = |mark| output.stdout.lines().filter(move |line| line.starts_with(mark));
        match output.code {
            Some(0) => {}
            Some(2) if marked('!').next().is_some() => notes.extend(marked('!').map(str::to_owned)),
            _ => {
                let (found, fix) = problems(&output.stdout)
                    .unwrap_or_else(|| (output.words.clone(), "fix that first".to_owned()));
                return Err(Error::new(format!("`sftpjail check` says of {member}: {found}"), fix));
            }
        }
    }
    accounts::remembered(|| check_members(choices, sshd))?;
    Ok(notes)
}

/// What the check has found, and the fixes: without the columns in which it prints them. `None`: nothing.
fn problems(printed: &str) -> Option<(String, String)> {
    let mut lines = printed.lines().map(str::trim).peekable();
    let (mut found, mut fixes) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next() {
        let Some(problem) = line.strip_prefix('✗') else { continue };
        let (name, evidence) = problem.trim_start().split_once("  ").unwrap_or(("", problem));
        found.push(match name {
            "" => evidence.trim().to_owned(),
            name => format!("{name}: {}", evidence.trim()),
        });
        fixes.extend(lines.next_if(|line| line.starts_with('→')).and_then(|line| line.strip_prefix("→ ")));
    }
    (!found.is_empty() && !fixes.is_empty()).then(|| (found.join("; "), fixes.join("; then ")))
}

/// Whether sshd, by its files as they are, gives every member what the block says. `false`: there is no member to ask
/// about.
pub(super) fn are_members_jailed(choices: &Choices, sshd: &Sshd) -> bool {
    let members = members_of(choices.groups.iter().map(String::as_str));
    members.is_ok_and(|members| !members.is_empty())
        && accounts::remembered(|| check_members(choices, sshd)).is_ok()
}

/// Asks sshd about every member, for every kind of connection that its configuration distinguishes. It is asked once
/// for all users that it treats alike.
fn check_members(choices: &Choices, sshd: &Sshd) -> Result<(), Error> {
    let mut asked = logins::Sshd::find(sshd.daemon.file()).map_err(NoAnswer::into_error)?;
    let connections = asked.connections.clone();
    // sshd -T cannot be asked about a name with a comma.
    let members = members_of(choices.groups.iter().map(String::as_str))?;
    for user in members.iter().filter(|user| !user.contains(',')) {
        for connection in &connections {
            let settings = asked.settings(user, connection).map_err(NoAnswer::into_error)?;
            let shown = match connections.len() {
                1 => escaped(user).to_string(),
                _ => format!("{} {connection}", escaped(user)),
            };
            let checked = check_settings(&settings, choices, sshd, user, &shown);
            // The list of a group may have names of users who do not exist.
            if checked.is_err() && User::by_name(user)?.is_some() {
                return checked;
            }
        }
    }
    Ok(())
}

/// Runs `program` where a trial member of this group exists.
fn as_member(gid: &str, program: &Path, args: &[OsString]) -> Result<Output, Error> {
    let verb = ["as-member", gid, "--"].map(OsStr::new);
    let all = verb.into_iter().chain([program.as_os_str()]).chain(args.iter().map(OsString::as_os_str));
    programs::run(Path::new("/proc/self/exe"), all)
}

/// Refuses effective settings that lack one of the block. They are those of `user`, who is `shown` in the error.
fn check_settings(
    settings: &Settings,
    choices: &Choices,
    sshd: &Sshd,
    user: &str,
    shown: &str,
) -> Result<(), Error> {
    for setting in choices.settings() {
        let Setting { keyword, value, .. } = &setting;
        let is = settings.get(keyword).unwrap_or("unknown to sshd");
        // sshd prints ChrootDirectory as written or expanded, and older versions do not print
        // DisableForwarding.
        let is_ok = setting.accepts(keyword, is) == Some(true) || is == value.replace("%u", user);
        if !is_ok && *keyword != "DisableForwarding" {
            let what =
                format!("with these changes, {keyword} would be {} for {shown}, not {value}", escaped(is));
            let config = SshdConfig::readable(sshd.daemon.main_file());
            let fix = match config.location_of(keyword, is) {
                Some(location) => format!("remove it at {location}, or exclude members there"),
                None => format!("find the Match block that sets it: grep -rin {keyword} /etc/ssh"),
            };
            return Err(Error::new(what, fix));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_named_with_their_fixes() {
        let printed = "✓ account        anna\n✗ volume         /srv/sftp is missing\n                 → mkdir /srv/sftp\n\
             ✗ host programs  cron runs\n                 → look\nanna cannot log in.\n";
        let (found, fix) = problems(printed).unwrap();
        assert_eq!(found, "volume: /srv/sftp is missing; host programs: cron runs");
        assert_eq!(fix, "mkdir /srv/sftp; then look");
        assert_eq!(problems("sftpjail: error"), None);
    }
}
