//! Finds the sshds that listen on this system: what they were started with, and what the kernel lets them do.
//!
//! An sshd of another PID namespace or with another root directory is another system's, such as a container's.
//!
//! A process's name and arguments are what whoever started it wrote there, and a user can start a setuid program with
//! any. So only what root started is an sshd, by the file that it executes. Root runs no program that an argument
//! names, unless nobody else can change it.

mod command_line;
mod reading;
mod reread;
mod socket;

use crate::host::mount_namespace;
use crate::host::process_table::{self, Found, Listed, answer, present};
use crate::host::systemd::{is_booted, service};
use crate::host::trust;
use crate::report::Error;
use crate::report::error::AS_ROOT;
use command_line::CommandLine;
use nix::unistd::geteuid;
use pam_sftpjail::confinement::{Part, Privileges, Process as Identity};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::lsm::Profile;
use procfs::ProcResult;
use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process};
pub(crate) use reading::{Changed, NOTES, Reading, note};
pub(crate) use reread::{RELOAD, Reread};
pub(crate) use socket::Socket;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// An sshd that waits for connections.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) pid: i32,
    /// The same, not to be taken for another one.
    pub(crate) process: Identity,
    command_line: CommandLine,
    /// The path by which it was started. `None`: others than root can change it, or it is gone.
    program: Option<PathBuf>,
    /// The ports on which it listens.
    pub(crate) ports: BTreeSet<u16>,
    /// Whether systemd listens on its socket, too, and has passed it to this sshd.
    pub(crate) has_socket_of_systemd: bool,
    /// The service of systemd that it belongs to.
    pub(crate) unit: Option<String>,
    /// In what its confinement differs from that of this program.
    pub(crate) confined: Vec<Part>,
    /// Capabilities that this program has and it has not, as bits.
    pub(crate) missing: u64,
    /// Its mount namespace, as namespaces(7) names it.
    mounts: Option<PathBuf>,
    /// The profile of AppArmor that confines it.
    pub(crate) profile: Option<Profile>,
}

/// The sshds that listen, by pid. Only root can tell them apart.
pub(crate) fn all() -> Found<Vec<Running>> {
    if !geteuid().is_root() {
        let unseen = Some(Error::new("only root can see which sshds run", AS_ROOT));
        return Found { found: Vec::new(), unseen };
    }
    let own = own_privileges();
    let of_systemd = sockets_of_systemd();
    let Found { found: processes, unseen } = process_table::all();
    let mut all = Found { found: Vec::new(), unseen };
    for process in processes {
        match Running::read(&process, own.as_ref(), of_systemd.as_ref()) {
            Ok(running) => all.found.extend(running),
            Err(why) => all.miss(why),
        }
    }
    let unknown = |why: Error| Error::new(format!("which sshds run is not known: {}", why.what), why.fix);
    all.unseen = all.unseen.map(unknown);
    all.found.sort_by_key(|sshd| sshd.pid);
    all
}

