//! What a directory holds that undo does not remove, in words: grants, keys, and what others have put there.

use crate::host::keys::managed;
use crate::report::text::{counted, listed_first};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::{self, load};
use pam_sftpjail::name::UserName;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How many entries are named.
const MAX_ENTRIES: usize = 5;

/// The clause about `directory`, which stays because of these entries.
pub(super) fn clause(directory: &Path, entries: &[PathBuf]) -> String {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort();
    let mut parts: Vec<_> = entries.iter().take(MAX_ENTRIES).map(|path| described(path)).collect();
    match entries.len().saturating_sub(MAX_ENTRIES) {
        0 => {}
        more => parts.push(format!("{more} more")),
    }
    let again = "remove what nobody needs any more, and run `sftpjail setup --undo` again";
    let (directory, parts) = (escaped(directory), parts.join(", "));
    format!("{directory} stays, because it is not empty: it has {parts}; {again}")
}

/// An entry; of grants and keys also whose they are.
fn described(path: &Path) -> String {
    let name = escaped(path.file_name().unwrap_or_default());
    let Some(names) = names(path) else { return name.to_string() };
    let content = match path {
        _ if path == Path::new(grants::DIRECTORY) => granted(&names),
        _ if path == Path::new(managed::DIRECTORY) => Some(format!("keys of {}", listed_first(names.iter()))),
        _ => None,
    };
    match content.filter(|_| !names.is_empty()) {
        Some(content) => format!("{name} ({content})"),
        None => format!("{name}/"),
    }
}

/// The entries of a directory. `None`: it is none, or cannot be read.
fn names(path: &Path) -> Option<Vec<OsString>> {
    if path.is_symlink() {
        return None;
    }
    let names = path.read_dir().ok()?.map(|entry| entry.ok().map(|entry| entry.file_name()));
    let mut names: Vec<_> = names.collect::<Option<_>>()?;
    names.sort();
    Some(names)
}

/// The grants, and of whom they are. `None`: a file cannot be read.
fn granted(names: &[OsString]) -> Option<String> {
    let mut users = Vec::new();
    let mut count = 0;
    for name in names {
        let user = UserName::parse(name.to_str()?.strip_suffix(".toml")?).ok()?;
        count += load(&user).ok()?.len();
        users.push(user);
    }
    Some(format!("{} of {}", counted(count, "grant"), listed_first(users.iter())))
}
