//! PAM's configuration for sshd, and the module's file.

use super::faults::{FIX_IT, Fault, Machine, failed, warned};
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

mod nologin;
mod unloadable;

const LINES: [Fault; 34] = [
    failed("sed -i '/^account.*sftpjail/d' /etc/pam.d/sshd", "pam account", "no pam_sftpjail.so line: ").concludes(FIX_IT),
    failed(
        "sed -i '/^session.*sftpjail/d' /etc/pam.d/sshd",
        "pam session",
        "no pam_sftpjail.so line that opens: no jail is built",
    ).concludes("mle is jailed but cannot log in: PAM does not ask the module to build a jail"),
    failed("sed -i 's/^account.*sftpjail/#&/' /etc/pam.d/sshd", "pam account", "no pam_sftpjail.so line").concludes(FIX_IT),
    failed(control!("account", "", "optional"), "pam account", ": optional does not make a refusal final").concludes(FIX_IT),
    failed(control!("session", " open", "optional"), "pam session", ": optional does not make").concludes(FIX_IT),
    failed(control!("account", "", "sufficient"), "pam account", ": sufficient does not make").concludes(FIX_IT),
    failed(control!("session", " open", "requird"), "pam session", ": requird refuses everybody, root too").concludes(REFUSED),
    failed(control!("session", " close", "requird"), "pam session", ": requird refuses everybody, root too").concludes(REFUSED),
    failed(
        control!("account", "", "[success=ok module_unknown=ignore default=bad]"),
        "pam account",
        ": \"[success=ok module_unknown=ignore default=bad]\" refuses everybody who is not a member, root too",
    ).concludes(FIX_IT),
    warned(
        control!("account", "", "required"),
        "pam account",
        ": with required, everybody is refused, root too, if the module's file is missing or cannot be loaded",
    ),
    warned(
        control!("session", " open", "requisite"),
        "pam session",
        ": with requisite, everybody is refused",
    ),
    warned(
        control!("session", " close", "[success=ok ignore=ignore default=bad]"),
        "pam session",
        ": with \"[success=ok ignore=ignore default=bad]\", everybody is refused",
    ),
    failed(
        before!("account", "sufficient pam_localuser.so"),
        "pam account",
        "is skipped when pam_localuser.so (sufficient) at /etc/pam.d/sshd:",
    ).concludes(FIX_IT),
    failed(
        before!("session", "sufficient pam_permit.so"),
        "pam session",
        "is skipped when pam_permit.so (sufficient) at /etc/pam.d/sshd:",
    ).concludes("mle is jailed but cannot log in: PAM skips /etc/pam.d/sshd:N"),
    failed(
        before!("account", "[success=done default=ignore] pam_permit.so"),
        "pam account",
        "([success=done default=ignore])",
    ).concludes(FIX_IT),
    // libpam refuses the login then, wherever the module's line stands.
    failed(
        before!("account", "[success=die default=ignore] pam_permit.so"),
        "pam account",
        ": with [success=die default=ignore], libpam refuses everybody, root too, also where pam_permit.so succeeds",
    )
    .in_words("correct the control field at /etc/pam.d/sshd:").concludes(REFUSED),
    failed(
        "echo session requird pam_limits.so >>/etc/pam.d/common-session",
        "pam session",
        ": with requird, libpam refuses everybody, root too",
    )
    .in_words("correct the control field at /etc/pam.d/common-session:").concludes("mle is jailed but cannot log in: PAM refuses every login because of /etc/pam.d/common-session:N"),
    failed(
        "echo account required pam_deny.so >>/etc/pam.d/sshd",
        "pam account",
        "every login gets to pam_deny.so at /etc/pam.d/",
    )
    .in_words("remove the line that should not be there").concludes("mle is jailed but cannot log in: PAM refuses every login because of /etc/pam.d/common-account:N or /etc/pam.d/sshd:N"),
    failed(
        control!("account", "", "[success=bad ignore=ignore module_unknown=ignore default=bad]"),
        "pam account",
        " refuses the members whom the module lets in",
    ).concludes("mle is jailed but cannot log in: PAM refuses members because of /etc/pam.d/sshd:N"),
    failed(
        concat!(
            before!("session", "[success=1 default=ignore] pam_permit.so"),
            "; echo session optional pam_permit.so >>/etc/pam.d/sshd"
        ),
        "pam session",
        "is skipped when pam_permit.so ([success=1 default=ignore]) at /etc/pam.d/sshd:",
    ).concludes("mle is jailed but cannot log in: PAM skips /etc/pam.d/sshd:N"),
    failed(
        concat!(
            "echo account sufficient pam_localuser.so >/etc/pam.d/local; ",
            before!("account", "include local")
        ),
        "pam account",
        "is skipped when pam_localuser.so (sufficient) at /etc/pam.d/local:1 succeeds",
    ).concludes(FIX_IT),
    failed(
        "echo account sufficient pam_localuser.so >>/etc/pam.d/common-account",
        "pam account",
        "is skipped when pam_localuser.so (sufficient) at /etc/pam.d/common-account:",
    ).concludes(FIX_IT),
    failed(
        "echo session sufficient pam_permit.so >/etc/pam.d/jail
         grep 'sftpjail.so open' /etc/pam.d/sshd >>/etc/pam.d/jail
         sed -i 's/^session .*sftpjail.so open/session substack jail/' /etc/pam.d/sshd",
        "pam session",
        "/etc/pam.d/jail:2 is skipped when pam_permit.so (sufficient) at /etc/pam.d/jail:1 succeeds",
    )
    .in_words("move it up: ").concludes("mle is jailed but cannot log in: PAM skips /etc/pam.d/jail:N"),
    warned(
        concat!(
            before!("session", "[success=ignore default=1] pam_succeed_if.so user ingroup sftp"),
            "; echo session optional pam_permit.so >>/etc/pam.d/sshd"
        ),
        "pam session",
        "is skipped when pam_succeed_if.so ([success=ignore default=1]) at ",
    )
    .in_words("if that is not intended, move it up: "),
    failed(
        "grep 'sftpjail.so open' /etc/pam.d/sshd | sed 's/ open//' >/tmp/second; cat /tmp/second >>/etc/pam.d/sshd",
        "pam session",
        ": a second session line, which refuses",
    ).concludes("mle is jailed but cannot log in: PAM opens the jail twice"),
    failed(
        before!("session", "include missing"),
        "pam session",
        "/etc/pam.d/missing, named at /etc/pam.d/sshd:",
    )
    .in_words("make it readable").concludes("mle is jailed but cannot log in: PAM cannot read /etc/pam.d/missing"),
    failed(
        "sed -i 's/^account.*sftpjail.so/& confg=x/' /etc/pam.d/sshd",
        "pam account",
        ": unknown argument \"confg=x\"",
    )
    .in_words("config=PATH, debug, open and close").concludes("mle is jailed but cannot log in: the module does not know the argument \"confg=x\""),
    failed(
        "sed -i 's/^session.*sftpjail.so close/& confg=x/' /etc/pam.d/sshd",
        "pam session",
        ": unknown argument \"confg=x\"",
    )
    .in_words("config=PATH, debug, open and close").concludes("mle is jailed but cannot log in: the module does not know the argument \"confg=x\""),
    failed(
        "sed -i 's|^session.*sftpjail.so open|& config=/etc/jails.toml|' /etc/pam.d/sshd",
        "pam session",
        ": the module uses /etc/jails.toml, but this check uses /etc/sftpjail/config.toml",
    )
    .in_words("--config PATH").concludes("mle cannot be judged: the module uses another configuration, /etc/jails.toml"),
    failed(
        "mkdir /etc/sftpjail; echo 'services = [\"ftpd\"]' >/etc/sftpjail/config.toml",
        "pam service",
        "`services` in the configuration does not list sshd",
    )
    .in_words("services = [\"ftpd\", \"sshd\"] in /etc/sftpjail/config.toml").concludes("mle is jailed but cannot log in: the module does nothing for the PAM service sshd"),
    // Where homes are made, there must be no account line.
    failed(
        concat!(before!("session", "required pam_mkhomedir.so")),
        "pam account",
        ": refuses users whose home is missing, though /etc/pam.d/sshd:",
    ).concludes(FIX_IT),
    failed(
        "sed -i '/^account.*sftpjail/d; $a session required pam_mkhomedir.so umask=0077' /etc/pam.d/sshd",
        "pam session",
        ": stands above the line that makes homes (/etc/pam.d/sshd:",
    ).concludes(FIX_IT),
    failed(
        "sed -i '/^account.*sftpjail/d; $a -session optional pam_oddjob_mkhomedir.so' /etc/pam.d/sshd",
        "pam session",
        ": stands above the line that makes homes",
    ).concludes(FIX_IT),
    // Only a distributor's file, without the module's line.
    failed(
        "sed '/^account.*sftpjail/d' /etc/pam.d/sshd >/usr/lib/pam.d/sshd; rm /etc/pam.d/sshd",
        "pam account",
        "no pam_sftpjail.so line",
    ).concludes(FIX_IT),
];

