//! What is the same for all users of the host.

use super::finding::{AS_ROOT, Findings};
use super::pam::{self, Pam};
use super::people::People;
use super::sshd::Sshd;
use nix::unistd::geteuid;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::escaped;
use std::path::Path;

/// Looked at once.
pub(super) struct Host<'c> {
    pub(super) config: &'c Config,
    pub(super) path: Option<&'c Path>,
    /// `None`: it does not answer.
    pub(super) sshd: Option<Sshd>,
    pub(super) pam: Pam,
    pub(super) people: People,
}

/// The configuration, if there is one to go by.
pub(super) fn config(path: Option<&Path>, findings: &mut Findings) -> Option<Config> {
    match Config::load(path) {
        Err(error) => {
            let cure = "mend it; until then no jail is built, and sshd refuses whoever it is told to chroot";
            if error.is_denied() && !geteuid().is_root() {
                findings.unseen("configuration", error, AS_ROOT);
            } else {
                findings.failed("configuration", error, cure);
            }
            None
        }
        Ok(config) => {
            let file = path.unwrap_or(Path::new(DEFAULT_PATH));
            let origin = if file.exists() { "is sound" } else { "is missing: the built-in default holds" };
            findings.passed("configuration", format!("{} {origin}", escaped(file)));
            Some(config)
        }
    }
}

impl<'c> Host<'c> {
    /// Looks at it, and says what holds for everybody.
    pub(super) fn examine(config: &'c Config, path: Option<&'c Path>, findings: &mut Findings) -> Self {
        let sshd = match Sshd::find() {
            Ok(sshd) => {
                sshd.describe(findings);
                Some(sshd)
            }
            Err(silent) => {
                silent.tell(findings);
                None
            }
        };
        let service = sshd.as_ref().map_or("sshd", |sshd| &sshd.service);
        let pam = pam::examine(service, config, path, findings);
        let people = People::list().unwrap_or_else(|error| {
            findings.unseen("names", error, "see that NSS answers (getent passwd)");
            People::default()
        });
        Self { config, path, sshd, pam, people }
    }
}
