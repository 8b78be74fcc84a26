//! A folder for one user until an hour, and keys that root keeps.

use crate::lab::Lab;
use crate::run::Outcome::{self, Passed, Refused};

const MEDIA: &str = "/srv/www/staging/media";

/// sshd takes keys from root's files only. anna's is the one that she has at home.
fn keep_keys(lab: &Lab) {
    lab.sh(
        "install -d /etc/sftpjail/keys.d; install -m 644 /root/.ssh/id_ed25519.pub /etc/sftpjail/keys.d/anna
         sftpjail setup --managed-keys --yes",
    );
    lab.is_sound();
}

/// As before. What is empty then is for the purge.
fn leave_keys(lab: &Lab) {
    lab.sh("sftpjail setup --no-managed-keys --yes; rm /etc/sftpjail/keys.d/anna");
    lab.is_sound();
}

pub fn keys(lab: &mut Lab) -> Outcome {
    keep_keys(lab);
    let is_let_in = |lab: &Lab| {
        let out = lab.client().sftp("anna", "pwd\n");
        lab.wait_for_logouts();
        let checked = lab.try_sh("sftpjail check anna").stdout;
        assert_eq!(out.code == Some(0), checked.contains("\n✓ keys "), "{out}{checked}");
        (out.code == Some(0), checked)
    };
    lab.sh("sed -i 's/^/restrict,expiry-time=\"20991231Z\" /' /etc/sftpjail/keys.d/anna");
    let (reads_utc, checked) = is_let_in(lab);
    let version = "$(dpkg-query -Wf '${Version}' openssh-server)";
    let is_newer = lab.try_sh(&format!("dpkg --compare-versions \"{version}\" ge 1:9.1")).code == Some(0);
    assert_eq!(reads_utc, is_newer, "{checked}");
    assert_eq!(!is_newer, checked.contains("with a Z, for UTC, needs OpenSSH 9.1"), "{checked}");
    // By the zone of the host, each sshd reads it.
    lab.sh("sed -i 's/20991231Z/20991231/' /etc/sftpjail/keys.d/anna");
    assert!(is_let_in(lab).0);
    lab.sh("sed -i 's/20991231/20201231/' /etc/sftpjail/keys.d/anna");
    assert!(!is_let_in(lab).0);
    leave_keys(lab);
    if is_newer {
        return Passed;
    }
    Refused(
        "sshd before OpenSSH 9.1 reads no time in UTC, so it ignores such a key, and `check` says so".into(),
    )
}

pub fn grant(lab: &mut Lab) -> Outcome {
    lab.sh("cp /etc/sftpjail/config.toml /root/
         sed -i '/^# \\[\\[profile\\]\\]$/,$ s/^# //' /etc/sftpjail/config.toml
         useradd --system --no-create-home --shell /usr/sbin/nologin web
         install -d -o web -g web /srv/www/staging /srv/www/staging/media
         cd /srv/www/staging; echo password >config; echo old >media/index.html
         chown web:web config media/index.html; chmod 644 config media/index.html");
    keep_keys(lab);
    // Until a login and an upload have been seen.
    let seconds = if lab.is_emulated() { 150 } else { 50 };
    let granted = lab.sh(&format!(
        "sftpjail grant felix {MEDIA} --as web --key /root/.ssh/id_ed25519.pub --create --yes \
             --until \"$(date -d '+{seconds} seconds' +%FT%T%:z)\""
    ));
    assert!(granted.stdout.contains("\nSend this to felix:\n"), "{granted}");
    let mut live = lab.client().live("felix", "");
    let said = live.run(
        &**lab,
        &format!(
            "ls -1 /srv/www/staging\nput /root/file {MEDIA}/up\nget {MEDIA}/index.html /root/page\n\
             chmod 640 {MEDIA}/index.html\n-get /srv/www/staging/config /root/stolen\n-put /root/file /srv/www/up\n"
        ),
    );
    assert!(said.contains(&format!("ls -1 /srv/www/staging\n{MEDIA}\nsftp> ")), "{said}");
    lab.sh("cd /srv/www/staging/media; test \"$(stat -c '%U:%G' up)\" = web:web; cmp /root/file up
         test \"$(stat -c '%U:%G %a' index.html)\" = 'web:web 640'; cmp /root/page index.html; rm /root/page
         not test -e /root/stolen; not test -e /srv/www/up");
    let checked = lab.sh("sftpjail check felix").stdout;
    let ends = "✓ grant end      sftpjail-expire.timer ends sessions within a minute of it\n";
    assert!(checked.contains(ends) && checked.ends_with("\nfelix is jailed and can log in.\n"), "{checked}");
    // A minute at most after the end, the timer has ended it.
    lab.wait_for("not test -e /run/sftpjail/felix");
    live.is_cut(&**lab);
    lab.wait_for_log("expire: the session of user felix(uid=");
    lab.client().sftp("felix", "pwd\n").failed();
    lab.sh("sftpjail extend felix --until 2w --yes");
    let live = lab.client().live("felix", "");
    lab.sh("sftpjail revoke felix --yes; not test -e /run/sftpjail/felix");
    live.is_cut(&**lab);
    lab.client().sftp("felix", "pwd\n").failed();
    lab.wait_for_logouts();
    lab.sh("test -z \"$(ls -A /jail)\"; not grep ' /jail' /proc/1/mountinfo; ps -o args= -u felix | not grep .
         not test -e /etc/sftpjail/grants.d/felix.toml; not test -e /etc/sftpjail/keys.d/felix
         userdel felix; userdel web; rm -r /srv/www; cp /root/config.toml /etc/sftpjail/; rm /root/config.toml");
    leave_keys(lab);
    lab.sh("groupdel sftp-guest");
    Passed
}
