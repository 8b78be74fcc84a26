//! Networks from which a grant can be used, such as `192.0.2.0/24`.

use std::fmt::{self, Display};
use std::net::IpAddr;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits count.
    bits: u8,
}

impl Network {
    /// Reads `ADDRESS/BITS`, or one address. The error is the rest of a sentence about the text, and the fix.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let example =
            || "write an address or a network, such as \"192.0.2.0/24\" or \"2001:db8::/32\"".to_owned();
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ("is no address".to_owned(), example()))?;
        if address.to_canonical() != address {
            // sshd reports the address without this prefix.
            let fix = "write the address of IPv4 that is in it";
            return Err((
                "is an address of IPv4 in one of IPv6, which no login has".to_owned(),
                fix.to_owned(),
            ));
        }
        let all = width(address);
        let bits = match bits {
            None => all,
            Some(bits) if !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= all)
                .ok_or_else(|| (format!("has more than {all} bits"), example()))?,
            Some(_) => return Err(("has no number of bits behind the /".to_owned(), example())),
        };
        let network = Self { address, bits };
        let first = first(number(address), all, bits);
        if first != number(address) {
            let whole = Self { address: of_number(first, address), bits };
            return Err((
                format!("is one address of the network {whole}"),
                format!("write \"{whole}\" for the network, or \"{address}\" for the address"),
            ));
        }
        Ok(network)
    }

    pub(super) fn has(&self, address: IpAddr) -> bool {
        let all = width(self.address);
        width(address) == all && first(number(address), all, self.bits) == number(self.address)
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits == width(self.address) {
            true => self.address.fmt(f),
            false => write!(f, "{}/{}", self.address, self.bits),
        }
    }
}

/// How many bits an address has.
fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// The address with this number, of the same kind as `like`.
fn of_number(number: u128, like: IpAddr) -> IpAddr {
    match like {
        // It has 32 bits at most.
        IpAddr::V4(_) => IpAddr::V4((number as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(number.into()),
    }
}

/// The first address of a network: the last bits are 0.
fn first(number: u128, all: u8, bits: u8) -> u128 {
    let last = u32::from(all - bits);
    number.checked_shr(last).map_or(0, |high| high.checked_shl(last).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_as_it_does() {
        for (network, has, has_not) in [
            (
                "192.0.2.0/24",
                &["192.0.2.0", "192.0.2.255"][..],
                &["192.0.3.0", "192.0.1.255", "::ffff:1"][..],
            ),
            ("192.0.2.7", &["192.0.2.7"], &["192.0.2.8", "192.0.2.6"]),
            ("0.0.0.0/0", &["192.0.2.7", "255.255.255.255"], &["::1"]),
            ("10.0.0.0/9", &["10.127.255.255"], &["10.128.0.0"]),
            ("2001:db8::/32", &["2001:db8:ffff::1"], &["2001:db9::"]),
            ("::/0", &["2001:db8::1", "::1"], &["192.0.2.7"]),
            ("::1/128", &["::1"], &["::2"]),
        ] {
            let parsed = Network::parse(network).unwrap();
            for address in has {
                assert!(parsed.has(address.parse().unwrap()), "{network} {address}");
            }
            for address in has_not {
                assert!(!parsed.has(address.parse().unwrap()), "{network} {address}");
            }
        }
        assert_eq!(Network::parse("::1/128").unwrap().to_string(), "::1");
        assert_eq!(Network::parse("10.0.0.0/9").unwrap().to_string(), "10.0.0.0/9");
    }

    #[test]
    fn what_is_no_network_is_refused_with_the_reason() {
        for (text, why) in [
            ("192.0.2.7/24", "is one address of the network 192.0.2.0/24"),
            ("2001:db8::1/64", "is one address of the network 2001:db8::/64"),
            ("192.0.2.0/33", "has more than 32 bits"),
            ("192.0.2.0/999", "has more than 32 bits"),
            ("192.0.2.0/", "has no number of bits behind the /"),
            ("192.0.2.0/+8", "has no number of bits behind the /"),
            ("192.0.2.0/255.255.255.0", "has no number of bits behind the /"),
            ("::ffff:192.0.2.7", "is an address of IPv4 in one of IPv6, which no login has"),
            ("host.example", "is no address"),
            ("192.0.2", "is no address"),
            ("", "is no address"),
        ] {
            assert_eq!(Network::parse(text).unwrap_err().0, why, "{text}");
        }
    }
}
