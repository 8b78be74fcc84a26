//! What sshd must do for a member, and each setting that keeps it from doing so.

mod conclusion;
mod filtered;
mod impostor;
mod keepalive;
mod kinds;
mod reused_pid;
pub(crate) mod running;
mod second;
mod several;
mod several_confined;
mod sockets;
mod unread;

use super::faults::{FIX_IT, Fault, Machine, failed, warned};
use super::{check, findings, json};

/// Changes a line of the `Match` block, or removes it.
macro_rules! block {
    ($keyword:literal) => {
        concat!("sed -i '/^Match Group sftp/,$ { /^ *", $keyword, " /d }' /etc/ssh/sshd_config")
    };
    ($keyword:literal, $value:literal) => {
        concat!(
            "sed -i '/^Match Group sftp/,$ s|^ *",
            $keyword,
            " .*|    ",
            $keyword,
            " ",
            $value,
            "|' /etc/ssh/sshd_config"
        )
    };
}

/// As the one above, where DisableForwarding does not stop it all the same.
macro_rules! forwards {
    ($keyword:literal, $value:literal) => {
        concat!("sed -i /DisableForwarding/d /etc/ssh/sshd_config; ", block!($keyword, $value))
    };
}

/// Inserts another block before the members' one.
macro_rules! before {
    ($criteria:literal, $line:literal) => {
        concat!("sed -i '/^Match Group sftp/i Match ", $criteria, "\\n    ", $line, "' /etc/ssh/sshd_config")
    };
}

