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

const MAIN_FILE: &str = "/etc/ssh/sshd_config";

/// The configuration of a main file with this text.
pub(in crate::host::sshd) fn config(text: &str) -> SshdConfig {
    let main = Path::new(MAIN_FILE);
    SshdConfig::read_with(main, Some((main, text))).expect("nothing is unreadable")
}

const TEXT: &str = "Port 22
ChrootDirectory none
Match Group sftp,!staff
    ChrootDirectory /jail/%u
    ForceCommand internal-sftp
Match User anna Address 10.0.0.0/8
    ChrootDirectory /jails
    forcecommand INTERNAL-SFTP
";

#[test]
fn settings_are_in_the_block_above_them() {
    let config = config(TEXT);
    let lines = |settings: &mut dyn Iterator<Item = &Setting>| -> Vec<usize> {
        settings.map(|setting| setting.location.line).collect()
    };
    assert_eq!(lines(&mut config.settings.iter()), [1, 2, 4, 5, 7, 8]);
    assert_eq!(lines(&mut config.settings.iter().filter(|setting| setting.is_in_block())), [4, 5, 7, 8]);
    let [group, user] = &config.blocks[..] else { panic!("two blocks") };
    assert_eq!(
        (lines(&mut config.of_block(group)), lines(&mut config.of_block(user))),
        (vec![4, 5], vec![7, 8])
    );
    assert_eq!((group.location.line, user.location.line), (3, 6));
    let below = |root: &str| {
        let roots = [PathBuf::from(root)];
        lines(&mut config.settings.iter().filter(|setting| setting.chroots_below(&roots)))
    };
    assert_eq!((below("/jail"), below("/"), below("/srv")), (vec![4], vec![4, 7], vec![]));
    assert_eq!((config.count_files(), self::config("# nothing\n").count_files()), (1, 0));
}

#[test]
fn what_blocks_test_is_listed() {
    let config = config(TEXT);
    assert_eq!(config.patterns("group"), ["sftp", "staff"]);
    assert_eq!(config.patterns("address"), ["10.0.0.0/8"]);
    assert!(config.asks_for("user") && config.asks_for("address") && !config.asks_for("host"));
}

/// A value that two lines set may count for other users by each of them.
#[test]
fn a_line_is_named_where_one_line_alone_sets_the_value() {
    let config = config(TEXT);
    let line = |keyword, value| config.location_of(keyword, value).map(|location| location.line);
    assert_eq!(line("chrootdirectory", "/jail/%u"), Some(4));
    assert_eq!(line("CHROOTDIRECTORY", "none"), Some(2));
    assert_eq!(line("ForceCommand", "internal-sftp"), None);
    assert_eq!(line("ForceCommand", "none"), None);
}

#[test]
fn a_setting_before_the_blocks_own_line_comes_before_it() {
    let config = config(TEXT);
    let [group, user] = &config.blocks[..] else { panic!("two blocks") };
    let at = |line| config.settings.iter().find(|setting| setting.location.line == line).unwrap();
    assert!(config.comes_before(at(2), group) && config.comes_before(at(4), user));
    assert!(!config.comes_before(at(7), group) && !config.comes_before(at(4), group));
    // The block has no line for it.
    assert!(config.comes_before(at(1), group));
}

#[test]
fn blocks_that_setup_has_written_are_known() {
    let text = format!("Match User a\n{BEGIN}Match Group sftp\n{END}Match User b\n");
    let marked: Vec<_> = config(&text).blocks.iter().map(|block| block.is_marked).collect();
    assert_eq!(marked, [false, true, false]);
}

#[test]
fn a_drop_in_directory_is_included_for_everybody_and_below_etc() {
    for (text, expected) in [
        ("Include /etc/ssh/none.d/*.conf", Some("/etc/ssh/none.d")),
        ("include none.d/*.conf", Some("/etc/ssh/none.d")),
        ("Match all\nInclude /etc/ssh/none.d/*.conf", Some("/etc/ssh/none.d")),
        ("Include /usr/none.d/*.conf /etc/none.d/*.conf", Some("/etc/none.d")),
        ("Match User anna\nInclude /etc/ssh/none.d/*.conf", None),
        ("Include /etc/ssh/none.d/*", None),
        ("Include /etc/none-[ab].d/*.conf", None),
        ("Include /etc/none?.d/*.conf", None),
    ] {
        assert_eq!(config(text).drop_in_directory().as_deref(), expected.map(Path::new), "{text}");
    }
}
