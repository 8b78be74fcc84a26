//! Many sessions at a time, of user0, user1 and so on. The benchmark compares the time of one session beside N live
//! ones, and beside none.

use crate::libpam::Pam;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

const ROUNDS: usize = 500;

/// Prints the medians and their ratio. `user0` and so on are members, like `user`. This process keeps their
/// sessions open, with a descriptor each.
pub(crate) fn run(others: u64, user: &CStr, confdir: &Path) {
    let before = cost(user, confdir);
    let crowd = open(others, confdir);
    let beside = cost(user, confdir);
    for mut pam in crowd {
        assert_eq!(pam.close(), 0);
    }
    let after = cost(user, confdir);

    println!("open + close with namespace = \"host\", median of {ROUNDS}, in µs");
    for (what, time) in [
        ("beside no other jail", before),
        (&format!("beside {others} live jails"), beside),
        ("beside none again", after),
    ] {
        println!("  {what:<36} {:>8.1}", time.as_secs_f64() * 1e6);
    }
    println!("ratio to none: {:.2}", beside.as_secs_f64() / before.min(after).as_secs_f64());
}

/// Opens a session of each, and prints `holding` once all are open; they end with standard input.
pub(crate) fn hold(sessions: u64, confdir: &Path) {
    let crowd = open(sessions, confdir);
    println!("holding");
    io::copy(&mut io::stdin(), &mut io::sink()).expect("a pipe");
    for mut pam in crowd {
        assert_eq!(pam.close(), 0);
    }
}

fn open(sessions: u64, confdir: &Path) -> Vec<Pam> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("getrlimit");
    let needed = sessions + 100;
    setrlimit(Resource::RLIMIT_NOFILE, needed, most.max(needed)).expect("as many descriptors as sessions");
    let open = |n| {
        let name = CString::new(format!("user{n}")).expect("no NUL");
        let mut pam = Pam::start(confdir, "sshd", &name);
        assert_eq!(pam.open(), 0, "{name:?}");
        pam
    };
    (0..sessions).map(open).collect()
}

fn cost(user: &CStr, confdir: &Path) -> Duration {
    let mut pam = Pam::start(confdir, "sshd", user);
    let mut samples: Vec<_> = (0..ROUNDS + ROUNDS / 10)
        .map(|_| {
            let start = Instant::now();
            assert_eq!((pam.open(), pam.close()), (0, 0));
            start.elapsed()
        })
        .skip(ROUNDS / 10)
        .collect();
    samples.sort();
    samples[samples.len() / 2]
}
