//! What members do, and what the program says of it.

use crate::lab::Lab;
use crate::run::Outcome::{self, Passed, Refused};
use machines::ADDRESS;

pub fn add(lab: &mut Lab) -> Outcome {
    lab.sh("useradd -m -G sftp anna");
    lab.accept_key("anna");
    let out = lab.sh("sftpjail check anna");
    assert!(out.stdout.ends_with("\nanna is jailed and can log in.\n"), "{out}");
    Passed
}

pub fn log_in(lab: &mut Lab) -> Outcome {
    let batch =
        "pwd\nput /root/file up\nget up /root/back\ncd ..\nls\n-ls /etc/ssh\n-put /root/file /tmp/out\n";
    let out = lab.client().sftp("anna", batch).ok();
    assert!(out.stdout.contains("Remote working directory: /home/anna\n"), "{out}");
    assert!(out.stdout.contains("sftp> ls\nanna") && out.stderr.contains("/etc/ssh\" not found"), "{out}");
    lab.sh("cmp /root/file /home/anna/up; cmp /root/file /root/back; test $(stat -c %U /home/anna/up) = anna
         not test -e /tmp/out; not grep ' /jail' /proc/1/mountinfo; test -z \"$(ls -A /jail)\"; rm /root/back");
    lab.wait_for_log(&format!("rhost={ADDRESS} profile=home"));
    let out = lab.client().ssh("anna", "id");
    assert!(out.code != Some(0) && !out.stdout.contains("uid="), "{out}");
    lab.wait_for_logouts();
    assert_eq!(lab.client().ssh("joe", "id -un").ok().stdout, "joe\n");
    lab.wait_for_logouts();
    Passed
}

pub fn scp(lab: &mut Lab) -> Outcome {
    let up = lab.client().scp("anna", "/root/file", "@copied");
    // Before OpenSSH 9.0, scp runs a command on the server. The option -O, to do so still, came with SFTP.
    if !lab.sh("scp 2>&1 || true").stdout.contains('O') {
        let said = up.failed().stderr;
        assert!(said.contains("This service allows sftp connections only."), "{said}");
        lab.sh("not test -e /home/anna/copied");
        return Refused("scp of OpenSSH 8.4 cannot speak SFTP, so sshd refuses its command".into());
    }
    up.ok();
    lab.client().scp("anna", "@copied", "/root/back").ok();
    lab.sh("cmp /root/file /home/anna/copied; cmp /root/file /root/back; rm /root/back");
    Passed
}

pub fn check_all(lab: &mut Lab) -> Outcome {
    lab.is_sound();
    let json = lab.sh("sftpjail check --all --json").stdout;
    assert!(json.contains("\"status\": \"ok\"") && json.contains("\"user\": \"anna\""), "{json}");
    Passed
}

pub fn probe(lab: &mut Lab) -> Outcome {
    let out = lab.try_sh("sftpjail probe anna");
    if lab.has_selinux() {
        let is_said = out.stdout.contains("of SELinux, and not in sshd_t");
        assert!(
            is_said && out.stdout.ends_with("\nanna could not be probed: see what is marked !.\n"),
            "{out}"
        );
        return Refused(
            "SELinux leaves the sshd of a probe in the domain of root's shell, where PAM opens no session"
                .into(),
        );
    }
    let out = out.ok();
    assert!(out.stdout.ends_with("\nanna is jailed and can log in.\n"), "{out}");
    assert!(out.stdout.lines().all(|line| !line.starts_with(['!', '✗'])), "{out}");
    Passed
}

pub fn list_and_kick(lab: &mut Lab) -> Outcome {
    let live = lab.client().live("anna", "");
    let out = lab.sh("sftpjail list");
    let row = out.stdout.lines().find(|line| line.starts_with("anna ")).unwrap_or_default();
    assert!(row.contains(ADDRESS) && row.contains("/jail/anna (private)"), "{out}");
    lab.expect_close(|lab| {
        lab.sh("sftpjail kick anna");
        live.is_cut(&**lab);
    });
    Passed
}

pub fn audit(lab: &mut Lab) -> Outcome {
    let size = 1024 * 1024;
    for name in ["up", "copied"] {
        // The close is logged when the file is.
        lab.wait_for_audit(&format!("close .* ok .* {size} written .* /home/anna/{name}$"), name);
        if lab.try_sh("test -e /home/anna/copied").code != Some(0) {
            break;
        }
    }
    let out = lab.sh("sftpjail audit anna --op upload");
    assert!(out.stdout.contains(ADDRESS), "{out}");
    Passed
}

pub fn upload_unit(lab: &mut Lab) -> Outcome {
    let unit = "[Service]\nExecStart=/bin/sh -c 'id >/tmp/ran-%u; exec sleep 1000'\n[Install]\nWantedBy=default.target\n";
    lab.script("cat >/root/x.service", unit.as_bytes()).ok();
    let folders = ".config .config/systemd .config/systemd/user .config/systemd/user/default.target.wants";
    let folders: String = folders.split(' ').map(|folder| format!("mkdir {folder}\n")).collect();
    let batch = format!(
        "{folders}put /root/x.service .config/systemd/user/x.service\n\
         symlink ../x.service .config/systemd/user/default.target.wants/x.service\n"
    );
    for user in ["anna", "joe"] {
        lab.client().sftp(user, &batch).ok();
    }
    // joe's manager from that login ends, and the next one finds the unit.
    lab.sh("systemctl stop 'user@*.service'; not test -e /var/lib/systemd/linger/anna");
    let live = lab.client().live("anna", "");
    // It runs for joe, who is in no profile and logged in later.
    let wait = "for i in $(seq 3000); do test -e /tmp/ran-joe && exit; sleep 0.1; done; exit 1";
    lab.client().ssh("joe", wait).ok();
    let processes = lab.processes("anna");
    assert!(!processes.is_empty() && processes.lines().all(|line| line.contains(" sshd")), "{processes}");
    lab.sh("not test -e /tmp/ran-anna; not systemctl is-active user@$(id -u anna)");
    lab.close(live);
    lab.sh("rm -r /tmp/ran-joe /home/joe/.config /home/anna/.config; systemctl stop 'user@*.service'");
    Passed
}