const SETTINGS: [Fault; 24] = [
    failed("sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config; usermod -p '*' mle", "sshd pam", "UsePAM is no instead of yes (/etc/ssh/sshd_config:").concludes("mle is jailed but cannot log in: sshd does not use PAM"),
    failed(block!("ChrootDirectory"), "sshd chroot", "ChrootDirectory is none, so the user sees the whole system").concludes("mle IS NOT JAILED: ChrootDirectory of sshd is none"),
    failed(block!("ChrootDirectory", "none"), "sshd chroot", "ChrootDirectory is none").concludes("mle IS NOT JAILED: ChrootDirectory of sshd is none"),
    failed(block!("ChrootDirectory", "/srv/%u"), "sshd chroot", "is \"/srv/%u\" instead of /jail/%u, and sshd refuses users whom it cannot chroot: /srv/mle: No such file or directory (/etc/ssh/sshd_config:").concludes("mle is jailed but cannot log in: sshd cannot chroot to its ChrootDirectory: /srv/mle: No such file or directory"),
    failed(block!("ChrootDirectory", "/jail"), "sshd chroot", "ChrootDirectory is /jail instead of /jail/%u").concludes("mle IS NOT JAILED: ChrootDirectory of sshd is /jail"),
    failed(block!("ChrootDirectory", "%h"), "sshd chroot", "ChrootDirectory is \"%h\"").concludes("mle is jailed but cannot log in: sshd cannot chroot to its ChrootDirectory: /home/mle is not owned by root and writable by nobody else"),
    failed(block!("ForceCommand"), "sshd command", "ForceCommand is none instead of internal-sftp").concludes("mle is jailed but cannot log in: sshd does not run its SFTP server for the user"),
    failed(block!("ForceCommand", "/usr/lib/openssh/sftp-server"), "sshd command", "/usr/lib/openssh/sftp-server").concludes("mle is jailed but cannot log in: sshd does not run its SFTP server for the user"),
    failed("sed -i '/^Subsystem/d' /etc/ssh/sshd_config", "sshd command", "sshd has no `Subsystem sftp`, so it refuses every SFTP client").concludes("mle is jailed but cannot log in: sshd has no Subsystem sftp"),
    failed(forwards!("AllowTcpForwarding", "yes"), "sshd forwards", "AllowTcpForwarding is yes instead of no (/etc/ssh/sshd_config:").concludes("mle IS NOT JAILED: sshd forwards for the user (AllowTcpForwarding)"),
    failed(block!("AllowTcpForwarding", "local"), "sshd forwards", "AllowTcpForwarding is local").concludes(FIX_IT),
    failed(block!("AllowTcpForwarding"), "sshd forwards", "AllowTcpForwarding is yes").concludes(FIX_IT),
    failed(forwards!("AllowStreamLocalForwarding", "yes"), "sshd forwards", "AllowStreamLocalForwarding is yes").concludes("mle IS NOT JAILED: sshd forwards for the user (AllowStreamLocalForwarding)"),
    failed(block!("AllowAgentForwarding", "yes"), "sshd forwards", "AllowAgentForwarding is yes").concludes("mle IS NOT JAILED: sshd forwards for the user (AllowAgentForwarding)"),
    failed(block!("X11Forwarding", "yes"), "sshd forwards", "X11Forwarding is yes").concludes("mle IS NOT JAILED: sshd forwards for the user (X11Forwarding)"),
    failed(block!("PermitTunnel", "point-to-point"), "sshd forwards", "PermitTunnel is point-to-point").concludes("mle IS NOT JAILED: sshd forwards for the user (PermitTunnel)"),
    failed(
        "sed -i '/^Match Group sftp/a GatewayPorts yes' /etc/ssh/sshd_config",
        "sshd forwards",
        "GatewayPorts is yes instead of no",
    ).concludes(FIX_IT),
    failed(block!("PermitTTY", "yes"), "sshd terminal", "PermitTTY is yes").concludes(FIX_IT),
    failed(block!("PermitUserRC", "yes"), "sshd user rc", "PermitUserRC is yes").concludes(FIX_IT),
    warned(block!("ForceCommand", "internal-sftp"), "sshd log", "internal-sftp logs at ERROR only"),
    warned(block!("ForceCommand", "internal-sftp -l quiet"), "sshd log", "internal-sftp logs at quiet only"),
    failed("echo Nonsense yes >>/etc/ssh/sshd_config", "sshd", "sshd -T says: /etc/ssh/sshd_config: line ")
        .in_words("fix what it names, then check: sshd -t").concludes("mle cannot be judged: sshd cannot read its configuration"),
    failed("echo Port 0 >/etc/ssh/sshd_config.d/port.conf", "sshd", "Badly formatted port number")
        .in_words("sshd -t").concludes("mle cannot be judged: sshd cannot read its configuration"),
    failed(
        "mv /etc/ssh/sshd_config /etc/ssh/base; sed '/^Match Group/,$d' /etc/ssh/base >/etc/ssh/sshd_config
         sed -n '/^Match Group/,$p' /etc/ssh/base | sed 's/AllowAgentForwarding no/AllowAgentForwarding yes/' \
            >/etc/ssh/sshd_config.d/jail.conf",
        "sshd forwards",
        "AllowAgentForwarding is yes instead of no (/etc/ssh/sshd_config.d/jail.conf:7)",
    ).concludes("mle IS NOT JAILED: sshd forwards for the user (AllowAgentForwarding)"),
];

#[test]
fn each_setting_that_is_missing_or_wrong() {
    Machine::new().each(&SETTINGS);
}

