//! The packages that `make packages` has built: what is in them, what they need, and what their scripts do. The
//! variables `DEB` and `RPM` name them.

mod binaries;
mod deb;
mod rpm;

use sandbox::Sandbox;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What both packages have as examples.
const EXAMPLES: [&str; 11] = [
    "apparmor/usr.sbin.rsyslogd",
    "apparmor/usr.sbin.sshd",
    "home.toml",
    "pam.d/sshd",
    "rsyslog.d/sftpjail.conf",
    "selinux/sftpjail.cil",
    "systemd/50-sftpjail.conf",
    "systemd/sftpjail-expire.service",
    "systemd/sftpjail-expire.timer",
    "systemd/timers.target.d/sftpjail-expire.conf",
    "upload-portal.toml",
];

/// The manual pages whose sources there are, and that a list of a package's files does not have.
fn missing_pages(list: &str) -> Vec<String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manuals").read_dir().expect("the sources");
    let names = sources.filter_map(|entry| entry.expect("an entry").file_name().into_string().ok());
    let pages = names.filter_map(|name| {
        let page = name.strip_suffix(".md").map_or(name.clone(), |verb| format!("{verb}.8"));
        let (_, section) = page.rsplit_once('.')?;
        ["5", "8"].contains(&section).then(|| format!("/usr/share/man/man{section}/{page}.gz"))
    });
    pages.filter(|page| !list.contains(page.as_str())).collect()
}

/// The paths of the examples in a list of a package's files.
fn examples(list: &str) -> Vec<&str> {
    let below = list.lines().filter_map(|line| line.split("/doc/sftpjail/examples/").nth(1));
    below.filter(|path| !path.is_empty() && !path.ends_with('/')).collect()
}

/// The package that the variable names.
fn package(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => panic!("{variable} names no package; run: make packages"),
    }
}

/// The output of a program that reads a package.
#[track_caller]
fn read(program: &str, args: &[&str], package: &Path) -> String {
    let out =
        Command::new(program).args(args).arg(package).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    assert!(out.status.success(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("UTF-8")
}

/// A stock machine without our files, and the package in it.
fn machine(package: &Path) -> (Sandbox, String) {
    let sb = Sandbox::stock();
    sb.sh("rm -f /usr/local/sbin/sftpjail /usr/lib/*/security/pam_sftpjail.so");
    let name = package.file_name().expect("a file").to_string_lossy().into_owned();
    let inside = format!("/root/{name}");
    sb.install(package, &inside, 0o644);
    (sb, inside)
}
