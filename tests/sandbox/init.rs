//! PID 1 of a sandbox: makes the machine, prints `ready PID`, and ends when its stdin does.
//! It knows nothing of sftpjail but the names that it must hide.
//!
//! Of the host, a sandbox has /usr without /usr/local, and nothing else: `/` is an empty tmpfs. The test
//! process then writes /etc, see `stock.rs`.
//!
//! `sandbox-init MOUNTS NETWORK` starts it in new mount, PID, network, IPC and UTS namespaces, those two made from the
//! given ones, see `base.rs`. Its stdin is a pipe whose other end only the test process holds. When that process ends,
//! however it ends, so does PID 1; the kernel then kills every other process of the PID namespace, and the mounts go
//! with the last of them.

mod child;

use std::ffi::CStr;
use std::fmt::Display;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::Pid;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::process::{pivot_root, umask};

/// The directories outside of /usr that Debian's base system and the packages of `make deps` have, by mode.
/// Owners other than root follow once there is a /etc/passwd.
const DIRECTORIES: [(u32, &str); 10] = [
    (0o755, "boot dev etc home media mnt opt run srv"),
    (0o755, "usr/local/bin usr/local/etc usr/local/games usr/local/include usr/local/lib usr/local/sbin"),
    (0o755, "usr/local/share/man usr/local/src var/backups var/cache var/lib/dpkg/info var/lib/dpkg/updates"),
    (0o755, "var/lib/extrausers var/lib/ldap var/lib/misc var/lib/pam var/lib/systemd var/log var/opt"),
    (0o555, "proc sys"),
    (0o700, "root root/.ssh var/spool/rsyslog"),
    (0o1777, "tmp var/tmp"),
    (0o1730, "var/spool/cron/crontabs"),
    (0o1770, "var/spool/cron/atjobs var/spool/cron/atspool"),
    (0o2775, "var/local var/mail"),
];

const LINKS: [(&str, &str); 4] = [
    ("/usr/local/man", "share/man"),
    ("/var/lock", "/run/lock"),
    ("/var/run", "/run"),
    ("/var/spool/mail", "../mail"),
];

/// Where a package of sftpjail, or `make install PREFIX=/usr`, puts a program. The build's is to be the only one.
const OURS_IN_USR: [&str; 2] = ["/usr/sbin/sftpjail", "/usr/bin/sftpjail"];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let started = match &arguments[..] {
        [mounts, network] => start(mounts, network),
        // Started by hand, it would turn the machine itself into a sandbox.
        _ => Err("sandbox-init is PID 1 of a sandbox and nothing else; see `make sandbox`".into()),
    };
    match started {
        Ok(Some(init)) => child::follow(init),
        Ok(None) => init(),
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// Starts PID 1, and is `None` there.
fn start(mounts: &str, network: &str) -> Result<Option<Pid>, String> {
    let open = |path| File::open(path).map_err(said("the base of sandboxes"));
    // Before the mounts: with others, /proc may be another one.
    for namespace in [open(network)?, open(mounts)?] {
        setns(namespace, CloneFlags::empty()).map_err(said("setns"))?;
    }
    let mut own = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNET;
    own |= CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    unshare(own).map_err(said("unshare"))?;
    child::start().map_err(said("fork"))
}

fn init() -> ExitCode {
    let outer_pid = match build() {
        Ok(pid) => pid,
        Err(sentence) => {
            eprintln!("{sentence}");
            return ExitCode::FAILURE;
        }
    };
    // The kernel removes orphans that end: signal(2). A loop that waits for some would wake up a hundred times a
    // second, for there are mostly none.
    // SAFETY: no handler is installed, and there was none.
    if let Err(error) = unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) } {
        eprintln!("ignore SIGCHLD: {error}");
        return ExitCode::FAILURE;
    }
    println!("ready {outer_pid}");
    #[expect(clippy::disallowed_methods, reason = "no part of sftpjail")]
    let _ = io::stdout().flush();
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    ExitCode::SUCCESS
}

/// Makes a machine of its own in the copy of the host's mount tree; gives our pid as the host counts.
fn build() -> Result<String, String> {
    umask(Mode::from_raw_mode(0o022));
    // /proc is still the host's.
    let outer_pid = fs::read_link("/proc/self").map_err(said("readlink /proc/self"))?;

    new_root()?;
    for (mode, directories) in DIRECTORIES {
        for directory in directories.split(' ') {
            fs::create_dir_all(directory).map_err(said(directory))?;
            // The umask would clear bits of mkdir's mode.
            fs::set_permissions(directory, Permissions::from_mode(mode)).map_err(said(directory))?;
        }
    }
    for (link, target) in LINKS {
        symlink(target, link).map_err(said(link))?;
    }
    for path in OURS_IN_USR {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("remove {path} in the sandbox: {error}"));
            }
            _ => {}
        }
    }

    let plain = MountFlags::empty();
    tmpfs("/run", "0755", quiet())?;
    // As the unit of sshd makes it.
    fs::create_dir("/run/sshd").map_err(said("mkdir /run/sshd"))?;
    tmpfs("/tmp", "1777", quiet())?;
    // Without nosuid and nodev, as installers leave them: where a jail has them, the module has set them.
    tmpfs("/home", "0755", plain)?;
    tmpfs("/srv", "0755", plain)?;
    tmpfs("/var/log", "0755", plain)?;
    mount("proc", "/proc", "proc", quiet() | MountFlags::NOEXEC, None::<&CStr>)
        .map_err(said("mount proc on /proc"))?;
    devices()?;

    rustix::system::sethostname(b"sandbox").map_err(said("sethostname"))?;
    network()?;

    // As systemd leaves it: what is mounted later reaches every mount namespace that is a slave of this one.
    mount_change("/", MountPropagationFlags::SHARED | MountPropagationFlags::REC)
        .map_err(said("make / shared"))?;
    Ok(outer_pid.display().to_string())
}

