//! Reads a PAM module's file: where libpam finds it, its version, and whether the dynamic linker can load it.

use crate::host::programs;
use object::read::ReadCache;
use object::{Object, ObjectSection, ObjectSymbol, SymbolSection};
use pam_sftpjail::escape::{escaped, one_line};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::iter;
use std::path::{Path, PathBuf};

/// The functions that libpam calls.
const HOOKS: [&str; 3] = ["pam_sm_acct_mgmt", "pam_sm_open_session", "pam_sm_close_session"];

/// The directory of modules that are named without one. It is compiled into libpam; where pam_permit.so is,
/// which comes with libpam, is the right one.
pub(crate) fn directory() -> Option<PathBuf> {
    // Before Debian 12, there are systems on which /lib is no symlink to /usr/lib.
    let below = |lib: &str| {
        let ours = format!("{lib}/{}-linux-gnu/security", std::env::consts::ARCH);
        let usual = [ours, format!("{lib}64/security"), format!("{lib}/security")];
        let pattern = format!("{lib}/*/security");
        // Only where it is in none of the usual ones: this asks for each directory of /usr/lib.
        let found = iter::once_with(move || glob::glob(&pattern)).flatten().flatten().flatten();
        usual.map(PathBuf::from).into_iter().chain(found)
    };
    let mut candidates = ["/usr/lib", "/lib"].into_iter().flat_map(below);
    candidates.find(|directory| directory.join("pam_permit.so").exists())
}

/// Where else Debian's libpam looks for them.
const ELSEWHERE: &str = "/lib/security";

/// Why libpam cannot load the module that a line names by this path, if so: a clause about its file. Whether the
/// dynamic linker finds all that the module needs is not tried. The error: the file could not be read.
pub(crate) fn unloadable(path: &str) -> io::Result<Option<String>> {
    let Some(usual) = directory() else {
        return Err(io::Error::new(ErrorKind::NotFound, "the directory of PAM's modules was not found"));
    };
    // _pam_load_module of pam_handlers.c.
    let path = path.replace("$ISA", ".");
    let file = usual.join(&path);
    let is_for_this_system = |file: &Path| {
        parsed(file, |elf| elf.is_ok_and(|elf| elf.is_64() == cfg!(target_pointer_width = "64")))
    };
    let answer = match is_for_this_system(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            is_for_this_system(&Path::new(ELSEWHERE).join(&path))
        }
        other => other,
    };
    let why = match answer {
        Ok(true) => return Ok(None),
        Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => {
            "does not exist"
        }
        Err(error) if error.kind() != ErrorKind::IsADirectory => return Err(error),
        Ok(_) | Err(_) => "is not a shared object for this system",
    };
    Ok(Some(format!("{}, which {why}", escaped(&file))))
}

/// What `judge` says of a file as the object that it holds. Only the parts that are asked for are read: modules are large,
/// and many lines name the same one. The error: the file could not be read.
fn parsed<T>(
    file: &Path,
    judge: impl for<'d> FnOnce(object::Result<object::File<'d, &'d ReadCache<Source>>>) -> T,
) -> io::Result<T> {
    let cache = ReadCache::new(Source { file: File::open(file)?, failed: None });
    let judgement = judge(object::File::parse(&cache));
    cache.into_inner().failed.map_or(Ok(judgement), Err)
}

/// A file that keeps the error of a read, which the parser takes for a damaged file.
struct Source {
    file: File,
    failed: Option<io::Error>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).map_err(|error| {
            let kind = error.kind();
            // What was interrupted is tried again.
            if kind != ErrorKind::Interrupted {
                self.failed = Some(error);
            }
            kind.into()
        })
    }
}

impl Seek for Source {
    /// An error is none of a read: it is no regular file, and no shared object.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// The names of all modules in the usual directory.
pub(crate) fn names() -> Vec<String> {
    let entries = directory().and_then(|directory| directory.read_dir().ok()).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".so"))
        .collect()
}

/// The module's version, read from the file without running any of it. The error is the end of a sentence
/// about the file.
pub(crate) fn version(file: &Path) -> Result<String, String> {
    parsed(file, |elf| {
        let foreign = || "is not sftpjail's module".to_owned();
        let elf = elf.map_err(|_| "is not a shared object".to_owned())?;
        let symbol = |name: &str| elf.dynamic_symbols().find(|s| s.is_definition() && s.name() == Ok(name));
        if let Some(missing) = HOOKS.iter().find(|hook| symbol(hook).is_none()) {
            return Err(format!("{} ({missing} is missing)", foreign()));
        }
        let version = symbol("PAM_SFTPJAIL_VERSION").ok_or_else(foreign)?;
        let SymbolSection::Section(section) = version.section() else { return Err(foreign()) };
        let section = elf.section_by_index(section).map_err(|_| foreign())?;
        let bytes = section.data_range(version.address(), version.size()).ok().flatten();
        Ok(String::from_utf8_lossy(bytes.ok_or_else(foreign)?).into_owned())
    })
    .unwrap_or_else(|error| Err(format!("cannot be read: {error}")))
}

/// Why a module cannot be loaded.
pub(crate) enum Unloadable {
    No(String),
    /// Whether it can be loaded could not be checked.
    Unknown(String),
}

/// Makes the dynamic linker load the module into a child and resolve all symbols, as libpam's
/// dlopen(RTLD_NOW) does. Nothing else shows whether every library and every version of a symbol is there.
/// LD_PRELOAD does it, since dlopen itself is unsafe. No function of the module is called.
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
    if output.status.success() && output.stdout == b"true\n" {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let line = stderr.lines().next().unwrap_or_default();
    // "ERROR: ld.so: object '…' from LD_PRELOAD cannot be preloaded (why): ignored.", or
    // "PROGRAM: error while loading shared libraries: why", or "PROGRAM: symbol lookup error: why".
    let why = ["cannot be preloaded (", "shared libraries: ", "lookup error: "];
    let why = why
        .iter()
        .find_map(|before| line.split_once(before))
        .map(|(_, why)| why.trim_end_matches("): ignored."));
    match why {
        Some(why) => Err(Unloadable::No(one_line(why))),
        None => Err(unknown(&"the dynamic linker did not say why")),
    }
}

/// What [`load`] asks in the child: whether `module` was loaded into this process.
pub(crate) fn is_loaded(module: &Path) -> io::Result<bool> {
    let maps = fs::read_to_string("/proc/self/maps")?;
    Ok(maps.lines().any(|line| module.to_str().is_some_and(|path| line.ends_with(path))))
}
