//! Adds to the profiles of AppArmor what sshd and rsyslog need for jails, where such profiles are loaded.
//!
//! The rules go into the files that are there for an admin's own. The flag that lets a process reach what is not mounted
//! yet can only stand in the profile itself.

use super::change::{Change, FileChange};
use super::choices::Choices;
use super::journal::Replaced;
use super::sshd::Sshd;
use super::target::Target;
use crate::host::apparmor::{LOCK, Profile, WRITE, profile};
use crate::host::programs;
use crate::report::Error;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use std::io;
use std::path::{Path, PathBuf};

const FOR_SSHD: &str = include_str!("../../../packaging/apparmor/usr.sbin.sshd");
const FOR_RSYSLOG: &str = include_str!("../../../packaging/apparmor/usr.sbin.rsyslogd");

/// The flag with which a jail can be put together before it is mounted: apparmor.d(5).
const FLAG: &str = "attach_disconnected";

/// What the rules let sshd write besides the jail root, and rsyslogd.
const IN_REGISTRY: &str = "/run/sftpjail/x";
const SOCKET: &str = "/run/sftpjail-dev/log";

/// Where profiles are.
const DIRECTORY: &str = "/etc/apparmor.d";

/// The changes that AppArmor needs; none where no such profile is loaded.
pub(super) fn changes(choices: &Choices, sshd: &Sshd) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    if let Some(profile) = of_sshd(sshd) {
        let usual = format!("{}/", Config::default().jail_root.absolute().display());
        let rules = FOR_SSHD.replace(&usual, &format!("{}/", choices.jail_root.display()));
        changes.extend(with_rules(&profile, &rules)?);
        changes.extend(with_flag(&profile)?);
    }
    if let Some(profile) = of_rsyslogd() {
        changes.extend(with_rules(&profile, FOR_RSYSLOG)?);
    }
    Ok(changes)
}

/// The profile that is loaded for this sshd.
fn of_sshd(sshd: &Sshd) -> Option<Profile> {
    let binary = &sshd.daemon.binary;
    profile(&binary.canonicalize().unwrap_or_else(|_| binary.clone()))
}

fn of_rsyslogd() -> Option<Profile> {
    profile(&programs::find("rsyslogd")?)
}

/// The files of profiles that have the rules and that the kernel has without them: what no profile allows but by these.
pub(super) fn unloaded(choices: &Choices, sshd: &Sshd) -> Result<Vec<PathBuf>, Error> {
    let in_jail_root = choices.jail_root.join("x");
    let of_sshd = [in_jail_root.as_path(), Path::new(IN_REGISTRY)].map(|path| (WRITE | LOCK, path));
    let of_rsyslogd = [(WRITE, Path::new(SOCKET))];
    let asked = [(self::of_sshd(sshd), of_sshd.as_slice()), (self::of_rsyslogd(), of_rsyslogd.as_slice())];
    let mut unloaded = Vec::new();
    for (profile, needs) in asked.into_iter().filter_map(|(profile, needs)| Some((profile?, needs))) {
        let answers = needs.iter().map(|(permissions, path)| profile.allows(*permissions, path));
        let has_rules = answers.collect::<io::Result<Vec<_>>>().map_err(|error| {
            let name = escaped(&profile.name);
            let what = format!("the kernel does not say what AppArmor's profile {name} allows: {error}");
            Error::new(what, "see what aa-status says")
        })?;
        if has_rules.contains(&false) {
            unloaded.push(profile.file);
        }
    }
    Ok(unloaded)
}

/// Adds these rules to the file with an admin's own, which the profile must include.
fn with_rules(profile: &Profile, rules: &str) -> Result<Option<Change>, Error> {
    let text = read(&profile.file)?;
    let name = profile.local.strip_prefix(DIRECTORY).unwrap_or(&profile.local);
    let included = format!("<{}>", name.display());
    if !text.lines().any(|line| line.contains("include") && line.contains(&included)) {
        let what = format!(
            "{} confines a program that jails need, and does not include {}",
            escaped(&profile.file),
            escaped(&profile.local)
        );
        return Err(Error::new(
            what,
            format!("add this as its last line but one: include if exists {included}"),
        ));
    }
    let target = Target::of_others(&profile.local)?;
    let before = target.read()?;
    let text = String::from_utf8_lossy(before.as_deref().unwrap_or_default()).into_owned();
    if text.contains(rules) {
        return Ok(None);
    }
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let own = format!("{newline}{rules}");
    let after = format!("{text}{own}").into_bytes();
    Ok(Some(Change::File(match before {
        None => FileChange::whole(target, None, after),
        Some(_) => FileChange { target, before, after, inserted: vec![own], replaced: Vec::new() },
    })))
}

