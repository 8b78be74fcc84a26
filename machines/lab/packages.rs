//! The package that `make deb` has built, and a newer one to upgrade to.

use sandbox::{artifact, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the scenario installs. All hold the same files.
pub struct Packages {
    /// The name of the first one's file.
    pub name: String,
    /// Its SHA-256. Builds are reproducible, so that it tells from which sources it was built.
    pub digest: String,
    /// The one that was built, and newer ones to upgrade to.
    pub packages: [Package; 3],
}

/// A package, as its file holds it.
pub struct Package {
    pub version: String,
    pub bytes: Vec<u8>,
}

impl Packages {
    /// Reads the package, and makes newer ones of it. Panics if there is none.
    #[must_use]
    pub fn built() -> Self {
        let target = artifact("sftpjail");
        let target = target.ancestors().nth(2).expect("two directories above what cargo built");
        let built = newest(&target.join("packages"));
        let version = dpkg_deb(&["--field"], &[&built], &["Version"]).trim_end().to_owned();
        let machines = target.join("machines");
        fs::create_dir_all(&machines).expect("the target directory can be written");
        let made = machines.join(format!("upgrade-{}", std::process::id()));
        dpkg_deb(&["--raw-extract"], &[&built, &made], &[]);
        let first = Package { version: version.clone(), bytes: read(&built) };
        let newer = [1, 2].map(|number| renumbered(&made, &format!("{version}+upgrade{number}")));
        fs::remove_dir_all(&made).expect("it was made");
        let name = built.file_name().expect("a file").to_string_lossy().into_owned();
        let [second, third] = newer;
        let mut sha256sum = Command::new("sha256sum");
        sha256sum.arg(&built);
        let digest = run(sha256sum, "sha256sum", b"").ok().stdout;
        let digest = digest.split_whitespace().next().unwrap_or_default().to_owned();
        Self { name, digest, packages: [first, second, third] }
    }
}

/// A package of the extracted files, with this version.
fn renumbered(files: &Path, version: &str) -> Package {
    let control = files.join("DEBIAN/control");
    let text = fs::read_to_string(&control).expect("a package has a control file");
    let lines = text.lines().map(|line| match line.starts_with("Version: ") {
        true => format!("Version: {version}\n"),
        false => format!("{line}\n"),
    });
    fs::write(&control, lines.collect::<String>()).expect("it can be written");
    let package = files.with_extension("deb");
    dpkg_deb(&["--root-owner-group", "--build"], &[files, &package], &[]);
    let bytes = read(&package);
    fs::remove_file(&package).expect("it was made");
    Package { version: version.to_owned(), bytes }
}

fn read(package: &Path) -> Vec<u8> {
    fs::read(package).expect("the package can be read")
}

/// The package that was built last.
fn newest(directory: &Path) -> PathBuf {
    let files = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let debs = files.filter(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let built = |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    debs.max_by_key(built)
        .unwrap_or_else(|| panic!("no package in {}: run `make deb` first", directory.display()))
}

fn dpkg_deb(options: &[&str], paths: &[&Path], more: &[&str]) -> String {
    let mut command = Command::new("dpkg-deb");
    command.args(options).args(paths).args(more);
    run(command, "dpkg-deb", b"").ok().stdout
}
