//! The timer of `--confirm-within` where systemd runs: a timer unit and its service, which are on the disk, and so
//! outlive a reboot. It writes, starts and removes them, and does not know what the service does.

use super::target::Target;
use super::{atomic, program};
use crate::host::programs;
use crate::host::systemd;
use crate::report::Error;
use jiff::Timestamp;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DIRECTORY: &str = "/etc/systemd/system";
const TIMER: &str = "sftpjail-setup-undo.timer";
const SERVICE: &str = "sftpjail-setup-undo.service";

/// Where systemd looks for the timers that it starts at boot.
const WANTED: &str = "/etc/systemd/system/timers.target.wants";

/// Where systemd notes when the timer has last elapsed, because of `Persistent=`: systemd.timer(5).
const STAMP: &str = "/var/lib/systemd/timers/stamp-sftpjail-setup-undo.timer";

/// What to do if systemd cannot start it.
const FIX: &str = "run this without --confirm-within, and keep a session open";

/// Writes and starts them. `until`: the deadline, in seconds since 1970.
pub(super) fn start(systemctl: &Path, within: Duration, until: u64) -> Result<(), Error> {
    let program = program::path("systemd")?;
    let program = program.display();
    let at = i64::try_from(until).ok().and_then(|until| Timestamp::from_second(until).ok());
    let at =
        at.ok_or_else(|| Error::new("the time of --confirm-within is too far away", "give a shorter one"))?;
    // Without the default dependencies: those of a timer with OnCalendar= wait until the clock is right, for which a
    // network may be missing. After a reboot with a clock that is slow, OnActiveSec= counts.
    let timer = format!(
        "# Written by `sftpjail setup --confirm-within`, and removed by it.\n[Unit]\n\
         Description=Undo sftpjail setup unless it is confirmed\nDefaultDependencies=no\n\
         Requires=sysinit.target\nAfter=sysinit.target\nConflicts=shutdown.target\nBefore=shutdown.target\n\n[Timer]\n\
         OnCalendar={} UTC\nPersistent=yes\nOnActiveSec={}\nAccuracySec=100ms\n\n[Install]\nWantedBy=timers.target\n",
        at.strftime("%Y-%m-%d %H:%M:%S"),
        within.as_secs(),
    );
    let service = format!(
        "# Written by `sftpjail setup --confirm-within`, and removed by it.\n[Unit]\n\
         Description=Undo sftpjail setup, which nobody has confirmed\nRequiresMountsFor=/var/lib/sftpjail/setup\n\n[Service]\n\
         Type=exec\nExecStart={program} setup-timer 0 {until}\nRestart=on-failure\nRestartSec=5\n"
    );
    for (name, text) in [(SERVICE, service), (TIMER, timer)] {
        atomic::replace(&Target::ours(&path(name))?, text.as_bytes(), 0o644, None)?;
    }
    let wanted = Path::new(WANTED);
    atomic::make_directory(wanted, 0o755)?;
    let link = wanted.join(TIMER);
    atomic::remove(&link)?;
    symlink(path(TIMER), &link)
        .and_then(|()| File::open(wanted)?.sync_all())
        .map_err(|error| Error::with(&link, "be made", &error))?;
    programs::must(systemctl, ["daemon-reload"], FIX)?;
    // That of an earlier timer may be later than the deadline, if the clock was set back since.
    let _ = fs::remove_file(STAMP);
    programs::must(systemctl, ["start", TIMER], FIX).map(drop)
}

/// Stops the timer and removes its files. The service goes on, if that is what calls this. What cannot be removed
/// stays: it finds nothing to undo.
pub(super) fn remove() {
    let link = Path::new(WANTED).join(TIMER);
    let files = [link.clone(), path(TIMER), path(SERVICE)];
    if files.iter().all(|file| file.symlink_metadata().is_err()) {
        return;
    }
    let systemctl = systemd::control();
    let run = |arguments: &[&str]| systemctl.as_ref().map(|systemctl| programs::run(systemctl, arguments));
    run(&["stop", TIMER]);
    for file in files {
        let _ = atomic::remove(&file);
    }
    // If it is empty, nothing wants it.
    let _ = fs::remove_dir(WANTED);
    let _ = fs::remove_file(STAMP);
    run(&["daemon-reload"]);
}

fn path(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}
