//! What runs `sftpjail expire` each minute, so that no session holds a folder much longer than it is granted: units of
//! systemd or, where systemd does not run, a line for cron.

use crate::host::{programs, systemd};
use std::path::Path;

pub(crate) const TIMER: &str = "sftpjail-expire.timer";

/// Where its file is.
pub(crate) const TIMER_PATH: &str = "/etc/systemd/system/sftpjail-expire.timer";

pub(crate) const CRON_PATH: &str = "/etc/cron.d/sftpjail";

/// The files of systemd, with those in the repository. The last one has the timer started at boot: it is a file like the
/// others, so that an undo removes it like them, where `systemctl enable` makes a symlink.
const UNITS: [(&str, &str); 3] = [
    ("/etc/systemd/system/sftpjail-expire.service", include_str!("../../../systemd/sftpjail-expire.service")),
    (TIMER_PATH, include_str!("../../../systemd/sftpjail-expire.timer")),
    (
        "/etc/systemd/system/timers.target.d/sftpjail-expire.conf",
        include_str!("../../../systemd/timers.target.d/sftpjail-expire.conf"),
    ),
];

/// The line of cron(8), with the program as in the files of systemd. It ignores files with a dot in their names, such as
/// one that is being written.
const CRON: &str = "\
# sftpjail: ends the sessions whose jail holds a folder that is no longer granted. `sftpjail setup` has written this.
* * * * * root /usr/local/sbin/sftpjail expire
";

/// The program in these files.
const PROGRAM: &str = "/usr/local/sbin/sftpjail";

/// What can run it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    Systemd,
    Cron,
    /// Nothing that is known.
    None,
}

impl Means {
    pub(crate) fn of_host() -> Self {
        let has_cron = || ["cron", "crond"].into_iter().any(|name| programs::find(name).is_some());
        if systemd::control().is_some() {
            Self::Systemd
        } else if Path::new(CRON_PATH).parent().is_some_and(Path::is_dir) && has_cron() {
            Self::Cron
        } else {
            Self::None
        }
    }

    /// As the subject of a sentence.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Cron => "cron",
            Self::None => "root",
        }
    }

    /// The files that it needs, each with its text.
    pub(crate) fn files(self, program: &Path) -> Vec<(&'static Path, String)> {
        let files = match self {
            Self::Systemd => &UNITS[..],
            Self::Cron => &[(CRON_PATH, CRON)],
            Self::None => &[],
        };
        let program = program.display().to_string();
        files.iter().map(|(path, text)| (Path::new(*path), text.replace(PROGRAM, &program))).collect()
    }
}

/// Every file that one of them needs.
pub(crate) fn paths() -> impl Iterator<Item = &'static Path> {
    UNITS.iter().map(|(path, _)| *path).chain([CRON_PATH]).map(Path::new)
}

/// Whether it is one of those that systemd reads.
pub(crate) fn is_unit(path: &Path) -> bool {
    UNITS.iter().any(|(own, _)| path == Path::new(own))
}
