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
