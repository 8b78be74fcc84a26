//! How an sshd is made to read its files again.

use super::{Running, Socket};
use crate::host::systemd::service;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};

/// What makes an sshd read its files again. Sessions go on, unless it says something else.
#[derive(Clone, Debug)]
pub(crate) enum Reread {
    /// SIGHUP, which systemd sends to the service, or root to the process.
    Reload { unit: Option<String>, pid: i32 },
    /// systemd restarts the service. At SIGHUP, sshd closes all sockets and executes itself again, and then cannot bind
    /// the port of a socket that systemd has passed to it: sighup_restart() of OpenSSH's sshd.c. `kills`: the
    /// `KillMode=` with which that ends the sessions in the service, too. Those of logind's are not in it.
    Restart { unit: String, kills: Option<String> },
    /// Nothing: this socket of systemd's starts an sshd at the next connection, and that one reads the files as they
    /// are then.
    AtConnection { socket: String, is_each: bool },
}

impl Reread {
    pub(crate) fn of(running: &Running) -> Self {
        let (unit, pid) = (running.unit.clone(), running.pid);
        match unit.filter(|_| running.has_socket_of_systemd) {
            Some(unit) => Self::Restart { kills: service::fatal_kill_mode(&unit), unit },
            None => Self::Reload { unit: running.unit.clone(), pid },
        }
    }

    pub(crate) fn of_socket(socket: &Socket) -> Self {
        Self::AtConnection { socket: socket.unit.clone(), is_each: socket.service.ends_with("@.service") }
    }

    /// The fix that does it: a command, unless it would end sessions. Empty: there is nothing to do.
    pub(crate) fn fix(&self) -> Fix {
        match self {
            Self::Reload { unit: Some(unit), .. } => Command::new("systemctl reload").arg(Name(unit)).into(),
            Self::Reload { unit: None, pid } => Command::new("kill -HUP").arg(pid.unsigned_abs()).into(),
            Self::Restart { unit, kills: None } => Command::new("systemctl restart").arg(Name(unit)).into(),
            Self::Restart { unit, kills: Some(mode) } => {
                let (unit, mode) = (escaped(unit), escaped(mode));
                format!("restart {unit} once nobody is logged in: its KillMode={mode} ends its sessions, too")
                    .into()
            }
            Self::AtConnection { .. } => "".into(),
        }
    }

    /// What the admin is told to do. `None`: nothing.
    pub(crate) fn imperative(&self) -> Option<String> {
        match self {
            Self::Reload { .. } => Some("reload sshd".to_owned()),
            Self::Restart { unit, .. } => Some(format!("restart {}", escaped(unit))),
            Self::AtConnection { .. } => None,
        }
    }

    /// The words before a fix that changes sshd's files. `None`: nothing has to follow it.
    pub(crate) fn after_fixes(&self) -> Option<String> {
        match self {
            Self::Reload { .. } => Some(RELOAD.to_owned()),
            Self::Restart { unit, .. } => Some(format!(
                "restart {} after this and its other fixes, since its socket is systemd's and a signal would end it",
                escaped(unit)
            )),
            Self::AtConnection { .. } => None,
        }
    }

    /// What has to be done with it, as the end of a sentence.
    pub(crate) fn participle(&self) -> &'static str {
        match self {
            Self::Restart { .. } => "restarted",
            Self::Reload { .. } | Self::AtConnection { .. } => "reloaded",
        }
    }
}

/// The words of [`Reread::after_fixes`] for an sshd of which nothing is known.
pub(crate) const RELOAD: &str = "reload sshd after this and its other fixes";
