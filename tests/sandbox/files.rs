//! Files of the sandbox, from outside, without a process inside.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, unlinkat};
use rustix::io::Errno;

use crate::Sandbox;

impl Sandbox {
    /// The content of a file in the sandbox. Panics if it cannot be read.
    #[track_caller]
    pub fn read(&self, path: impl AsRef<OsStr>) -> Vec<u8> {
        let path = path.as_ref();
        self.try_read(path).unwrap_or_else(|e| panic!("read {path:?} in the sandbox: {e}"))
    }

    /// Like [`Sandbox::read`], as text, with U+FFFD for what is not UTF-8.
    #[track_caller]
    pub fn read_text(&self, path: impl AsRef<OsStr>) -> String {
        String::from_utf8_lossy(&self.read(path)).into_owned()
    }

    /// The content of a file in the sandbox, or the error, such as NotFound.
    pub fn try_read(&self, path: impl AsRef<OsStr>) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path.as_ref(), OFlags::RDONLY, 0)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes a file of the sandbox: root's, 0644, replacing what it held. Panics if it cannot.
    #[track_caller]
    pub fn write(&self, path: impl AsRef<OsStr>, content: impl AsRef<[u8]>) {
        self.write_mode(path, content, 0o644);
    }

    /// Like [`Sandbox::write`], with the mode for a file that did not exist.
    #[track_caller]
    pub fn write_mode(&self, path: impl AsRef<OsStr>, content: impl AsRef<[u8]>, mode: u32) {
        let path = path.as_ref();
        self.open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC, mode)
            .and_then(|mut file| file.write_all(content.as_ref()))
            .unwrap_or_else(|e| panic!("write {path:?} in the sandbox: {e}"));
    }

    /// Appends to a file of the sandbox, made root's, 0644, if missing. Panics if it cannot.
    #[track_caller]
    pub fn append(&self, path: impl AsRef<OsStr>, content: impl AsRef<[u8]>) {
        let path = path.as_ref();
        self.open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND, 0o644)
            .and_then(|mut file| file.write_all(content.as_ref()))
            .unwrap_or_else(|e| panic!("append to {path:?} in the sandbox: {e}"));
    }

    /// Removes a file of the sandbox, if it is there.
    #[track_caller]
    pub(crate) fn remove(&self, path: &str) {
        let path = Path::new(path);
        let removed = self
            .directory(path.parent().expect("below /"))
            .and_then(|parent| Ok(unlinkat(&parent, path.file_name().expect("a file"), AtFlags::empty())?));
        match removed {
            Err(e) if e.kind() != ErrorKind::NotFound => panic!("remove {path:?} in the sandbox: {e}"),
            _ => {}
        }
    }

    /// Whether it is a symlink.
    pub(crate) fn is_link(&self, path: &str) -> bool {
        let file = self.open(path.as_ref(), OFlags::PATH | OFlags::NOFOLLOW, 0);
        file.and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.is_symlink())
    }

    /// A directory, made if it is missing: with this owner, group and mode, where it is there, too. Those above, if
    /// missing, are root's, 0755. As `install -d` does.
    #[track_caller]
    pub(crate) fn make_directory(&self, path: &Path, uid: u32, gid: u32, mode: u32) {
        let make = || -> io::Result<()> {
            for ancestor in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
                let (Some(parent), Some(name)) = (ancestor.parent(), ancestor.file_name()) else { continue };
                match mkdirat(self.directory(parent)?, name, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            own(&self.open(path.as_os_str(), OFlags::RDONLY | OFlags::DIRECTORY, 0)?, uid, gid, mode)
        };
        make().unwrap_or_else(|e| panic!("make {path:?} in the sandbox: {e}"));
    }

    /// A file with this owner, group and mode.
    #[track_caller]
    pub(crate) fn write_owned(&self, path: &Path, content: &[u8], uid: u32, gid: u32, mode: u32) {
        self.write_mode(path, content, 0o600);
        self.open(path.as_os_str(), OFlags::RDONLY, 0)
            .and_then(|file| own(&file, uid, gid, mode))
            .unwrap_or_else(|e| panic!("give away {path:?} in the sandbox: {e}"));
    }

    /// Copies a file of the real machine into the sandbox, to be executed or loaded there.
    #[track_caller]
    pub fn install(&self, from: &Path, to: impl AsRef<OsStr>, mode: u32) {
        let to = to.as_ref();
        // By a process of its own: a descriptor of ours, open for writing, would live on in whatever
        // another test forks at this moment, and executing the file would fail with ETXTBSY.
        let copied = File::open(from).and_then(|source| {
            let mut command = self.command("sh");
            command.args(["-ec", "cat >\"$1\"; chmod \"$2\" \"$1\"", "sh"]);
            command.arg(to).arg(format!("{mode:o}")).stdin(source).output()
        });
        match copied {
            Ok(output) if output.status.success() => {}
            why => panic!("copy {} to {to:?} in the sandbox: {why:?}", from.display()),
        }
    }

    fn directory(&self, path: &Path) -> io::Result<File> {
        self.open(path.as_os_str(), OFlags::PATH | OFlags::DIRECTORY, 0)
    }

    /// Opens below the sandbox's root. IN_ROOT, since an absolute symlink met on the way from outside
    /// would otherwise lead to the real machine's file.
    fn open(&self, path: &OsStr, flags: OFlags, mode: u32) -> io::Result<File> {
        let root = openat(
            CWD,
            format!("/proc/{}/root", self.outer_pid()),
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let (flags, mode) = (flags | OFlags::CLOEXEC, Mode::from_raw_mode(mode));
        loop {
            match openat2(&root, path, flags, mode, ResolveFlags::IN_ROOT) {
                // Somebody on the machine mounted or renamed something while a `..` was resolved: openat2(2).
                Err(Errno::AGAIN) => {}
                file => return Ok(File::from(file?)),
            }
        }
    }
}

fn own(file: &File, uid: u32, gid: u32, mode: u32) -> io::Result<()> {
    fchown(file, Some(uid), Some(gid))?;
    // Not before: chown(2) clears bits.
    file.set_permissions(Permissions::from_mode(mode))
}
