//! Everything that can be reached by listing, from wherever one begins.

use super::client::*;
use super::model::Led;
use super::session::{Session, bytes, shown};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

impl Session<'_> {
    /// Lists a directory and all below it, by the spelling that is given, and compares. Gives the paths that were
    /// found, as the model knows them.
    pub(super) fn walk(&mut self, spelt: &[u8]) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut left = vec![spelt.to_vec()];
        while let Some(directory) = left.pop() {
            let Led::To(at) = self.model.lead(&directory, true) else {
                self.violations.push(format!("{}: listed, and leads nowhere", shown(&directory)));
                continue;
            };
            found.insert(at.clone());
            let names = self.list(&directory);
            let mut seen = BTreeSet::new();
            for (name, attributes, line) in names {
                self.only_known_names(&line);
                let path = [&directory, &b"/"[..], &name].concat();
                let Led::To(child) = self.model.lead(&path, false) else {
                    self.violations.push(format!("{}: is there", shown(&path)));
                    continue;
                };
                let node = self.model.node(&child);
                // internal-sftp looks at each name of a listing; so does the client.
                for answer in [Answer::Attributes(attributes), self.of_path(LSTAT, &path)] {
                    self.same_attributes(format_args!("lstat {}", shown(&path)), &answer, node);
                }
                if name != b"." && name != b".." {
                    found.insert(child.clone());
                    seen.insert(child.clone());
                    if node.kind == b'd' {
                        left.push(path);
                    }
                }
            }
            let due = if self.model.shows(&at) {
                self.model.children(&at).map(PathBuf::from).collect()
            } else {
                BTreeSet::new()
            };
            self.same(format_args!("names in {}", shown(&directory)), &seen, &due);
        }
        found
    }

    fn list(&mut self, directory: &[u8]) -> Vec<(Vec<u8>, Attributes, Vec<u8>)> {
        let due = matches!(self.model.lead(directory, true), Led::To(at) if self.model.lists(&at));
        let opened = self.of_path(OPENDIR, directory);
        self.judge(format_args!("opendir {}", shown(directory)), &opened, due);
        let Answer::Handle(handle) = &opened else { return Vec::new() };
        let mut names = Vec::new();
        while let Answer::Names(more) = self.client.ask(READDIR, &[Field::Text(handle)]) {
            names.extend(more);
        }
        self.close(&opened);
        names
    }

    /// What a walk of all that can be listed has to find.
    pub(super) fn listed(&self) -> BTreeSet<PathBuf> {
        let reached = |path: &Path| matches!(self.model.lead(bytes(path), true), Led::To(to) if to == path);
        let is_listed =
            |path: &Path| path.parent().is_none_or(|above| self.model.shows(above) && reached(above));
        self.model.nodes.keys().filter(|path| is_listed(path)).cloned().collect()
    }

    /// The names of accounts and groups in a line of `ls -l` are those that the jail knows, or numbers.
    fn only_known_names(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let fields: Vec<_> = line.split_whitespace().skip(2).take(2).collect();
        for name in fields {
            let is_known = name.bytes().all(|byte| byte.is_ascii_digit())
                || self.known.iter().any(|known| known == name);
            self.same(format_args!("{name} is known: {line}"), &is_known, &true);
        }
    }
}
