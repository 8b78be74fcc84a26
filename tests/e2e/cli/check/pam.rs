//! PAM's configuration for sshd.

use super::faults::Machine;
use super::{check, checked, findings, json};

/// Inserts a line before the module's account line, or before its session line that opens.
macro_rules! before {
    ($kind:literal, $line:literal) => {
        concat!(
            "sed -i '/^",
            $kind,
            " .*pam_sftpjail.so\\( open\\)*$/i ",
            $kind,
            " ",
            $line,
            "' /etc/pam.d/sshd"
        )
    };
}

/// Gives one of the module's lines another control field. `$part`: the end of that line.
macro_rules! control {
    ($kind:literal, $part:literal, $control:literal) => {
        concat!(
            "sed -i 's/^",
            $kind,
            " .*\\(pam_sftpjail.so",
            $part,
            "\\)$/",
            $kind,
            " ",
            $control,
            " \\1/' /etc/pam.d/sshd"
        )
    };
}

/// PAM refuses the login, not the module.
const REFUSED: &str = "mle is jailed but cannot log in: PAM refuses every login because of /etc/pam.d/sshd:N";

mod line;
mod module;
mod nologin;
mod session;
mod unloadable;

#[test]
fn other_spellings_of_the_same_lines_are_ok() {
    let machine = Machine::new();
    for script in [
        concat!(control!("account", "", "[success=done ignore=ignore module_unknown=ignore default=die]")),
        "sed -i 's/^session .* pam_sftpjail.so open/-SESSION [success=ok ignore=ignore \\\\\\n module_unknown=ignore default=bad] \\\\\\n    pam_sftpjail.so open # ours/' /etc/pam.d/sshd",
        "sed -i \"s|pam_sftpjail.so|$1|; s/sftpjail.so.*/& debug/\" /etc/pam.d/sshd",
        "grep 'sftpjail.so open' /etc/pam.d/sshd >>/etc/pam.d/common-session; sed -i '/sftpjail.so open/d' /etc/pam.d/sshd",
        // A first line may have a control field that never refuses; it may follow pam_selinux's; it is not always
        // required.
        control!("session", " close", "[default=ignore]"),
        "grep 'sftpjail.so close' /etc/pam.d/sshd >/tmp/close; sed -i '/sftpjail.so close$/d' /etc/pam.d/sshd
         sed -i '/pam_selinux.so close/r /tmp/close' /etc/pam.d/sshd",
        "sed -i '/sftpjail.so close$/d; s/ user_readenv=1//' /etc/pam.d/sshd",
        "sed -i '/sftpjail.so close$/d; s/ user_readenv=1//; s/sftpjail.so open/sftpjail.so/' /etc/pam.d/sshd",
        // A line with both arguments is the same as a line with neither.
        "sed -i '/sftpjail.so close$/d; s/ user_readenv=1//; s/sftpjail.so open/& close/' /etc/pam.d/sshd",
        // A `sufficient` line in a substack ends the substack only.
        "echo account sufficient pam_localuser.so >/etc/pam.d/local
         sed -i '/^account .*pam_sft/i account substack local' /etc/pam.d/sshd",
        // `sufficient` lines of another kind, or below.
        "sed -i '/^account .*pam_sft/i auth sufficient pam_permit.so' /etc/pam.d/sshd
         echo session sufficient pam_permit.so >>/etc/pam.d/sshd",
        "mv /etc/pam.d/sshd /usr/lib/pam.d/sshd",
        "sed -i '/^account.*sftpjail/d; /^session.*sftpjail.so open/i session required pam_mkhomedir.so' /etc/pam.d/sshd",
        "mkdir /etc/sftpjail; echo 'services = [\"ftpd\", \"sshd\"]' >/etc/sftpjail/config.toml
         sed -i 's|^session.*sftpjail.so|& config=/etc/sftpjail/config.toml|' /etc/pam.d/sshd",
    ] {
        let module = machine.sb.sh("find /usr/lib /usr/lib64 -name pam_sftpjail.so -print -quit").stdout;
        machine.sb.script(script, &[module.trim()], b"").ok();
        assert_eq!(machine.found(), (vec![], 0), "{script}");
        machine.restore();
    }
}

