//! The module and the program in the packages: the glibc that they need, and what they say of where they were built.

use super::{package, read};
use object::read::elf::ElfFile64;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the README promises.
const GLIBC: (u32, u32) = (2, 30);

/// The module and the program of the Debian package, unpacked into a directory of this test's own.
fn unpacked(test: &str) -> [PathBuf; 2] {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&to);
    let status = Command::new("dpkg-deb").arg("-x").arg(package("DEB")).arg(&to).status();
    assert!(status.expect("dpkg-deb").success());
    let files = read("dpkg-deb", &["-c"], &package("DEB"));
    let module = files.lines().filter_map(|line| line.split_whitespace().last());
    let module = module.into_iter().find(|path| path.ends_with("/pam_sftpjail.so")).expect("the module");
    [to.join(module), to.join("usr/sbin/sftpjail")]
}

/// The versions of glibc whose symbols a file needs.
fn glibc_versions(data: &[u8]) -> Vec<(u32, u32)> {
    let elf = ElfFile64::<object::Endianness>::parse(data).expect("an ELF file");
    let endian = elf.endian();
    let sections = elf.elf_section_table();
    let (mut needs, link) = sections.gnu_verneed(endian, data).expect("versions").expect("versions");
    let strings = sections.strings(endian, data, link).expect("strings");
    let mut versions = Vec::new();
    while let Some((_, mut symbols)) = needs.next().expect("a library") {
        while let Some(version) = symbols.next().expect("a version") {
            let name = std::str::from_utf8(version.name(endian, strings).expect("a name")).expect("ASCII");
            let Some(number) = name.strip_prefix("GLIBC_") else { continue };
            let mut parts = number.split('.').map(|part| part.parse().expect("a number"));
            versions.push((parts.next().expect("major"), parts.next().expect("minor")));
        }
    }
    versions
}

#[test]
fn no_glibc_is_needed_that_is_newer_than_the_readme_says() {
    for file in unpacked("glibc") {
        let versions = glibc_versions(&fs::read(&file).expect("the file"));
        let newest = versions.iter().max().expect("a version");
        assert!(*newest <= GLIBC, "{} needs glibc {newest:?}", file.display());
    }
    let stated = format!("glibc {}.{}", GLIBC.0, GLIBC.1);
    assert!(include_str!("../../README.md").contains(&stated));
    assert!(include_str!("../../packaging/README.md").contains(&stated));
}

#[test]
fn nothing_says_in_which_directory_it_was_built() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    let home = std::env::var("CARGO_HOME").unwrap_or("/.cargo/registry".into());
    for file in unpacked("directories") {
        let data = fs::read(&file).expect("the file");
        for path in [here.to_str().expect("UTF-8"), home.as_str(), "/build/sftpjail", "/vendor/clap"] {
            let prefixed = path == "/vendor/clap";
            let found = memchr_count(&data, path.as_bytes());
            let mapped = if prefixed { memchr_count(&data, b"/usr/src/sftpjail/vendor/clap") } else { 0 };
            assert_eq!(found, mapped, "{}: {path}", file.display());
        }
    }
}

fn memchr_count(data: &[u8], part: &[u8]) -> usize {
    data.windows(part.len()).filter(|window| *window == part).count()
}