/// Adds the flag to the line with which the profile begins.
fn with_flag(profile: &Profile) -> Result<Option<Change>, Error> {
    let text = read(&profile.file)?;
    let failed = || {
        let what = format!(
            "{} confines sshd, and the line with which its profile begins was not found",
            escaped(&profile.file)
        );
        Error::new(what, format!("give that profile flags=({FLAG}), and run this again"))
    };
    let (above, was, below) = header(&text).ok_or_else(failed)?;
    let Some(flagged) = flagged(was) else { return Ok(None) };
    let target = Target::of_others(&profile.file)?;
    let is = format!("{flagged}\n");
    let after = [above, &is, below].concat().into_bytes();
    let replaced = vec![Replaced { was: was.to_owned(), is }];
    let before = Some(text.into_bytes());
    Ok(Some(Change::File(FileChange { target, before, after, inserted: Vec::new(), replaced })))
}

fn read(file: &Path) -> Result<String, Error> {
    let text = super::atomic::read(file)?.ok_or_else(|| {
        let what = format!(
            "a profile of AppArmor is loaded that {} should hold, and there is no such file",
            escaped(file)
        );
        Error::new(what, "move the profile there, or unload it")
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The line with which the profile begins, with its newline, between what is above and below it.
fn header(text: &str) -> Option<(&str, &str, &str)> {
    let begin = text.split_inclusive('\n').take_while(|line| !is_header(line)).map(str::len).sum();
    let (above, rest) = text.split_at_checked(begin)?;
    let (line, below) = rest.split_at_checked(rest.find('\n')? + 1)?;
    Some((above, line, below))
}

/// Whether a profile begins with this line: it is not indented, as those within a profile are.
fn is_header(line: &str) -> bool {
    (line.starts_with('/') || line.starts_with("profile ")) && line.trim_end().ends_with('{')
}

/// The line with the flag. `None`: it has it.
fn flagged(line: &str) -> Option<String> {
    let body = line.trim_end().strip_suffix('{')?.trim_end();
    let Some((begin, rest)) = body.split_once("flags") else {
        return Some(format!("{body} flags=({FLAG}) {{"));
    };
    let (flags, end) = rest.split_once('(')?.1.split_once(')')?;
    let mut flags: Vec<_> = flags.split([',', ' ']).filter(|flag| !flag.is_empty()).collect();
    if flags.contains(&FLAG) {
        return None;
    }
    flags.push(FLAG);
    Some(format!("{begin}flags=({}){end} {{", flags.join(",")))
}

/// Whether AppArmor reads the file: the profile has to be loaded again after a change of it.
pub(super) fn is_read_by_apparmor(path: &Path) -> bool {
    path.starts_with(DIRECTORY)
}

/// Whether it has rules for rsyslog, whose socket may be missing without them: rsyslog has to be started again.
pub(super) fn is_for_rsyslog(path: &Path) -> bool {
    is_read_by_apparmor(path) && path.file_name().is_some_and(|name| name == "usr.sbin.rsyslogd")
}

/// Loads again the profiles that these files belong to; the processes that they confine go on. Gives a sentence for each.
pub(super) fn load<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<Vec<String>, Error> {
    let directory = Path::new(DIRECTORY);
    let mut files: Vec<PathBuf> =
        paths.into_iter().filter_map(|path| Some(directory.join(path.file_name()?))).collect();
    files.sort();
    files.dedup();
    let mut said = Vec::new();
    for file in files.iter().filter(|file| file.is_file()) {
        let parser = programs::find("apparmor_parser").ok_or_else(|| {
            let what = "there is no apparmor_parser to load the profile again with";
            Error::new(what, "install it: it is in the package apparmor")
        })?;
        let args = ["-r".as_ref(), file.as_os_str()];
        programs::must(&parser, args, "fix what it names in that profile or in the file that it includes")?;
        said.push(format!("AppArmor has loaded {} again (apparmor_parser -r).", escaped(file)));
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_gets_the_flag_beside_those_that_it_has() {
        let with = |line: &str| flagged(line).unwrap_or_default();
        assert_eq!(with("/usr/sbin/sshd {"), "/usr/sbin/sshd flags=(attach_disconnected) {");
        assert_eq!(
            with("profile sshd /usr/sbin/sshd flags=(complain) {"),
            "profile sshd /usr/sbin/sshd flags=(complain,attach_disconnected) {"
        );
        assert_eq!(flagged("/usr/sbin/sshd flags=(complain, attach_disconnected) {"), None);
        assert!(is_header("profile rsyslogd /usr/sbin/rsyslogd {"));
        for other in
            ["  profile passwd {", "# /usr/sbin/sshd {", "capability chown,", "/usr/bin/passwd Cx -> passwd,"]
        {
            assert!(!is_header(other), "{other}");
        }
    }

    #[test]
    fn the_line_of_a_profile_is_not_one_in_a_comment() {
        let (above, below) = ("# Was: /usr/sbin/sshd {\n", "  capability chown,\n}\n");
        let text = format!("{above}/usr/sbin/sshd {{\n{below}");
        assert_eq!(header(&text), Some((above, "/usr/sbin/sshd {\n", below)));
        assert_eq!(header(above), None);
    }
}