#[test]
fn each_line_that_is_missing_or_wrong() {
    let machine = Machine::new();
    machine.each(&LINES);
    machine.try_logins(&LINES);
}

/// The order of the module's session lines among the others.
const ORDER: [Fault; 9] = [
    warned(
        "sed -i '/sftpjail.so close$/d' /etc/pam.d/sshd",
        "pam session",
        "no `pam_sftpjail.so close` line at the top: pam_env.so at /etc/pam.d/sshd:",
    ),
    warned(
        concat!(
            "sed -i '/sftpjail.so close$/d; s/user_readenv=1/user_readenv=0/' /etc/pam.d/sshd; ",
            "sed -i '/sftpjail.so open$/i -session optional pam_mount.so' /etc/pam.d/sshd"
        ),
        "pam session",
        "no `pam_sftpjail.so close` line at the top: pam_mount.so at /etc/pam.d/sshd:",
    ),
    // The single line of an earlier version.
    warned(
        "sed -i '/sftpjail.so close$/d; s/user_readenv=1//; s/sftpjail.so open/sftpjail.so/' /etc/pam.d/sshd
         echo session optional pam_exec.so /bin/true >>/etc/pam.d/common-session",
        "pam session",
        "no `pam_sftpjail.so close` line at the top: pam_exec.so at /etc/pam.d/common-session:",
    ),
    warned(
        "grep 'sftpjail.so close' /etc/pam.d/sshd >/tmp/close; sed -i '/sftpjail.so close$/d' /etc/pam.d/sshd
         cat /tmp/close >>/etc/pam.d/sshd",
        "pam session",
        ": stands below the line that opens, so it does nothing",
    ),
    warned(
        "grep 'sftpjail.so close' /etc/pam.d/sshd >/tmp/close; sed -i '/sftpjail.so close$/d' /etc/pam.d/sshd
         sed -i '/user_readenv=1/r /tmp/close' /etc/pam.d/sshd",
        "pam session",
        ": stands too low: pam_env.so at /etc/pam.d/sshd:",
    ),
    warned(
        "grep 'sftpjail.so close' /etc/pam.d/sshd >/tmp/close; sed -i '1r /tmp/close' /etc/pam.d/sshd",
        "pam session",
        ": a second line with `close`, which does nothing",
    )
    // Both have the same text.
    .in_words("remove the line at /etc/pam.d/sshd:2"),
    warned(
        "echo -session optional pam_script.so >>/etc/pam.d/sshd",
        "pam session",
        ": pam_script.so at /etc/pam.d/sshd:",
    ),
    warned(
        "cp \"$1\" /root/pam_sftpjail.so; sed -i 's|pam_sftpjail.so close|/root/&|' /etc/pam.d/sshd",
        "pam session",
        ": names another file than /etc/pam.d/sshd:",
    ),
    // Only a distributor's file, which the fix must not edit.
    warned(
        "sed '/sftpjail.so close$/d' /etc/pam.d/sshd >/usr/lib/pam.d/sshd; rm /etc/pam.d/sshd",
        "pam session",
        "no `pam_sftpjail.so close` line at the top",
    ),
];

