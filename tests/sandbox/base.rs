//! What all sandboxes of a test process begin with, made once: the build's own files, as a layer over /usr, and a
//! network whose children are cheap to look through.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, id};
use std::sync::OnceLock;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{XattrFlags, setxattr};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

use crate::machine::{artifact, pam_modules};

/// A mount and a network namespace, neither with a process in it. `sandbox-init` makes those of a sandbox from them.
pub(crate) struct Base {
    mounts: File,
    network: File,
}

impl Base {
    /// That of this process. Panics with one sentence if this machine cannot hold it.
    pub(crate) fn get() -> &'static Base {
        static BASE: OnceLock<Base> = OnceLock::new();
        BASE.get_or_init(|| {
            let files = ours();
            // A thread may have namespaces of its own, and they live on as open files.
            let base = thread::spawn(|| make(files)).join().expect("it returns its errors");
            base.unwrap_or_else(|error| panic!("this machine cannot hold a sandbox: {error}"))
        })
    }

    /// The paths of the two, for another process.
    pub(crate) fn paths(&self) -> [String; 2] {
        [&self.mounts, &self.network].map(|file| format!("/proc/{}/fd/{}", id(), file.as_raw_fd()))
    }
}

/// Leaves this thread in both.
fn make(files: [Ours; 3]) -> io::Result<Base> {
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET)?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    // In the machine's own tables of connections, /proc/net/tcp alone takes 5 ms. Linux before 6.1 has no others.
    let _ = fs::write("/proc/sys/net/ipv4/tcp_child_ehash_entries", "1024");

    mount("sandbox", "/tmp", "tmpfs", MountFlags::empty(), c"mode=0755")?;
    fs::create_dir("/tmp/sandbox")?;
    let layer = Path::new("/tmp/ours");
    // /usr/local is the admin's, and first in PATH: that of the machine is hidden.
    fs::create_dir_all(layer.join("local"))?;
    setxattr(layer.join("local"), "trusted.overlay.opaque", b"y", XattrFlags::empty())?;
    for Ours { file, place, mode } in files {
        copy(file, &layer.join(place), mode)?;
    }
    let own = |name| File::open(format!("/proc/thread-self/ns/{name}"));
    Ok(Base { mounts: own("mnt")?, network: own("net")? })
}

/// A file of the build, opened, and where it is below /usr.
struct Ours {
    file: File,
    place: PathBuf,
    mode: &'static str,
}

/// Copies, not bind mounts: the target directory may lie anywhere, and the mount table stays Debian's.
fn ours() -> [Ours; 3] {
    let modules = pam_modules();
    let modules = modules.strip_prefix("/usr").expect("below /usr");
    let libraries = modules.parent().expect("security is below lib");
    let built = |name: &str, place: PathBuf, mode| {
        let path = artifact(name);
        let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Ours { file, place, mode }
    };
    [
        built("libpam_sftpjail.so", modules.join("pam_sftpjail.so"), "644"),
        built("libnss_spelling.so", libraries.join("libnss_spelling.so.2"), "644"),
        built("sftpjail", "local/sbin/sftpjail".into(), "755"),
    ]
}

/// By a process of its own: a descriptor of ours, open for writing, would live on in whatever another test forks at
/// this moment, and executing the file would fail with ETXTBSY.
fn copy(from: File, to: &Path, mode: &str) -> io::Result<()> {
    fs::create_dir_all(to.parent().expect("below the layer"))?;
    let mut command = Command::new("sh");
    command.args(["-ec", "cat >\"$1\"; chmod \"$2\" \"$1\"", "sh"]).arg(to).arg(mode);
    let output = command.stdin(from).output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("copy to {to:?}: {output:?}")))
    }
}
