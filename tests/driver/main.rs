//! `pam-driver`: calls libpam step by step, as sshd does, so that a test can check the process in between.
//!
//! It runs in a sandbox: `pam-driver [--confdir DIR] [--service NAME] [--rhost HOST]
//! USER STEP...` carries out the steps in order.
//!
//! | step | what it does |
//! |---|---|
//! | `account`, `open`, `close` | calls the hook and prints its PAM code |
//! | `whole` | calls the three hooks, each of which must succeed |
//! | `again` | begins with a new PAM handle |
//! | `state` | prints everything of the process that a module must not change |
//! | `nofile=N`, `fsize=SOFT[:HARD]` | sets a limit; `fsize` in bytes or `unlimited` |
//! | `memory=BYTES` | uses up the memory, but for so many bytes |
//! | `pending=SIGNAL` | blocks a signal and raises it |
//! | `umask=OCTAL`, `cd=DIR`, `chroot=DIR` | sets that of the process |
//! | `ls=DIR` | prints the names in a directory |
//! | `wait` | waits for a line on stdin |
//! | `cycles=N` | does all from `account` to `again` N times, and prints what is left behind |
//! | `opens=N` | opens N sessions, and prints what the user would find in the home |
//! | `mounts=N` | opens N sessions, and prints whether all mounts in the home are of the home |
//! | `swap=A:B` | exchanges two names until it is killed |
//! | `hold=N` | opens a session of each of user0 to userN-1, and prints `holding`; they end with standard input |
//! | those of [`benchmarks`] | prints samples |
//! | `serve=FOLDERS` | carries out the commands on standard input, see [`serve`] |

#![expect(clippy::disallowed_methods, reason = "the benchmark compares our calls with the bare ones")]

mod bare;
mod benchmarks;
mod contest;
mod crowd;
mod libpam;
mod logins;
mod serve;

use benchmarks::Benchmarks;
use libpam::Pam;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::stat::{Mode, umask};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let mut words = env::args_os().skip(1).peekable();
    let mut confdir = PathBuf::from("/etc/pam.d");
    let mut service = String::from("sshd");
    let mut remote = None;
    let (mut exchanged, mut options) = (Vec::new(), Vec::new());
    while let Some(option) = words.next_if(|w| w.as_bytes().starts_with(b"--")) {
        let value = words.next().expect("an option has a value");
        match option.as_bytes() {
            b"--confdir" => confdir = value.into(),
            b"--service" => service = value.into_string().expect("a service name is UTF-8"),
            b"--rhost" => remote = Some(CString::new(value.as_bytes()).expect("a host has no NUL")),
            b"--exchange" => exchanged.push(value.into_string().expect("a name is UTF-8")),
            b"--ssh" => options.push(value.into_string().expect("an option is UTF-8")),
            _ => panic!("no option {option:?}"),
        }
    }
    let user = CString::new(words.next().expect("a user").as_bytes()).expect("a name has no NUL");
    let start = || {
        let mut pam = Pam::start(&confdir, &service, &user);
        if let Some(host) = &remote {
            pam.set_remote(host);
        }
        pam
    };
    let mut pam = start();
    for step in words {
        let step = step.into_string().expect("a step is UTF-8");
        let (verb, value) = step.split_once('=').unwrap_or((&step, ""));
        let number = || value.parse::<u64>().expect("a number");
        match verb {
            "account" => println!("account {}", pam.account()),
            "open" => println!("open {}", pam.open()),
            "close" => println!("close {}", pam.close()),
            "again" => {
                drop(pam);
                pam = start();
            }
            "state" => state(),
            // The hard limit stays high, so that a later step can raise the soft one again.
            "nofile" => setrlimit(Resource::RLIMIT_NOFILE, number(), 4096).expect("setrlimit"),
            "fsize" => {
                let (soft, hard) = value.split_once(':').unwrap_or((value, value));
                setrlimit(Resource::RLIMIT_FSIZE, bytes(soft), bytes(hard)).expect("setrlimit");
            }
            "pending" => pending(value),
            "memory" => leave_memory(number()),
            "umask" => drop(umask(Mode::from_bits_truncate(u32::from_str_radix(value, 8).expect("octal")))),
            "cd" => env::set_current_dir(value).expect("chdir"),
            "chroot" => std::os::unix::fs::chroot(value).expect("chroot"),
            "ls" => ls(Path::new(value)),
            "wait" => drop(std::io::stdin().read_line(&mut String::new())),
            "opens" => opens(number(), &mut pam, &user),
            "mounts" => mounts(number(), &mut pam, &user),
            "swap" => swap(value),
            "cycles" => cycles(number(), &start),
            "serve" => serve::run(value, &confdir),
            "hold" => crowd::hold(number(), &confdir),
            "whole" => assert_eq!((pam.account(), pam.open(), pam.close()), (0, 0, 0)),
            _ => {
                let (user, service) = (&user, &service);
                Benchmarks { user, service, confdir: &confdir, exchanged: &exchanged, options: &options }
                    .run(verb, value, &mut pam);
            }
        }
    }
}

