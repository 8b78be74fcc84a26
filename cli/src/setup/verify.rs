//! Whether what was written works, before sshd is told of it: sshd and rsyslog read their files, and
//! sshd, PAM and the jail are as they must be for a member who exists in a namespace of ours only.

use super::desired_state::DesiredState;
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
use std::path::Path;

/// Of how many members sshd is asked.
const MAX_ASKED: usize = 50;

/// Gives what could not be looked at, a line each.
pub(super) fn all(desired: &DesiredState, sshd: &Sshd) -> Result<Vec<String>, Error> {
    let mut notes = Vec::new();
    sshd.daemon.test()?;
    syslog::test()?;
    let nowhere = Connection::plain(0, false, "22");
    for name in &desired.groups {
        let group = Group::by_name(name)?.ok_or_else(|| {
            let what = format!("the group {} was added and is not there", escaped(name));
            Error::new(what, "see whether /etc/nsswitch.conf asks `files` for groups")
        })?;
        let gid = group.gid.to_string();
        let said = as_member(&gid, &sshd.daemon.binary, &["-T", "-C", &nowhere.of_user(NAME)])?;
        let someone = format!("a member of {}", escaped(name));
        settings(&said, desired, NAME, &someone)?;
        for user in group.members.iter().filter(|user| !user.contains(',')).take(MAX_ASKED) {
            let said = programs::run(&sshd.daemon.binary, ["-T", "-C", &nowhere.of_user(user)])?;
            settings(&said, desired, user, &escaped(user).to_string())?;
        }
        let program = Path::new("/proc/self/exe");
        let said = as_member(&gid, program, &["check", NAME])?;
        let marked = |mark| said.stdout.lines().filter(move |line| line.starts_with(mark));
        match said.code {
            Some(0) => {}
            Some(2) if marked('!').next().is_some() => notes.extend(marked('!').map(str::to_owned)),
            _ => {
                let wrong: Vec<_> = marked('✗').collect();
                let shown = if wrong.is_empty() { said.words.clone() } else { wrong.join(" / ") };
                let what = format!("`sftpjail check` says of {someone}: {shown}");
                return Err(Error::new(what, "fix that first"));
            }
        }
    }
    Ok(notes)
}

/// Runs `program` where a member of this group exists.
fn as_member(gid: &str, program: &Path, args: &[&str]) -> Result<Output, Error> {
    let ours = ["as-member", gid, "--"].map(std::ffi::OsStr::new);
    let all = ours.into_iter().chain([program.as_os_str()]).chain(args.iter().map(std::ffi::OsStr::new));
    programs::run(Path::new("/proc/self/exe"), all)
}

fn settings(said: &Output, desired: &DesiredState, user: &str, shown: &str) -> Result<(), Error> {
    if !said.success {
        return Err(Error::new(format!("sshd -T says of {shown}: {}", said.words), "fix what it names"));
    }
    let settings = Settings::parse(&said.stdout);
    for Setting { keyword, value, .. } in block(&desired.jail_root).into_iter().filter(|s| s.is_required) {
        let is = settings.get(keyword).unwrap_or("unknown to it");
        // Printed as written, and older ones do not print this.
        let is_ours = is.eq_ignore_ascii_case(&value) || is == value.replace("%u", user);
        if !is_ours && keyword != "DisableForwarding" {
            let what = format!(
                "sshd would hold {keyword} to be {} for {shown}, and not {value}, with these changes",
                escaped(is)
            );
            let config = SshdConfig::main_file().map(SshdConfig::read);
            let fix = match config.as_ref().and_then(|config| config.location_of(keyword, is)) {
                Some(location) => format!("take it out at {location}, or exempt members there"),
                None => format!("see which Match block sets it: grep -rin {keyword} /etc/ssh"),
            };
            return Err(Error::new(what, fix));
        }
    }
    Ok(())
}