#[test]
fn each_wrong_order_of_lines() {
    Machine::new().each(&ORDER);
}

const INSTALL: &str = "install the module that came with this program (in its sources: make install)";

const NOT_THE_MODULE: &str = "mle is jailed but cannot log in: the module's file is not the module";
const CHANGEABLE: &str = "mle IS NOT JAILED: users other than root can change the module";

const MODULE: [Fault; 10] = [
    failed("rm \"$1\"", "pam module", "/pam_sftpjail.so: No such file or directory")
        .in_words(INSTALL)
        .concludes("mle is jailed but cannot log in: the module's file is missing"),
    failed("echo nonsense >\"$1\"", "pam module", " is not a shared object")
        .in_words(INSTALL)
        .concludes(NOT_THE_MODULE),
    failed("cp \"$(dirname \"$1\")/pam_permit.so\" \"$1\"", "pam module", " is not sftpjail's module")
        .in_words(INSTALL)
        .concludes(NOT_THE_MODULE),
    failed(
        "cp \"$(dirname \"$1\")/../libpam.so.0\" \"$1\"",
        "pam module",
        " is not sftpjail's module (pam_sm_acct_mgmt is missing)",
    )
    .in_words(INSTALL)
    .concludes(NOT_THE_MODULE),
    failed("truncate -s 100000 \"$1\"", "pam module", "").in_words(INSTALL).concludes(NOT_THE_MODULE),
    failed(
        "LC_ALL=C sed -i 's/0\\.1\\.0/0.0.9/g' \"$1\"",
        "pam module",
        " is version 0.0.9, and this program is 0.1.0",
    )
    .in_words(INSTALL)
    .concludes("mle cannot be judged: the module has another version than this program"),
    failed(
        "LC_ALL=C sed -i 's/libpam\\.so\\.0/libpxm.so.0/g' \"$1\"",
        "pam module",
        " cannot be loaded: libpxm.so.0: cannot open shared object file",
    )
    .in_words(INSTALL)
    .concludes("mle is jailed but cannot log in: PAM cannot load the module"),
    failed(
        "chmod g+w \"$1\"",
        "pam module",
        "/pam_sftpjail.so (owner 0, mode 0664), and sshd runs the module as root",
    )
    .concludes(CHANGEABLE),
    failed("chown joe \"$1\"", "pam module", "users other than root can change ").concludes(CHANGEABLE),
    failed(
        "chmod o+w \"$(dirname \"$1\")\"",
        "pam module",
        "/security, which leads to the module (owner 0, mode 0757)",
    )
    .concludes(CHANGEABLE),
];

#[test]
fn each_file_that_is_another_module_or_damaged() {
    Machine::new().each(&MODULE);
}

#[test]
fn other_spellings_of_the_same_lines_are_ok() {
    let machine = Machine::new();
    for script in [
        concat!(control!("account", "", "[success=done ignore=ignore module_unknown=ignore default=die]")),
        "sed -i 's/^session .* pam_sftpjail.so open/-SESSION [Success=ok ignore=ignore \\\\\\n module_unknown=ignore default=bad] \\\\\\n    pam_sftpjail.so open # ours/' /etc/pam.d/sshd",
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