/// Prints a `state` line for each thing that a module must not change.
fn state() {
    let mut fds = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/fd").expect("procfs") {
        let entry = entry.expect("procfs");
        let target = fs::read_link(entry.path()).ok().filter(|target| !target.starts_with("/proc"));
        if let Some(target) = target {
            fds.insert(entry.file_name(), target);
        }
    }
    println!("state fds {fds:?}");
    let mask = umask(Mode::empty());
    umask(mask);
    println!("state umask {:03o}", mask.bits());
    println!("state cwd {:?}", env::current_dir());
    for path in ["/", "."] {
        let stat = fs::metadata(path).expect("stat");
        println!("state {path} {} {}", stat.dev(), stat.ino());
    }
    println!("state environment {:?}", env::vars_os().collect::<BTreeMap<_, _>>());
    println!("state dumpable {:?}", rustix::process::dumpable_behavior().expect("prctl"));
    println!("state death {:?}", rustix::process::parent_process_death_signal().expect("prctl"));
    println!("state namespace {:?}", fs::read_link("/proc/self/ns/mnt").expect("procfs"));
    for line in fs::read_to_string("/proc/self/status").expect("procfs").lines() {
        if [
            "SigPnd",
            "ShdPnd",
            "SigBlk",
            "SigIgn",
            "SigCgt",
            "Cap",
            "Uid",
            "Gid",
            "Groups",
            "Threads",
            "NoNewPrivs",
            "Seccomp",
        ]
        .iter()
        .any(|key| line.starts_with(key))
        {
            println!("state {line}");
        }
    }
    for line in fs::read_to_string("/proc/self/limits").expect("procfs").lines() {
        println!("state {line}");
    }
}

/// Reads a limit: bytes or `unlimited`.
fn bytes(text: &str) -> u64 {
    if text == "unlimited" { RLIM_INFINITY } else { text.parse().expect("bytes") }
}

/// Blocks the signal, and sends it to this thread.
fn pending(name: &str) {
    let signal: Signal = format!("SIG{name}").parse().expect("a signal");
    SigSet::from(signal).thread_block().expect("sigprocmask");
    raise(signal).expect("raise");
}

fn ls(path: &Path) {
    let mut names: Vec<_> = fs::read_dir(path)
        .map(|entries| entries.flatten().map(|e| e.file_name()).collect())
        .unwrap_or_default();
    names.sort();
    println!("ls {path:?} {names:?}");
}

