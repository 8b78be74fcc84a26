//! Who runs against whom in the benchmarks. In each round every contestant runs once, in an order that is mixed anew,
//! so that all have the same load on the machine and none has the same one before it.
//!
//! A sample is a line `sample`, contestant, phase and nanoseconds, with tabs between them.

use crate::bare::{self, Contents};
use crate::libpam::Pam;
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, setns};
use nix::unistd::{Group, User, chdir, getgrouplist};
use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// What opens a session and closes it again, by its name on the command line: `bare`, `nss`, `autofs`, `autofs-asked`,
/// or a PAM service of the configuration directory; `SERVICE/USER` for a user of its own.
pub(crate) struct Contestant {
    name: String,
    kind: Kind,
}

enum Kind {
    /// Each session has a handle of its own, as sshd's have: pam_namespace keeps more and more on one, and was 5,000
    /// times as slow after 800 sessions. The first handle is never used: it keeps the modules loaded.
    Pam {
        start: Box<dyn Fn() -> Pam>,
        pam: Pam,
        _loaded: Pam,
    },
    Bare {
        user: String,
        home: String,
        contents: Contents,
        opened: Option<bare::Opened>,
    },
    LookUps(CString),
    /// autofs mounts when somebody looks, and unmounts by itself much later. `Some`: under a name that is new each
    /// time, so that its program is asked.
    Visit {
        user: String,
        asked: Option<u64>,
    },
}

impl Contestant {
    pub(crate) fn new(name: &str, user: &CStr, confdir: &Path) -> Self {
        let text = || user.to_str().expect("the benchmark's user is ASCII").to_owned();
        let kind = match name {
            "bare" => {
                let entry = User::from_name(&text()).expect("NSS answers").expect("the user exists");
                let home = entry.dir.to_str().expect("the benchmark's home is ASCII").to_owned();
                Kind::Bare { user: text(), home, contents: Contents::of_the_host(), opened: None }
            }
            "nss" => Kind::LookUps(user.to_owned()),
            "autofs" => Kind::Visit { user: text(), asked: None },
            "autofs-asked" => Kind::Visit { user: text(), asked: Some(now()) },
            service => {
                let (service, user) = match service.split_once('/') {
                    None => (service.to_owned(), user.to_owned()),
                    Some((service, user)) => {
                        (service.to_owned(), CString::new(user).expect("an argument has no NUL"))
                    }
                };
                let confdir = confdir.to_owned();
                let start = Box::new(move || Pam::start(&confdir, &service, &user));
                Kind::Pam { pam: start(), _loaded: start(), start }
            }
        };
        Self { name: name.to_owned(), kind }
    }

    fn open(&mut self) {
        match &mut self.kind {
            Kind::Pam { pam, .. } => assert_eq!(pam.open(), 0, "{}", self.name),
            Kind::Bare { user, home, contents, opened } => {
                *opened = Some(bare::open(user, home, contents).expect("the bare calls succeed"));
            }
            Kind::LookUps(user) => look_up(user),
            Kind::Visit { user, asked } => visit(&place(user, *asked)),
        }
    }

    fn close(&mut self) {
        match &mut self.kind {
            Kind::Pam { pam, .. } => assert_eq!(pam.close(), 0, "{}", self.name),
            Kind::Bare { opened, .. } => {
                opened.take().expect("it is open").close().expect("the bare calls succeed");
            }
            Kind::LookUps(_) | Kind::Visit { .. } => {}
        }
    }

    /// A process that does all of it once, and ends.
    fn process(&self, user: &CStr, confdir: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("procfs"));
        let service = if let Kind::Pam { .. } = self.kind { &self.name } else { "permit" };
        command.arg("--confdir").arg(confdir).args(["--service", service]);
        command.arg(user.to_str().expect("the benchmark's user is ASCII"));
        match &self.kind {
            Kind::Pam { .. } | Kind::LookUps(_) => {}
            Kind::Bare { .. } => drop(command.arg("bare")),
            Kind::Visit { user, asked } => {
                command.arg(format!("visit={}", place(user, *asked).display()));
            }
        }
        command.arg("whole").stdin(Stdio::null());
        command
    }

    /// What the session leaves for the process's end or for a daemon, which is nobody's time here.
    fn leave(&mut self, host: &File) {
        if let Kind::Visit { user, asked } = &mut self.kind {
            umount2(&place(user, *asked), MntFlags::empty()).expect("autofs has mounted it");
            *asked = asked.map(|asked| asked + 1);
        }
        let namespace = fs::metadata("/proc/self/ns/mnt").expect("procfs");
        if !same(&namespace, &host.metadata().expect("an open file")) {
            setns(host, CloneFlags::CLONE_NEWNS).expect("one thread");
            chdir("/").expect("chdir");
        }
        if let Kind::Pam { start, pam, .. } = &mut self.kind {
            *pam = start();
        }
    }
}

