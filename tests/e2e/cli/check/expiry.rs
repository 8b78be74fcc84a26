//! `grant end`: whether something ends the session of a member when a grant ends.

use crate::pam_sftpjail::grants::{grant, granted, machine};
use sandbox::Namespace;

#[test]
fn a_grant_with_an_end_needs_something_that_runs_expire() {
    let sb = machine(Namespace::Private);
    let end = "until = 2099-12-10T18:00:00+01:00";
    // The finding with its fix, if there is one.
    let found = || {
        let check = sb.try_sh("sftpjail check felix").stdout;
        let lines: Vec<_> = check.lines().skip_while(|line| !line.contains(" grant end ")).take(2).collect();
        lines.join("\n")
    };
    let is = |mark: &str, what: &str, fix: &str| {
        let found = found();
        assert!(found.starts_with(&format!("{mark} grant end      {what}")), "{found}");
        assert!(found.contains(fix), "{found}");
    };
    grant(&sb, "felix", &granted("/srv/site/media", ""));
    assert_eq!(found(), "");
    grant(&sb, "felix", &granted("/srv/site/media", "until = 2020-12-10T18:00:00+01:00"));
    assert_eq!(found(), "");
    grant(&sb, "felix", &granted("/srv/site/media", end));
    let goes_on = "so that a session that is live when a grant ends goes on with the folder";
    is("!", &format!("/etc/cron.d/sftpjail is missing, {goes_on}"), "→ sftpjail setup");
    sb.sh("echo '* * * * * root /usr/local/sbin/sftpjail expire' >/etc/cron.d/sftpjail");
    let no_cron = "/etc/cron.d/sftpjail is there, but no cron runs, so that";
    is("!", no_cron, "→ start cron");
    // Everybody can have a process of that name.
    sb.sh("cp /bin/sleep /tmp/cron
           setpriv --reuid joe --regid joe --clear-groups /tmp/cron 1000 >/dev/null 2>&1 </dev/null &");
    is("!", no_cron, "→ start cron");
    sb.sh("/usr/sbin/cron");
    is("✓", "cron ends sessions within a minute of it (/etc/cron.d/sftpjail)", "");
    sb.sh("kill $(cat /run/crond.pid); rm /etc/cron.d/sftpjail; mv /usr/sbin/cron /usr/sbin/no-cron");
    is(
        "!",
        "neither systemd nor cron can run `sftpjail expire` here, so that",
        "→ let something run it each minute",
    );
    // As systemctl answers.
    sb.sh("mkdir -p /run/systemd/system");
    let answers = |body: &str| sb.write_mode("/usr/sbin/systemctl", format!("#!/bin/sh\n{body}\n"), 0o755);
    answers("echo ActiveState=inactive");
    is("!", "/etc/systemd/system/sftpjail-expire.timer is missing, so that", "→ sftpjail setup");
    sb.sh("touch /etc/systemd/system/sftpjail-expire.timer");
    is("!", "sftpjail-expire.timer is not active, so that", "→ systemctl start sftpjail-expire.timer");
    answers("echo ActiveState=active");
    is("✓", "sftpjail-expire.timer ends sessions within a minute of it", "");
    answers("echo no bus >&2; exit 1");
    is("!", "systemctl says: no bus", "let systemd answer");
}