#[test]
fn a_home_that_the_session_makes_may_be_missing() {
    let machine = Machine::new();
    machine.sb.sh("sed -i '/^account.*sftpjail/d; /^session.*sftpjail.so open/i session required pam_mkhomedir.so' /etc/pam.d/sshd
        rm -r /home/mle; echo mle:pw | chpasswd");
    assert_eq!(machine.found(), (vec![], 0));
    let out = check(&machine.sb, "mle", 0);
    assert!(
        out.stdout.contains("✓ home path      missing: the first login makes it (/etc/pam.d/sshd:"),
        "{out}"
    );
    assert!(out.stdout.ends_with("\nmle is jailed and can log in.\n"), "{out}");
}

#[test]
fn without_a_file_of_the_service_libpam_reads_other() {
    let machine = Machine::new();
    machine.sb.sh("rm /etc/pam.d/sshd");
    let (found, code) = machine.found();
    let checks: Vec<_> = found.iter().map(|f| f[0].as_str()).collect();
    assert_eq!((checks, code), (vec!["pam account", "pam session"], 1), "{found:#?}");
    assert!(
        found[0][3]
            .starts_with("install sshd's own /etc/pam.d/sshd from its package; append to /etc/pam.d/sshd: "),
        "{found:#?}"
    );
}

#[test]
fn the_lines_must_name_the_configuration_that_is_checked() {
    let machine = Machine::new();
    machine
        .sb
        .sh("mkdir /etc/sftpjail; mv /etc/sftpjail /etc/jails; echo '# the default' >/etc/jails/config.toml
        sed -i 's|sftpjail.so.*|& config=/etc/jails/config.toml|' /etc/pam.d/sshd");
    let out = check(&machine.sb, "mle", 1);
    assert!(out.stdout.contains("the module uses /etc/jails/config.toml, but this check uses "), "{out}");
    machine.sb.sh("sed -i 's,/etc/sftpjail/config.toml,/etc/jails/config.toml,' /etc/systemd/system/user@.service.d/50-sftpjail.conf
        sftpjail --config /etc/jails/config.toml check mle");
    machine.sb.sh("rm -r /etc/jails");
}

#[test]
fn a_file_that_only_root_may_read_is_unknown_and_not_missing() {
    let machine = Machine::new();
    machine.sb.sh("chmod 600 /etc/pam.d/common-account");
    let as_joe = "exec setpriv --reuid joe --regid joe --clear-groups sftpjail check mle";
    let out = checked(machine.sb.try_sh(as_joe), 2).stdout;
    assert!(out.contains("! pam account    /etc/pam.d/common-account, named at /etc/pam.d/sshd:"), "{out}");
    machine.sb.sh("chmod 600 /etc/pam.d/sshd");
    let out = checked(machine.sb.try_sh(as_joe), 2).stdout;
    assert!(out.contains("! pam session    /etc/pam.d/sshd cannot be read: permission denied\n"), "{out}");
    assert_eq!(machine.found(), (vec![], 0));
}

#[test]
fn a_fix_changes_the_file_behind_a_symlink_and_keeps_the_symlink() {
    let machine = Machine::new();
    machine.sb.sh("mv /etc/pam.d/sshd /etc/sshd-of-a-tool; ln -s /etc/sshd-of-a-tool /etc/pam.d/sshd
        sed -i 's/^session .*pam_sftpjail.so open/session optional pam_sftpjail.so open/' /etc/sshd-of-a-tool");
    let (found, _) = machine.found();
    machine.paste(&found[0][3]);
    assert_eq!(machine.found(), (vec![], 0));
    machine.sb.sh("test -L /etc/pam.d/sshd; rm /etc/sshd-of-a-tool");
}

#[test]
fn a_line_cannot_control_a_terminal() {
    let machine = Machine::new();
    machine
        .sb
        .script("printf 'account sufficient pam_\\033[2Jx.so\\n' >>/etc/pam.d/common-account", &[""], b"")
        .ok();
    let document = json(&machine.sb, "mle", "problems");
    let [finding] = findings(&document).into_iter().filter(|f| f[1] == "failed").collect::<Vec<_>>()[..]
    else {
        panic!("{document:#}");
    };
    assert!(finding[2].contains(r#"when "pam_\x1b[2Jx.so" (sufficient) at "#), "{}", finding[2]);
}
