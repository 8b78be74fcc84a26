//! Guests whose kernel confines sshd: by SELinux with Debian's policy, enforced, or by AppArmor with Debian's profile
//! for sshd and Ubuntu's for rsyslogd.

use super::{Guest, Image};
use crate::system::System;

/// The profile of Ubuntu's package rsyslog.
const RSYSLOGD: &str = include_str!("usr.sbin.rsyslogd");

/// Debian has that for sshd among those that are not loaded by default.
const PROFILES: &str = "
    cd /etc/apparmor.d
    cp /usr/share/apparmor/extra-profiles/usr.sbin.sshd .
    cat >usr.sbin.rsyslogd
    : >local/usr.sbin.rsyslogd
    apparmor_parser -r usr.sbin.sshd usr.sbin.rsyslogd
    systemctl restart ssh rsyslog";

impl Image {
    /// Debian 12 with SELinux enforcing. Its files have their labels before the first boot.
    #[must_use]
    pub fn selinux() -> Self {
        Self {
            packages: &["selinux-policy-default", "policycoreutils", "auditd"],
            append: "security=selinux selinux=1 enforcing=1 audit=1",
            label: ", SELinux",
            // The way in has another role, in which some programs do not run.
            runner: &["runcon", "-u", "unconfined_u", "-r", "unconfined_r", "-t", "unconfined_t"],
            ..Self::of("bookworm")
        }
    }

    /// Debian 12 with AppArmor, and no profile; [`Guest::load_profiles`] loads those for sshd and rsyslogd.
    #[must_use]
    pub fn apparmor() -> Self {
        Self {
            packages: &["apparmor", "apparmor-profiles"],
            append: "security=apparmor apparmor=1",
            label: ", AppArmor",
            ..Self::of("bookworm")
        }
    }
}

impl Guest {
    /// Puts sshd and rsyslogd under their profiles of AppArmor, which enforce from now on, and after a reboot.
    #[track_caller]
    pub fn load_profiles(&self) {
        self.script(PROFILES, RSYSLOGD.as_bytes()).ok();
    }
}
