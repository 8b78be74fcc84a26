use super::*;
use crate::host::sshd::files::tests::config;

#[test]
fn an_address_is_found_for_every_kind_of_pattern() {
    for (pattern, expected) in [
        ("10.0.0.0/8", &["10.0.0.0", "10.255.255.255"][..]),
        ("10.1.2.3/32", &["10.1.2.3", "10.1.2.3"]),
        ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"]),
        ("2001:db8::/32", &["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"]),
        ("192.0.2.7", &["192.0.2.7"]),
        ("!192.0.2.7", &[]),
        ("192.168.*", &["192.168.1.1", "192.168.99.99"]),
        ("192.168.1.*", &["192.168.1.1", "192.168.1.99"]),
        ("10.*.*.5", &["10.1.1.5", "10.99.99.5"]),
        ("10.0.0.?", &["10.0.0.1"]),
        ("fe80:*", &["fe80::1", "fe80::99"]),
        ("*:*", &["1::1", "99::99"]),
        ("*", &["1.1.1.1", "99.99.99.99"]),
        ("*.example.org", &[]),
        ("10.0.0.0/x", &[]),
    ] {
        assert_eq!(addresses(pattern), expected, "{pattern}");
    }
    assert_eq!(samples("address", "!192.0.2.7", false), ["192.0.2.7"]);
    assert_eq!(samples("address", "10.0.0.0/8", true), ["10.0.0.0", "10.255.255.255"]);
    assert_eq!(samples("localaddress", "192.0.2.*", true), ["192.0.2.1", "192.0.2.99"]);
    assert_eq!(samples("localport", "2222", false), ["2222"]);
    // sshd takes a number only.
    assert!(samples("localport", "22*", false).is_empty());
    // Without names, sshd compares the address.
    assert_eq!(samples("host", "192.0.2.*", false), ["192.0.2.1", "192.0.2.99"]);
    assert!(samples("host", "*.example.org", false).is_empty());
    assert_eq!(samples("host", "*.example.org", true), ["x.example.org"]);
}

/// What sshd is asked with for each connection, and what none of them matches.
fn chosen(text: &str, use_dns: bool, ports: &[&str]) -> (Vec<String>, Vec<String>) {
    let chosen = choose(&config(text), use_dns, ports);
    let asked = chosen.list.iter().map(|connection| connection.of_user("anna")).collect();
    (asked, chosen.untried.into_iter().map(|(location, pattern)| format!("{location} {pattern}")).collect())
}

fn from(address: &str, port: &str) -> String {
    format!("user=anna,host={address},addr={address},laddr=240.77.113.10,lport={port},rdomain=")
}

const NOBODYS: &str = "240.77.113.9";

#[test]
fn a_connection_of_nobody_is_always_asked_about() {
    assert_eq!(chosen("Match User anna\n", false, &[]), (vec![from(NOBODYS, "22")], vec![]));
    assert_eq!(chosen("", false, &["2222", "22"]), (vec![from(NOBODYS, "2222")], vec![]));
    let named = "user=anna,host=host.invalid,addr=240.77.113.9,laddr=240.77.113.10,lport=22,rdomain=";
    assert_eq!(chosen("", true, &["22"]), (vec![named.to_owned()], vec![]));
}

#[test]
fn each_pattern_of_a_block_is_met_together_with_its_others() {
    let (asked, untried) = chosen("Match Address 10.0.0.0/8,*.x LocalPort 2222\n", false, &["22", "2222"]);
    let by_ip6 = "user=anna,host=3fff:77::9,addr=3fff:77::9,laddr=3fff:77::10,lport=22,rdomain=";
    let expected = [
        from(NOBODYS, "22"),
        by_ip6.to_owned(),
        from(NOBODYS, "2222"),
        from("10.0.0.0", "2222"),
        from("10.255.255.255", "2222"),
    ];
    assert_eq!(asked, expected);
    assert_eq!(untried, ["/etc/ssh/sshd_config:1 *.x"]);
    let (asked, _) = chosen("Match Address 10.0.0.1 RDomain vrf LocalAddress !192.0.2.1\n", false, &["22"]);
    assert_eq!(asked[2], from("10.0.0.1", "22") + "vrf");
    assert!(asked[3..].concat().contains("addr=10.0.0.1,laddr=192.0.2.1,lport=22,rdomain=vrf"), "{asked:?}");
}

/// Without UseDNS, sshd compares the address with `Match Host`.
#[test]
fn a_host_has_a_name_where_sshd_looks_it_up() {
    let text = "Match Host *.example.org\n";
    let (asked, untried) = chosen(text, true, &["22"]);
    assert!(asked.last().is_some_and(|last| last.contains("host=x.example.org,addr=240.")), "{asked:?}");
    assert_eq!((asked.len(), untried), (3, vec![]));
    let (asked, untried) = chosen(text, false, &["22"]);
    assert_eq!((asked.len(), untried), (2, vec![]));
    let (asked, _) = chosen("Match Host 192.0.2.1\n", false, &["22"]);
    assert_eq!(asked[2..], [from("192.0.2.1", "22")]);
}

#[test]
fn a_finding_says_what_makes_a_connection_special() {
    for (text, expected) in [
        ("Match Address 192.0.2.1", "from 192.0.2.1 (Match at /etc/ssh/sshd_config:1)"),
        ("Match Host x", "from the host x (Match at /etc/ssh/sshd_config:1)"),
        ("Match LocalAddress 192.0.2.1", "to 192.0.2.1 (Match at /etc/ssh/sshd_config:1)"),
        ("Match LocalPort 2222", "to port 2222 (Match at /etc/ssh/sshd_config:1)"),
        ("Match RDomain vrf", "in the routing domain vrf (Match at /etc/ssh/sshd_config:1)"),
        ("", "from addresses such as 240.77.113.9 to port 22"),
    ] {
        let chosen = choose(&config(text), true, &["22"]);
        let last = chosen.list.last().expect("one at least");
        assert_eq!(last.to_string(), expected, "{text}");
        assert_eq!(last.to(1, "the other sshd".into()).to_string(), format!("to the other sshd, {expected}"));
    }
}