const OVERRIDES: [Fault; 14] = [
    failed(
        before!("Address 10.0.0.0/8", "AllowTcpForwarding yes"),
        "sshd forwards",
        "; from 10.0.0.0 (Match at /etc/ssh/sshd_config:",
    ).concludes(FIX_IT),
    failed(
        "printf 'Match Address 192.168.*\\n ChrootDirectory none\\n' >/etc/ssh/sshd_config.d/lan.conf",
        "sshd chroot",
        "from 192.168.1.1 (Match at /etc/ssh/sshd_config.d/lan.conf:1)",
    ).concludes("mle IS NOT JAILED: from 192.168.1.1 (Match at /etc/ssh/sshd_config.d/lan.conf:N), ChrootDirectory of sshd is none"),
    failed(before!("Address 2001:db8::/32", "ForceCommand none"), "sshd command", "from 2001:db8:: (Match at ").concludes("mle is jailed and can log in, but not from 2001:db8:: (Match at /etc/ssh/sshd_config:N): sshd does not run its SFTP server for the user"),
    failed(before!("Address ::1", "PermitTTY yes"), "sshd terminal", "from ::1 (Match at ").concludes(FIX_IT),
    failed(before!("LocalPort 2222", "ForceCommand /bin/sh"), "sshd command", "to port 2222 (Match at ").concludes("mle is jailed and can log in, but not to port 2222 (Match at /etc/ssh/sshd_config:N): sshd does not run its SFTP server for the user"),
    failed(before!("LocalAddress 192.0.2.1", "X11Forwarding yes"), "sshd forwards", "to 192.0.2.1 (Match at ").concludes("mle IS NOT JAILED: to 192.0.2.1 (Match at /etc/ssh/sshd_config:N), sshd forwards for the user (X11Forwarding)"),
    failed(before!("RDomain vrf-*", "AllowTcpForwarding yes"), "sshd forwards", "in the routing domain vrf-x (Match at ").concludes(FIX_IT),
    failed(
        concat!("sed -i '1i UseDNS yes' /etc/ssh/sshd_config; ", before!("Host *.example.org", "PermitTunnel yes")),
        "sshd forwards",
        "from the host x.example.org (Match at ",
    ).concludes("mle IS NOT JAILED: from the host x.example.org (Match at /etc/ssh/sshd_config:N), sshd forwards for the user (PermitTunnel)"),
    // Without UseDNS, a host is an address.
    failed(before!("Host 10.*", "PermitUserRC yes"), "sshd user rc", "from the host 10.1.1.1 (Match at ").concludes(FIX_IT),
    failed(
        before!("LocalPort 2222 Address 10.0.0.0/8", "AllowTcpForwarding yes"),
        "sshd forwards",
        "to port 2222 (Match at ",
    ).concludes(FIX_IT),
    // A narrower block before it must not hide it.
    failed(
        concat!(
            before!("Address 10.0.0.0/24", "AllowTcpForwarding no"), "; ",
            before!("Address 10.0.0.0/8", "AllowTcpForwarding yes")
        ),
        "sshd forwards",
        "from 10.255.255.255 (Match at ",
    ).concludes(FIX_IT),
    // An included file.
    failed(
        "mkdir /etc/ssh/more; printf 'Match Group sftp Address 10.9.0.0/16\\n PermitTTY yes\\n' >/etc/ssh/more/x
         sed -i '1i Include more/*' /etc/ssh/sshd_config",
        "sshd terminal",
        "from 10.9.0.0 (Match at /etc/ssh/more/x:1)",
    ).concludes(FIX_IT),
    failed(before!("User mle", "AllowAgentForwarding yes"), "sshd forwards", "AllowAgentForwarding is yes").concludes("mle IS NOT JAILED: sshd forwards for the user (AllowAgentForwarding)"),
    failed(before!("all", "AllowStreamLocalForwarding remote"), "sshd forwards", "AllowStreamLocalForwarding is remote").concludes(FIX_IT),
];

#[test]
fn each_match_block_for_certain_connections() {
    Machine::new().each(&OVERRIDES);
}

/// The checks of these findings, each once.
fn checks(found: &[[String; 4]]) -> Vec<&str> {
    let mut checks: Vec<_> = found.iter().map(|f| f[0].as_str()).collect();
    checks.dedup();
    checks
}

const ALL: [&str; 5] = ["sshd chroot", "sshd command", "sshd forwards", "sshd terminal", "sshd user rc"];

