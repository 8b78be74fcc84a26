//! What sshd's configuration must say for members.

use std::path::Path;

/// The settings that must have a certain value: the check, the keyword, and the value.
///
/// `DisableForwarding yes` alone is not enough: it leaves tunnels and, before OpenSSH 10.0, X11 and
/// agents (CVE-2025-32728).
pub(crate) const REQUIRED: [(&str, &str, &str); 9] = [
    ("sshd pam", "UsePAM", "yes"),
    ("sshd forwards", "AllowTcpForwarding", "no"),
    ("sshd forwards", "AllowStreamLocalForwarding", "no"),
    ("sshd forwards", "AllowAgentForwarding", "no"),
    ("sshd forwards", "X11Forwarding", "no"),
    ("sshd forwards", "PermitTunnel", "no"),
    ("sshd forwards", "GatewayPorts", "no"),
    ("sshd terminal", "PermitTTY", "no"),
    ("sshd user rc", "PermitUserRC", "no"),
];

/// The settings with which sshd notices a vanished client: it asks three times, a minute apart.
pub(crate) const KEEPALIVE: [(&str, &str); 2] = [("ClientAliveInterval", "60"), ("ClientAliveCountMax", "3")];

/// A line of the members' `Match` block.
pub(crate) struct Setting {
    pub(crate) keyword: &'static str,
    pub(crate) value: String,
    /// Whether members are jailed with this value only. If not, a value that the admin has chosen stays.
    pub(crate) is_required: bool,
}

impl Setting {
    /// Whether this value will do for the keyword; `None` if the setting has another keyword.
    pub(crate) fn accepts(&self, keyword: &str, value: &str) -> Option<bool> {
        let is_same = self.keyword.eq_ignore_ascii_case(keyword);
        is_same.then(|| !self.is_required || self.value.eq_ignore_ascii_case(value))
    }
}

/// The settings of the members' `Match` block. UsePAM and GatewayPorts are not among them, though [`REQUIRED`] has
/// them: they hold for everybody.
pub(crate) fn block(jail_root: &Path) -> Vec<Setting> {
    let chroot = jail_root.join("%u").display().to_string();
    let own = [
        ("ChrootDirectory", chroot.as_str()),
        ("ForceCommand", "internal-sftp -l INFO"),
        ("DisableForwarding", "yes"),
    ];
    let required = REQUIRED.map(|(_, keyword, value)| (keyword, value)).into_iter();
    let required = required.filter(|(keyword, _)| !["UsePAM", "GatewayPorts"].contains(keyword));
    let of = |is_required| {
        move |(keyword, value): (_, &str)| Setting { keyword, value: value.to_owned(), is_required }
    };
    own.into_iter().chain(required).map(of(true)).chain(KEEPALIVE.map(of(false))).collect()
}
