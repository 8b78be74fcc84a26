//! What sshd's configuration must say for members.

pub(crate) mod fix;

use crate::host::keys::managed;
use crate::host::sshd::effective::Settings;
use crate::report::SshdCheck;
use pam_sftpjail::config::{Config, HomeAccess, Profile};

/// The settings that must have a certain value: the check, the keyword, and the value.
///
/// `DisableForwarding yes` alone is not enough: it leaves tunnels and, before OpenSSH 10.0, X11 and
/// agents (CVE-2025-32728).
pub(crate) const REQUIRED: [(SshdCheck, &str, &str); 9] = [
    (SshdCheck::Pam, "UsePAM", "yes"),
    (SshdCheck::Forwards, "AllowTcpForwarding", "no"),
    (SshdCheck::Forwards, "AllowStreamLocalForwarding", "no"),
    (SshdCheck::Forwards, "AllowAgentForwarding", "no"),
    (SshdCheck::Forwards, "X11Forwarding", "no"),
    (SshdCheck::Forwards, "PermitTunnel", "no"),
    (SshdCheck::Forwards, "GatewayPorts", "no"),
    (SshdCheck::Terminal, "PermitTTY", "no"),
    (SshdCheck::UserRc, "PermitUserRC", "no"),
];

/// The settings with which sshd notices a vanished client: it asks three times, a minute apart.
pub(crate) const KEEPALIVE: [(&str, &str); 2] = [("ClientAliveInterval", "60"), ("ClientAliveCountMax", "3")];

/// A line of the members' `Match` block.
pub(crate) struct Setting {
    pub(crate) keyword: &'static str,
    pub(crate) value: String,
    /// Whether members are jailed with this value only. If not, a value that the admin has chosen stays.
    pub(crate) is_required: bool,
}

impl Setting {
    /// Whether this value will do for the keyword; `None` if the setting has another keyword.
    pub(crate) fn accepts(&self, keyword: &str, value: &str) -> Option<bool> {
        let is_same = self.keyword.eq_ignore_ascii_case(keyword);
        is_same.then(|| match self.keyword {
            _ if !self.is_required => true,
            // Its options are the admin's: another log level, `-R`, `-d DIR`.
            "ForceCommand" => is_internal_sftp(value),
            "ChrootDirectory" | KEYS_FILE => value == self.value,
            _ => value.eq_ignore_ascii_case(&self.value),
        })
    }
}

/// The keyword of the files in which sshd looks for keys.
pub(crate) const KEYS_FILE: &str = "AuthorizedKeysFile";

/// The setting with which the keys that root keeps count for members, and those in their homes do not.
pub(crate) fn managed_keys() -> Setting {
    Setting { keyword: KEYS_FILE, value: format!("{}/%u", managed::DIRECTORY), is_required: true }
}

/// The keyword of subsystems. SFTP clients ask for the one with the name sftp.
pub(crate) const SUBSYSTEM: &str = "Subsystem";

/// The command of the subsystem sftp. `None`: sshd has no such subsystem, and refuses what SFTP clients ask for.
pub(crate) fn subsystem(settings: &Settings) -> Option<&str> {
    let mut all = settings.all(SUBSYSTEM).filter_map(|value| value.split_once(char::is_whitespace));
    all.find(|(name, _)| *name == "sftp").map(|(_, command)| command)
}

/// Whether sshd runs its own SFTP server for this command, as session.c of OpenSSH decides it.
pub(crate) fn is_internal_sftp(command: &str) -> bool {
    command.strip_prefix("internal-sftp").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The patterns of `Match Group` for these groups, which must be [writable](unwritable). Quotes stand around all of
/// them: since OpenSSH 9.9 sshd would join what follows a quote, and before it would not.
pub(crate) fn patterns(groups: &[String]) -> String {
    let list = groups.join(",");
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ',' | '@' | '$' | '+' | '!');
    match list.chars().all(is_plain) {
        true => list,
        false => format!("\"{list}\""),
    }
}

/// Why sshd's `Match Group`, or a file of systemd's, cannot hold this name so that every version reads it alike;
/// `None` if it can.
pub(crate) fn unwritable(group: &str) -> Option<&'static str> {
    let has = |chars: &[char]| group.contains(chars);
    // A backslash before anything else stands for itself: argv_split of OpenSSH's misc.c.
    let escapes = ["\\\\", "\\ "].iter().any(|escape| group.contains(escape)) || group.ends_with('\\');
    match () {
        () if group.is_empty() || group.starts_with('-') || group.chars().any(char::is_control) => {
            Some("it is empty, begins with - or has control characters")
        }
        () if has(&[',', '*', '?', '"', '\'']) || group.starts_with('!') || escapes => {
            Some("sshd reads its commas, quotes, *, ?, ! or backslashes as something else")
        }
        () if group.trim() != group || group.contains("  ") => {
            Some("sshd and systemd do not keep its blanks")
        }
        () => None,
    }
}

