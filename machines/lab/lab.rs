//! What the steps of the scenario share: the system, its clients and the package.

use crate::etc::Etc;
use crate::packages::Packages;
use machines::{Client, Live, System};
use std::ops::{Deref, DerefMut};

/// A system in which the scenario runs.
pub struct Lab<'a> {
    system: Box<dyn System>,
    packages: &'a Packages,
    /// /etc before the installation.
    pub before: Option<Etc>,
}

impl Deref for Lab<'_> {
    type Target = dyn System;

    fn deref(&self) -> &Self::Target {
        &*self.system
    }
}

impl DerefMut for Lab<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.system
    }
}

impl<'a> Lab<'a> {
    pub fn new(system: Box<dyn System>, packages: &'a Packages) -> Self {
        Self { system, packages, before: None }
    }

    pub fn client(&self) -> Client<'_> {
        Client::connect(&*self.system)
    }

    /// Whether the kernel has no mount_setattr(2).
    pub fn is_kernel_too_old(&self) -> bool {
        let release = self.sh("uname -r").stdout;
        let mut numbers =
            release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (5, 12)
    }

    pub fn has_selinux(&self) -> bool {
        self.try_sh("test -e /sys/fs/selinux/enforce").code == Some(0)
    }

    pub fn has_rsyslog(&self) -> bool {
        self.try_sh("test -e /usr/sbin/rsyslogd").code == Some(0)
    }

    /// Installs the package, or upgrades to one of the newer ones.
    #[track_caller]
    pub fn install(&self, number: usize) {
        let package = &self.packages.packages[number];
        self.script("cat >/root/sftpjail.deb", &package.bytes).ok();
        self.system
            .sh("cd /root; DEBIAN_FRONTEND=noninteractive apt-get install -y ./sftpjail.deb </dev/null");
        let installed = self.sh("dpkg-query -Wf '${Status} ${Version}' sftpjail; sftpjail --version");
        assert!(
            installed.stdout.starts_with(&format!("install ok installed {}", package.version)),
            "{installed}"
        );
    }

    /// All that `check` and `setup` find is ok, but that members have the shell that useradd gives them.
    #[track_caller]
    pub fn is_sound(&self) {
        let out = self.sh("sftpjail check --all; sftpjail setup --dry-run");
        assert!(out.stdout.contains("\n1 user: 1 is jailed and can log in. The host is ok.\n"), "{out}");
        assert!(out.stdout.contains("\nNothing to do: everything is set up.\n"), "{out}");
        let is_marked = |line: &str| line.starts_with(['!', '✗', '?']) && !line.starts_with("! shell ");
        assert!(out.stderr.is_empty() && !out.stdout.lines().any(is_marked), "{out}");
    }

    /// Waits until the log has an entry of this boot with this text.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        self.system
            .wait_for(&format!("journalctl --sync; journalctl -b --no-pager -o cat | grep -qF '{text}'"));
    }

    /// Waits until `audit` shows a row of this pattern of grep among those of a file.
    #[track_caller]
    pub fn wait_for_audit(&self, pattern: &str, name: &str) {
        self.wait_for(&format!(
            "sftpjail audit --op upload --path '/home/anna/{name}' 2>/dev/null | grep -q '{pattern}'"
        ));
    }

    /// Waits until nobody is jailed, and no sshd that a socket has started is left: where one ends, systemd takes away the
    /// /run/sshd of the next.
    #[track_caller]
    pub fn wait_for_logouts(&self) {
        let sshds = "systemctl list-units --no-legend 'ssh@*.service' 'sshd@*.service'";
        self.wait_for(&format!("! sftpjail list | grep -q /jail/ && ! {sshds} | grep -q ."));
    }

    /// Uploads root's file in anna's session, and sees that the whole of it is there.
    #[track_caller]
    pub fn puts(&self, live: &mut Live, name: &str) {
        live.run(&**self, &format!("put /root/file {name}\n"));
        self.sh(&format!("cmp /root/file /home/anna/{name}"));
    }

    /// Logs out, and sees that the session closes properly.
    #[track_caller]
    pub fn close(&self, live: Live) {
        self.expect_close(|lab| live.close(&**lab));
    }

    /// Does what ends anna's session, and sees that the module has closed it and nothing is left.
    #[track_caller]
    pub fn expect_close(&self, ends: impl FnOnce(&Self)) {
        let count = "$(journalctl -b --no-pager -o cat | grep -c 'session closed for user anna(' || true)";
        let before = self.sh(&format!("journalctl --sync; echo {count}")).stdout;
        ends(self);
        self.wait_for(&format!("journalctl --sync; test {count} -gt {}", before.trim_end()));
        self.wait_for_logouts();
        self.sh("test -z \"$(ls -A /jail)\"; ps -o args= -u anna | not grep .");
    }
}
