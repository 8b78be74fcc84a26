//! The real machine: what it must have, where the built files lie, and what it looks like.

use std::fs;
use std::path::{Path, PathBuf};

/// What tests could change on the machine; equal before and after if they did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `/etc/passwd`
    pub passwd: String,
    /// `/etc/group`
    pub group: String,
    /// Names in `/jail`, or `None` where it does not exist.
    pub jail: Option<Vec<String>>,
    /// Names in `/run`
    pub run: Option<Vec<String>>,
    /// `/proc/self/mountinfo`
    pub mounts: String,
}

impl Machine {
    /// The machine as this process sees it now. Panics if `/etc` or `/proc` cannot be read.
    #[must_use]
    pub fn snapshot() -> Machine {
        let text = |path| fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
        Machine {
            passwd: text("/etc/passwd"),
            group: text("/etc/group"),
            jail: names("/jail"),
            run: names("/run"),
            mounts: text("/proc/self/mountinfo"),
        }
    }
}

fn names(directory: &str) -> Option<Vec<String>> {
    let entries = fs::read_dir(directory).ok()?;
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Some(names)
}

/// A file that cargo built, beside the running test: `artifact("sftpjail")`,
/// `artifact("libpam_sftpjail.so")`. Panics with the fix where it is missing.
#[must_use]
pub fn artifact(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("the path of the running test");
    let mut directory = exe.parent().expect("a directory above the running test");
    if directory.ends_with("deps") || directory.ends_with("examples") {
        directory = directory.parent().expect("a directory above deps");
    }
    let path = directory.join(name);
    assert!(path.exists(), "{} is missing: run `make build` first", path.display());
    path
}

/// A Debian package that `make deps` has downloaded and not installed: a file for dpkg-deb.
pub(crate) fn downloaded(package: &str) -> Option<PathBuf> {
    let directory = artifact("sftpjail").with_file_name("../debian");
    let prefix = format!("{package}_");
    let mut files = fs::read_dir(&directory).into_iter().flatten().flatten().map(|entry| entry.path());
    files.find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
            && path.extension().is_some_and(|extension| extension == "deb")
    })
}

/// The directory of the PAM modules, for example `/usr/lib/x86_64-linux-gnu/security`: where pam_unix.so is.
pub(crate) fn pam_modules() -> PathBuf {
    let mut places = vec![PathBuf::from("/usr/lib64"), PathBuf::from("/usr/lib")];
    places.extend(fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|e| e.path()));
    places
        .into_iter()
        .map(|place| place.join("security"))
        .find(|place| place.join("pam_unix.so").exists())
        .expect("no pam_unix.so below /usr/lib: install libpam-modules (`make deps`)")
}

/// Panics with one sentence if this machine cannot hold a sandbox.
pub(crate) fn require() {
    assert!(
        rustix::process::geteuid().is_root(),
        "the sandbox needs root for its namespaces and mounts: run the tests with sudo"
    );
    let missing: Vec<_> = TOOLS.iter().filter(|(path, _)| !Path::new(path).exists()).collect();
    if let Some((path, package)) = missing.first() {
        panic!("the sandbox needs {path}, of the package {package}: run `make deps` first");
    }
}

const TOOLS: [(&str, &str); 9] = [
    ("/usr/sbin/sshd", "openssh-server"),
    ("/usr/bin/sftp", "openssh-client"),
    ("/usr/bin/ssh-keygen", "openssh-client"),
    ("/usr/sbin/rsyslogd", "rsyslog"),
    ("/usr/bin/ip", "iproute2"),
    ("/usr/sbin/useradd", "passwd"),
    ("/usr/bin/unshare", "util-linux"),
    ("/usr/bin/nsenter", "util-linux"),
    ("/usr/bin/setpriv", "util-linux"),
];
