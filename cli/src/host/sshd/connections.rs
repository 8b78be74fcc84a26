//! Chooses the connections for which sshd is asked: one that matches no `Match` line, and for each of them
//! some that do.
//!
//! Of the `Match` lines that match a connection, the first that sets a keyword decides. So no two of them
//! have an effect that none has alone, and it is enough to match each by itself.

use super::files::{Block, SshdConfig};
use crate::report::Location;
use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses from which no connection comes, so that nobody has written a pattern for them: 240.0.0.0/4 is
/// reserved, and 3fff::/20 is for documentation.
const NOBODY: [&str; 2] = ["240.77.113.9", "3fff:77::9"];
const NOWHERE: [&str; 2] = ["240.77.113.10", "3fff:77::10"];

/// The attributes of a connection that `Match` can test.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Connection {
    pub(crate) address: String,
    pub(crate) host: String,
    pub(crate) local_address: String,
    pub(crate) local_port: String,
    /// Empty: none.
    pub(crate) rdomain: String,
    /// The attribute that makes it special, and the `Match` line that tests it.
    expected: Option<(&'static str, Location)>,
    /// Which of the sshds it comes to, if that matters: its place in
    /// [`Daemon::different`](super::daemon::Daemon::different), and its name. `None`: the first.
    pub(crate) sshd: Option<(usize, String)>,
}

/// The connections to ask about, and the patterns that none of them matches.
#[derive(Default)]
pub(crate) struct Connections {
    pub(crate) list: Vec<Connection>,
    pub(crate) untried: Vec<(Location, String)>,
}

/// Chooses the connections. `use_dns`: whether sshd looks up host names; if not, `Match Host` sees the
/// address. `ports`: those on which sshd listens.
pub(crate) fn choose(config: &SshdConfig, use_dns: bool, ports: &[&str]) -> Connections {
    let mut all = Connections::default();
    let port = ports.first().copied().unwrap_or("22");
    let plain = |i| Connection::plain(i, use_dns, port);
    let asked = |attributes: &[&str]| {
        let mut criteria = config.blocks.iter().flat_map(|block| &block.criteria);
        criteria.any(|(name, _)| attributes.contains(&name.as_str()))
    };
    all.add(plain(0));
    if asked(&["address", "localaddress", "host"]) {
        all.add(plain(1));
    }
    if asked(&["localport"]) {
        for port in ports {
            all.add(Connection { local_port: (*port).into(), ..plain(0) });
        }
    }
    for block in &config.blocks {
        expected(block, &plain(0), use_dns, &mut all);
    }
    all
}

/// Adds connections that match `block`, one for each of its patterns. They differ from `plain` in the
/// attributes that the block tests.
fn expected(block: &Block, plain: &Connection, use_dns: bool, all: &mut Connections) {
    let mut matching = plain.clone();
    let mut parts = Vec::new();
    for (attribute, patterns) in &block.criteria {
        let Some(attribute) = ATTRIBUTES.into_iter().find(|known| known == attribute) else { continue };
        for pattern in patterns {
            let found = samples(attribute, pattern, use_dns);
            // Without UseDNS, a host name in `Match Host` matches nothing.
            if found.is_empty() && (use_dns || attribute != "host") {
                all.untried.push((block.location.clone(), pattern.clone()));
            }
            parts.extend(found.into_iter().map(|sample| (attribute, pattern.starts_with('!'), sample)));
        }
    }
    for attribute in ATTRIBUTES {
        if let Some((_, _, sample)) = parts.iter().find(|(a, negated, _)| *a == attribute && !negated) {
            matching.set(attribute, sample, use_dns);
        }
    }
    for (attribute, _, sample) in parts {
        let mut connection = matching.clone();
        connection.set(attribute, &sample, use_dns);
        connection.expected = Some((attribute, block.location.clone()));
        all.add(connection);
    }
}

const ATTRIBUTES: [&str; 5] = ["address", "host", "localaddress", "localport", "rdomain"];

impl Connections {
    /// Adds a connection, unless it is the same for sshd as one that is there.
    fn add(&mut self, connection: Connection) {
        let words = connection.specification();
        if !self.list.iter().any(|other| other.specification() == words) {
            self.list.push(connection);
        }
    }
}

impl Connection {
    /// A connection for which nobody has written a `Match` line: 0 by IPv4, 1 by IPv6.
    pub(crate) fn plain(i: usize, use_dns: bool, port: &str) -> Self {
        let [address, local_address] = [NOBODY, NOWHERE].map(|list| list.get(i).copied().unwrap_or_default());
        Self {
            address: address.into(),
            host: if use_dns { "host.invalid".into() } else { address.into() },
            local_address: local_address.into(),
            local_port: port.into(),
            rdomain: String::new(),
            expected: None,
            sshd: None,
        }
    }

