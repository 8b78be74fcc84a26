//! Boots a guest of QEMU, runs commands in it, cuts its power, and ends it.

mod confined;
mod image;

use crate::recipe;
use crate::system::System;
pub use image::Image;
use rustix::fs::{Mode, OFlags, open};
use sandbox::{PATH, artifact, entering, wait_until};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SCRIPT: &str = include_str!("guest/run.sh");

/// Between two questions to a guest that may not be up.
const INTERVAL: Duration = Duration::from_millis(500);

/// What the way in of the guest is told to run: the words that follow.
const REMOTE: &str = r#"exec ssh $WAY_IN "cd / && exec env -i PATH=$PATH HOME=/root LANG=C.UTF-8 ${*@Q}""#;

/// A whole system with a kernel of its own. Dropping it ends the guest, and its disk is gone.
pub struct Guest {
    image: Image,
    /// The image that has the kernel of the next boot.
    kernel: Image,
    /// The disk, which has no name, so that it ends with the test: what differs from that of the image.
    disk: File,
    /// The text on its console, since it was first booted. It has no name, either.
    console: File,
    /// `unshare`, whose child runs `run.sh`. When its stdin ends, the power is cut.
    unshare: Child,
    /// What the kernel calls this boot.
    boot: String,
    /// Of the kernel: `6.1`.
    version: String,
}

impl Guest {
    /// Boots a guest in which `make install` has run and `sftpjail setup` has not. Panics with the console's text if it
    /// does not boot.
    #[must_use]
    pub fn boot(image: &Image) -> Self {
        let guest = Self::stock(image);
        guest.sh("tar -C / --no-same-owner --no-overwrite-dir -xf /dev/vdb");
        guest
    }

    /// Boots a guest as its packages have made it, with nothing of ours. Root has a key for logins at 127.0.0.1.
    #[must_use]
    pub fn stock(image: &Image) -> Self {
        assert!(rustix::process::geteuid().is_root(), "a guest needs root: run this with sudo");
        let (disk, console) = (nameless(), nameless());
        image.make_disk(&disk);
        let unshare = start(image, image, &disk, &console);
        let (boot, version) = <_>::default();
        let (image, kernel) = (image.clone(), image.clone());
        let mut guest = Self { image, kernel, disk, console, unshare, boot, version };
        guest.wait_for_boot();
        guest.make_keys();
        guest
    }

    /// Cuts the power and boots again: what was not on the disk is lost.
    pub fn power_cut(&mut self) {
        self.end();
        self.start();
    }

    /// Shuts down in order, and boots the kernel of another image from the same disk. That kernel has no modules but
    /// those of its initrd.
    pub fn boot_kernel_of(&mut self, image: &Image) {
        let _ = self.try_sh("systemctl poweroff");
        let ended = wait_until(self.patience(), || self.unshare.try_wait().transpose());
        assert!(ended.is_some(), "the guest does not shut down:\n{}", self.console());
        self.kernel = image.clone();
        self.start();
    }

    fn start(&mut self) {
        self.unshare = start(&self.image, &self.kernel, &self.disk, &self.console);
        self.wait_for_boot();
    }

    fn end(&mut self) {
        // The script reads EOF.
        drop(self.unshare.stdin.take());
        let _ = self.unshare.wait();
    }

    /// Waits until the guest is up with another boot than the last one, and has started everything.
    fn wait_for_boot(&mut self) {
        let boot = wait_until(self.patience(), || {
            std::thread::sleep(INTERVAL);
            let ended = self.unshare.try_wait().is_ok_and(|status| status.is_some());
            if ended || self.console().ends_with("end Kernel panic") {
                return Some(None);
            }
            let said = self.command("cat".as_ref()).arg("/proc/sys/kernel/random/boot_id").output();
            let said = said.ok().filter(|said| said.status.success())?;
            let boot = String::from_utf8_lossy(&said.stdout).into_owned();
            (boot != self.boot).then_some(Some(boot))
        });
        self.boot = boot.flatten().unwrap_or_else(|| panic!("the guest does not boot:\n{}", self.console()));
        self.wait_until_up();
        // That of Debian 11 is "5.10.0-33-cloud-amd64".
        let release = self.sh("uname -r").stdout;
        self.version = release.split('.').take(2).collect::<Vec<_>>().join(".");
    }
}

impl System for Guest {
    fn name(&self) -> String {
        format!("{}, Linux {}{}", self.image.suite.name(), self.version, self.image.label)
    }

    /// It runs in the cgroup of the way in, and goes on if the client is killed.
    fn command(&self, program: &OsStr) -> Command {
        let unshare = self.unshare.id();
        let script =
            fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap_or_default();
        // If it has ended: a pid that no process has.
        let script = script.trim().parse().unwrap_or(u32::MAX);
        let mut command = entering(script, "mnt,pid,net", "bash");
        command
            .args(["-c", REMOTE, "bash"])
            .args(self.image.runner)
            .arg(program)
            .env("WAY_IN", image::WAY_IN);
        command
    }

    fn reboot(&mut self) {
        // The connection may end before the command does.
        let said = self.try_sh("systemctl reboot");
        assert!(matches!(said.code, Some(0 | 255)), "{said}");
        self.wait_for_boot();
    }

    fn is_emulated(&self) -> bool {
        true
    }

    /// A busy machine leaves it a tenth of a processor.
    fn patience(&self) -> Duration {
        Duration::from_secs(2400)
    }

    fn console(&self) -> String {
        let mut text = vec![0; self.console.metadata().map_or(0, |stat| stat.len() as usize)];
        let length = self.console.read_at(&mut text, 0).unwrap_or(0);
        text.truncate(length);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Starts QEMU with this disk, which is one of the image, and with the kernel of another.
fn start(image: &Image, kernel: &Image, disk: &File, console: &File) -> Child {
    let built = artifact("libpam_sftpjail.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let shared = |file: &File| Stdio::from(file.try_clone().expect("a descriptor"));
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--net", "--propagation", "private", "--fork", "--kill-child"]);
    command.args(["sh", "-c", SCRIPT, "sh"]).arg(image::emulator()).arg(image.path());
    command.arg(built.parent().expect("a directory")).arg(source).arg(kernel.path()).arg(kernel.append);
    command.env_clear().env("PATH", PATH).env("WAY_IN", image::WAY_IN);
    command.stdin(Stdio::piped()).stdout(shared(disk)).stderr(shared(console));
    command.spawn().expect("unshare, of util-linux")
}

/// A file that no directory names.
fn nameless() -> File {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = open(recipe::directory(), flags, Mode::RUSR | Mode::WUSR);
    file.expect("the target directory is on a filesystem that has nameless files").into()
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let console = self.console();
            let lines: Vec<_> = console.lines().collect();
            let end = lines.get(lines.len().saturating_sub(60)..).unwrap_or_default().join("\n");
            eprintln!("-- end of the guest's console\n{end}\n--");
        }
        self.end();
    }
}
