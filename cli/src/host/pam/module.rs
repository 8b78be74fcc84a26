//! A module's file: where libpam finds it, what it says of itself, and whether it can be loaded.

use crate::host::programs;
use object::{Object, ObjectSection, ObjectSymbol, SymbolSection};
use pam_sftpjail::escape::one_line;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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

/// Why a module is not known to be loadable.
pub(crate) enum Unloadable {
    No(String),
    Unknown(String),
}

/// Lets the dynamic linker load it into a child, all symbols resolved, as libpam's dlopen(RTLD_NOW)
/// does: only that tells whether every library and version of a symbol is there. By LD_PRELOAD, for
/// dlopen itself is unsafe; no function of the module is called.
pub(crate) fn load(file: &Path) -> Result<(), Unloadable> {
    let unknown = |error: &dyn ToString| Unloadable::Unknown(one_line(&error.to_string()));
    let real = file.canonicalize().map_err(|error| unknown(&error))?;
    if real.to_str().is_none_or(|path| path.contains([':', ' '])) {
        return Err(unknown(&"the dynamic linker would split its path"));
    }
    let output = programs::command("/proc/self/exe")
        .arg("loaded")
        .arg(&real)
        .env("LD_PRELOAD", &real)
        .env("LD_BIND_NOW", "1")
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
