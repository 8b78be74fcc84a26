//! Where internal-sftp's lines go: a file of their own, also when rsyslog is restarted meanwhile.

use sandbox::{LiveSftp, Namespace, Sandbox};

use super::contents::set_up;
use crate::cli::check::syslog::LOST;
use crate::common::config::switch_off;
use crate::common::jailed::{has_only_its_home, left_nothing, names};
use crate::common::mount_table::{of_jail, places};

in_both_namespaces!(
    what_a_jailed_user_does_is_in_a_file_of_its_own,
    one_session_is_logged_before_between_and_after_restarts_of_rsyslog,
    a_session_from_before_rsyslog_runs_is_logged_once_it_does,
    without_the_drop_in_a_session_is_served_and_loses_its_log_at_a_restart,
    the_jails_dev_is_sealed_and_shows_nothing_but_the_log,
    a_directory_that_others_could_fill_is_not_shown_to_users,
    the_logs_times_are_the_hosts_whatever_zone_a_jail_is_in,
);

/// A machine with the member mle, on which rsyslog has the drop-in.
fn machine(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.install_log_drop_in();
    sb.user("mle").group("sftp").add();
    sb
}

/// Does, in a directory `name`, everything that is logged.
#[track_caller]
fn work(sb: &Sandbox, live: &mut LiveSftp, name: &str) {
    sb.write("/tmp/letter", "12345678");
    for command in [
        format!("mkdir {name}"),
        format!("put /tmp/letter {name}/letter"),
        format!("chmod 600 {name}/letter"),
        format!("get {name}/letter /tmp/returned"),
        format!("rename {name}/letter {name}/renamed"),
        format!("rm {name}/renamed"),
        format!("rmdir {name}"),
    ] {
        let said = live.send(&command).concat();
        assert!(!said.contains("Couldn't") && !said.contains("rror"), "{command}: {said}");
    }
}

/// What internal-sftp makes of [`work`], in order.
fn traces(name: &str) -> Vec<String> {
    let path = format!("/home/mle/{name}");
    vec![
        format!("mkdir name \"{path}\" mode 0777"),
        format!("open \"{path}/letter\" flags WRITE,CREATE,TRUNCATE mode 0644"),
        format!("close \"{path}/letter\" bytes read 0 written 8"),
        format!("set \"{path}/letter\" mode 0600"),
        format!("open \"{path}/letter\" flags READ mode 0666"),
        format!("close \"{path}/letter\" bytes read 8 written 0"),
        format!("posix-rename old \"{path}/letter\" new \"{path}/renamed\""),
        format!("remove name \"{path}/renamed\""),
        format!("rmdir name \"{path}\""),
    ]
}

/// internal-sftp's lines in sftp.log as pid and text; waits until there is `last`.
#[track_caller]
fn logged(sb: &Sandbox, last: &str) -> Vec<(String, String)> {
    sb.wait_for_log(&format!("]: {last}"));
    let of = |line: &str| {
        let (pid, text) = line.split_once(" internal-sftp[")?.1.split_once("]: ")?;
        Some((pid.to_owned(), text.to_owned()))
    };
    let mut lines: Vec<_> = sb.read_text("/var/log/sftp.log").lines().filter_map(of).collect();
    // The client looks for what is not there yet.
    lines.retain(|(_, text)| text != "sent status No such file");
    lines
}

const OPENED: &str = "session opened for local user mle from [127.0.0.1]";
const CLOSED: &str = "session closed for local user mle from [127.0.0.1]";

fn what_a_jailed_user_does_is_in_a_file_of_its_own(namespace: Namespace) {
    let sb = machine(namespace);
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    let pids = sb.pids("sshd: mle@internal-sftp");
    work(&sb, &mut live, "first");
    assert_eq!(live.quit(), Some(0));
    let lines = logged(&sb, CLOSED);
    let texts: Vec<_> = lines.iter().map(|(_, text)| text.as_str()).collect();
    let mut expected = vec![OPENED.to_owned()];
    expected.extend(traces("first"));
    expected.push(CLOSED.to_owned());
    assert_eq!(texts, expected);
    // User and address stand on the first and last line; the pid joins the others to them.
    assert!(lines.iter().all(|(pid, _)| *pid == pids[0].to_string()), "{pids:?}: {lines:#?}");
    left_nothing(&sb, &before);

    sb.wait_for_log("pam_sftpjail(sshd:session): session closed");
    // What came to the socket before this line is in the files before it.
    sb.sh("logger -p auth.info the end");
    sb.wait_for_log("the end");
    let count = |path: &str, what: &str| sb.read_text(path).matches(what).count();
    for (file, ours, internal) in
        [("/var/log/sftp.log", 2, true), ("/var/log/auth.log", 2, false), ("/var/log/syslog", 0, false)]
    {
        let found = (count(file, ": pam_sftpjail("), count(file, "internal-sftp[") > 0);
        assert_eq!(found, (ours, internal), "{file}");
    }
    assert_eq!(sb.sh("stat -c '%a %U %G' /var/log/sftp.log").stdout, "640 root adm\n");
}

