//! What sshd is set to do with the probe's own login, by its own answer.

use super::connection::Tools;
use crate::desired::sshd::{SUBSYSTEM, is_internal_sftp, subsystem};
use crate::host::sshd::connections::Connection;
use crate::host::sshd::effective::{Settings, expanded};
use pam_sftpjail::account::Account;
use std::path::{Path, PathBuf};

/// Effective settings for the probe's login. Nothing is known where sshd gives no answer.
#[derive(Default)]
pub(super) struct LoginSettings {
    answer: Option<Settings>,
    /// ChrootDirectory as sshd prints it, and what it means for the user.
    pub(super) chroot: Option<(String, PathBuf)>,
    /// The command that serves SFTP, if sshd runs its own server.
    pub(super) server: Option<String>,
    /// Whether sshd starts internal-sftp, whatever the client asks for.
    pub(super) forces_sftp: Option<bool>,
    /// The directory that `-d` of internal-sftp names. A relative one is below the home.
    pub(super) start: Option<PathBuf>,
}

impl LoginSettings {
    /// Asks sshd, with the configuration of the probe.
    pub(super) fn ask(tools: &Tools<'_>, typed: &str, account: &Account) -> Self {
        let answer = tools.daemon().ask(typed, &Connection::over_a_pipe()).ok();
        answer.map(|settings| Self::of(settings, account)).unwrap_or_default()
    }

    fn of(settings: Settings, account: &Account) -> Self {
        let forced = settings.get("ForceCommand").filter(|command| *command != "none");
        let chroot = settings.get("ChrootDirectory").filter(|path| *path != "none");
        let server = forced.or_else(|| subsystem(&settings)).filter(|command| is_internal_sftp(command));
        Self {
            chroot: chroot.map(|path| (path.to_owned(), expanded(path, account))),
            forces_sftp: Some(forced.is_some_and(is_internal_sftp)),
            start: server.and_then(start_directory).map(|at| account.home.join(start_path(at, account))),
            server: server.map(str::to_owned),
            answer: Some(settings),
        }
    }

    /// The name of the PAM service.
    pub(super) fn service(&self, tools: &Tools<'_>) -> String {
        tools.daemon().pam_service(self.answer.as_ref())
    }

    /// Whether internal-sftp is told to refuse some requests: -R, -P and -p of sftp-server(8).
    pub(super) fn is_limited(&self) -> bool {
        let words = self.server.iter().flat_map(|server| server.split_whitespace());
        words.filter_map(|word| word.strip_prefix('-')).any(|options| options.starts_with(['R', 'P', 'p']))
    }

    /// The value of a keyword, as sshd prints it. Of [`SUBSYSTEM`], that of sftp. Empty: sshd has none. `None`: sshd
    /// gave no answer.
    pub(super) fn value(&self, keyword: &str) -> Option<&str> {
        let settings = self.answer.as_ref()?;
        let value = match keyword {
            SUBSYSTEM => subsystem(settings),
            _ => settings.get(keyword),
        };
        Some(value.unwrap_or_default())
    }
}

/// The argument of `-d`, which may be joined with it. sshd splits the command at blanks and knows no quotes.
fn start_directory(command: &str) -> Option<&str> {
    let mut words = command.split_whitespace();
    let option = words.find(|word| word.starts_with("-d"))?;
    match option.strip_prefix("-d") {
        Some("") | None => words.next(),
        joined => joined,
    }
}

/// Expands `%%`, `%d` and `%u`, as sftp-server(8) says for `-d`.
fn start_path(directory: &str, account: &Account) -> PathBuf {
    let home = account.home.to_string_lossy();
    let mut path = String::new();
    let mut rest = directory;
    while let Some((before, after)) = rest.split_once('%') {
        path.push_str(before);
        let mut after = after.chars();
        match after.next() {
            Some('d') => path.push_str(&home),
            Some('u') => path.push_str(&account.name),
            Some(other) => path.push(other),
            None => {}
        }
        rest = after.as_str();
    }
    path.push_str(rest);
    Path::new(&path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_an_option_is_found_joined_or_not() {
        for (command, directory) in [
            ("internal-sftp -l INFO -d /up", Some("/up")),
            ("internal-sftp -d/up -l INFO", Some("/up")),
            ("internal-sftp -l INFO", None),
            ("internal-sftp -d", None),
        ] {
            assert_eq!(start_directory(command), directory, "{command}");
        }
    }
}
