//! Tries out what was written before sshd reloads: sshd and rsyslog read their files, and `sftpjail check`
//! checks a trial member.

use super::choices::Choices;
use super::sshd::Sshd;
use super::syslog;
use super::trial_member::NAME;
use crate::desired::sshd::{Setting, block};
use crate::host::programs::{self, Output};
use crate::host::sshd::connections::Connection;
use crate::host::sshd::effective::Settings;
use crate::host::sshd::files::SshdConfig;
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::Group;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The number of members of each group about whom sshd is asked.
const MAX_MEMBERS: usize = 50;

/// Gives a line for each thing that could not be checked.
pub(super) fn all(choices: &Choices, sshd: &Sshd) -> Result<Vec<String>, Error> {
    let mut notes = Vec::new();
    sshd.daemon.test()?;
    syslog::test()?;
    let connection = Connection::plain(0, false, "22");
    let asked = |user: &str| sshd.daemon.arguments(&["-T", "-C", &connection.of_user(user)]);
    for name in &choices.groups {
        let group = Group::by_name(name)?.ok_or_else(|| {
            let what = format!("the group {} was added, but NSS does not know it", escaped(name));
            Error::new(what, "check that /etc/nsswitch.conf has `files` for group")
        })?;
        let gid = group.gid.to_string();
        let output = as_member(&gid, &sshd.daemon.binary, &asked(NAME))?;
        let member = format!("a member of {}", escaped(name));
        check_settings(&output, choices, sshd, NAME, &member)?;
        for user in group.members.iter().filter(|user| !user.contains(',')).take(MAX_MEMBERS) {
            let output = programs::run(&sshd.daemon.binary, asked(user))?;
            check_settings(&output, choices, sshd, user, &escaped(user).to_string())?;
        }
        let program = Path::new("/proc/self/exe");
        let file =
            sshd.daemon.file().into_iter().flat_map(|file| [OsStr::new("--sshd-config"), file.as_os_str()]);
        let check = ["check", NAME].map(OsStr::new).into_iter().chain(file);
        let check: Vec<_> = check.map(OsStr::to_owned).collect();
        let output = as_member(&gid, program, &check)?;
        let marked = |mark| output.stdout.lines().filter(move |line| line.starts_with(mark));
        match output.code {
            Some(0) => {}
            Some(2) if marked('!').next().is_some() => notes.extend(marked('!').map(str::to_owned)),
            _ => {
                let problems: Vec<_> = marked('✗').collect();
                let shown = if problems.is_empty() { output.words.clone() } else { problems.join(" / ") };
                let what = format!("`sftpjail check` says of {member}: {shown}");
                return Err(Error::new(what, "fix that first"));
            }
        }
    }
    Ok(notes)
}

/// Runs `program` where a trial member of this group exists.
fn as_member(gid: &str, program: &Path, args: &[OsString]) -> Result<Output, Error> {
    let verb = ["as-member", gid, "--"].map(OsStr::new);
    let all = verb.into_iter().chain([program.as_os_str()]).chain(args.iter().map(OsString::as_os_str));
    programs::run(Path::new("/proc/self/exe"), all)
}

/// Refuses effective settings that lack one of the block. `output`: that of `sshd -T` for `user`, who is
/// `shown` in the error.
fn check_settings(
    output: &Output,
    choices: &Choices,
    sshd: &Sshd,
    user: &str,
    shown: &str,
) -> Result<(), Error> {
    if !output.success {
        return Err(Error::new(format!("sshd -T says of {shown}: {}", output.words), "fix what it names"));
    }
    let settings = Settings::parse(&output.stdout);
    for Setting { keyword, value, .. } in block(&choices.jail_root).into_iter().filter(|s| s.is_required) {
        let is = settings.get(keyword).unwrap_or("unknown to sshd");
        // sshd prints ChrootDirectory as written or expanded, and older versions do not print
        // DisableForwarding.
        let is_ok = is.eq_ignore_ascii_case(&value) || is == value.replace("%u", user);
        if !is_ok && keyword != "DisableForwarding" {
            let what =
                format!("with these changes, {keyword} would be {} for {shown}, not {value}", escaped(is));
            let config = SshdConfig::read(sshd.daemon.main_file());
            let fix = match config.location_of(keyword, is) {
                Some(location) => format!("remove it at {location}, or exclude members there"),
                None => format!("find the Match block that sets it: grep -rin {keyword} /etc/ssh"),
            };
            return Err(Error::new(what, fix));
        }
    }
    Ok(())
}
