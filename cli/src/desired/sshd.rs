//! What sshd must be set to for members.

use std::path::Path;

/// Settings that must have one value: the check, the keyword, and the value.
///
/// `DisableForwarding yes` alone is not enough: it leaves tunnels and, before OpenSSH 10.0, X11 and
/// agents (CVE-2025-32728).
pub(crate) const MUSTS: [(&str, &str, &str); 9] = [
    ("sshd pam", "UsePAM", "yes"),
    ("sshd forwards", "AllowTcpForwarding", "no"),
    ("sshd forwards", "AllowStreamLocalForwarding", "no"),
    ("sshd forwards", "AllowAgentForwarding", "no"),
    ("sshd forwards", "X11Forwarding", "no"),
    ("sshd forwards", "PermitTunnel", "no"),
    ("sshd forwards", "GatewayPorts", "no"),
    ("sshd terminal", "PermitTTY", "no"),
    ("sshd rc", "PermitUserRC", "no"),
];

/// How sshd finds out that a client has vanished: asked three times, a minute apart.
pub(crate) const ALIVE: [(&str, &str); 2] = [("ClientAliveInterval", "60"), ("ClientAliveCountMax", "3")];

/// A line of the members' `Match` block.
pub(crate) struct Setting {
    pub(crate) keyword: &'static str,
    pub(crate) value: String,
    /// Whether no other value will do. If not, what an admin has chosen stays.
    pub(crate) is_required: bool,
}

impl Setting {
    /// Whether it has this name, and whether the value will do.
    pub(crate) fn accepts(&self, keyword: &str, value: &str) -> Option<bool> {
        let is_it = self.keyword.eq_ignore_ascii_case(keyword);
        is_it.then(|| !self.is_required || self.value.eq_ignore_ascii_case(value))
    }
}

/// The members' `Match` block. What holds for everybody, [`MUSTS`] has as well: UsePAM and GatewayPorts.
pub(crate) fn block(jail_root: &Path) -> Vec<Setting> {
    let chroot = jail_root.join("%u").display().to_string();
    let own = [
        ("ChrootDirectory", chroot.as_str()),
        ("ForceCommand", "internal-sftp -l INFO"),
        ("DisableForwarding", "yes"),
    ];
    let musts = MUSTS.map(|(_, keyword, value)| (keyword, value)).into_iter();
    let musts = musts.filter(|(keyword, _)| !["UsePAM", "GatewayPorts"].contains(keyword));
    let of = |is_required| {
        move |(keyword, value): (_, &str)| Setting { keyword, value: value.to_owned(), is_required }
    };
    own.into_iter().chain(musts).map(of(true)).chain(ALIVE.map(of(false))).collect()
}
