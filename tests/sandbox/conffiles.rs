//! The files in /etc that packages install and admins may edit; dpkg calls them conffiles.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use crate::machine::downloaded;
use crate::output::{Output, run};
use crate::stock::{File, read};

/// Packages whose configuration files a sandbox has, one a line; `make deps` reads it, too.
const PACKAGES: &str = include_str!("packages");

/// The configuration files of [`PACKAGES`], as each package has them. dpkg knows their MD5 sums.
pub(crate) fn conffiles() -> Vec<File> {
    let packages = PACKAGES.lines();
    // Its exit status is 1 where one is not installed; it lists the others.
    let list =
        command("dpkg-query", ["-Wf", "${Package}\n${Conffiles}\n"].into_iter().chain(packages)).stdout;
    let mut package = "";
    let mut shipped = Vec::new();
    for line in list.lines() {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [name] => package = name,
            // A third word marks a file that newer versions of the package no longer have.
            [path, digest] => shipped.push((package, path, digest)),
            _ => {}
        }
    }
    let sums = command("md5sum", shipped.iter().map(|(_, path, _)| *path)).stdout;
    let sums: HashMap<_, _> =
        sums.lines().filter_map(|line| line.split_once("  ")).map(|(sum, path)| (path, sum)).collect();
    shipped
        .into_iter()
        .filter_map(|(package, path, digest)| {
            let same = sums.get(path) == Some(&digest);
            let content = if same { Some(read(path)) } else { as_shipped(package, path, digest) }?;
            let mode = if content.starts_with(b"#!") { 0o755 } else { 0o644 };
            Some(File { mode, ..File::new(path, content) })
        })
        .collect()
}

/// A file that somebody has edited or removed, as the package has it: without the lines of `sftpjail setup`
/// or, where others have edited it, out of the package itself. `None` if a newer package lacks it.
fn as_shipped(package: &str, path: &str, digest: &str) -> Option<Vec<u8>> {
    let now = fs::read_to_string(path).unwrap_or_default();
    let ours = |line: &&str| line.contains("sftpjail") || *line == "/var/log/sftp.log";
    let undone: String = now.lines().filter(|line| !ours(line)).map(|line| format!("{line}\n")).collect();
    if run(Command::new("md5sum"), "md5sum", undone.as_bytes()).ok().stdout.starts_with(digest) {
        return Some(undone.into());
    }
    let archive = downloaded(package).unwrap_or_else(|| {
        panic!(
            "{path} has been edited on this machine, and a sandbox needs it as it was: run `make deps` first"
        )
    });
    let script = "set -o pipefail; dpkg-deb --fsys-tarfile \"$1\" | tar -x --to-stdout \".$2\"";
    let found = Command::new("bash").args(["-c", script, "bash"]).arg(archive).arg(path).output();
    let found = found.expect("bash, of the package bash");
    found.status.success().then_some(found.stdout)
}

fn command<'a>(program: &str, arguments: impl Iterator<Item = &'a str>) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C");
    run(command, program, b"")
}