/// One finding, and setup puts the block where it belongs.
#[test]
fn a_lost_block_is_one_finding_with_one_fix() {
    let machine = Machine::new();
    machine.sb.sh("sed -i '/^Match Group sftp/,$d' /etc/ssh/sshd_config");
    let (found, code) = machine.found();
    assert_eq!((checks(&found), code), (vec!["sshd chroot"], 1));
    let keywords = "AllowAgentForwarding, AllowStreamLocalForwarding, AllowTcpForwarding, ForceCommand, PermitTTY, PermitUserRC, X11Forwarding";
    assert!(found[0][2].ends_with(keywords), "{found:#?}");
    assert_eq!(found[0][3], "sftpjail setup");
    // It asks first.
    machine.sb.sh("sftpjail setup --yes");
    assert_eq!(machine.found(), (vec![], 0));
    assert!(machine.sb.sftp("mle", "ls -1 /\n").ok().stdout.contains("home"));
    machine.sb.sftp("mle", "ls /etc/ssh\n").failed();
}

#[test]
fn fixes_can_be_pasted_one_after_the_other() {
    let machine = Machine::new();
    machine
        .sb
        .sh("sed -i '/^Match Group sftp/,$ { /^ *Allow/d; /^ *Permit/d; /^ *X11/d }' /etc/ssh/sshd_config");
    let (found, _) = machine.found();
    assert_eq!(checks(&found), ["sshd forwards", "sshd terminal", "sshd user rc"]);
    for [.., fix] in &found {
        machine.paste(fix);
    }
    assert_eq!(machine.found(), (vec![], 0));
}