fn one_session_is_logged_before_between_and_after_restarts_of_rsyslog(namespace: Namespace) {
    let sb = machine(namespace);
    let mut live = sb.sftp_live("mle");
    work(&sb, &mut live, "before");
    // An rsyslogd that ends loses what it has not read from its sockets, so the last line is waited for.
    sb.wait_for_log("]: rmdir name \"/home/mle/before\"");
    sb.restart_syslog();
    work(&sb, &mut live, "between");
    sb.wait_for_log("]: rmdir name \"/home/mle/between\"");
    // It does not clean up then.
    sb.end_syslog("KILL");
    // With nobody to log to, the session is served.
    assert_eq!(live.send("pwd"), ["Remote working directory: /home/mle"]);
    sb.start_syslog();
    work(&sb, &mut live, "after");
    has_only_its_home(&sb, &mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));

    let lines = logged(&sb, CLOSED);
    let mut ahead = lines.iter();
    let expected = ["before", "between", "after"].into_iter().flat_map(traces);
    for text in [OPENED.to_owned()].into_iter().chain(expected).chain([CLOSED.to_owned()]) {
        assert!(ahead.any(|(_, line)| *line == text), "not there or out of order: {text}\n{lines:#?}");
    }
    assert!(lines.iter().all(|(pid, _)| *pid == lines[0].0), "{lines:#?}");
}

fn a_session_from_before_rsyslog_runs_is_logged_once_it_does(namespace: Namespace) {
    let sb = machine(namespace);
    sb.sshd();
    sb.stop_syslog();
    let mut live = sb.sftp_live("mle");
    work(&sb, &mut live, "unseen");
    assert_eq!(names(&mut live, "/dev"), [""; 0]);
    sb.start_syslog();
    work(&sb, &mut live, "seen");
    assert_eq!(live.quit(), Some(0));
    let lines: Vec<_> = logged(&sb, CLOSED).into_iter().map(|(_, text)| text).collect();
    assert_eq!(lines[..lines.len() - 1], traces("seen"));
}

fn without_the_drop_in_a_session_is_served_and_loses_its_log_at_a_restart(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    let mut live = sb.sftp_live("mle");
    work(&sb, &mut live, "before");
    sb.wait_for_log("]: rmdir name \"/home/mle/before\"");
    sb.restart_syslog();
    work(&sb, &mut live, "after");
    has_only_its_home(&sb, &mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    // A new session has the new socket.
    let mut live = sb.sftp_live("mle");
    work(&sb, &mut live, "anew");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_log("]: rmdir name \"/home/mle/anew\"");
    assert_eq!(sb.log_lines("/home/mle/after"), [""; 0]);
}

fn the_jails_dev_is_sealed_and_shows_nothing_but_the_log(namespace: Namespace) {
    let sb = machine(namespace);
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    assert_eq!(names(&mut live, "/dev"), ["log"]);
    for command in
        ["put /etc/hosts /dev/x", "mkdir /dev/x", "rm /dev/log", "rename /dev/log /dev/x", "chmod 777 /dev"]
    {
        let said = live.send(command).concat();
        let refused = ["Failure", "Permission denied", "Couldn't"].iter().any(|why| said.contains(why));
        assert!(refused, "{command}: {said}");
    }
    let mounts = of_jail(&sb, "mle");
    assert_eq!(places(&mounts), ["/", "/dev", "/home/mle"]);
    assert!(mounts[1].flags.starts_with("ro,nosuid,nodev,noexec"), "{mounts:?}");
    assert_eq!(sb.sh("ls -A /run/sftpjail-dev; stat -c '%a %u' /run/sftpjail-dev").stdout, "log\n755 0\n");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

fn a_directory_that_others_could_fill_is_not_shown_to_users(namespace: Namespace) {
    let sb = machine(namespace);
    sb.user("joe").add();
    sb.sh("touch /run/sftpjail-dev/bait");
    let found = |sb: &Sandbox| {
        let mut live = sb.sftp_live("mle");
        work(sb, &mut live, "there");
        let found = names(&mut live, "/dev");
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
        found
    };
    assert_eq!(found(&sb), ["bait", "log"], "root's own business");
    let open = "is not owned by root, or is writable by others";
    let directory = "/run/sftpjail-dev";
    let run_is_open = ("chmod 777 /run", "chmod 755 /run", "/run", open);
    // With jails in the host's namespace, members would be refused for it: there are the records, too.
    let run_is_open = (namespace == Namespace::Private).then_some(run_is_open);
    for (broken, fixed, at, why) in [
        ("chmod g+w /run/sftpjail-dev", "chmod 755 /run/sftpjail-dev", directory, open),
        ("chown joe /run/sftpjail-dev", "chown root /run/sftpjail-dev", directory, open),
        (
            "chmod 700 /run/sftpjail-dev",
            "chmod 755 /run/sftpjail-dev",
            directory,
            "cannot be entered by users",
        ),
        (
            "mv /run/sftpjail-dev /run/x; ln -s x /run/sftpjail-dev",
            "rm /run/sftpjail-dev; mv /run/x /run/sftpjail-dev",
            directory,
            "is a symlink",
        ),
    ]
    .into_iter()
    .chain(run_is_open)
    {
        sb.sh(broken);
        assert_eq!(found(&sb), ["log"], "{broken}");
        let out = sb.sh("sftpjail check mle").stdout;
        assert!(out.contains(&format!("\n! log            {LOST}; {at} {why}")), "{broken}: {out}");
        sb.sh(fixed);
        assert_eq!(found(&sb), ["bait", "log"], "{fixed}");
    }
}

fn the_logs_times_are_the_hosts_whatever_zone_a_jail_is_in(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    set_up(&sb);
    // rsyslog takes the host's zone at its start; the jail is in Greenwich.
    sb.install_log_drop_in();
    switch_off(&sb, &["localtime"]);
    sb.sftp("mle", "pwd\n").ok();
    sb.wait_for_log(CLOSED);
    let log = sb.read_text("/var/log/sftp.log");
    let mut times: Vec<_> = log.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert!(times.len() >= 3 && times.iter().all(|time| time.ends_with("+05:45")), "{log}");
    // pam_sftpjail's line and internal-sftp's, of two sockets and two zones.
    times.truncate(2);
    assert!(log.contains(OPENED) && times.is_sorted(), "{log}");
}
