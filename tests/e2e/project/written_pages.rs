//! The manual pages that are written by hand: mandoc finds nothing in them, and what they show does what they say.
//! What they list is compared with the code beside that, in pam_sftpjail/src/manuals.rs.

use sandbox::Sandbox;

use crate::common::by_hand::add_pam_lines;
use crate::common::page::Page;

const MODULE: &str = include_str!("../../../manuals/pam_sftpjail.8");
const CONFIGURATION: &str = include_str!("../../../manuals/sftpjail.toml.5");
const GRANTS: &str = include_str!("../../../manuals/sftpjail-grants.5");

/// The texts between `.Bd -literal` and `.Ed` of a section, as the reader sees them.
fn shown(page: &str, section: &str) -> Vec<String> {
    let (_, rest) = page.split_once(&format!(".Sh {section}\n")).expect("the section");
    let section = rest.split("\n.Sh ").next().unwrap_or_default();
    let texts = section.split("\n.Bd -literal").skip(1).filter_map(|rest| rest.split_once("\n.Ed"));
    texts.map(|(text, _)| text.split_once('\n').expect("a line").1.replace("\\-", "-") + "\n").collect()
}

#[test]
fn mandoc_finds_nothing_in_them() {
    let sb = Sandbox::stock();
    sb.unpack("mandoc");
    for (name, page) in
        [("pam_sftpjail.8", MODULE), ("sftpjail.toml.5", CONFIGURATION), ("sftpjail-grants.5", GRANTS)]
    {
        sb.write(format!("/root/{name}"), page);
        // Which pages are on this machine does not matter.
        let out = sb.sh(&format!(
            "cd /root; mandoc -T lint {name} >found || true; grep -v ': referenced manual not found: ' found || true"
        ));
        assert_eq!(out.stdout, "", "{name}");
        for verb in page.lines().filter_map(|line| line.strip_prefix(".Xr sftpjail-")) {
            let verb = verb.split_once(" 8").map_or("", |(verb, _)| verb);
            assert!(
                verb.is_empty() || sb.try_sh(&format!("sftpjail help {verb}")).code == Some(0),
                "{name}: {verb}"
            );
        }
    }
}

#[test]
fn what_the_page_of_the_module_shows_makes_a_stock_machine_jail_its_members() {
    let sb = Sandbox::stock();
    let [close, account, open] = &shown(MODULE, "PAM LINES")[..] else { panic!("three lines") };
    assert_eq!(
        lines(include_str!("../../../pam.d/sshd")),
        [close, account, open].map(|line| line.trim_end())
    );
    add_pam_lines(&sb);
    let [block] = &shown(MODULE, "SSHD SETTINGS")[..] else { panic!("a block") };
    sb.append("/etc/ssh/sshd_config", block);
    sb.sh("groupdel sftp 2>/dev/null || true");
    sb.user("anna").add();
    assert!(sb.sftp("anna", "ls /etc/ssh\n").ok().stdout.contains("sshd_config"));

    sb.sh("mkdir -p /root/systemd");
    sb.write("/root/systemd/50-sftpjail.conf", include_str!("../../../systemd/50-sftpjail.conf"));
    Page::read("manuals/pam_sftpjail.8").run(&sb);
    assert!(sb.sftp("anna", "pwd\n").ok().stdout.contains("Remote working directory: /home/anna"));
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    assert!(!sb.ssh("anna", &["id"]).failed().stdout.contains("uid="));

    // Every field of real entries.
    sb.wait_for_log("session closed for user anna(");
    sb.sh("mv /home/anna /srv/anna; ln -s /srv/anna /home/anna");
    sb.sftp("anna", "pwd\n").failed();
    sb.wait_for_log("refused user anna ");
    for entry in sb.log_lines("pam_sftpjail(") {
        for word in entry.split([' ', '(']).filter_map(|word| word.split_once('=')) {
            assert!(MODULE.contains(&format!("\n.It Va {}\n", word.0)), "{}: {entry}", word.0);
        }
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

#[test]
fn config_check_says_nothing_of_the_examples_of_configurations() {
    let sb = Sandbox::stock();
    sb.sh("mkdir -p /etc/sftpjail");
    for text in shown(CONFIGURATION, "EXAMPLES") {
        sb.write_mode("/etc/sftpjail/config.toml", &text, 0o644);
        let out = sb.sh("sftpjail config check");
        assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("", ""), "{text}");
    }
}

#[test]
fn keys_that_root_keeps_are_taken_as_the_page_of_grants_says() {
    let sb = Sandbox::new();
    sb.user("felix").group("sftp").add();
    sb.sh("rm /home/felix/.ssh/authorized_keys; install -d -m 755 /etc/sftpjail /etc/sftpjail/keys.d");
    let [lines] = &shown(GRANTS, "KEYS THAT ROOT KEEPS")[..] else { panic!("lines for sshd") };
    sb.sshd_with(&lines.replace("/usr/sbin/", "/usr/local/sbin/"));
    sb.sftp("felix", "pwd\n").failed();

    let examples = shown(GRANTS, "EXAMPLES");
    let example = examples.iter().find(|text| text.contains(" ssh-ed25519 KEY ")).expect("a key");
    let key = sb.sh("cut -d ' ' -f 2 /root/.ssh/id_ed25519.pub").stdout;
    let line = example.replace("KEY", key.trim());
    sb.write_mode("/etc/sftpjail/keys.d/felix", &line, 0o644);
    assert_eq!(sb.sh("sftpjail keys felix").stdout, line);
    // From another network.
    sb.sftp("felix", "pwd\n").failed();
    let line = line.replace("192.0.2.0/24", "127.0.0.0/8").replace("202612101800", "209912101800");
    sb.write_mode("/etc/sftpjail/keys.d/felix", line, 0o644);
    sb.sftp("felix", "pwd\n").ok();
}
