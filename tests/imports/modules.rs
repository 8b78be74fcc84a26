//! The modules of a crate, read from its sources as the compiler finds them: from the root file along its `mod` lines.

use crate::references::{self, Reference};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use syn::{Item, ItemMacro, ItemMod};

/// The path of a module from the crate's root, which is the empty one.
pub(crate) type Name = Vec<String>;

/// What a module names, and where.
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    /// Its `mod` lines, in their order.
    pub(crate) children: Vec<String>,
    pub(crate) references: Vec<Reference>,
}

/// A use of one module's items, or of the module itself, in another.
pub(crate) struct Import<'a> {
    pub(crate) from: &'a Name,
    pub(crate) to: Name,
    /// As it is written.
    pub(crate) path: String,
    pub(crate) file: &'a Path,
    pub(crate) line: usize,
}

pub(crate) struct Modules(BTreeMap<Name, Module>);

impl Modules {
    /// Of the crate whose root file is `root`; `sources` are the files by their paths. The error is a sentence.
    pub(crate) fn read(root: &Path, sources: &BTreeMap<PathBuf, String>) -> Result<Self, String> {
        let mut modules = Self(BTreeMap::new());
        let directory = root.parent().ok_or("the root has no directory")?;
        modules.read_file(Name::new(), root, directory, sources)?;
        Ok(modules)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Where an import is, and both its ends, for messages.
    pub(crate) fn ends(&self, import: &Import<'_>) -> String {
        let (from, to) = (self.display(import.from), self.display(&import.to));
        format!("{}:{}: {from} → {to}", import.file.display(), import.line)
    }

    /// As messages have it: `check::pam`, or `main`.
    pub(crate) fn display(&self, name: &[String]) -> String {
        let root = self.0.get(name).and_then(|module| module.file.file_stem()).unwrap_or_default();
        if name.is_empty() { root.to_string_lossy().into_owned() } else { name.join("::") }
    }

    pub(crate) fn children(&self, name: &[String]) -> &[String] {
        self.0.get(name).map_or(&[], |module| &module.children)
    }

    /// `directory` is where the files of its children are.
    fn read_file(
        &mut self,
        name: Name,
        file: &Path,
        directory: &Path,
        sources: &BTreeMap<PathBuf, String>,
    ) -> Result<(), String> {
        let text = sources.get(file).ok_or_else(|| format!("{} is missing", file.display()))?;
        let parsed = syn::parse_file(text)
            .map_err(|error| format!("{}:{}: {error}", file.display(), error.span().start().line))?;
        self.read_items(name, &parsed.items, file, directory, sources)
    }

    fn read_items(
        &mut self,
        name: Name,
        items: &[Item],
        file: &Path,
        directory: &Path,
        sources: &BTreeMap<PathBuf, String>,
    ) -> Result<(), String> {
        let mut children = Vec::new();
        for item in items {
            let (attrs, ident, content) = match item {
                Item::Mod(ItemMod { attrs, ident, content, .. }) => (attrs, ident, content),
                // Every module below its line could use it without naming the root.
                Item::Macro(ItemMacro { ident: Some(ident), .. }) if name.is_empty() => {
                    return Err(format!("{}: the root defines the macro {ident}", file.display()));
                }
                _ => continue,
            };
            for (attribute, why) in
                [("path", "its file must have its name"), ("macro_use", "name its macros by paths")]
            {
                if attrs.iter().any(|found| found.path().is_ident(attribute)) {
                    return Err(format!("{}: `mod {ident}` has a #[{attribute}]: {why}", file.display()));
                }
            }
            let child = ident.to_string();
            let full: Name = name.iter().cloned().chain([child.clone()]).collect();
            let below = directory.join(&child);
            match content {
                Some((_, items)) => self.read_items(full, items, file, &below, sources)?,
                None => {
                    let own = [directory.join(format!("{child}.rs")), below.join("mod.rs")];
                    let own = own.iter().find(|path| sources.contains_key(*path));
                    let own = own.ok_or_else(|| format!("{}: `mod {ident}` has no file", file.display()))?;
                    self.read_file(full, own, &below, sources)?;
                }
            }
            children.push(child);
        }
        let references = references::of(items).map_err(|error| format!("{}:{error}", file.display()))?;
        self.0.insert(name, Module { file: file.to_owned(), children, references });
        Ok(())
    }

    /// Every import of one module in another.
    pub(crate) fn imports(&self) -> impl Iterator<Item = Import<'_>> {
        self.0.iter().flat_map(move |(from, module)| {
            module.references.iter().filter_map(move |reference| {
                let to = self.resolve(from, &reference.path, 0)?;
                (to != *from).then(|| Import {
                    from,
                    to,
                    path: reference.path.join("::").trim_end_matches("::self").to_owned(),
                    file: &module.file,
                    line: reference.line,
                })
            })
        })
    }

    /// The module that `path` leads into when it stands in `from`, behind re-exports; `None` for another crate's.
    /// `depth` counts names that stand for other paths: long chains are circles, such as `use serde::serde`.
    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<Name> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.below(Name::new(), rest, depth),
            "self" => self.below(from.to_vec(), rest, depth),
            "super" => self.below(from.split_last()?.1.to_vec(), rest, depth),
            _ if self.has_child(from, first) => self.below(from.to_vec(), path, depth),
            _ => self.named(from, first, rest, depth),
        }
    }

    /// The module that `path` leads into from the outside of `name`.
    fn below(&self, mut name: Name, path: &[String], depth: usize) -> Option<Name> {
        let Some((next, rest)) = path.split_first() else { return Some(name) };
        match next.as_str() {
            "self" => {}
            "super" => drop(name.pop()?),
            child if self.has_child(&name, child) => name.push(child.to_owned()),
            item => return self.named(&name, item, rest, depth).or(Some(name)),
        }
        self.below(name, rest, depth)
    }

    /// What a `use` line in `module` calls `alias`.
    fn named(&self, module: &[String], alias: &str, rest: &[String], depth: usize) -> Option<Name> {
        let references = if depth < 8 { &self.0.get(module)?.references[..] } else { &[] };
        references.iter().filter(|reference| reference.alias.as_deref() == Some(alias)).find_map(
            |reference| {
                let path: Vec<_> = reference.path.iter().chain(rest).cloned().collect();
                self.resolve(module, &path, depth + 1)
            },
        )
    }

    fn has_child(&self, name: &[String], child: &str) -> bool {
        self.children(name).iter().any(|other| other == child)
    }
}
