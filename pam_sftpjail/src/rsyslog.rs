//! How an admin starts or restarts rsyslog on this host. It runs nothing.
#![forbid(unsafe_code)]

use crate::fix::{Command, Fix};
use crate::systemd::is_booted;
use std::path::Path;

/// What starts services here.
enum Manager {
    Systemd,
    Openrc,
    /// A script of System V's init.
    Script,
    /// Such as in a container.
    None,
}

impl Manager {
    fn find() -> Self {
        let exists = |path| Path::new(path).exists();
        if is_booted() {
            Self::Systemd
        } else if exists("/run/openrc") {
            Self::Openrc
        } else if exists("/etc/init.d/rsyslog") {
            Self::Script
        } else {
            Self::None
        }
    }
}

/// The fix that starts it.
pub fn start() -> Fix {
    match Manager::find() {
        Manager::Systemd => Command::new("systemctl start rsyslog").into(),
        Manager::Openrc => Command::new("rc-service rsyslog start").into(),
        Manager::Script => Command::new("/etc/init.d/rsyslog start").into(),
        Manager::None => "start rsyslogd as this host does when it boots".into(),
    }
}

/// The fix that restarts it, so that it reads its files again.
pub fn restart() -> Fix {
    match Manager::find() {
        Manager::Systemd => Command::new("systemctl restart rsyslog").into(),
        Manager::Openrc => Command::new("rc-service rsyslog restart").into(),
        Manager::Script => Command::new("/etc/init.d/rsyslog restart").into(),
        Manager::None => {
            "end rsyslogd, whose pid is in /run/rsyslogd.pid, and start it again as this host does when it boots".into()
        }
    }
}
