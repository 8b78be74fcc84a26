//! `sftpjail audit` on a system with journald, and with rsyslog where the release has it: what was done is shown once,
//! whoever of the two ran then.

use machines::{Machine, Suite, System};

/// A system that is set up, with the member anna and with joe, who is in no profile.
fn machine() -> Machine {
    let machine = Machine::boot(&Suite::wanted());
    machine.sh("sftpjail setup --yes");
    machine.user("anna", "sftp");
    machine.user("joe", "");
    machine
}

/// Makes a directory of this name in a session of anna's, and waits until the log has the end of that session.
#[track_caller]
fn make(machine: &Machine, name: &str) {
    machine.sftp("anna", &format!("mkdir {name}\n")).ok();
    machine.sh(&format!(
        "for i in $(seq 500); do
             pid=$({{ journalctl --no-pager -t internal-sftp; cat /var/log/sftp.log* 2>/dev/null || true; }} |
                 sed -nE 's,.*internal-sftp\\[([0-9]+)\\]: mkdir name \"/home/anna/{name}\".*,\\1,p' | head -n 1)
             {{ journalctl --no-pager -t internal-sftp; cat /var/log/sftp.log* 2>/dev/null || true; }} |
                 grep -q \"internal-sftp.$pid]: session closed\" && exit
             sleep 0.05
         done; exit 1"
    ));
}

/// The names of the directories that audit shows anna to have made, and the kinds of gaps.
#[track_caller]
fn shown(machine: &Machine, arguments: &str) -> (Vec<String>, Vec<String>) {
    let out = machine.sh(&format!("sftpjail audit --json {arguments}")).stdout;
    let values = |key: &str| -> Vec<String> {
        let key = format!("\"{key}\":\"");
        let rest = out.lines().filter_map(|line| line.split_once(&key)).map(|(_, rest)| rest);
        rest.filter_map(|rest| rest.split_once('"')).map(|(value, _)| value.to_owned()).collect()
    };
    let made = values("path").into_iter().map(|path| path.replace("/home/anna/", "")).collect();
    (made, values("gap"))
}

#[test]
fn what_was_done_is_shown_once_whether_rsyslog_ran_or_not_and_after_a_reboot() {
    let has_rsyslog = Suite::wanted().has_rsyslog();
    let mut machine = machine();
    machine.sh("install -d -m 2755 -g systemd-journal /var/log/journal; systemctl restart systemd-journald; journalctl --flush");
    let mut made = vec!["first"];
    make(&machine, "first");
    if has_rsyslog {
        machine.sh("systemctl stop syslog.socket rsyslog.service");
        make(&machine, "down");
        machine.sh("systemctl start rsyslog.service");
        make(&machine, "up");
        machine.sh("logrotate --force /etc/logrotate.d/rsyslog; test -e /var/log/sftp.log.1");
        make(&machine, "rotated");
        made.extend(["down", "up", "rotated"]);
    }
    machine.reboot();
    make(&machine, "later");
    made.push("later");
    assert_eq!(shown(&machine, "anna"), (made.iter().map(|name| (*name).to_owned()).collect(), Vec::new()));
    if has_rsyslog {
        let (of_file, _) = shown(&machine, "--file /var/log/sftp.log --file /var/log/sftp.log.1");
        assert_eq!(of_file, ["first", "up", "rotated", "later"]);
    }
    // A user claims to be sftp-server.
    machine.sh("(echo 'session opened for local user anna from [6.6.6.6]'; sleep 1) | \
         setpriv --reuid joe --clear-groups logger -t sftp-server --id=4711");
    let (seen, gaps) = shown(&machine, "");
    assert_eq!((seen.len(), gaps), (made.len(), vec!["forged".to_owned()]));
    // What was vacuumed is a gap, with its bounds, if it was asked for.
    machine.sh("journalctl --rotate; journalctl --vacuum-time=1s; rm -f /var/log/sftp.log*; systemctl try-restart rsyslog || true");
    make(&machine, "last");
    assert_eq!(shown(&machine, "anna"), (vec!["last".to_owned()], Vec::new()));
    let (seen, gaps) = shown(&machine, "anna --since 2020-01-01");
    assert_eq!((seen, gaps), (vec!["last".to_owned()], vec!["begins-later".to_owned()]));
}
