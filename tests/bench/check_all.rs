//! `make bench-check`: how long `sftpjail check --all` takes, and its peak memory: for 3 members among 20,000 users, for
//! 20,000 members, and for 2,000 members with a live jail in the host's namespace. `USERS=2000` is quicker.

use std::process::Stdio;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use sandbox::Sandbox;

fn main() {
    let users: u32 = std::env::var("USERS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    println!("{:<52} {:>9} {:>9}", "sftpjail check --all", "seconds", "peak MiB");

    let sb = machine(users);
    measured(&sb, &format!("3 members among {users} users"));
    // As usermod -aG does for each: the names stand in the member list.
    sb.sh("users=$(cut -d: -f1 /etc/passwd | grep ^user | paste -sd,); sed -i \"s/^sftp:.*/&,$users/\" /etc/group");
    measured(&sb, &format!("{users} members"));
}

/// A machine with so many users in no profile, each with a home, a group and a shadow entry as useradd(8) makes them,
/// and three members.
fn machine(users: u32) -> Sandbox {
    let sb = Sandbox::new();
    for member in ["mle", "anna", "joe"] {
        sb.user(member).group("sftp").add();
    }
    sb.sh(&format!(
        "seq 0 {last} | sed 's|^|/home/user|' | xargs mkdir -m 0750
         seq 0 {last} | awk '{{ id = 100000 + $1; home = \"/home/user\" $1
             print \"user\" $1 \":x:\" id \":\" id \"::\" home \":/usr/sbin/nologin\" > \"/tmp/passwd\"
             print \"user\" $1 \":x:\" id \":\" > \"/tmp/group\"
             print \"user\" $1 \":!:20000:0:99999:7:::\" > \"/tmp/shadow\"
             print id \":\" id \" \" home > \"/tmp/owners\" }}'
         for file in passwd group shadow; do cat /tmp/$file >> /etc/$file; done
         xargs -n 2 -P 1 -a /tmp/owners chown",
        last = users - 1
    ));
    sb
}

/// Runs it, and prints its figures. It must find all well, and peak memory is the most of any one process.
fn measured(sb: &Sandbox, what: &str) {
    let begin = Instant::now();
    let status = sb
        .command("sftpjail")
        .args(["check", "--all"])
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .status()
        .expect("nsenter, of util-linux");
    let seconds = begin.elapsed().as_secs_f64();
    assert!(status.success(), "{status}");
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage").max_rss() >> 10;
    println!("{what:<52} {seconds:>9.2} {peak:>9}");
}
