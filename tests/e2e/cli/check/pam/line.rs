//! The module's lines in PAM's stacks: missing, without effect, or with another control field.

use super::super::faults::{FIX_IT, Fault, Machine, failed, warned};
use super::REFUSED;

const LINES: [Fault; 36] = [
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
    // libpam 1.5.2 was asked: it knows no `Success`.
    failed(
        control!("session", " open", "[Success=ok ignore=ignore module_unknown=ignore default=bad]"),
        "pam session",
        ": \"[Success=ok ignore=ignore module_unknown=ignore default=bad]\" refuses everybody, root too",
    ).concludes(REFUSED),
    failed(
        "echo session [sucess=ok default=ignore] pam_limits.so >>/etc/pam.d/common-session",
        "pam session",
        ": with [sucess=ok default=ignore], libpam refuses everybody, root too",
    )
    .in_words("(did you mean success?), or remove that line").concludes("mle is jailed but cannot log in: PAM refuses every login because of /etc/pam.d/common-session:N"),
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