/// Opens `n` sessions, and counts what is in the place of the home: `mine`, `secret`, both, neither, or a
/// refusal.
fn opens(n: u64, pam: &mut Pam, user: &CStr) {
    let name = user.to_str().expect("this user is ASCII");
    let entry = nix::unistd::User::from_name(name).expect("NSS answers").expect("the user exists");
    let home = Path::new("/jail").join(name).join(entry.dir.strip_prefix("/").expect("an absolute home"));
    let mut counts = BTreeMap::new();
    for _ in 0..n {
        let found = match pam.open() {
            0 => {
                let found: Vec<_> =
                    ["mine", "secret"].into_iter().filter(|file| home.join(file).exists()).collect();
                assert_eq!(pam.close(), 0);
                format!("{found:?}")
            }
            code => format!("refused {code}"),
        };
        *counts.entry(found).or_insert(0) += 1;
    }
    for (found, count) in counts {
        println!("opens {count} {found}");
    }
}

/// Opens `n` sessions, and counts in how many every mount below the home shows a part of the home.
fn mounts(n: u64, pam: &mut Pam, user: &CStr) {
    let name = user.to_str().expect("this user is ASCII");
    let entry = nix::unistd::User::from_name(name).expect("NSS answers").expect("the user exists");
    let home = entry.dir.to_str().expect("this home is ASCII");
    // proc(5): the fourth field is the mount's root in its filesystem, here /home; the fifth is where it is.
    let is_inside = |line: &str| {
        let fields: Vec<_> = line.split(' ').collect();
        let below_home = fields[4].strip_prefix(&format!("/jail/{name}{home}/"));
        below_home.is_none_or(|_| format!("/home{}", fields[3]).starts_with(&format!("{home}/")))
    };
    let mut counts = BTreeMap::new();
    for _ in 0..n {
        let found = match pam.open() {
            0 => {
                let table = fs::read_to_string("/proc/self/mountinfo").expect("procfs");
                assert_eq!(pam.close(), 0);
                if table.lines().all(is_inside) { "inside".to_owned() } else { table }
            }
            code => format!("refused {code}"),
        };
        *counts.entry(found).or_insert(0) += 1;
    }
    for (found, count) in counts {
        println!("mounts {count} {found}");
    }
}

/// Exchanges two names without pause, until it is killed.
fn swap(names: &str) {
    let (a, b) = names.split_once(':').expect("two names");
    println!("swapping");
    loop {
        let flags = RenameFlags::RENAME_EXCHANGE;
        renameat2(AT_FDCWD, a, AT_FDCWD, b, flags).expect("both names are there");
    }
}

/// Uses up all memory that the process may have, but for one block of `bytes`.
fn leave_memory(bytes: u64) {
    let statm = fs::read_to_string("/proc/self/statm").expect("procfs");
    let size = statm.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()).expect("statm") * 4096;
    let limit = size + bytes;
    let reserve = Vec::<u8>::with_capacity(usize::try_from(bytes).expect("a size"));
    setrlimit(Resource::RLIMIT_AS, limit, limit).expect("setrlimit");
    for block in [1 << 20, 64 << 10, 4 << 10, 256, 24] {
        // SAFETY: malloc(3) may be called at any time; the block is never used.
        while !unsafe { libc::malloc(block) }.is_null() {}
    }
    drop(reserve);
}

/// Logs in and out `n` times, and prints the resources before and after. A hundred logins come first without
/// counting: libc, libpam and NSS keep what they allocate once.
fn cycles(n: u64, start: &dyn Fn() -> Pam) {
    let run = |times: u64| {
        for _ in 0..times {
            let mut pam = start();
            assert_eq!((pam.account(), pam.open(), pam.close()), (0, 0, 0));
        }
    };
    run(100);
    let before = resources();
    run(n);
    let after = resources();
    for (before, after) in before.iter().zip(after) {
        println!("cycles {} {} {}", before.0, before.1, after.1);
    }
}

fn resources() -> Vec<(&'static str, usize)> {
    let lines = |path| fs::read_to_string(path).expect("procfs").lines().count();
    let statm = fs::read_to_string("/proc/self/statm").expect("procfs");
    let resident = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("statm");
    vec![
        ("descriptors", fs::read_dir("/proc/self/fd").expect("procfs").count()),
        ("mounts", lines("/proc/self/mountinfo")),
        ("mappings", lines("/proc/self/maps")),
        ("resident-kib", resident * 4),
    ]
}
