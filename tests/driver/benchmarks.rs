//! The steps of benchmarks. They print samples. WHO is a list of contestants, see [`contest`].
//!
//! | step | what it does |
//! |---|---|
//! | `contest=N:WHO` | N rounds of sessions in this process |
//! | `processes=N:WHO` | N rounds of sessions in a process each |
//! | `bare`, `visit=DIR` | what such a process does besides: the bare system calls, a look at what autofs mounts |
//! | `beside=CROWD:COUNTS:N:WHO` | N rounds beside so many `jails`, `sessions` or `mounts` each, see [`crowd`] |
//! | `pairs=N`, `logins=N`, `waves=N:M` | N pairs of sessions, of logins, of M logins at once, see [`logins`](Pairs) |
//!
//! For pairs, `--exchange A:B` says what changes between the two, and `--ssh OPTION` is one of the client's.

use crate::libpam::Pam;
use crate::logins::Pairs;
use crate::{contest, crowd};
use std::ffi::CStr;
use std::path::Path;

/// The command line.
pub(crate) struct Benchmarks<'a> {
    pub(crate) user: &'a CStr,
    pub(crate) service: &'a str,
    pub(crate) confdir: &'a Path,
    pub(crate) exchanged: &'a [String],
    pub(crate) options: &'a [String],
}

impl Benchmarks<'_> {
    /// Panics where there is no such step.
    pub(crate) fn run(&self, verb: &str, value: &str, pam: &mut Pam) {
        let fields: Vec<_> = value.split(':').collect();
        let number = |n: &str| n.parse::<u64>().expect("a number");
        let who = |names| contest::contestants(names, self.user, self.confdir);
        let pairs = || Pairs::new(self.exchanged);
        match (verb, &fields[..]) {
            ("bare", _) => who("bare").iter_mut().for_each(contest::once),
            ("visit", [place]) => contest::visit(Path::new(place)),
            ("contest", [rounds, names]) => contest::sessions(number(rounds), who(names)),
            ("processes", [rounds, names]) => {
                contest::processes(number(rounds), who(names), self.user, self.confdir);
            }
            ("beside", [crowd, counts, rounds, names]) => {
                crowd::beside(crowd, counts, number(rounds), who(names), self.service, self.confdir);
            }
            ("pairs", [n]) => pairs().sessions(number(n), pam),
            ("logins", [n]) => pairs().logins(number(n), self.user, self.options),
            ("waves", [n, logins]) => {
                pairs().waves(number(n), number(logins), self.user, self.options);
            }
            _ => panic!("no step {verb}={value}"),
        }
    }
}
