//! Adds to the profiles of AppArmor what sshd and rsyslog need for jails, where such profiles are loaded.
//!
//! The rules go into the files that are there for an admin's own. The flag that lets a process reach what is not
//! mounted yet can only stand in the profile itself.

use super::change::{Change, FileChange};
use super::choices::Choices;
use super::journal::Replaced;
use super::sshd::Sshd;
use super::target::Target;
use crate::host::apparmor::{DIRECTORY, LOCK, ProfileFile, WRITE, allows, including, loaded_for};
use crate::host::programs;
use crate::report::Error;
use crate::report::error::errno;
use pam_sftpjail::config::Config;
use pam_sftpjail::confinement::Part;
use pam_sftpjail::escape::escaped;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const FOR_SSHD: &str = include_str!("../../../packaging/apparmor/usr.sbin.sshd");
const FOR_RSYSLOG: &str = include_str!("../../../packaging/apparmor/usr.sbin.rsyslogd");

/// The flag with which a jail can be put together before it is mounted: apparmor.d(5).
const FLAG: &str = "attach_disconnected";

/// What the rules let sshd write besides the jail root, and rsyslogd.
const IN_REGISTRY: &str = "/run/sftpjail/x";
const SOCKET: &str = "/run/sftpjail-dev/log";

/// A loaded profile of a program that jails need.
struct Confined {
    /// The name of the program.
    program: &'static str,
    /// The name of the profile.
    profile: String,
    /// `None`: no file has it.
    file: Option<ProfileFile>,
    /// The rules that it needs.
    rules: String,
    /// What no profile allows but by these rules.
    needs: Vec<(u32, PathBuf)>,
}

/// All of them, and sentences about what could not be found out.
#[derive(Default)]
pub(super) struct Profiles {
    confined: Vec<Confined>,
    pub(super) notes: Vec<String>,
}

impl Profiles {
    pub(super) fn find(choices: &Choices, sshd: &Sshd) -> Result<Self, Error> {
        let mut found = Self::default();
        let usual = format!("{}/", Config::default().jail_root.absolute().display());
        let rules = FOR_SSHD.replace(&usual, &format!("{}/", choices.jail_root.display()));
        let in_jail_root = choices.jail_root.join("x");
        let needs = [in_jail_root, IN_REGISTRY.into()].map(|path| (WRITE | LOCK, path));
        found.add("sshd", of_sshd(sshd), rules, needs.into())?;
        if let Some(rsyslogd) = programs::find("rsyslogd") {
            let needs = vec![(WRITE, SOCKET.into())];
            found.add("rsyslogd", loaded_for(&rsyslogd), FOR_RSYSLOG.to_owned(), needs)?;
        }
        Ok(found)
    }

    fn add(
        &mut self,
        program: &'static str,
        profile: io::Result<Option<String>>,
        rules: String,
        needs: Vec<(u32, PathBuf)>,
    ) -> Result<(), Error> {
        match profile {
            Ok(Some(profile)) => {
                let file = ProfileFile::find(&profile).map_err(unread)?;
                self.confined.push(Confined { program, profile, file, rules, needs });
            }
            Ok(None) => {}
            // So it is in a container, whose host has profiles.
            Err(error) => self.notes.push(format!(
                "whether AppArmor has a profile for {program} is not known, since the kernel does not list them ({}); if it \
                 has one, that needs the rules for jails",
                errno(&error)
            )),
        }
        Ok(())
    }

    /// The changes that AppArmor needs; none where no such profile is loaded.
    pub(super) fn changes(&mut self) -> Result<Vec<Change>, Error> {
        let mut changes = Vec::new();
        for confined in &self.confined {
            match &confined.file {
                Some(file) => {
                    changes.extend(with_rules(confined, file)?);
                    if confined.program == "sshd" {
                        changes.extend(with_flag(file)?);
                    }
                }
                None => self.notes.push(without_file(confined)?),
            }
        }
        Ok(changes)
    }

    /// The files of profiles that have the rules and that the kernel has without them. Where the kernel does not say,
    /// that is noted.
    pub(super) fn unloaded(&mut self) -> Vec<PathBuf> {
        let mut unloaded = Vec::new();
        for confined in &self.confined {
            let Some(file) = &confined.file else { continue };
            match confined.is_complete() {
                Ok(true) => {}
                Ok(false) => unloaded.push(file.path.clone()),
                Err(error) => self.notes.push(format!(
                    "whether AppArmor has {} with the rules for jails is not known, since the kernel does not say what a \
                     profile allows ({}); if {} is denied something, load that file again with apparmor_parser -r",
                    escaped(&file.path),
                    errno(&error),
                    confined.program
                )),
            }
        }
        unloaded
    }
}

