//! A copy of the project with all mutants in it, and the test programs that are built from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::embed::{Embedded, embed};
use crate::list::Mutant;

/// The root files of the crates that can have mutants.
const ROOTS: [&str; 3] = ["pam_sftpjail/src/lib.rs", "cli/src/lib.rs", "cli/src/main.rs"];
const RUNTIME: &str = include_str!("runtime.rs");

/// Beside mutants, much is unused, in parentheses that it does not need.
const LINTS: &str = "[workspace.lints.rust]\nwarnings = { level = \"allow\", priority = -1 }\n";

pub(crate) struct Tree<'run> {
    pub(crate) project: &'run Path,
    pub(crate) copy: PathBuf,
    pub(crate) mutants: &'run [Mutant],
    /// Mutants that cannot stand beside the original.
    pub(crate) alone: BTreeSet<usize>,
    /// Mutants that do not compile.
    pub(crate) broken: BTreeSet<usize>,
}

/// A test program, and the directory that its tests expect to be in.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) directory: PathBuf,
}

impl Tree<'_> {
    /// Builds what cargo is asked for. Mutants that do not compile are removed until the rest does.
    pub(crate) fn build(&mut self, arguments: &[&str]) -> Result<Vec<Program>, String> {
        loop {
            let embedded = self.write()?;
            let (programs, errors) = self.cargo(arguments)?;
            if errors.is_empty() {
                return Ok(programs);
            }
            let found: Vec<_> = errors.iter().flat_map(|error| error.mutants(&embedded)).collect();
            let before = self.broken.len();
            self.broken.extend(found);
            if self.broken.len() == before {
                let texts: Vec<_> = errors.iter().map(|error| &*error.text).collect();
                return Err(format!("the copy does not compile:\n{}", texts.join("\n")));
            }
            eprintln!("{} mutants do not compile", self.broken.len());
        }
    }

    /// A number for all sources and mutants: another one, if anything differs.
    pub(crate) fn sources(&self) -> Result<u64, String> {
        let mut hasher = DefaultHasher::new();
        self.files()?.hash(&mut hasher);
        self.mutants.iter().for_each(|mutant| mutant.name.hash(&mut hasher));
        Ok(hasher.finish())
    }

    /// What git knows of, and what it would take.
    fn files(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, String> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(self.project);
        let output = git.output().map_err(|error| format!("git: {error}"))?;
        let names = String::from_utf8_lossy(&output.stdout);
        let names = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
        // A file that git still knows of may be gone.
        Ok(names.filter_map(|name| Some((name.clone(), fs::read(self.project.join(name)).ok()?))).collect())
    }

    /// Copies these files. Those that have not changed stay, for the next build.
    fn write(&mut self) -> Result<BTreeMap<PathBuf, Embedded>, String> {
        let mut all = BTreeMap::new();
        for (name, mut content) in self.files()? {
            let name = &*name;
            let of_file = self.mutants.iter().enumerate().map(|(place, mutant)| (place + 1, mutant));
            let of_file = of_file.filter(|(_, mutant)| mutant.file == name);
            let of_file: Vec<_> = of_file.filter(|(number, _)| !self.broken.contains(number)).collect();
            if !of_file.is_empty() {
                let source =
                    String::from_utf8(content).map_err(|error| format!("{}: {error}", name.display()))?;
                let (embedded, alone) =
                    embed(&source, &of_file).map_err(|error| format!("{}: {error}", name.display()))?;
                content = embedded.text.clone().into_bytes();
                self.alone.extend(alone);
                all.insert(name.to_owned(), embedded);
            }
            if name == Path::new("Cargo.toml") {
                content = edited(content, "[workspace.lints.rust]\n", LINTS)?;
            }
            if ROOTS.iter().any(|root| Path::new(root) == name) {
                content = edited(content, "#![forbid(unsafe_code)]", &" ".repeat(23))?;
                content.extend(b"\nmod mutant;\n");
                self.put(&name.with_file_name("mutant.rs"), RUNTIME.as_bytes())?;
            }
            self.put(name, &content)?;
        }
        Ok(all)
    }

    fn put(&self, name: &Path, content: &[u8]) -> Result<(), String> {
        let path = self.copy.join(name);
        let at = |error| format!("{}: {error}", path.display());
        if fs::read(&path).is_ok_and(|old| old == content) {
            return Ok(());
        }
        fs::create_dir_all(path.parent().unwrap_or(&self.copy)).map_err(at)?;
        fs::write(&path, content).map_err(at)
    }

    fn cargo(&self, arguments: &[&str]) -> Result<(Vec<Program>, Vec<Error>), String> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).args(["--locked", "--message-format", "json"]).current_dir(&self.copy);
        cargo.env("CARGO_TARGET_DIR", self.copy.join("target"));
        let output = cargo.stderr(Stdio::piped()).output().map_err(|error| format!("cargo: {error}"))?;
        let messages = String::from_utf8_lossy(&output.stdout).into_owned();
        let messages: Vec<Value> =
            messages.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let errors: Vec<_> = messages.iter().filter_map(Error::read).collect();
        if !output.status.success() && errors.is_empty() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok((messages.iter().filter_map(program).collect(), errors))
    }
}

/// Text of the same length leaves the compiler's places as they are.
fn edited(content: Vec<u8>, from: &str, to: &str) -> Result<Vec<u8>, String> {
    let text = String::from_utf8(content).map_err(|error| error.to_string())?;
    Ok(text.replace(from, to).into_bytes())
}

fn program(message: &Value) -> Option<Program> {
    let path = message.get("executable")?.as_str()?;
    let is_test = message.pointer("/profile/test")?.as_bool()?;
    let manifest = Path::new(message.get("manifest_path")?.as_str()?);
    is_test.then(|| Program {
        path: path.into(),
        directory: manifest.parent().map(Path::to_owned).unwrap_or_default(),
    })
}

/// An error of the compiler.
struct Error {
    text: String,
    /// Files, and bytes of them.
    places: Vec<(PathBuf, Range<usize>)>,
}

impl Error {
    fn read(message: &Value) -> Option<Self> {
        let message = message.get("message")?;
        if message.get("level")?.as_str()? != "error" {
            return None;
        }
        let text = message.get("rendered")?.as_str()?.to_owned();
        let spans = message.get("spans")?.as_array()?.iter();
        let spans = spans.filter(|span| span.get("is_primary").and_then(Value::as_bool) == Some(true));
        let place = |span: &Value| {
            let byte = |key: &str| usize::try_from(span.get(key)?.as_u64()?).ok();
            Some((span.get("file_name")?.as_str()?.into(), byte("byte_start")?..byte("byte_end")?))
        };
        Some(Self { text, places: spans.filter_map(place).collect() })
    }

    fn mutants(&self, embedded: &BTreeMap<PathBuf, Embedded>) -> Vec<usize> {
        let places = self.places.iter();
        places
            .flat_map(|(file, bytes)| embedded.get(file).map(|file| file.at(bytes)).unwrap_or_default())
            .collect()
    }
}
