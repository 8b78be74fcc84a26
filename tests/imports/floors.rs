//! The order in which a crate's top-level modules stand, and what points against it.

use crate::modules::{Import, Modules};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// A crate's top-level modules, the lowest floor first. A module names those below it, and nothing of another module
/// on its floor or above. The root is the highest.
pub(crate) struct Floors {
    order: Vec<Vec<String>>,
    /// Its name in messages.
    root: String,
    /// The order as a sentence, for messages.
    written: String,
    narrow: Option<Narrow>,
}

/// What a floor may name of another is less than all of it.
struct Narrow {
    from: &'static str,
    to: &'static str,
    modules: &'static [&'static str],
}

impl Floors {
    /// `report`, `host`, `desired`, `writing`, the verbs, clap's definitions, which may name what verbs define, what must
    /// hold of all parsers, and the root.
    pub(crate) fn of_cli(cli: &Modules) -> Self {
        const BELOW: [&str; 4] = ["report", "host", "desired", "writing"];
        const ABOVE: [&str; 2] = ["arguments", "properties"];
        let is_verb = |name: &&String| ![&BELOW[..], &ABOVE].concat().contains(&name.as_str());
        let mut order: Vec<_> = BELOW.iter().map(|name| vec![(*name).to_owned()]).collect();
        order.push(cli.children(&[]).iter().filter(is_verb).cloned().collect());
        order.extend(ABOVE.iter().map(|name| vec![(*name).to_owned()]));
        Self {
            order,
            root: cli.display(&[]),
            written: "From the lowest: report, host, desired, writing, the verbs, arguments, properties, lib"
                .into(),
            // It neither judges nor prints.
            narrow: Some(Narrow { from: "host", to: "report", modules: &["error", "location"] }),
        }
    }

    /// Each `mod` line of the root file is a floor, the first the lowest.
    pub(crate) fn as_listed(library: &Modules) -> Self {
        Self {
            order: library.children(&[]).iter().map(|name| vec![name.clone()]).collect(),
            root: library.display(&[]),
            written: "From the lowest, they are as lib.rs lists them".into(),
            narrow: None,
        }
    }

    fn of(&self, room: &String) -> Option<usize> {
        self.order.iter().position(|floor| floor.contains(room))
    }

    /// What is wrong with an import, and the fix.
    fn fault(&self, import: &Import<'_>) -> Option<String> {
        let Import { from, to, .. } = import;
        let Some(above) = to.first() else {
            let root = &self.root;
            return Some(format!("Nothing may name `{root}`. Fix: move what is named out of it, below both"));
        };
        let room = from.first()?;
        if room == above {
            return None;
        }
        if let Some(narrow) = &self.narrow {
            if (room.as_str(), above.as_str()) == (narrow.from, narrow.to) {
                let may = to.get(1).is_some_and(|module| narrow.modules.contains(&module.as_str()));
                return (!may).then(|| {
                    format!(
                        "`{room}` may name nothing of `{above}` but {}. \
                     Fix: return a value, and let the caller judge and write it",
                        narrow.modules.join(", ")
                    )
                });
            }
        }
        let fault = match self.of(room).cmp(&self.of(above)) {
            Ordering::Greater => return None,
            Ordering::Equal => {
                format!("`{room}` and `{above}` stand on one floor, so that neither may name the other")
            }
            Ordering::Less => format!("`{room}` may not name `{above}`, which stands above it"),
        };
        Some(format!("{fault}. {}. Fix: move what both need down, below both", self.written))
    }
}

/// Each pair of modules of which one points to the other against the order: where it does so first, both ends, and
/// the fix.
pub(crate) fn violations(modules: &Modules, floors: &Floors) -> Vec<String> {
    let mut seen = BTreeSet::new();
    modules
        .imports()
        .filter(|import| seen.insert((import.from, import.to.clone())))
        .filter_map(|import| {
            Some(format!("{} ({})\n{}.", modules.ends(&import), import.path, floors.fault(&import)?))
        })
        .collect()
}