/// The settings of the members' `Match` block. UsePAM and GatewayPorts are not among them, though [`REQUIRED`] has
/// them: they hold for everybody.
pub(crate) fn block(config: &Config) -> Vec<Setting> {
    let chroot = config.jail_root.absolute().join("%u").display().to_string();
    let start = start(config).map_or_else(String::new, |directory| format!(" -d {directory}"));
    let command = format!("internal-sftp -l INFO{start}");
    let own = [
        ("ChrootDirectory", chroot.as_str()),
        ("ForceCommand", command.as_str()),
        ("DisableForwarding", "yes"),
    ];
    let required = REQUIRED.map(|(_, keyword, value)| (keyword, value)).into_iter();
    let required = required.filter(|(keyword, _)| !["UsePAM", "GatewayPorts"].contains(keyword));
    let of = |is_required| {
        move |(keyword, value): (_, &str)| Setting { keyword, value: value.to_owned(), is_required }
    };
    own.into_iter().chain(required).map(of(true)).chain(KEEPALIVE.map(of(false))).collect()
}

/// Where sessions begin, if every member has one folder and nothing else, at the same place: in it, since nobody can
/// write at `/`. `None`: at the home, or at `/`.
fn start(config: &Config) -> Option<String> {
    let of = |profile: &Profile| match (profile.home, profile.volumes.as_slice()) {
        (HomeAccess::None, [volume]) => volume.target.expand(|_| Err(())).ok(),
        _ => None,
    };
    let mut targets = config.profiles.iter().map(of);
    let first = targets.next().flatten()?;
    // sftp-server(8) knows variables of its own, and sshd splits the command at blanks.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ['/', '.', '_', '-'].contains(&c);
    let directory = first.to_str().filter(|text| text.chars().all(is_plain))?.to_owned();
    targets.all(|target| target.as_ref() == Some(&first)).then_some(directory)
}

/// The log level of internal-sftp: the argument of `-l`, or the default.
pub(crate) fn log_level(command: &str) -> &str {
    let mut level = "ERROR";
    let mut words = command.split_whitespace().skip(1);
    while let Some(word) = words.next() {
        // sftp-server.c: getopt "d:f:l:P:p:Q:u:cehR".
        let Some(at) = word.strip_prefix('-').and_then(|w| w.find(['d', 'f', 'l', 'P', 'p', 'Q', 'u']))
        else {
            continue;
        };
        let (option, joined) = word.get(1 + at..).and_then(|w| w.split_at_checked(1)).unwrap_or_default();
        let argument = if joined.is_empty() { words.next().unwrap_or_default() } else { joined };
        if option == "l" {
            level = argument;
        }
    }
    level
}

/// Whether internal-sftp logs no operations on files at this level.
pub(crate) fn is_low(level: &str) -> bool {
    ["QUIET", "FATAL", "ERROR"].iter().any(|low| level.eq_ignore_ascii_case(low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn sessions_begin_in_the_one_folder_that_all_members_have() {
        let profile =
            |name: &str, rest: &str| format!("[[profile]]\nname = {name:?}\ngroups = [{name:?}]\n{rest}");
        let portal = |name: &str, target: &str| {
            let volume = format!("[[profile.volume]]\nsource = \"/srv/sftp/%u\"\ntarget = {target:?}\n");
            profile(name, &format!("home = \"none\"\n{volume}"))
        };
        let of = |text: &str| start(&Config::of_text(text, Path::new("config.toml")).unwrap());
        let uploads = portal("portal", "/uploads");
        assert_eq!(of(&uploads).as_deref(), Some("/uploads"));
        assert_eq!(of(&(uploads.clone() + &portal("second", "/uploads"))).as_deref(), Some("/uploads"));
        for others in [
            portal("second", "/other"),
            profile("home", ""),
            profile("guest", "home = \"none\"\n"),
            "[[profile.volume]]\nsource = \"/srv/docs\"\ntarget = \"/docs\"\n".to_owned(),
        ] {
            assert_eq!(of(&(uploads.clone() + &others)), None, "{others}");
        }
        assert_eq!(of(&uploads.replace("home = \"none\"\n", "")), None);
        for target in ["/%u", "/my uploads", "/a%%b", "/a\\b"] {
            assert_eq!(of(&portal("portal", target)), None, "{target}");
        }
    }

    #[test]
    fn internal_sftp_may_have_options() {
        for (command, expected) in [
            ("internal-sftp", true),
            ("internal-sftp -l INFO", true),
            ("internal-sftp\t-R", true),
            ("internal-sftpd", false),
            ("/usr/lib/openssh/sftp-server", false),
            ("none", false),
        ] {
            assert_eq!(is_internal_sftp(command), expected, "{command}");
        }
    }

    #[test]
    fn the_log_level_is_read_as_getopt_reads_it() {
        for (command, expected) in [
            ("internal-sftp", "ERROR"),
            ("internal-sftp -l INFO", "INFO"),
            ("internal-sftp -R -lVERBOSE", "VERBOSE"),
            ("internal-sftp -Rl INFO", "INFO"),
            ("internal-sftp -f -l -l DEBUG3", "DEBUG3"),
            ("internal-sftp -f LOCAL5 -d /l", "ERROR"),
        ] {
            assert_eq!(log_level(command), expected, "{command}");
        }
    }
}
