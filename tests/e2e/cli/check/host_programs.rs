//! What the host's programs run as a member outside of the jail.

use super::{check, machine};
use crate::common::config::guarding;
use sandbox::Sandbox;

/// The findings about mle under `host programs`, `shell` and `guard` that have not passed; the exit status is 0.
fn warnings(sb: &Sandbox) -> String {
    let out = check(sb, "mle", 0).stdout;
    let mut lines = out.lines().skip_while(|line| !line.starts_with('!')).peekable();
    let mut warnings = String::new();
    while let Some(line) = lines.next() {
        let is_one = ["! host programs ", "! shell ", "! guard "].iter().any(|start| line.starts_with(start));
        if is_one {
            warnings += &format!("{line}\n");
            while let Some(more) = lines.next_if(|line| line.starts_with("  ")) {
                warnings += &format!("{}\n", more.trim_start());
            }
        }
    }
    warnings
}

#[test]
fn a_crontab_and_at_jobs_are_reported_and_comments_are_no_jobs() {
    let sb = machine();
    sb.sh("printf '# nothing\\n\\n' | crontab -u mle -; echo '* * * * * true' | crontab -u joe -");
    assert_eq!(warnings(&sb), "");
    sb.sh("printf '# every minute\\n* * * * * touch /tmp/x\\n' | crontab -u mle -");
    assert_eq!(
        warnings(&sb),
        "! host programs  cron runs what /var/spool/cron/crontabs/mle says, outside of the jail\n\
         → remove what is not intended: crontab -u mle -e\n"
    );
    sb.sh("crontab -u mle -r; usermod -s /bin/sh mle; for i in 1 2; do
           echo true | setpriv --reuid mle --regid mle --init-groups env HOME=/home/mle at now + 1 day 2>/dev/null; done
           usermod -s /usr/sbin/nologin mle; echo true | at now + 1 day 2>/dev/null");
    assert_eq!(
        warnings(&sb),
        "! host programs  at will run 2 jobs of mle outside of the jail\n\
         → list them (atq, at -c), and remove what is not intended (atrm)\n"
    );
    // A FIFO as crontab does not make check wait.
    sb.sh("rm /var/spool/cron/atjobs/*; mkfifo /var/spool/cron/crontabs/mle");
    assert_eq!(warnings(&sb), "");
}

#[test]
fn a_shell_is_reported_once_for_all_members() {
    let sb = machine();
    for shell in ["/bin/bash", ""] {
        sb.sh(&format!("usermod -s '{shell}' mle"));
        assert!(warnings(&sb).starts_with("! shell          /bin/"), "{shell}");
    }
    for shell in ["/usr/sbin/nologin", "/bin/false"] {
        sb.sh(&format!("usermod -s {shell} mle"));
        assert_eq!(warnings(&sb), "");
    }
    for name in ["anna", "kim"] {
        sb.user(name).group("sftp").shell("/bin/bash").add();
    }
    let all = sb.sh("sftpjail check --all").stdout;
    assert_eq!(all.matches("! shell ").count(), 1, "{all}");
    assert!(all.contains("applies to anna, kim\n"), "{all}");
    // With pam_shells, nologin alone would lock the members out.
    sb.sh("sed -i '/^account.*sftpjail/i account required pam_shells.so' /etc/pam.d/sshd; usermod -s /bin/bash mle");
    assert!(
        warnings(&sb)
            .contains("give the account the shell /usr/sbin/nologin, and add that to /etc/shells, since")
    );
}

/// The hole with the real program, and the guard that closes it.
#[test]
fn what_procmail_would_run_is_reported_and_a_guard_keeps_sessions_from_writing_it() {
    let sb = machine();
    let mail = "printf 'From: joe\\n\\nhello\\n' | procmail -d mle";
    let recipe = "SHELL=/bin/sh\n:0 c\n| id -un >/tmp/ran\n";
    sb.write("/tmp/recipe", recipe);
    sb.sh("mv /opt/mail/procmail /usr/bin; chmod 6755 /usr/bin/procmail; install -d -m 1777 /var/mail");
    assert_eq!(
        warnings(&sb),
        "! host programs  /usr/bin/procmail is installed: when mail comes for a local user, it may run what \
         .procmailrc in the home says, outside of the jail; the file does not exist, and sessions can make it\n\
         → add \".procmailrc\" to the guard of the profile home\n"
    );
    sb.sftp("mle", "put /tmp/recipe .procmailrc\nchmod 600 .procmailrc\n").ok();
    sb.sh(mail);
    assert_eq!(sb.sh("cat /tmp/ran").stdout, "mle\n", "it ran, outside of the jail");
    assert!(warnings(&sb).contains("the file exists, and sessions can change it"));

    sb.sh("rm /tmp/ran /home/mle/.procmailrc");
    sb.configure(&guarding(&[".procmailrc"]));
    assert_eq!(warnings(&sb), "");
    sb.sftp("mle", "put /tmp/recipe .procmailrc\n").failed();
    sb.sh(&format!("{mail}; test -e /home/mle/.procmailrc -a ! -e /tmp/ran"));
    // In a home that sessions cannot write, there is no such hole.
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nhome = \"read-only\"\n");
    assert_eq!(warnings(&sb), "");
}

#[test]
fn links_in_guarded_directories_are_reported_and_not_followed() {
    let sb = machine();
    sb.configure(&guarding(&[".ssh", ".config/systemd"]));
    sb.sh("cd /home/mle; mkdir -p .config/systemd/user/default.target.wants; cd .config/systemd/user
           ln -s ../x.service default.target.wants/x.service; ln -s /usr/lib/systemd/user/y.service y.service
           mkfifo fifo; chown -R mle:mle /home/mle");
    assert_eq!(warnings(&sb), "");
    sb.sh("cd /home/mle; mv .ssh/authorized_keys keys; ln -s ../keys .ssh/authorized_keys; echo x >units; \
           ln units .config/systemd/user/z.service");
    let found = warnings(&sb).replace('\n', " ");
    for expected in [
        "/home/mle/.ssh/authorized_keys is a symlink to a file that is not guarded, so sessions may change",
        "/home/mle/.config/systemd/user/z.service has another hard link, so sessions may change",
    ] {
        assert!(found.contains(expected), "{found}");
    }
    assert_eq!(found.matches("→ check its content, and replace it with a copy").count(), 2, "{found}");
}