impl Running {
    /// `None`: it is none.
    fn read(
        process: &Listed,
        own: Option<&Privileges>,
        of_systemd: Option<&BTreeSet<u64>>,
    ) -> Result<Option<Self>, Error> {
        if !process.name.starts_with("sshd") || process.uids != [0; 3] || process.is_nested {
            return Ok(None);
        }
        if !process.has_same_root()? || !was_started_by_root(process)? {
            return Ok(None);
        }
        let pid = process.pid;
        let Some(sockets) = sockets(pid)? else { return Ok(None) };
        let ports = listening_ports(pid, &sockets)?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let words = process.read_file("cmdline")?.map(text);
        let status = process.read_file("status")?.map(text);
        let words = words.iter().flat_map(|words| words.split('\0')).filter(|word| !word.is_empty());
        let command_line = CommandLine::of_listener(&words.map(str::to_owned).collect::<Vec<_>>());
        let privileges = status.and_then(|status| Privileges::parse(&status));
        let (Some(command_line), Some(privileges), false) = (command_line, privileges, ports.is_empty())
        else {
            return Ok(None);
        };
        let program = Some(&command_line.program).filter(|program| is_roots_alone(program)).cloned();
        let missing = own.map_or(0, |own| own.effective & !privileges.effective);
        let unit = service::of_process(pid)?;
        let has_socket_of_systemd = match of_systemd {
            Some(of_systemd) => !sockets.is_disjoint(of_systemd),
            None => unit.as_deref().is_some_and(service::may_have_active_socket),
        };
        let profile = Profile::of(&process.directory());
        let mut confined = own.map(|own| differences(pid, own, &privileges, missing)).unwrap_or_default();
        if profile.is_some() && profile != Profile::of(Path::new("/proc/self")) {
            confined.push(Part::Profile);
        }
        let mounts = mount_namespace::of(pid);
        // The last that is read: then all of the above was this process's, too.
        let Some(stat) = answer(pid, "stat", Process::new(pid).and_then(|process| process.stat()))? else {
            return Ok(None);
        };
        Ok(Some(Self {
            pid,
            process: Identity::new(pid, stat.starttime),
            command_line,
            program,
            ports,
            has_socket_of_systemd,
            unit,
            confined,
            missing,
            mounts,
            profile,
        }))
    }

    /// Whether it is known that the kernel lets both do the same. Of seccomp filters, that is never known.
    pub(crate) fn is_confined_as(&self, other: &Self) -> bool {
        self.confined == other.confined
            && !self.confined.contains(&Part::Filters)
            && (self.missing, &self.mounts, &self.profile) == (other.missing, &other.mounts, &other.profile)
    }

    /// The path by which it was started. `None`: others than root can change it, or it is gone.
    pub(crate) fn program(&self) -> Option<&Path> {
        self.program.as_deref()
    }

    /// Its configuration, if it was started with `-f`.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.command_line.file.as_deref()
    }

    /// The options of its command line that change its settings, as arguments for `sshd -T`.
    pub(crate) fn options(&self) -> &[OsString] {
        &self.command_line.options
    }

    /// What it is called in a sentence.
    pub(crate) fn name(&self) -> String {
        let ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
        let unit: String = self.unit.iter().map(|unit| format!("{}, ", escaped(unit))).collect();
        match ports.as_slice() {
            [] => format!("sshd ({unit}pid {})", self.pid),
            ports => format!("sshd ({unit}pid {}, port {})", self.pid, ports.join(", ")),
        }
    }

    /// Whether all of its command line is known: the kernel may show its beginning only.
    pub(crate) fn is_command_line_whole(&self) -> bool {
        self.command_line.is_whole
    }

    /// When it has last read its configuration. `pid_file`: its setting PidFile.
    pub(crate) fn reading(&self, pid_file: Option<&str>) -> Option<Reading> {
        Reading::of(self.pid, pid_file)
    }
}

/// Those of these options that may matter to who is logged in: `-o`, without what concerns sockets, files and log.
pub(crate) fn of_login(options: &[OsString]) -> impl Iterator<Item = &OsString> {
    let pairs = options.chunks_exact(2);
    let values =
        pairs.filter_map(|pair| pair.last().filter(|_| pair.first().is_some_and(|option| option == "-o")));
    values.filter(|value| !OF_DAEMON.iter().any(|keyword| sets(value, keyword)))
}

/// Keywords that concern the daemon only, or how a connection is encrypted.
const OF_DAEMON: [&str; 10] = [
    "AddressFamily",
    "HostKey",
    "KexAlgorithms",
    "ListenAddress",
    "LogLevel",
    "MaxStartups",
    "PerSourceMaxStartups",
    "PidFile",
    "Port",
    "SyslogFacility",
];

/// Whether the value of an option `-o` sets this keyword.
pub(crate) fn sets(value: &OsStr, keyword: &str) -> bool {
    value_set(value, keyword).is_some()
}