    /// A connection that comes by a pipe, from `sshd -i`, as sshd itself sees it.
    pub(crate) fn over_a_pipe() -> Self {
        let unknown = || "UNKNOWN".to_owned();
        Self {
            address: unknown(),
            host: unknown(),
            local_address: unknown(),
            local_port: "65535".into(),
            rdomain: String::new(),
            expected: None,
            sshd: None,
        }
    }

    fn set(&mut self, attribute: &str, value: &str, use_dns: bool) {
        match attribute {
            "address" => value.clone_into(&mut self.address),
            "host" => value.clone_into(&mut self.host),
            "localaddress" => value.clone_into(&mut self.local_address),
            "localport" => value.clone_into(&mut self.local_port),
            _ => value.clone_into(&mut self.rdomain),
        }
        // Without UseDNS, sshd takes the address for the host name.
        match attribute {
            "host" if !use_dns => self.address.clone_from(&self.host),
            "address" if !use_dns => self.host.clone_from(&self.address),
            _ => {}
        }
    }

    /// The same connection to another sshd.
    pub(crate) fn to(&self, place: usize, name: String) -> Self {
        Self { sshd: Some((place, name)), ..self.clone() }
    }

    /// The argument of `sshd -T -C` for a user, by the name that is typed. It has all attributes, since a
    /// `Match` that tests a missing one silently does not match.
    pub(crate) fn of_user(&self, user: &str) -> String {
        format!("user={user},{}", self.specification())
    }

    fn specification(&self) -> String {
        let Self { address, host, local_address, local_port, rdomain, .. } = self;
        format!("host={host},addr={address},laddr={local_address},lport={local_port},rdomain={rdomain}")
    }
}

/// What makes the connection special, as the end of a sentence.
impl Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = &self.sshd {
            write!(f, "to {name}, ")?;
        }
        match &self.expected {
            Some(("address", at)) => write!(f, "from {} (Match at {at})", self.address),
            Some(("host", at)) => write!(f, "from the host {} (Match at {at})", self.host),
            Some(("localaddress", at)) => write!(f, "to {} (Match at {at})", self.local_address),
            Some(("localport", at)) => write!(f, "to port {} (Match at {at})", self.local_port),
            Some((_, at)) => write!(f, "in the routing domain {} (Match at {at})", self.rdomain),
            None => write!(f, "from addresses such as {} to port {}", self.address, self.local_port),
        }
    }
}

/// Values that match the pattern. Of a network, these are the first and the last address, since a `Match` of
/// a smaller network may come first.
fn samples(attribute: &str, pattern: &str, use_dns: bool) -> Vec<String> {
    let pattern = pattern.trim_start_matches('!');
    match attribute {
        "address" | "localaddress" => addresses(pattern),
        "host" if !use_dns => addresses(pattern),
        "localport" => pattern.parse::<u16>().ok().map(|port| port.to_string()).into_iter().collect(),
        _ => vec![pattern.replace(['*', '?'], "x")],
    }
}

fn addresses(pattern: &str) -> Vec<String> {
    if let Some((network, bits)) = pattern.split_once('/') {
        let bits = bits.parse::<u32>().ok();
        let last = match (network.parse(), bits) {
            (Ok(IpAddr::V4(first)), Some(bits)) => {
                let rest = u32::MAX.checked_shr(bits).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() | rest))
            }
            (Ok(IpAddr::V6(first)), Some(bits)) => {
                let rest = u128::MAX.checked_shr(bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() | rest))
            }
            _ => return Vec::new(),
        };
        return vec![network.to_owned(), last.to_string()];
    }
    // The last `*` may match several parts of an address.
    let (head, tail) = pattern.rsplit_once('*').unwrap_or((pattern, ""));
    let filled = |part: &str| {
        let head = head.replace('*', part).replace('?', "1");
        let tail = tail.replace('?', "1");
        let all = [
            part.to_owned(),
            [part; 2].join("."),
            [part; 3].join("."),
            [part; 4].join("."),
            format!(":{part}"),
            format!("::{part}"),
        ];
        let mut whole = all
            .iter()
            .map(|star| if pattern.contains('*') { format!("{head}{star}{tail}") } else { head.clone() });
        whole.find(|address| address.parse::<IpAddr>().is_ok())
    };
    let mut found: Vec<_> = ["1", "99"].into_iter().filter_map(filled).collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests;
