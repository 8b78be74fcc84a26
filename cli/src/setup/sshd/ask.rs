//! What sshd itself says: `sshd -t`, and `sshd -T` for what holds.

use crate::setup::command;
use crate::setup::trouble::Trouble;
use pam_sftpjail::escape::one_line;
use std::path::PathBuf;

/// The installed sshd.
pub(in crate::setup) struct Sshd {
    pub(in crate::setup) binary: PathBuf,
    /// What holds for somebody whom no `Match` is for: root, from nowhere.
    pub(in crate::setup) usual: Settings,
}

/// Effective settings: keywords in lower case, and values as sshd prints them.
#[derive(Default)]
pub(in crate::setup) struct Settings(Vec<(String, String)>);

impl Settings {
    pub(in crate::setup) fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Self(lines.map(|(keyword, value)| (keyword.to_owned(), one_line(value))).collect())
    }

    /// The value of a keyword, in any case.
    pub(in crate::setup) fn get(&self, keyword: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword)).map(|(_, value)| value.as_str())
    }
}

/// For `sshd -T -C`: all attributes, since `Match` silently fails on one that is missing. The addresses
/// are reserved, so no `Match` was written for them.
pub(in crate::setup) fn connection(user: &str) -> String {
    format!("user={user},host=host.invalid,addr=240.77.113.9,laddr=240.77.113.10,lport=22,rdomain=")
}

impl Sshd {
    /// Finds it. Its configuration must be sound.
    pub(in crate::setup) fn find() -> Result<Self, Trouble> {
        let binary = ["sshd.pam", "sshd"].into_iter().find_map(command::find);
        let binary = binary.ok_or_else(|| Trouble::new("there is no sshd", "install OpenSSH's server"))?;
        let mut sshd = Self { binary, usual: Settings::default() };
        sshd.test()?;
        let said = command::must(&sshd.binary, ["-T", "-C", &connection("root")], "fix what it names")?;
        sshd.usual = Settings::parse(&said.stdout);
        Ok(sshd)
    }

    /// `sshd -t`.
    pub(in crate::setup) fn test(&self) -> Result<(), Trouble> {
        let said = command::run(&self.binary, ["-t"])?;
        if said.success {
            return Ok(());
        }
        // systemd makes it when sshd is started, so it may never have been.
        let fix = match said.words.split_once("Missing privilege separation directory: ") {
            Some((_, directory)) => format!("start sshd, or: install -d -m 0755 {directory}"),
            None => "fix what it names, then see: sshd -t".to_owned(),
        };
        Err(Trouble::new(format!("sshd -t says: {}", said.words), fix))
    }

    /// PAM's name for it. OpenSSH before 9.8 knows no other.
    pub(in crate::setup) fn service(&self) -> &str {
        self.usual.get("PAMServiceName").unwrap_or("sshd")
    }
}
