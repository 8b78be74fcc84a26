//! Whether a grant can be used in a login. It asks nobody: the login says where it comes from, and sshd with which
//! key.

use super::{Fingerprint, Grant, Moment};
use crate::escape::escaped;
use std::ffi::OsStr;
use std::net::IpAddr;
use std::time::SystemTime;

/// What is known of a login.
#[derive(Clone, Debug)]
pub struct Circumstances<'a> {
    /// In seconds since the epoch.
    pub now: i64,
    pub address: Address<'a>,
    pub keys: Keys,
}

/// Where a login comes from.
#[derive(Clone, Copy, Debug)]
pub enum Address<'a> {
    /// There is no login.
    Unknown,
    /// PAM_RHOST.
    Of(Option<&'a OsStr>),
}

/// The keys with which sshd let the user in.
#[derive(Clone, Debug)]
pub enum Keys {
    /// There is no login, or sshd says it later: it reports the last method only after the account phase (monitor.c:
    /// monitor_child_preauth).
    Unknown,
    Of(Vec<Fingerprint>),
    /// Another module of the PAM stack could have changed what sshd says.
    Doubtful,
}

/// What a grant is in a login.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Standing {
    /// It can be used.
    Holds,
    /// It depends on what is not known yet.
    Depends,
    Ended(Moment),
    /// It cannot be used in this login: the rest of a sentence about it.
    Barred(String),
}

impl Circumstances<'_> {
    /// Now, where there is no login.
    pub fn of_no_login() -> Self {
        Self { now: now(), address: Address::Unknown, keys: Keys::Unknown }
    }

    /// Whether somebody logs in.
    pub(crate) fn is_of_user(&self) -> bool {
        matches!(self.address, Address::Of(_))
    }

    /// Now, for a login without address and key.
    pub fn of_bare_login() -> Self {
        Self { now: now(), address: Address::Of(None), keys: Keys::Of(Vec::new()) }
    }
}

/// What sshd has for a connection that is none of the network (packet.c: ssh_remote_ipaddr).
const NO_ADDRESS: &str = "UNKNOWN";

/// In seconds since the epoch. A clock before that is at its end, so that nothing is granted that has an end.
pub fn now() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().ok();
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(i64::MAX)
}

impl Grant {
    /// What it is in this login.
    pub fn standing(&self, login: &Circumstances<'_>) -> Standing {
        if let Some(until) = self.until.filter(|until| until.epoch() <= login.now) {
            return Standing::Ended(until);
        }
        if let Some(since) = self.since.filter(|since| since.epoch() > login.now) {
            return Standing::Barred(format!("is not granted yet: that begins on {}", since.with_zone()));
        }
        match (self.address(login.address), self.with_key(&login.keys)) {
            (barred @ Standing::Barred(_), _) | (_, barred @ Standing::Barred(_)) => barred,
            (Standing::Depends, _) | (_, Standing::Depends) => Standing::Depends,
            _ => Standing::Holds,
        }
    }

    fn address(&self, address: Address<'_>) -> Standing {
        let host = match address {
            _ if self.from.is_empty() => return Standing::Holds,
            Address::Unknown => return Standing::Depends,
            Address::Of(host) => host,
        };
        let only = format!("can be used from {} only", self.networks());
        let Some(host) = host.filter(|host| *host != NO_ADDRESS) else {
            return Standing::Barred(format!("{only}, and this login has no address"));
        };
        match parsed(host) {
            Some(address) if self.from.iter().any(|network| network.has(address)) => Standing::Holds,
            Some(_) => Standing::Barred(format!("{only}, and this login is from {}", escaped(host))),
            None => Standing::Barred(format!(
                "{only}, and sshd gives the name {} in place of the address of this login, as UseDNS says",
                escaped(host)
            )),
        }
    }

    fn with_key(&self, keys: &Keys) -> Standing {
        let Some(key) = &self.key else { return Standing::Holds };
        match keys {
            Keys::Unknown => Standing::Depends,
            Keys::Of(keys) if keys.contains(key) => Standing::Holds,
            Keys::Of(keys) => {
                let with = match keys.first() {
                    None => "without a key".to_owned(),
                    Some(other) => format!("with {other}"),
                };
                Standing::Barred(format!("can be used with the key {key} only, and this login is {with}"))
            }
            Keys::Doubtful => Standing::Barred(format!(
                "can be used with the key {key} only, and other modules could have changed what sshd says of the key, \
                 since PAM's first session line is not `pam_sftpjail.so close`"
            )),
        }
    }

    /// The networks, for a sentence.
    pub fn networks(&self) -> String {
        self.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// The address, without the zone that a link-local one of IPv6 has. sshd takes no name that looks like an address
/// (packet.c: ssh_remote_hostname), and none has a colon.
fn parsed(host: &OsStr) -> Option<IpAddr> {
    let host = host.to_str()?;
    let address = match host.split_once('%') {
        Some((address, _)) => IpAddr::V6(address.parse().ok()?),
        None => host.parse().ok()?,
    };
    Some(address.to_canonical())
}