/// To what the value of an option `-o` sets this keyword. `None`: it sets another one.
pub(super) fn value_set(value: &OsStr, keyword: &str) -> Option<String> {
    let value = value.to_string_lossy();
    let is_blank = |c: char| c == '=' || c.is_whitespace();
    let (word, rest) = value.trim_start().split_once(is_blank).unwrap_or((&value, ""));
    word.eq_ignore_ascii_case(keyword).then(|| rest.trim_matches(is_blank).to_owned())
}

/// The privileges of a process, if it exists.
pub(crate) fn privileges(pid: i32) -> Option<Privileges> {
    Privileges::parse(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn own_privileges() -> Option<Privileges> {
    Privileges::parse(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Whether a process that has root's uids only executes an sshd of root's. One that a user started has them by a setuid
/// bit; sudo even sets the real uid.
pub(crate) fn was_started_by_root(process: &Listed) -> Result<bool, Error> {
    let program = process.directory().join("exe");
    let name_and_stat = || {
        // A filesystem of a user's is asked for no file of another name.
        let is_sshd =
            |path: PathBuf| path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"sshd"));
        if !is_sshd(program.read_link()?) {
            return Ok(false);
        }
        let stat = program.metadata()?;
        Ok(stat.is_file() && stat.uid() == 0 && stat.mode() & 0o6022 == 0)
    };
    // A thread of the kernel's has none.
    Ok(present(process.pid, "exe", name_and_stat())?.unwrap_or(false))
}

/// Whether it is a file that nobody but root can change or replace.
fn is_roots_alone(file: &Path) -> bool {
    file.is_file() && trust::changeable(file).is_ok_and(|path| path.is_none())
}

/// In what the confinement of a process differs from that of this program.
fn differences(pid: i32, own: &Privileges, theirs: &Privileges, missing: u64) -> Vec<Part> {
    let is_elsewhere = mount_namespace::is_elsewhere(pid);
    // A container puts the same filters on both.
    let is_filtered = theirs.filters > own.filters || (theirs.no_new_privs && !own.no_new_privs);
    let all =
        [(Part::Mounts, is_elsewhere), (Part::Capabilities, missing != 0), (Part::Filters, is_filtered)];
    all.into_iter().filter_map(|(part, differs)| differs.then_some(part)).collect()
}

/// The sockets that systemd has open, by inode; none if it does not run the host. `None`: they cannot be read. sshd's
/// environment cannot tell that one was passed to it: sshd writes its state over it.
fn sockets_of_systemd() -> Option<BTreeSet<u64>> {
    if is_booted() { sockets(1).ok()? } else { Some(BTreeSet::new()) }
}

/// The sockets that a process has open, by inode. `None`: it has ended.
fn sockets(pid: i32) -> Result<Option<BTreeSet<u64>>, Error> {
    let files = answer(pid, "fd", Process::new(pid).and_then(|process| process.fd()))?;
    let sockets = files.map(|files| {
        // A file may be closed meanwhile.
        files.flatten().filter_map(|descriptor| match descriptor.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        })
    });
    Ok(sockets.map(Iterator::collect))
}

/// The ports of those of a process's sockets that listen.
fn listening_ports(pid: i32, sockets: &BTreeSet<u64>) -> Result<BTreeSet<u16>, Error> {
    // Of its own network namespace. A kernel may do without IPv6, and has no such file then.
    let read = |read: fn(&Process) -> ProcResult<Vec<TcpNetEntry>>| {
        answer(pid, "net/tcp", Process::new(pid).and_then(|process| read(&process)))
    };
    let all = [read(Process::tcp)?, read(Process::tcp6)?];
    let own = all.into_iter().flatten().flatten();
    let own = own.filter(|entry| entry.state == TcpState::Listen && sockets.contains(&entry.inode));
    Ok(own.map(|entry| entry.local_address.port()).collect())
}