#[test]
fn the_line_that_is_named_is_in_the_block_of_the_member() {
    let machine = Machine::new();
    machine.sb.sh("sed -i '/^Match Group sftp/i Match User bob\\n    X11Forwarding yes' /etc/ssh/sshd_config
         sed -i 's/^    X11Forwarding no/    X11Forwarding yes/' /etc/ssh/sshd_config");
    let line = machine.sb.sh("grep -n X11 /etc/ssh/sshd_config | tail -n 1 | cut -d: -f1").stdout;
    let (found, _) = machine.found();
    assert_eq!(checks(&found), ["sshd forwards"]);
    let named = format!("X11Forwarding is yes instead of no (/etc/ssh/sshd_config:{})", line.trim());
    assert!(found[0][2].starts_with(&named), "{found:#?}");
    // Two lines have the same text.
    let fix = format!(": write at /etc/ssh/sshd_config:{}: X11Forwarding no", line.trim());
    assert!(found[0][3].ends_with(&fix), "{found:#?}");
}

#[test]
fn a_block_that_does_not_match_every_address() {
    let machine = Machine::new();
    machine.sb.sh("sed -i 's/^Match Group sftp/& Address *,!10.1.2.3/' /etc/ssh/sshd_config");
    let (found, code) = machine.found();
    assert_eq!((checks(&found), code), (ALL.to_vec(), 1));
    assert!(found[0][2].contains("; from 10.1.2.3 (Match at /etc/ssh/sshd_config:"), "{found:#?}");
    machine.paste(&found[0][3]);
    assert_eq!(machine.found(), (vec![], 0));
    machine.restore();
    machine
        .sb
        .sh("sed -i 's/^Match Group sftp/& LocalPort 22/; 1i Port 22\\nPort 2222' /etc/ssh/sshd_config");
    let (found, _) = machine.found();
    assert_eq!(checks(&found), ALL);
    assert!(found[0][2].contains(" to port 2222"), "{found:#?}");
    machine.restore();
    machine.sb.sh(
        "sed -i 's/^Match Group sftp/& LocalPort 22/; 1i ListenAddress 127.0.0.1:2222' /etc/ssh/sshd_config",
    );
    let (found, _) = machine.found();
    assert_eq!(checks(&found), ALL);
    assert!(
        found[0][2]
            .ends_with("so the user sees the whole system; from addresses such as 240.77.113.9 to port 2222"),
        "{found:#?}"
    );
}

#[test]
fn a_spelling_that_the_block_does_not_match() {
    let machine = Machine::new();
    machine.sb.ignore_case_of_names();
    assert_eq!(machine.found(), (vec![], 0));
    assert!(check(&machine.sb, "mle", 0).stdout.contains("✓ names          also known as MLE, Mle\n"));
    // sshd compares the name as typed.
    machine.sb.sh("sed -i 's/^Match Group sftp/Match User mle/' /etc/ssh/sshd_config");
    let (found, code) = machine.found();
    assert_eq!((checks(&found), code), (ALL.to_vec(), 1));
    assert!(found[0][2].ends_with("; for the name MLE; for the name Mle"), "{found:#?}");
    // The command needs a shell.
    machine.sb.sh("usermod -s /bin/sh mle");
    assert!(
        machine.sb.sftp("MLE", "ls /etc/ssh\n").ok().stdout.contains("sshd_config"),
        "the finding is true"
    );
    machine.sb.sh("usermod -s /usr/sbin/nologin mle");
    machine.paste(&found[0][3]);
    machine.sb.restart_sshd();
    assert_eq!(machine.found(), (vec![], 0));
}

#[test]
fn a_pattern_for_which_no_connection_is_found() {
    let machine = Machine::new();
    machine.sb.sh("sed -i '/^Match Group sftp/i Match LocalAddress 1*2*3*4*5*6\\n    PermitTTY yes' /etc/ssh/sshd_config");
    let (found, code) = machine.found();
    assert_eq!((checks(&found), code), (vec!["sshd"], 2), "{found:#?}");
    assert!(found[0][2].starts_with("no connection was found that \"1*2*3*4*5*6\" matches (Match at "));
}

#[test]
fn without_sshd_nothing_can_be_asked() {
    let machine = Machine::new();
    machine.sb.sh("mv /usr/sbin/sshd /usr/sbin/other");
    let (found, code) = machine.found();
    assert_eq!((checks(&found), code), (vec!["sshd"], 2), "{found:#?}");
    assert!(found[0][2].starts_with("there is no sshd in /usr/sbin:"));
}

#[test]
fn names_with_a_comma_cannot_be_asked_about() {
    let machine = Machine::new();
    machine.sb.user("a,b").home("/home/ab").group("sftp").raw().add();
    let document = json(&machine.sb, "a,b", "unchecked");
    let unknown: Vec<_> = findings(&document).into_iter().filter(|f| f[1] == "unknown").collect();
    assert_eq!(unknown.len(), 1, "{document:#}");
    assert_eq!(unknown[0][2], "sshd -T cannot be asked about \"a,b\": the name holds a comma");
}

#[test]
fn a_user_in_no_profile_that_sshd_chroots_into_the_jail_root() {
    let machine = Machine::new();
    machine.sb.sh("sed -i 's/^Match Group sftp/Match Group sftp,joe/' /etc/ssh/sshd_config");
    let document = json(&machine.sb, "joe", "problems");
    let [check, outcome, evidence, fix] = *findings(&document).last().unwrap();
    assert_eq!([check, outcome], ["sshd chroot", "failed"]);
    assert!(
        evidence.starts_with("ChrootDirectory is \"/jail/%u\" for joe (/etc/ssh/sshd_config:"),
        "{evidence}"
    );
    machine.sb.sftp("joe", "pwd\n").failed();
    machine.paste(fix);
    json(&machine.sb, "joe", "ok");
}

#[test]
fn a_match_block_with_another_pam_service_is_found() {
    let machine = Machine::new();
    // OpenSSH answers like this from 9.8 on. Debian 12 has an older one.
    machine.sb.sh("mv /usr/sbin/sshd /usr/sbin/sshd.real
        cat >/usr/sbin/sshd <<'END'
#!/bin/sh
/usr/sbin/sshd.real \"$@\" || exit
case \"$*\" in
    -T*user=mle,*) echo pamservicename other ;;
    -T*) echo pamservicename sshd ;;
esac
END
        chmod 755 /usr/sbin/sshd");
    let out = check(&machine.sb, "mle", 1).stdout;
    assert!(
        out.contains("✗ sshd pam       PAMServiceName is other instead of sshd, as for other users\n"),
        "{out}"
    );
    assert!(out.contains("a\\    PAMServiceName sshd' /etc/ssh/sshd_config\n"), "{out}");
}

