//! The module's file: there, root's alone, of this version, and one that libpam can load.

use crate::check::finding::Findings;
use crate::host::trust;
use nix::sys::stat::{Mode, lstat, stat};
use object::{Object, ObjectSection, ObjectSymbol, SymbolSection};
use pam_sftpjail::escape::{escaped, one_line, word};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CHECK: &str = "pam module";

/// What libpam calls.
const HOOKS: [&str; 3] = ["pam_sm_acct_mgmt", "pam_sm_open_session", "pam_sm_close_session"];

/// Where libpam looks for a path that is not absolute. It is compiled in; the modules that come with
/// libpam show which of these it is.
pub(crate) fn directory() -> Option<PathBuf> {
    let ours = format!("/usr/lib/{}-linux-gnu/security", std::env::consts::ARCH);
    let mut places = vec![ours.into(), PathBuf::from("/usr/lib64/security"), "/usr/lib/security".into()];
    let found = glob::glob("/usr/lib/*/security").into_iter().flatten().flatten();
    places.extend(found);
    places.into_iter().find(|place| place.join("pam_permit.so").exists())
}

/// Looks at the module at `path`, as written in a PAM line.
pub(super) fn examine(path: &str, findings: &mut Findings) {
    let Some(file) = directory().map(|directory| directory.join(path)) else {
        return findings.unseen(
            CHECK,
            "libpam's modules were not found",
            "see that pam_permit.so is installed",
        );
    };
    let shown = escaped(&file);
    let install = format!(
        "install the module that came with this program: install -m 644 target/release/libpam_sftpjail.so {}",
        word(&file)
    );
    if let Err(errno) = stat(&file) {
        return findings.failed(CHECK, format!("{shown}: {}", errno.desc()), install);
    }
    let changeable = trust::changeable(&file).and_then(|path| {
        let stat = path.as_deref().map(lstat).transpose()?;
        Ok(path.zip(stat))
    });
    match changeable {
        Ok(None) => {}
        Err(error) => {
            let evidence = format!("who can change {shown} is not known: {error}");
            return findings.unseen(CHECK, evidence, "run this again");
        }
        Ok(Some((path, stat))) => {
            let mode = stat.st_mode & Mode::all().bits();
            let what = if path == file { "" } else { ", which leads to the module," };
            let evidence = format!(
                "{}{what} can be changed by others than root (owner {}, mode {mode:04o}), and sshd runs it as root",
                escaped(&path),
                stat.st_uid
            );
            let mode = if path.is_dir() { "755" } else { "644" };
            let fix = format!("chown -h root {0} && chmod {mode} {0}", word(&path));
            // Nor is it loaded here.
            return findings.failed(CHECK, evidence, fix);
        }
    }
    match version(&file) {
        Err(why) => findings.failed(CHECK, format!("{shown} {why}"), install),
        Ok(version) if version != env!("CARGO_PKG_VERSION") => {
            let evidence = format!(
                "{shown} is version {}, and this program is {}",
                escaped(&version),
                env!("CARGO_PKG_VERSION")
            );
            findings.failed(CHECK, evidence, install);
        }
        Ok(version) => match load(&file) {
            Ok(()) => findings.passed(CHECK, format!("{shown}, version {version}, can be loaded")),
            Err(Unloadable::No(why)) => {
                findings.failed(CHECK, format!("{shown} cannot be loaded: {why}"), install)
            }
            Err(Unloadable::Unknown(why)) => {
                let evidence = format!("whether {shown} can be loaded is not known: {why}");
                findings.unseen(CHECK, evidence, "run this again");
            }
        },
    }
}

/// What the module says of itself, read from the file: nothing of it is run for that.
pub(crate) fn version(file: &Path) -> Result<String, String> {
    let data = fs::read(file).map_err(|error| format!("cannot be read: {error}"))?;
    let foreign = || "is not sftpjail's module".to_owned();
    let elf = object::File::parse(data.as_slice()).map_err(|_| "is no shared object".to_owned())?;
    let symbol = |name: &str| elf.dynamic_symbols().find(|s| s.is_definition() && s.name() == Ok(name));
    if let Some(missing) = HOOKS.iter().find(|hook| symbol(hook).is_none()) {
        return Err(format!("{} ({missing} is missing)", foreign()));
    }
    let version = symbol("PAM_SFTPJAIL_VERSION").ok_or_else(foreign)?;
    let SymbolSection::Section(section) = version.section() else { return Err(foreign()) };
    let section = elf.section_by_index(section).map_err(|_| foreign())?;
    let bytes = section.data_range(version.address(), version.size()).ok().flatten().ok_or_else(foreign)?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

enum Unloadable {
    No(String),
    Unknown(String),
}

/// Lets the dynamic linker load it into a child, all symbols resolved, as libpam's dlopen(RTLD_NOW)
/// does: only that tells whether every library and version of a symbol is there. By LD_PRELOAD, for
/// dlopen itself is unsafe; no function of the module is called.
fn load(file: &Path) -> Result<(), Unloadable> {
    let unknown = |error: &dyn ToString| Unloadable::Unknown(one_line(&error.to_string()));
    let real = file.canonicalize().map_err(|error| unknown(&error))?;
    if real.to_str().is_none_or(|path| path.contains([':', ' '])) {
        return Err(unknown(&"the dynamic linker would split its path"));
    }
    let output = Command::new("/proc/self/exe")
        .arg("loaded")
        .arg(&real)
        .env_clear()
        .env("LD_PRELOAD", &real)
        .env("LD_BIND_NOW", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| unknown(&error))?;
    if output.status.success() && output.stdout == b"loaded\n" {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().next().unwrap_or_default();
    // "ERROR: ld.so: object '…' from LD_PRELOAD cannot be preloaded (why): ignored.", or
    // "PROGRAM: error while loading shared libraries: why", or "PROGRAM: symbol lookup error: why".
    let why = ["cannot be preloaded (", "shared libraries: ", "lookup error: "];
    let why = why
        .iter()
        .find_map(|before| line.split_once(before))
        .map(|(_, why)| why.trim_end_matches("): ignored."));
    match why {
        Some(why) => Err(Unloadable::No(one_line(why))),
        None => Err(unknown(&"the dynamic linker did not say")),
    }
}

/// The child: says whether `module` was loaded into it.
pub(crate) fn loaded(module: &Path, out: &mut impl Write) -> io::Result<()> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    let is_there = maps.lines().any(|line| module.to_str().is_some_and(|path| line.ends_with(path)));
    writeln!(out, "{}", if is_there { "loaded" } else { "missing" })
}
