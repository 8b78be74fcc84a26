use super::*;

#[test]
fn words_are_split_as_sshd_splits_them() {
    for (line, expected) in [
        ("Match Group sftp", &["Match", "Group", "sftp"][..]),
        ("\tForceCommand=internal-sftp -l INFO", &["ForceCommand", "internal-sftp", "-l", "INFO"]),
        (
            "Match User \"a b\",c Address 10.0.0.0/8 # why",
            &["Match", "User", "a b", ",c", "Address", "10.0.0.0/8"],
        ),
        ("Port = 22", &["Port", "22"]),
        ("# nothing", &[]),
        ("  ", &[]),
    ] {
        assert_eq!(words(line), expected, "{line}");
    }
}

#[test]
fn criteria_are_attributes_with_patterns() {
    let arguments = words("Group sftp,!staff Address 10.0.0.0/8,*");
    let expected = [("group", vec!["sftp", "!staff"]), ("address", vec!["10.0.0.0/8", "*"])];
    let expected = expected.map(|(a, p)| (a.to_owned(), p.into_iter().map(str::to_owned).collect()));
    assert_eq!(criteria(&arguments), expected);
    assert_eq!(criteria(&words("all")), []);
    assert_eq!(criteria(&words("User")), []);
}

/// Wherever versions of sshd, glob(3) or this program could read a line differently, users are asked about singly.
#[test]
fn lines_that_may_be_read_differently_are_not_plain() {
    for line in [
        "Match Group sftp",
        "\tmatch user anna,bob*,!b?b Address 10.0.0.0/8,*",
        "Match Group \"EXAMPLE\\sftp users,sftp\" # why",
        "Match User müller Host *.example.org",
        "Match all",
        "Match invalid-user",
        "Match LocalPort 22 RDomain vrf-* LocalAddress 192.0.2.1",
        "Include /etc/ssh/sshd_config.d/*.conf more/?.conf",
        "# Match User=anna",
        "Banner \"a'b=c\"",
        "",
    ] {
        assert!(is_plain(line), "{line}");
    }
    for line in [
        "Match User=anna",
        "Match=User anna",
        "Ma\"tch\" User anna",
        "Match\rUser anna",
        "Match User anna\rGroup b",
        "Match User \"anna",
        "Match User a\"nn\"a",
        "Match User 'anna'",
        "Match User \"anna\"b",
        "Match User \"a, b\"",
        "Match User anna,,bob",
        "Match User a\\",
        "Match Group \"a\\ b\"",
        "Match Group a\\\\b",
        "Match User a\u{a0}b",
        "Match User a\u{c}Group b",
        "Match User \u{fffd}",
        "Match User",
        "Match",
        "Match version OpenSSH_10*",
        "Match sessiontype subsystem",
        "Match exec /bin/true",
        "Match command x",
        "\"Match\" User=anna",
        "Include /etc/ssh/[!a]*.conf",
        "Include /etc/ssh/{a,b}",
        "Include \"/etc/ssh/a",
        "Include ~/x",
        "Include /etc/**/x",
    ] {
        assert!(!is_plain(line), "{line}");
    }
}

#[test]
fn a_block_names_what_its_patterns_match() {
    let location = Location::single("/etc/ssh/sshd_config".into(), 1);
    let block = |line: &str| Block {
        location: location.clone(),
        criteria: criteria(&words(line)),
        is_marked: false,
        number: 0,
    };
    assert!(block("Group sftp,other").names("group", "sftp"));
    assert!(block("group \"sftp*\"").names("group", "sftp-only"));
    assert!(!block("Group *,!sftp").names("group", "sftp"));
    assert!(!block("User sftp").names("group", "sftp"));
    assert!(block("Address 10.0.0.0/8").is_for_anybody() && block("all").is_for_anybody());
    assert!(!block("User anna Address 10.0.0.0/8").is_for_anybody());
    assert!(block("all").is_for_all() && !block("invalid-user").is_for_all());
    assert!(!block("invalid-user").is_for_anybody());
}
