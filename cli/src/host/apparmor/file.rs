//! Finds the file in which a profile of AppArmor stands, by the line with which the profile begins: apparmor.d(5). The
//! file may have any name.

use pam_sftpjail::escape::escaped;
use std::borrow::Cow;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Where profiles are.
pub(crate) const DIRECTORY: &str = "/etc/apparmor.d";

/// Endings of names that AppArmor passes over: skip_profile() of its rc.apparmor.functions.
const NO_PROFILES: [&str; 12] = [
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-dist",
    ".dpkg-bak",
    ".dpkg-remove",
    ".pacsave",
    ".pacnew",
    ".rpmnew",
    ".rpmsave",
    ".orig",
    ".rej",
    "~",
];

/// The file with a profile.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProfileFile {
    pub(crate) path: PathBuf,
    /// The line with which the profile begins, with its newline, between what is above and below it.
    pub(crate) above: String,
    pub(crate) line: String,
    pub(crate) below: String,
}

impl ProfileFile {
    /// The first that has the profile of this name. `None`: none has. It must be UTF-8: what is read here is written
    /// again, with another line.
    pub(crate) fn find(profile: &str) -> io::Result<Option<Self>> {
        for path in files()? {
            let bytes = fs::read(&path)?;
            let text = String::from_utf8_lossy(&bytes);
            if let Some((above, line, below)) = split(&text, profile) {
                if let Cow::Owned(_) = text {
                    return Err(io::Error::new(
                        ErrorKind::InvalidData,
                        format!("{} is not UTF-8", escaped(&path)),
                    ));
                }
                let [above, line, below] = [above, line, below].map(str::to_owned);
                return Ok(Some(Self { path, above, line, below }));
            }
        }
        Ok(None)
    }

    pub(crate) fn text(&self) -> String {
        [self.above.as_str(), &self.line, &self.below].concat()
    }

    /// The lines of the profile itself, without those of profiles within it.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &str> {
        let (mut depth, mut has_ended) = (1_usize, false);
        self.below.lines().map(str::trim).filter(move |line| {
            let is_own = depth == 1 && !has_ended;
            depth = depth_after(line, depth);
            has_ended |= depth == 0;
            is_own
        })
    }

    /// The file with an admin's own rules that the profile includes.
    pub(crate) fn local(&self) -> Option<PathBuf> {
        self.rules().find_map(included).map(|name| Path::new(DIRECTORY).join(name))
    }
}

/// The files of profiles that include this one.
pub(crate) fn including(local: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in files()? {
        let text = fs::read(&path)?;
        let text = String::from_utf8_lossy(&text);
        let mut all = text.lines().filter_map(|line| included(line.trim()));
        if all.any(|name| Path::new(DIRECTORY).join(name) == local) {
            found.push(path);
        }
    }
    Ok(found)
}

/// The files that AppArmor loads, by name.
fn files() -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(DIRECTORY) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let disabled = Path::new(DIRECTORY).join("disable");
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let shown = name.to_string_lossy();
        let is_meant = !shown.starts_with('.') && !NO_PROFILES.iter().any(|ending| shown.ends_with(ending));
        if is_meant && path.is_file() && disabled.join(&name).symlink_metadata().is_err() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The line with which the profile of this name begins, with its newline, between what is above and below it.
fn split<'t>(text: &'t str, profile: &str) -> Option<(&'t str, &'t str, &'t str)> {
    let (mut at, mut depth) = (0, 0);
    for line in text.split_inclusive('\n') {
        if depth == 0 && name(line.trim()) == Some(profile) {
            let (above, rest) = text.split_at_checked(at)?;
            let (line, below) = rest.split_at_checked(line.len())?;
            return Some((above, line, below));
        }
        depth = depth_after(line.trim(), depth);
        at += line.len();
    }
    None
}

/// In how many profiles and hats the line after this one is.
fn depth_after(line: &str, depth: usize) -> usize {
    match line {
        line if line.starts_with('#') => depth,
        line if line.ends_with('{') => depth + 1,
        line if line.starts_with('}') => depth.saturating_sub(1),
        _ => depth,
    }
}

/// The name of the profile that begins with this line: without one, what it is for is its name.
fn name(line: &str) -> Option<&str> {
    let line = line.strip_suffix('{')?;
    let named = line.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t']));
    let words = match named {
        Some(rest) => rest.trim_start(),
        None => Some(line).filter(|line| line.starts_with(['/', '"', '@']))?,
    };
    match words.strip_prefix('"') {
        Some(quoted) => Some(quoted.split_once('"')?.0),
        None => words.split_whitespace().next(),
    }
}

/// What a line includes of an admin's own: `#include` is what it was called at first.
fn included(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('#').unwrap_or(line).strip_prefix("include")?.trim_start();
    let rest = rest.strip_prefix("if exists").unwrap_or(rest).trim_start();
    let (name, _) = rest.strip_prefix('<')?.split_once('>')?;
    (name.starts_with("local/") && !name.contains("..")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, profile: &str) -> Option<ProfileFile> {
        let (above, line, below) = split(text, profile)?;
        let [above, line, below] = [above, line, below].map(str::to_owned);
        Some(ProfileFile { path: PathBuf::new(), above, line, below })
    }

    #[test]
    fn a_profile_is_found_by_the_line_with_which_it_begins() {
        for (line, expected) in [
            ("/usr/sbin/sshd {", Some("/usr/sbin/sshd")),
            ("profile sshd /usr/{bin,sbin}/sshd flags=(complain) {", Some("sshd")),
            ("profile \"our sshd\" @{exec_path} {", Some("our sshd")),
            ("\"/opt/a b/sshd\" {", Some("/opt/a b/sshd")),
            ("^hat {", None),
            ("profiles {", None),
            ("# /usr/sbin/sshd {", None),
            ("capability chown,", None),
            ("/usr/bin/passwd Cx -> passwd,", None),
        ] {
            assert_eq!(name(line), expected, "{line}");
        }
    }

    #[test]
    fn a_profile_within_another_or_in_a_comment_is_not_meant() {
        let text = "include <tunables/global>\n# Was: profile sshd {\nprofile other {\n  profile sshd {\n  }\n}\n\
                    profile sshd /usr/sbin/sshd {\n  capability chown,\n}\n";
        let found = of(text, "sshd").unwrap();
        assert!(found.above.ends_with("  }\n}\n"), "{found:?}");
        assert_eq!(
            (found.line.as_str(), found.below.as_str()),
            ("profile sshd /usr/sbin/sshd {\n", "  capability chown,\n}\n")
        );
        assert_eq!(found.text(), text);
        assert_eq!(of(text, "none"), None);
    }

    #[test]
    fn the_rules_of_an_admin_are_those_that_the_profile_itself_includes() {
        let text = "profile sshd {\n  profile passwd {\n    include if exists <local/passwd>\n  }\n  \
                    include <abstractions/base>\n  #include <local/our-sshd>\n}\n\
                    profile other {\n  include if exists <local/other>\n}\n";
        let local = |profile| of(text, profile).and_then(|file| file.local());
        assert_eq!(local("sshd"), Some(PathBuf::from("/etc/apparmor.d/local/our-sshd")));
        assert_eq!(local("other"), Some(PathBuf::from("/etc/apparmor.d/local/other")));
        assert_eq!(included("include if exists <local/../x>"), None);
        assert_eq!(
            of("profile sshd {\n}\nprofile b {\n include <local/b>\n}\n", "sshd").unwrap().local(),
            None
        );
    }
}