#[test]
fn a_user_that_sshd_refuses_by_name_or_group() {
    let machine = Machine::new();
    machine.sb.sh("sed -i '/^Match Group sftp/i Include /etc/ssh/who.conf' /etc/ssh/sshd_config");
    for (line, kept_out) in [
        ("AllowUsers joe", true),
        ("AllowUsers joe m?e", false),
        ("AllowUsers joe mle@192.0.2.*", false),
        ("AllowGroups staff", true),
        ("AllowGroups staff sft*", false),
        ("DenyUsers mle", true),
        ("DenyUsers mle@192.0.2.7", false),
        ("DenyGroups sftp", true),
        ("Match User mle\n    DenyUsers *", true),
    ] {
        machine.sb.sh(&format!("printf '{line}\\n' >/etc/ssh/who.conf"));
        let (found, code) = machine.found();
        let checks: Vec<_> = found.iter().map(|[check, outcome, ..]| [check.as_str(), outcome]).collect();
        let expected: &[_] = if kept_out { &[["sshd access", "failed"]] } else { &[] };
        assert_eq!((checks.as_slice(), code), (expected, i32::from(kept_out)), "{line} {found:#?}");
    }
}

/// A directory does not answer that may know the group of a gid.
#[test]
fn groups_that_are_unknown_count_where_sshd_asks_for_them() {
    let machine = Machine::new();
    machine.sb.sh("sed -i 's/^group:.*/group: files ldap/' /etc/nsswitch.conf
         sed -Ei 's/^(mle:x:[0-9]+):[0-9]+/\\1:4711/' /etc/passwd
         sed -i '/^Match Group sftp/i Include /etc/ssh/who.conf' /etc/ssh/sshd_config");
    for (line, code) in [("", 0), ("AllowUsers mle", 0), ("AllowGroups sftp", 2), ("DenyGroups x", 2)] {
        machine.sb.sh(&format!("echo '{line}' >/etc/ssh/who.conf"));
        let out = check(&machine.sb, "mle", code);
        let unknown = "! sshd access    whether sshd keeps the user out (DenyGroups, AllowGroups) is unknown: looking up \
                       the group with gid 4711 failed: ldap could not be reached";
        assert_eq!(out.stdout.contains(unknown), code == 2, "{line}: {out}");
    }
}

/// An empty file has no line before which sed could insert one.
#[test]
fn a_fix_works_on_an_empty_configuration() {
    let machine = Machine::new();
    machine.sb.sh(": >/etc/ssh/sshd_config");
    let out = machine.sb.try_sh("sftpjail check mle");
    let command = "! grep -qsxe 'UsePAM yes' /etc/ssh/sshd_config && printf '%s\\n' '' 'UsePAM yes' >>/etc/ssh/sshd_config";
    let words = "reload sshd after this and its other fixes, and see that KbdInteractiveAuthentication is no unless PAM may ask for passwords";
    assert!(out.stdout.contains(&format!("→ {words}: {command}\n")), "{out}");
    machine.sb.sh(&format!("{{ {command}; }}; sshd -T | grep -qi '^usepam yes'"));
}

#[test]
fn an_sshd_that_only_root_may_run_is_asked_as_root() {
    let machine = Machine::new();
    machine.sb.sh("chmod 700 /usr/sbin/sshd");
    let script = "exec setpriv --reuid joe --regid joe --clear-groups sftpjail check mle";
    let output = machine.sb.try_sh(script);
    let sshd = output.stdout.lines().skip_while(|line| !line.contains(" cannot be run: ")).nth(1);
    assert_eq!(sshd.map(str::trim), Some("→ run this as root"), "{output}");
}