impl Confined {
    /// Whether the profile, as it is loaded, has the rules.
    fn is_complete(&self) -> io::Result<bool> {
        for (permissions, path) in &self.needs {
            if !allows(&self.profile, *permissions, path)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn unread(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidData => Error::new(error, "save it as UTF-8, and run this again"),
        _ => Error::with(Path::new(DIRECTORY), "be searched for profiles of AppArmor", &error),
    }
}

/// The profile of this sshd: that which confines the running one, or else the one that is loaded for the program.
fn of_sshd(sshd: &Sshd) -> io::Result<Option<String>> {
    let mut confined = sshd.daemon.running().filter(|running| running.confined.contains(&Part::Profile));
    if let Some(profile) = confined.find_map(|running| running.profile.as_ref()) {
        return Ok(Some(profile.name().to_owned()));
    }
    let binary = &sshd.daemon.binary;
    loaded_for(&binary.canonicalize().unwrap_or_else(|_| binary.clone()))
}

/// What is to be said of a profile that no file has. The error: the kernel does not say that it has the rules all the
/// same.
fn without_file(confined: &Confined) -> Result<String, Error> {
    let profile = escaped(&confined.profile);
    let what = format!(
        "AppArmor confines {} by the profile {profile}, and no file in {DIRECTORY} has it",
        confined.program
    );
    match confined.is_complete() {
        Ok(true) => {
            Ok(format!("{what}; it allows what jails write, and whether it has the flag {FLAG} is not known"))
        }
        Ok(false) | Err(_) => {
            Err(Error::new(what, "put the file with that profile there, or unload the profile"))
        }
    }
}

/// Adds these rules to the file with an admin's own, which the profile must include, unless it has them itself.
fn with_rules(confined: &Confined, file: &ProfileFile) -> Result<Option<Change>, Error> {
    let rules = &confined.rules;
    let Some(local) = file.local() else {
        let mut needed = rules.lines().filter(|line| !line.starts_with('#'));
        if needed.all(|line| file.rules().any(|own| own == line)) {
            return Ok(None);
        }
        let name = file.path.strip_prefix(DIRECTORY).unwrap_or(&file.path);
        let what = format!(
            "{} confines {}, which jails need, and includes no file with rules of your own",
            escaped(&file.path),
            confined.program
        );
        let line = format!("include if exists <local/{}>", escaped(name));
        return Err(Error::new(
            what,
            format!("add this as the last line of its profile {}: {line}", escaped(&confined.profile)),
        ));
    };
    let target = Target::of_others(&local)?;
    let before = target.read()?;
    let text = String::from_utf8_lossy(before.as_deref().unwrap_or_default()).into_owned();
    if text.contains(rules) {
        return Ok(None);
    }
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let own = format!("{newline}{rules}");
    // A comment may have another encoding.
    let after = [before.as_deref().unwrap_or_default(), own.as_bytes()].concat();
    Ok(Some(Change::File(match before {
        None => FileChange::whole(target, None, after),
        Some(_) => FileChange { target, before, after, inserted: vec![own], replaced: Vec::new() },
    })))
}

/// Adds the flag to the line with which the profile begins.
fn with_flag(file: &ProfileFile) -> Result<Option<Change>, Error> {
    let Some(flagged) = flagged(&file.line) else { return Ok(None) };
    let target = Target::of_others(&file.path)?;
    let is = format!("{flagged}\n");
    let after = [file.above.as_str(), &is, &file.below].concat().into_bytes();
    let replaced = vec![Replaced { was: file.line.clone(), is }];
    let before = Some(file.text().into_bytes());
    Ok(Some(Change::File(FileChange { target, before, after, inserted: Vec::new(), replaced })))
}

/// The line with the flag. `None`: it has it.
fn flagged(line: &str) -> Option<String> {
    let body = line.trim_end().strip_suffix('{')?.trim_end();
    // A path may have the word in it, too.
    let given = body.rsplit_once("flags").and_then(|(begin, rest)| {
        let rest = rest.trim_start().strip_prefix('=')?.trim_start().strip_prefix('(')?;
        Some((begin, rest.split_once(')')?))
    });
    let Some((begin, (flags, end))) = given else { return Some(format!("{body} flags=({FLAG}) {{")) };
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
    is_read_by_apparmor(path)
        && path.file_name().is_some_and(|name| name.to_string_lossy().contains("rsyslog"))
}

/// Loads again the profiles that these files belong to; the processes that they confine go on. Gives a sentence for
/// each.
pub(super) fn load<'p>(paths: impl IntoIterator<Item = &'p Path>) -> Result<Vec<String>, Error> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        match path.parent() == Some(Path::new(DIRECTORY)) {
            true => files.push(path.to_owned()),
            false => files.extend(including(path).map_err(unread)?),
        }
    }
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
        assert_eq!(
            with("profile /opt/flags/sshd /usr/sbin/sshd {"),
            "profile /opt/flags/sshd /usr/sbin/sshd flags=(attach_disconnected) {"
        );
        assert_eq!(flagged("/usr/sbin/sshd flags=(complain, attach_disconnected) {"), None);
    }
}