/// A tmpfs becomes `/`, with an overlay of the host's /usr and the build's files, whose writes stay in memory. Nothing
/// else of the host's tree can be reached from then on.
fn new_root() -> Result<(), String> {
    let scratch = Path::new("/tmp/sandbox");
    mount("sandbox", scratch, "tmpfs", MountFlags::empty(), c"mode=0755")
        .map_err(said("mount a tmpfs for the overlay"))?;
    for name in ["upper", "work", "root"] {
        fs::create_dir(scratch.join(name)).map_err(said("mkdir for the overlay"))?;
    }

    let root = scratch.join("root");
    mount("sandbox", &root, "tmpfs", MountFlags::empty(), c"mode=0755")
        .map_err(said("mount a tmpfs for the root"))?;
    fs::create_dir(root.join("usr")).map_err(said("mkdir usr"))?;
    let layers = c"lowerdir=/tmp/ours:/usr,upperdir=/tmp/sandbox/upper,workdir=/tmp/sandbox/work";
    mount("sandbox", root.join("usr"), "overlay", MountFlags::empty(), layers)
        .map_err(said("mount an overlay of /usr (the kernel needs overlayfs, and stacks two at most)"))?;
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        // Each a symlink into /usr, of Debian since 12.
        if let Ok(target) = fs::read_link(Path::new("/").join(name)) {
            symlink(target, root.join(name)).map_err(said("symlink into /usr"))?;
        }
    }

    std::env::set_current_dir(&root).map_err(said("chdir to the new root"))?;
    // The old root is now mounted on top of the new one, in the same place, and is unmounted from there.
    pivot_root(".", ".").map_err(said("pivot_root"))?;
    unmount(".", UnmountFlags::DETACH).map_err(said("detach the host's tree"))?;
    std::env::set_current_dir("/").map_err(said("chdir /"))
}

fn devices() -> Result<(), String> {
    mount("dev", "/dev", "tmpfs", MountFlags::NOSUID, c"mode=0755").map_err(said("mount /dev"))?;
    for (name, minor) in [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)] {
        device(name, 1, minor)?;
    }
    device("tty", 5, 0)?;
    for (name, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("stderr", "fd/2"),
    ] {
        symlink(target, Path::new("/dev").join(name)).map_err(said("symlink in /dev"))?;
    }
    for name in ["/dev/pts", "/dev/shm"] {
        fs::create_dir(name).map_err(said("mkdir in /dev"))?;
    }
    let terminals = c"newinstance,gid=5,mode=620,ptmxmode=666";
    mount("devpts", "/dev/pts", "devpts", MountFlags::NOSUID | MountFlags::NOEXEC, terminals)
        .map_err(said("mount /dev/pts"))?;
    tmpfs("/dev/shm", "1777", quiet())
}

fn device(name: &str, major: u32, minor: u32) -> Result<(), String> {
    // The umask would clear the write bits.
    let old = umask(Mode::empty());
    let made = mknodat(
        CWD,
        Path::new("/dev").join(name),
        FileType::CharacterDevice,
        Mode::from_raw_mode(0o666),
        makedev(major, minor),
    );
    umask(old);
    made.map_err(said("mknod in /dev"))
}

/// lo only. Its delayed ACKs would cost each login 80 ms of waiting, hence quickack.
fn network() -> Result<(), String> {
    let mut ip =
        Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().map_err(said("run ip"))?;
    if let Some(mut stdin) = ip.stdin.take() {
        stdin
            .write_all(
                b"link set lo up\n\
                  route change local 127.0.0.1 dev lo table local scope host src 127.0.0.1 quickack 1\n",
            )
            .map_err(said("write to ip"))?;
    }
    if ip.wait().map_err(said("wait for ip"))?.success() { Ok(()) } else { Err("ip failed".to_owned()) }
}

fn tmpfs(place: &str, mode: &str, flags: MountFlags) -> Result<(), String> {
    let data = std::ffi::CString::new(format!("mode={mode}")).map_err(said("tmpfs"))?;
    mount("tmpfs", place, "tmpfs", flags, data.as_c_str())
        .map_err(|error| format!("mount a tmpfs on {place}: {error}"))
}

fn quiet() -> MountFlags {
    MountFlags::NOSUID | MountFlags::NODEV
}

fn said<E: Display>(what: &str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}
