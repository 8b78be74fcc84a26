//! What guests boot from: a disk with a release of Debian and a kernel of Debian's.

use crate::recipe;
use crate::root::Suite;
use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Options of ssh for the way into a guest, through one connection that `run.sh` keeps.
pub(super) const WAY_IN: &str = "-F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
     -o LogLevel=ERROR -o ConnectTimeout=20 -o ServerAliveInterval=30 -S /run/way-in -i /run/key -p 2222 root@127.0.0.1";

/// The disk of a guest before its first boot, and how its kernel is started.
#[derive(Clone, Debug)]
pub struct Image {
    pub suite: Suite,
    /// The release from which the kernel comes, such as `trixie-backports`.
    pub kernel: &'static str,
    /// Packages that the release's root does not have.
    pub packages: &'static [&'static str],
    /// Further words for the kernel's command line.
    pub append: &'static str,
    /// What people need to know besides the release and the kernel: `, SELinux`.
    pub label: &'static str,
    /// The program, with its arguments, that runs commands as an admin's session would.
    pub runner: &'static [&'static str],
}

impl Image {
    /// A release with its own kernel.
    #[must_use]
    pub fn of(suite: &str) -> Self {
        let kernel = match suite {
            "bullseye" => "bullseye",
            "trixie" => "trixie",
            "sid" => "sid",
            _ => "bookworm",
        };
        Self { suite: Suite(suite.to_owned()), kernel, packages: &[], append: "", label: "", runner: &[] }
    }

    /// Debian 13 with the newest kernel of its backports.
    #[must_use]
    pub fn newest() -> Self {
        Self { kernel: "trixie-backports", ..Self::of("trixie") }
    }

    /// The directory of the disk, the kernel, its initrd, and the key for the way in. If it is missing, it is made,
    /// which takes a minute or two and needs the network.
    pub(super) fn path(&self) -> PathBuf {
        let root = self.suite.root();
        let root = root.file_name().expect("a file");
        let packages = self.packages.join(" ");
        let args: [&OsStr; 3] = [root, self.kernel.as_ref(), packages.as_ref()];
        recipe::made(&format!("guest-{}-{}", self.suite.0, self.kernel), "", include_str!("image.sh"), &args)
    }

    /// Makes `file` a disk that has what the image has, and keeps what a guest changes.
    pub(super) fn make_disk(&self, file: &File) {
        let script = "mount --bind \"$2\" \"$1/image\"; mount -t proc proc \"$1/proc\"
            exec chroot \"$1\" qemu-img create -q -f qcow2 -F raw -b /image/disk /proc/self/fd/1 >&1";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-ec", script, "sh"]);
        command.arg(emulator()).arg(self.path()).stdin(Stdio::null());
        let status = command.stdout(file.try_clone().expect("a descriptor")).status();
        assert!(status.expect("unshare, of util-linux").success(), "qemu-img cannot make a disk");
    }
}

/// The directory of the root with QEMU. If it is missing, it is made, which takes two minutes and needs the network.
pub(super) fn emulator() -> PathBuf {
    recipe::made("emulator", "", include_str!("emulator.sh"), &[])
}
