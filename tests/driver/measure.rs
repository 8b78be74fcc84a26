//! The benchmark of one session. In each round every contestant runs once, so that all have the same load on
//! the machine.

use crate::bare::{self, Contents};
use crate::libpam::Pam;
use nix::unistd::{Group, User, getgrouplist};
use std::ffi::{CStr, CString};
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

/// Prints the medians of `rounds` rounds and their ratio. `confdir` has the services `sshd` (with our module)
/// and `permit` (with pam_permit in its place).
pub(crate) fn run(rounds: u64, user: &CStr, confdir: &Path) {
    let name = user.to_str().expect("the benchmark's user is ASCII");
    let entry = User::from_name(name).expect("NSS answers").expect("the user exists");
    let home = entry.dir.to_str().expect("the benchmark's home is ASCII");
    let contents = Contents {
        passwd: vec![b'x'; 100],
        group: vec![b'x'; 40],
        localtime: fs::read("/etc/localtime").ok(),
        log: Path::new("/dev/log").exists(),
    };
    let mut ours = Pam::start(confdir, "sshd", user);
    let mut permit = Pam::start(confdir, "permit", user);
    let session = |pam: &mut Pam| assert_eq!((pam.open(), pam.close()), (0, 0));

    let mut samples: [Vec<Duration>; 4] = Default::default();
    for round in 0..rounds + rounds / 10 {
        let mut time = |i: usize, contestant: &mut dyn FnMut()| {
            let start = Instant::now();
            contestant();
            if round >= rounds / 10 {
                samples[i].push(start.elapsed());
            }
        };
        time(0, &mut || session(&mut ours));
        time(1, &mut || bare::open_and_close(name, home, &contents).expect("the bare calls succeed"));
        time(2, &mut || session(&mut permit));
        time(3, &mut || look_up(user));
    }
    let [ours, bare, libpam, nss] = samples.map(median);
    let net = ours.saturating_sub(libpam + nss);
    println!("open + close, median of {rounds} rounds, in µs");
    for (what, time) in [
        ("through libpam with pam_sftpjail", ours),
        ("libpam alone (pam_permit)", libpam),
        ("the NSS look-ups alone", nss),
        ("pam_sftpjail less those two", net),
        ("the bare system calls of this jail", bare),
    ] {
        println!("  {what:<36} {:>8.1}", time.as_secs_f64() * 1e6);
    }
    let ratio = |time: Duration| time.as_secs_f64() / bare.as_secs_f64();
    println!("ratio to the bare system calls: {:.2} (all of it: {:.2})", ratio(net), ratio(ours));
}

/// Prints the medians of sessions of `user`, `user`-plain and `user`-owner: what a granted folder costs, and another
/// owner.
pub(crate) fn compare(rounds: u64, user: &CStr, confdir: &Path) {
    let name = user.to_str().expect("the benchmark's user is ASCII");
    let users = ["", "-plain", "-owner"].map(|end| CString::new(format!("{name}{end}")).expect("no NUL"));
    let mut pams = users.map(|user| Pam::start(confdir, "sshd", &user));
    let mut samples: [Vec<Duration>; 3] = Default::default();
    for round in 0..rounds + rounds / 10 {
        for (pam, samples) in pams.iter_mut().zip(&mut samples) {
            let start = Instant::now();
            assert_eq!((pam.open(), pam.close()), (0, 0));
            if round >= rounds / 10 {
                samples.push(start.elapsed());
            }
        }
    }
    let [without, plain, owner] = samples.map(median);
    println!("open + close, median of {rounds} rounds, in µs");
    for (what, time) in [
        ("without a grant", without),
        ("with a granted folder", plain),
        ("with a granted folder of another owner", owner),
        ("what the folder costs", plain.saturating_sub(without)),
        ("what the owner costs besides", owner.saturating_sub(plain)),
    ] {
        println!("  {what:<38} {:>8.1}", time.as_secs_f64() * 1e6);
    }
    println!("ratio of the last two folders: {:.2}", owner.as_secs_f64() / plain.as_secs_f64());
}

/// Asks NSS for the same as [`pam_sftpjail::account`]: the user, the profile's group before and after, the
/// list of groups, and their names for the jail's /etc/group.
fn look_up(user: &CStr) {
    let entry = User::from_name(&user.to_string_lossy()).expect("NSS answers").expect("the user exists");
    black_box(Group::from_name("sftp").expect("NSS answers"));
    let gids = getgrouplist(user, entry.gid).expect("NSS answers");
    black_box(Group::from_name("sftp").expect("NSS answers"));
    for gid in gids {
        black_box(Group::from_gid(gid).expect("NSS answers"));
    }
}

pub(crate) fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort();
    samples[samples.len() / 2]
}
