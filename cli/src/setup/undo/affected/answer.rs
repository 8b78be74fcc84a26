//! Asks sshd where it sends users after the login: as its files are, or as they will be.

use crate::host::configuration;
use crate::host::pam::stack::Stack;
use crate::host::programs;
use crate::host::sshd::access::barred;
use crate::host::sshd::daemon::NoAnswer;
use crate::host::sshd::effective::expanded;
use crate::host::sshd::logins::Sshd;
use crate::report::Error;
use crate::report::error::errno;
use crate::setup::trial_member::{cover, enter_namespace};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;

/// Where sshd sends a user after the login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sent {
    IntoJailRoot {
        /// Whether PAM asks the module to build a jail there. If not, sshd refuses the login.
        has_jail: bool,
    },
    /// Into another directory: the value of ChrootDirectory.
    Into(String),
    /// Nowhere: the user sees the whole system.
    Nowhere,
    /// Such as by DenyUsers.
    KeptOut,
}

/// What sshd is asked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Question {
    /// The configurations of further sshds.
    pub(super) sshd_configs: Vec<PathBuf>,
    pub(super) roots: Vec<PathBuf>,
    pub(super) names: Vec<String>,
    /// Files, with the content that they will have.
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
}

/// The answer of the child that has the files as they will be.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    Sent(BTreeMap<String, Sent>),
    /// sshd cannot read its configuration.
    Broken {
        what: String,
        fix: String,
    },
    Unknown(String),
}

impl Question {
    /// Asks with the files as they are.
    pub(super) fn ask(&self) -> Result<BTreeMap<String, Sent>, Error> {
        self.asked().map_err(NoAnswer::into_error)
    }

    /// Asks with the files as they will be, in a child that has a mount namespace of its own.
    pub(super) fn ask_in_namespace(&self) -> Answer {
        let asked = || -> io::Result<Answer> {
            let mut command = programs::command("/proc/self/exe");
            let command = command.arg("sent").stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(&serde_json::to_vec(self)?)?;
            }
            Ok(serde_json::from_slice(&child.wait_with_output()?.stdout)?)
        };
        asked().unwrap_or_else(|error| Answer::Unknown(errno(&error)))
    }

    fn asked(&self) -> Result<BTreeMap<String, Sent>, NoAnswer> {
        // sshd's answer has nothing of the module's configuration.
        let config = Config::default();
        let services = configuration::load(None).map(|config| config.services).unwrap_or_default();
        let mut all = BTreeMap::new();
        let files = [None].into_iter().chain(self.sshd_configs.iter().map(|file| Some(file.as_path())));
        for file in files {
            let mut sshd = Sshd::find(file)?;
            let has_jail =
                services.contains(&sshd.service) && Stack::read(&sshd.service, "session").builds_jails();
            for name in &self.names {
                let account = match Account::lookup(name, &config) {
                    Ok(account) => account,
                    // A pattern of a `Match` block, or removed since.
                    Err(Refusal::NoSuchUser { .. }) => continue,
                    Err(refusal) => return Err(NoAnswer::Unknown(Error::new(&refusal, refusal.fix()))),
                };
                let sent = self.sent(&account, &mut sshd, has_jail)?;
                // A user is jailed if one of the sshds does it.
                match (all.get(name), &sent) {
                    (Some(Sent::IntoJailRoot { has_jail: true }), _) => {}
                    (Some(Sent::IntoJailRoot { .. }), other)
                        if !matches!(other, Sent::IntoJailRoot { .. }) => {}
                    _ => drop(all.insert(name.clone(), sent)),
                }
            }
        }
        Ok(all)
    }

    /// Where this sshd sends the user over any connection: into the jail root if one connection leads there.
    fn sent(&self, account: &Account, sshd: &mut Sshd, has_jail: bool) -> Result<Sent, NoAnswer> {
        let mut first = None;
        for connection in sshd.connections.clone() {
            let settings = sshd.settings(&account.name, &connection)?;
            let chroot = settings.get("ChrootDirectory").unwrap_or("none");
            let directory = expanded(chroot, account);
            let barred = barred(&settings, account).map_err(|error| NoAnswer::Unknown(error.into()))?;
            let sent = match chroot {
                _ if barred.is_some() => Sent::KeptOut,
                _ if self.roots.iter().any(|root| directory.starts_with(root)) => {
                    return Ok(Sent::IntoJailRoot { has_jail });
                }
                "none" => Sent::Nowhere,
                other => Sent::Into(other.to_owned()),
            };
            first.get_or_insert(sent);
        }
        Ok(first.unwrap_or(Sent::KeptOut))
    }
}

/// The child: reads a [`Question`] as JSON, and answers it where the files are as they will be.
pub(crate) fn preview(mut input: impl Read) -> io::Result<Answer> {
    let mut json = Vec::new();
    input.read_to_end(&mut json)?;
    let question: Question = serde_json::from_slice(&json)?;
    if let Err(error) = lay(&question.files) {
        let what = "a mount namespace with the files as they will be cannot be made";
        return Ok(Answer::Unknown(format!("{what}: {}", errno(&error))));
    }
    Ok(match question.asked() {
        Ok(sent) => Answer::Sent(sent),
        Err(NoAnswer::Broken(error)) => Answer::Broken { what: error.what, fix: error.fix.to_string() },
        Err(NoAnswer::Unknown(error)) => Answer::Unknown(error.what),
    })
}

/// Puts the files over those of the host, in a namespace of this process.
fn lay(files: &[(PathBuf, Vec<u8>)]) -> io::Result<()> {
    let directory = enter_namespace()?;
    for (i, (file, content)) in files.iter().enumerate() {
        let own = directory.join(i.to_string());
        fs::write(&own, content)?;
        cover(file.as_path(), &own)?;
    }
    Ok(())
}
