//! Modules of one folder that hold each other: neither can be read or moved without the other.

use crate::modules::{Modules, Name};
use std::collections::{BTreeMap, VecDeque};

/// The modules of one folder that name each other, directly or through others: one way round for each.
pub(crate) fn circles(modules: &Modules) -> Vec<String> {
    let mut between: BTreeMap<Name, BTreeMap<String, BTreeMap<String, String>>> = BTreeMap::new();
    for import in modules.imports() {
        let shared = import.from.iter().zip(&import.to).take_while(|(from, to)| from == to).count();
        if let (Some(from), Some(to)) = (import.from.get(shared), import.to.get(shared)) {
            let folder = between.entry(import.to[..shared].to_vec()).or_default();
            folder
                .entry(from.clone())
                .or_default()
                .entry(to.clone())
                .or_insert_with(|| modules.ends(&import));
        }
    }
    let mut found = Vec::new();
    for folder in between.values() {
        for start in folder.keys() {
            if let Some(way) = way_round(folder, start) {
                found.push(format!(
                    "{}\nThese modules hold each other. Fix: give what both need a module of its own.",
                    way.join("\n")
                ));
            }
        }
    }
    found
}

/// The shortest way from a module back to it, if it leads through none that sorts before it.
fn way_round(folder: &BTreeMap<String, BTreeMap<String, String>>, start: &String) -> Option<Vec<String>> {
    let mut reached = BTreeMap::<&String, Vec<String>>::new();
    let mut queue = VecDeque::from([(start, Vec::new())]);
    while let Some((module, way)) = queue.pop_front() {
        for (next, ends) in folder.get(module).into_iter().flatten() {
            let further: Vec<_> = way.iter().chain([ends]).cloned().collect();
            if next == start {
                return Some(further);
            }
            if next > start && !reached.contains_key(next) {
                reached.insert(next, further.clone());
                queue.push_back((next, further));
            }
        }
    }
    None
}