/// autofs keeps what its program has answered to an earlier process, too.
fn now() -> u64 {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    u64::try_from(time.as_micros()).expect("before the year 586524")
}

fn same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

fn place(user: &str, asked: Option<u64>) -> PathBuf {
    let number = asked.map(|number| format!("@{number}")).unwrap_or_default();
    Path::new("/auto").join(format!("{user}{number}"))
}

/// The slash makes the kernel ask for the mount.
pub(crate) fn visit(place: &Path) {
    let there = fs::metadata(place.join(".")).is_ok_and(|metadata| metadata.is_dir());
    assert!(there, "{}", place.display());
}

/// Those of `names`, with commas between them.
pub(crate) fn contestants(names: &str, user: &CStr, confdir: &Path) -> Vec<Contestant> {
    names.split(',').map(|name| Contestant::new(name, user, confdir)).collect()
}

/// Sessions in this process, each phase for itself.
pub(crate) fn sessions(rounds: u64, mut contestants: Vec<Contestant>) {
    run(rounds, &mut contestants, |contestant, counts| {
        let [open, close] = [timed(|| contestant.open()), timed(|| contestant.close())];
        if counts {
            sample(&contestant.name, "open", open);
            sample(&contestant.name, "close", close);
        }
    });
}

/// Sessions in this process, open and close together as the phase `phase`.
pub(crate) fn together(rounds: u64, contestants: &mut [Contestant], phase: &str) {
    run(rounds, contestants, |contestant, counts| {
        let time = timed(|| once(contestant));
        if counts {
            sample(&contestant.name, phase, time);
        }
    });
}

pub(crate) fn once(contestant: &mut Contestant) {
    contestant.open();
    contestant.close();
}

/// A process for each session, from its start to its end.
pub(crate) fn processes(rounds: u64, mut contestants: Vec<Contestant>, user: &CStr, confdir: &Path) {
    run(rounds, &mut contestants, |contestant, counts| {
        let mut command = contestant.process(user, confdir);
        let time = timed(|| {
            let status = command.status().expect("pam-driver runs");
            assert!(status.success(), "{command:?}: {status}");
        });
        if counts {
            sample(&contestant.name, "process", time);
        }
    });
}

/// A tenth of the rounds comes first and does not count.
fn run(rounds: u64, contestants: &mut [Contestant], mut turn: impl FnMut(&mut Contestant, bool)) {
    let host = File::open("/proc/self/ns/mnt").expect("procfs");
    let mut order = Order::new();
    for round in 0..rounds + rounds / 10 {
        for i in order.of(contestants.len()) {
            turn(&mut contestants[i], round >= rounds / 10);
            contestants[i].leave(&host);
        }
    }
}

pub(crate) fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

pub(crate) fn sample(contestant: &str, phase: &str, time: Duration) {
    println!("sample\t{contestant}\t{phase}\t{}", time.as_nanos());
}

/// Mixes, the same way in each run.
pub(crate) struct Order(u64);

impl Order {
    pub(crate) fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    /// 0 to n-1.
    pub(crate) fn of(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<_> = (0..n).collect();
        for i in (1..n).rev() {
            // Xorshift; Fisher and Yates.
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            order.swap(i, usize::try_from(self.0 % (i as u64 + 1)).expect("at most i"));
        }
        order
    }
}

/// Asks NSS for the same as [`pam_sftpjail::account`] does for a user whom the profile's group lists: the user, the
/// group, the list of groups, and the name that sshd compares. Other names are read from /etc/group, without NSS.
fn look_up(user: &CStr) {
    let entry = User::from_name(&user.to_string_lossy()).expect("NSS answers").expect("the user exists");
    let group = Group::from_name("sftp").expect("NSS answers").expect("the group exists");
    black_box(getgrouplist(user, entry.gid).expect("NSS answers"));
    black_box(Group::from_gid(group.gid).expect("NSS answers"));
}
