//! What the host runs as the member outside of the jail.

use super::{check, machine};
use crate::common::config::guarding;
use sandbox::Sandbox;

/// What `check` says of mle under `outside`, `shell` and `guard`, if it is no pass; its exit status is 0.
fn warnings(sb: &Sandbox) -> String {
    let out = check(sb, "mle", 0).stdout;
    let mut lines = out.lines().skip_while(|line| !line.starts_with('!')).peekable();
    let mut said = String::new();
    while let Some(line) = lines.next() {
        let is_ours = ["! outside ", "! shell ", "! guard "].iter().any(|start| line.starts_with(start));
        if is_ours {
            said += &format!("{line}\n");
            while let Some(more) = lines.next_if(|line| line.starts_with("  ")) {
                said += &format!("{}\n", more.trim_start());
            }
        }
    }
    said
}

#[test]
fn a_crontab_and_at_jobs_are_named_and_comments_are_no_jobs() {
    let sb = machine();
    sb.sh("printf '# nothing\\n\\n' | crontab -u mle -; echo '* * * * * true' | crontab -u joe -");
    assert_eq!(warnings(&sb), "");
    sb.sh("printf '# every minute\\n* * * * * touch /tmp/x\\n' | crontab -u mle -");
    assert_eq!(
        warnings(&sb),
        "! outside        cron runs what /var/spool/cron/crontabs/mle says, outside of the jail\n\
         → look at it, and take out what is not meant: crontab -u mle -e\n"
    );
    sb.sh("crontab -u mle -r; usermod -s /bin/sh mle; for i in 1 2; do
           echo true | setpriv --reuid mle --regid mle --init-groups env HOME=/home/mle at now + 1 day 2>/dev/null; done
           usermod -s /usr/sbin/nologin mle; echo true | at now + 1 day 2>/dev/null");
    assert_eq!(
        warnings(&sb),
        "! outside        at has 2 jobs of mle to run, outside of the jail\n\
         → look at them (atq, at -c), and take out what is not meant (atrm)\n"
    );
    // Nobody waits for what is put there instead.
    sb.sh("rm /var/spool/cron/atjobs/*; mkfifo /var/spool/cron/crontabs/mle");
    assert_eq!(warnings(&sb), "");
}

#[test]
fn a_shell_is_named_once_for_all_members() {
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
    assert!(all.contains("so it is for anna, kim\n"), "{all}");
    // With pam_shells, nologin alone would lock the members out.
    sb.sh("sed -i '/^account.*sftpjail/i account required pam_shells.so' /etc/pam.d/sshd; usermod -s /bin/bash mle");
    assert!(
        warnings(&sb).contains("give the account the shell /usr/sbin/nologin, and add that to /etc/shells")
    );
}

/// The hole, with the real program, and the guard that closes it.
#[test]
fn what_procmail_would_run_is_named_and_a_guard_keeps_sessions_from_writing_it() {
    let sb = machine();
    let mail = "printf 'From: joe\\n\\nhello\\n' | procmail -d mle";
    let recipe = "SHELL=/bin/sh\n:0 c\n| id -un >/tmp/ran\n";
    sb.write("/tmp/recipe", recipe);
    sb.sh("mv /opt/mail/procmail /usr/bin; chmod 6755 /usr/bin/procmail; install -d -m 1777 /var/mail");
    assert_eq!(
        warnings(&sb),
        "! outside        /usr/bin/procmail is installed: when mail comes for a local user, it may run what \
         .procmailrc in the home says, outside of the jail; there is none, and sessions can make one\n\
         → add \".procmailrc\" to the guard of the profile home\n"
    );
    sb.sftp("mle", "put /tmp/recipe .procmailrc\nchmod 600 .procmailrc\n").ok();
    sb.sh(mail);
    assert_eq!(sb.sh("cat /tmp/ran").stdout, "mle\n", "it ran, outside of the jail");
    assert!(warnings(&sb).contains("there is one, and sessions can change it"));

    sb.sh("rm /tmp/ran /home/mle/.procmailrc");
    sb.configure(&guarding(&[".procmailrc"]));
    assert_eq!(warnings(&sb), "");
    sb.sftp("mle", "put /tmp/recipe .procmailrc\n").failed();
    sb.sh(&format!("{mail}; test -e /home/mle/.procmailrc -a ! -e /tmp/ran"));
    // Of a home that no session writes, none is at fault.
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nhome = \"read-only\"\n");
    assert_eq!(warnings(&sb), "");
}

#[test]
fn links_in_guarded_directories_are_named_and_nothing_is_followed() {
    let sb = machine();
    sb.configure(&guarding(&[".ssh", ".config/systemd"]));
    sb.sh("cd /home/mle; mkdir -p .config/systemd/user/default.target.wants; cd .config/systemd/user
           ln -s ../x.service default.target.wants/x.service; ln -s /usr/lib/systemd/user/y.service y.service
           mkfifo fifo; chown -R mle:mle /home/mle");
    assert_eq!(warnings(&sb), "");
    sb.sh("cd /home/mle; mv .ssh/authorized_keys keys; ln -s ../keys .ssh/authorized_keys; echo x >units; \
           ln units .config/systemd/user/z.service");
    let said = warnings(&sb).replace('\n', " ");
    for expected in [
        "/home/mle/.ssh/authorized_keys is a symlink to what is not guarded, so that sessions could change",
        "/home/mle/.config/systemd/user/z.service has another name as well, a hard link, so that",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(said.matches("→ look at it, and put a copy in its place").count(), 2, "{said}");
}
