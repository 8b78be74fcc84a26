//! The benchmark of one user's sessions beside the grants and keys of many others. In each round one session runs with
//! the files of this user only, and one with those of all, so that both have the same load on the machine.

use crate::libpam::Pam;
use crate::measure::median;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::ffi::CStr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Where the files of this user only are, and those of all.
const DIRECTORIES: [(&str, &str); 2] = [
    ("/etc/sftpjail/grants.d", "/etc/sftpjail/grants.of-all"),
    ("/etc/sftpjail/keys.d", "/etc/sftpjail/keys.of-all"),
];

/// Whole logins take a hundred times as long as open and close.
const ROUNDS_PER_LOGIN: u64 = 20;

/// Prints the medians of `rounds` rounds, and their ratios: of open and close, and of whole logins through an sshd that
/// listens here.
pub(crate) fn run(rounds: u64, user: &CStr, confdir: &Path) {
    let mut pam = Pam::start(confdir, "sshd", user);
    compare("open + close", rounds, || assert_eq!((pam.open(), pam.close()), (0, 0)));
    let to = format!("{}@127.0.0.1", user.to_str().expect("the benchmark's user is ASCII"));
    compare("a whole login by sftp", rounds / ROUNDS_PER_LOGIN, || {
        let out = Command::new("sftp").args(["-b", "/dev/null", "-o", "BatchMode=yes", &to]).output();
        let out = out.expect("sftp runs");
        assert!(out.status.success(), "{out:?}");
    });
}

fn compare(what: &str, rounds: u64, mut session: impl FnMut()) {
    let mut samples: [Vec<_>; 2] = Default::default();
    for round in 0..rounds + rounds / 10 {
        for samples in &mut samples {
            let start = Instant::now();
            session();
            if round >= rounds / 10 {
                samples.push(start.elapsed());
            }
            exchange();
        }
    }
    let [alone, among] = samples.map(|samples| median(samples).as_secs_f64() * 1e6);
    println!("{what}, median of {rounds} rounds, in µs");
    println!("  {:<38} {alone:>8.1}", "with the files of this user only");
    println!("  {:<38} {among:>8.1}", "with those of all");
    println!("ratio: {:.3}", among / alone);
}

fn exchange() {
    for (one, all) in DIRECTORIES {
        renameat2(AT_FDCWD, one, AT_FDCWD, all, RenameFlags::RENAME_EXCHANGE).expect("both are there");
    }
}
