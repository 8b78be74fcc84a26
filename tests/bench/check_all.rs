//! `make bench-check`: how long `sftpjail check --all` takes, the processor time of all of its processes, and the most
//! memory of any one of them: for 3 members among 20,000 users, for 20,000 members, and for 2,000 members who are
//! logged in, with the jails in the host's namespace. `USERS=2000` is quicker, and `LIVE=500` sets the number of the
//! last.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Instant;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sandbox::{Namespace, Sandbox, artifact};

fn main() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u32>().ok());
    let users = number("USERS").unwrap_or(20_000);
    println!("{:<52} {:>9} {:>9} {:>9}", "sftpjail check --all", "seconds", "of CPU", "peak MiB");
    in_private_namespaces(users);
    let live = number("LIVE").unwrap_or(users / 10);
    beside_live_jails(live, &[0, live / 4, live / 2, live]);
}

fn in_private_namespaces(users: u32) {
    let sb = machine(users, Namespace::Private);
    // The most memory of any one process so far is what getrusage(2) gives, so the smallest comes first.
    measured(&sb, &[], &format!("3 members among {users} users"));
    let all = everybody_is_a_member(&sb);
    measured(&sb, &[], &format!("{all} members"));
    measured(&sb, &["--json"], &format!("{all} members, --json"));
}

/// The same members each time, of whom so many are logged in.
fn beside_live_jails(members: u32, live: &[u32]) {
    let sb = machine(members, Namespace::Host);
    let all = everybody_is_a_member(&sb);
    sb.install(&artifact("pam-driver"), "/usr/local/bin/pam-driver", 0o755);
    sb.write(
        "/tmp/pam.d/sshd",
        "session required pam_sftpjail.so close\nsession required pam_sftpjail.so open\n",
    );
    // Without this file libpam logs an error.
    sb.write("/tmp/pam.d/other", "session required pam_deny.so\n");
    for live in live {
        let held = hold(&sb, *live);
        measured(&sb, &[], &format!("{all} members, host namespace, {live} live"));
        end(held);
    }
}

/// A machine with so many users in no profile, each with a home, a group and a shadow entry as useradd(8) and
/// chpasswd(8) make them, and three members.
fn machine(users: u32, namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    for member in ["mle", "anna", "joe"] {
        sb.user(member).group("sftp").add();
    }
    sb.sh(&format!(
        "hash=$(perl -e 'print crypt(q(secret), q($6$salt$))')
         seq 0 {last} | awk -v hash=\"$hash\" '{{ id = 100000 + $1; home = \"/home/user\" $1
             print \"user\" $1 \":x:\" id \":\" id \"::\" home \":/usr/sbin/nologin\" > \"/tmp/passwd\"
             print \"user\" $1 \":x:\" id \":\" > \"/tmp/group\"
             print \"user\" $1 \":\" hash \":20000:0:99999:7:::\" > \"/tmp/shadow\" }}'
         for file in passwd group shadow; do cat /tmp/$file >> /etc/$file; done
         perl -e 'for (0..{last}) {{ $home = \"/home/user$_\"; $id = 100000 + $_;
             mkdir $home, 0750 and chown $id, $id, $home or die \"$home: $!\" }}'
         mkdir -p /tmp/pam.d",
        last = users - 1
    ));
    sb
}

/// As usermod -aG does for each: the names stand in the member list. Gives the number of members.
fn everybody_is_a_member(sb: &Sandbox) -> usize {
    sb.sh("cut -d: -f1 /etc/passwd | grep ^user | paste -sd, > /tmp/users
        perl -pi -e 'BEGIN { open U, q(/tmp/users); chomp($users = <U>) } s/^(sftp:.*)/$1,$users/' /etc/group");
    sb.sh("getent group sftp | cut -d: -f4 | tr , '\\n'").stdout.lines().count()
}

/// Opens the sessions of so many users, which [`end`] ends.
fn hold(sb: &Sandbox, sessions: u32) -> Child {
    let mut driver = sb
        .command("pam-driver")
        .args(["--confdir", "/tmp/pam.d", "mle", &format!("hold={sessions}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sandbox-enter");
    let mut line = String::new();
    let mut stdout = BufReader::new(driver.stdout.take().expect("stdout is piped"));
    stdout.read_line(&mut line).expect("a pipe");
    assert_eq!(line, "holding\n");
    driver
}

fn end(mut driver: Child) {
    drop(driver.stdin.take());
    assert!(driver.wait().expect("it is our child").success());
}

/// Runs it, and prints its figures. It must find all well.
fn measured(sb: &Sandbox, options: &[&str], what: &str) {
    let (begin, before) = (Instant::now(), ended());
    let output = sb
        .command("sftpjail")
        .args(["check", "--all"])
        .args(options)
        .stdin(Stdio::null())
        .output()
        .expect("sandbox-enter");
    let (seconds, after) = (begin.elapsed().as_secs_f64(), ended());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let processor = cpu_seconds(&after) - cpu_seconds(&before);
    println!("{what:<52} {seconds:>9.2} {processor:>9.2} {:>9}", after.max_rss() >> 10);
}

/// What all processes have used that have ended and were waited for.
fn ended() -> Usage {
    getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage")
}

fn cpu_seconds(usage: &Usage) -> f64 {
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    std::time::Duration::from_micros(micros.unsigned_abs()).as_secs_f64()
}
