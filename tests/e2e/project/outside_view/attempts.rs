//! Every operation of the protocol on a path, whatever is there.

use super::client::*;
use super::model::Led;
use super::session::{Expect, Session, bytes, shown};
use std::path::{Path, PathBuf};

impl Session<'_> {
    /// All of them. What they change they change back.
    pub(super) fn attempt(&mut self, path: &[u8]) {
        let (itself, end) = self.open_each_way(path);
        self.change(path, itself.as_deref(), end.as_deref());
        self.make(path);
        if let Some(itself) = &itself {
            self.take_away(path, itself);
            self.give_another_name(path, itself);
        }
    }

    /// Those that look, read and write. Where the path leads, as a symlink and behind it.
    pub(super) fn open_each_way(&mut self, path: &[u8]) -> (Option<PathBuf>, Option<PathBuf>) {
        let (itself, end) = (self.there(path, false), self.there(path, true));
        self.look(path, itself.as_deref(), end.as_deref());
        self.read_file(path, end.as_deref());
        self.write_file(path, itself.as_deref(), end.as_deref());
        (itself, end)
    }

    fn there(&self, path: &[u8], follow: bool) -> Option<PathBuf> {
        match self.model.lead(path, follow) {
            Led::To(path) => Some(path),
            _ => None,
        }
    }

    fn look(&mut self, path: &[u8], itself: Option<&Path>, end: Option<&Path>) {
        let what = shown(path);
        for (kind, name, to) in [(LSTAT, "lstat", itself), (STAT, "stat", end)] {
            let answer = self.of_path(kind, path);
            self.judge(format_args!("{name} {what}"), &answer, to.is_some());
            if let Some(to) = to {
                self.same_attributes(format_args!("{name} {what}"), &answer, self.model.node(to));
            }
        }
        let opened = self.of_path(OPENDIR, path);
        self.judge(format_args!("opendir {what}"), &opened, end.is_some_and(|end| self.model.lists(end)));
        self.close(&opened);

        let answer = self.of_path(READLINK, path);
        let link = itself.map(|itself| self.model.node(itself)).filter(|node| node.kind == b'l');
        self.judge(format_args!("readlink {what}"), &answer, link.is_some());
        if let (Some(link), Answer::Names(names)) = (link, &answer) {
            self.same(format_args!("readlink {what}"), &names[0].0, &link.link);
        }

        // Of what is not there, a name that is made up.
        let answer = self.of_path(REALPATH, path);
        if let (Some(end), Answer::Names(names)) = (end, &answer) {
            self.same(format_args!("realpath {what}"), &names[0].0, &bytes(end).to_vec());
        }
        let answer = self.client.extended("statvfs@openssh.com", &[Field::Text(path)]);
        self.judge(format_args!("statvfs {what}"), &answer, end.is_some());
        self.same_filesystem(&what, end, &answer);
    }

    /// Nosuid everywhere, and read-only where it should be.
    fn same_filesystem(&mut self, what: &str, end: Option<&Path>, answer: &Answer) {
        if let (Some(end), Answer::Extended(numbers)) = (end, answer) {
            let mut numbers = Reader(numbers);
            let flag = (0..10).map(|_| numbers.long()).last().expect("ten numbers");
            let read_only = u64::from(!self.model.mount_of(end).writable);
            self.same(format_args!("statvfs {what}"), &flag, &(2 | read_only));
        }
    }

    fn read_file(&mut self, path: &[u8], end: Option<&Path>) {
        let what = shown(path);
        let opened = self.open(path, flags::READ);
        self.judge(format_args!("open {what}"), &opened, end.is_some_and(|end| self.model.opens(end)));
        let (Answer::Handle(handle), Some(end)) = (&opened, end) else { return self.close(&opened) };
        let node = self.model.node(end);
        let answer = self.read(handle);
        let content = if let Answer::Data(data) = &answer { &data[..] } else { b"" };
        self.same(format_args!("content of {what}"), &content, &&node.content[..]);
        let answer = self.client.ask(FSTAT, &[Field::Text(handle)]);
        self.same_attributes(format_args!("fstat {what}"), &answer, node);
        let answer = self.client.extended("fstatvfs@openssh.com", &[Field::Text(handle)]);
        self.same_filesystem(&what, Some(end), &answer);
        self.client.extended("fsync@openssh.com", &[Field::Text(handle)]);
        let answer = self.write(handle, b"written");
        self.judge(format_args!("write to {what}, opened for reading"), &answer, false);
        let mode = Attributes { mode: Some(node.mode), ..Attributes::default() };
        let answer = self.set(FSETSTAT, handle, mode);
        self.judge(format_args!("fsetstat {what}"), &answer, self.model.owns(end));
        if node.kind == b'f' {
            self.copy(path, handle, &node.content.clone());
        }
        self.close(&opened);
    }

    /// copy-data to a new file, to itself and to where nothing can be written.
    fn copy(&mut self, path: &[u8], from: &[u8], content: &[u8]) {
        let all =
            |from, to| [Field::Text(from), Field::Long(0), Field::Long(0), Field::Text(to), Field::Long(0)];
        let answer = self.client.extended("copy-data", &all(from, from));
        self.judge(format_args!("copy {} to itself", shown(path)), &answer, false);
        let reader = self.open(path, flags::READ);
        if let Answer::Handle(reader) = &reader {
            let answer = self.client.extended("copy-data", &all(from, reader));
            self.judge(
                format_args!("copy {} to what is open for reading", shown(path)),
                &answer,
                content.is_empty(),
            );
        }
        self.close(&reader);
        let Some(place) = self.places.first().map(|place| place.join("copy")) else { return };
        let copy = self.open(bytes(&place), flags::READ | flags::WRITE | flags::CREATE);
        if let Answer::Handle(to) = &copy {
            let answer = self.client.extended("copy-data", &all(from, to));
            self.judge(format_args!("copy {}", shown(path)), &answer, true);
            let answer = self.read(to);
            let copied = if let Answer::Data(data) = &answer { &data[..] } else { b"" };
            self.same(format_args!("copy of {}", shown(path)), &copied, &content);
        }
        self.judge("open copy", &copy, true);
        self.close(&copy);
        self.remove(REMOVE, bytes(&place));
    }

    fn write_file(&mut self, path: &[u8], itself: Option<&Path>, end: Option<&Path>) {
        use flags::{APPEND, CREATE, EXCLUSIVE, READ, TRUNCATE, WRITE};
        let writes = end.is_some_and(|end| self.model.writes(end));
        // Where nothing is, or a symlink that leads to nothing.
        let makes = matches!(self.model.lead(path, true), Led::Missing(above) if self.model.makes_in(&above));
        let makes_itself = itself.is_none() && makes;
        // Without READ and WRITE a file is opened for reading, and TRUNCATE empties it all the same.
        let empties = writes && end.is_some_and(|end| self.reads_file(end));
        let cases = [
            (WRITE, writes, false),
            (READ | WRITE, writes, false),
            (WRITE | APPEND, writes, false),
            (TRUNCATE, empties, false),
            (WRITE | TRUNCATE, writes, false),
            (WRITE | CREATE, writes || makes, makes),
            (READ | CREATE, end.is_some_and(|end| self.reads_file(end)) || makes, makes),
            (WRITE | CREATE | TRUNCATE, writes || makes, makes),
            (WRITE | CREATE | EXCLUSIVE, makes_itself, makes_itself),
            (CREATE | TRUNCATE | APPEND, empties || makes, makes),
        ];
        for (flags, due, made) in cases {
            let opened = self.open(path, flags);
            let done = self.judge(format_args!("open {} with flags {flags}", shown(path)), &opened, due);
            if let (Answer::Handle(handle), Some(end)) = (&opened, end) {
                let writer = if flags & WRITE == 0 && flags & TRUNCATE != 0 {
                    self.open(path, WRITE)
                } else {
                    Answer::Status(0)
                };
                let handle = if let Answer::Handle(writer) = &writer { writer } else { handle };
                self.write_again(handle, &self.model.node(end).content, flags & (WRITE | TRUNCATE) != 0);
                self.close(&writer);
            }
            self.close(&opened);
            if done && made {
                let name = self.model.lead(path, false);
                let linked = if let Led::To(link) = name { self.follow(&link) } else { path.to_vec() };
                self.remove(REMOVE, &linked);
            }
        }
    }

    /// Writes to a handle what the file had, and its size.
    fn write_again(&mut self, handle: &[u8], content: &[u8], due: bool) {
        let answer = self.write(handle, content);
        self.judge("write again", &answer, due);
        let size = Attributes { size: Some(content.len() as u64), ..Attributes::default() };
        let answer = self.set(FSETSTAT, handle, size);
        self.judge("fsetstat of a size", &answer, due);
    }

    /// Where a symlink leads to, spelt so that it can be removed there.
    fn follow(&self, link: &Path) -> Vec<u8> {
        let target = &self.model.node(link).link;
        if target.starts_with(b"/") {
            return target.clone();
        }
        [bytes(link.parent().expect("below /")), b"/", target].concat()
    }

    fn reads_file(&self, end: &Path) -> bool {
        self.model.node(end).kind == b'f' && self.model.opens(end)
    }

    /// Attributes are set to what they are; an owner of root's, too.
    fn change(&mut self, path: &[u8], itself: Option<&Path>, end: Option<&Path>) {
        let node = |path: Option<&Path>| path.map(|path| self.model.node(path).clone());
        let (node_itself, node_end) = (node(itself), node(end));
        let owns =
            |session: &Session<'_>, path: Option<&Path>| path.is_some_and(|path| session.model.owns(path));
        let none = Attributes::default();
        let times = Attributes { times: Some((1_700_000_000, 1_700_000_000)), ..none };
        for (extension, to, node) in [(false, end, node_end), (true, itself, node_itself)] {
            let name = if extension { "lsetstat" } else { "setstat" };
            let (owner, mode, size) = match &node {
                Some(node) => ((node.uid, node.gid), node.mode, node.content.len() as u64),
                None => ((self.model.uid, self.model.gids[0]), 0o644, 0),
            };
            let owns = owns(self, to);
            let writes = to.is_some_and(|to| self.model.writes(to));
            // glibc needs /proc for it, or a kernel of 2023.
            let chmods = if extension && owns { Expect::Either } else { owns.into() };
            let cases = [
                (Attributes { mode: Some(mode), ..none }, chmods),
                (Attributes { owner: Some(owner), ..none }, owns.into()),
                (times, owns.into()),
                (Attributes { owner: Some((0, 0)), ..none }, Expect::Refused),
                (Attributes { owner: Some((self.model.uid, 0)), ..none }, Expect::Refused),
                (
                    Attributes { size: Some(size), ..none },
                    if extension { Expect::Refused } else { writes.into() },
                ),
            ];
            for (change, due) in cases {
                let answer = if extension {
                    let fields = [Field::Text(path), Field::Attributes(change)];
                    self.client.extended("lsetstat@openssh.com", &fields)
                } else {
                    self.set(SETSTAT, path, change)
                };
                self.judge(format_args!("{name} {} {change:?}", shown(path)), &answer, due);
            }
        }
    }

    fn make(&mut self, path: &[u8]) {
        let makes =
            matches!(self.model.lead(path, false), Led::Missing(above) if self.model.makes_in(&above));
        let mode = Field::Attributes(Attributes { mode: Some(0o755), ..Attributes::default() });
        let answer = self.client.ask(MKDIR, &[Field::Text(path), mode]);
        if self.judge(format_args!("mkdir {}", shown(path)), &answer, makes) {
            self.remove(RMDIR, path);
        }
        for target in [&b"/etc/shadow"[..], b"../../../../../../root", b"/proc/self/root", b"mine"] {
            // OpenSSH has the target first.
            let answer = self.client.ask(SYMLINK, &[Field::Text(target), Field::Text(path)]);
            if self.judge(format_args!("symlink {} to {}", shown(path), shown(target)), &answer, makes) {
                let answer = self.of_path(READLINK, path);
                let Answer::Names(names) = &answer else { panic!("{answer:?}") };
                self.same(format_args!("readlink {}", shown(path)), &names[0].0[..], target);
                let through = self.open(path, flags::READ);
                let leads = target == b"mine" && self.there(&sibling(path, target), true).is_some();
                self.judge(format_args!("open {} to {}", shown(path), shown(target)), &through, leads);
                self.close(&through);
                self.remove(REMOVE, path);
            }
        }
    }

    /// What can be removed is not: what is made can, and is each time.
    fn take_away(&mut self, path: &[u8], itself: &Path) {
        let (is_directory, unnames) = (self.model.node(itself).kind == b'd', self.model.unnames(itself));
        if !unnames || is_directory {
            let answer = self.of_path(REMOVE, path);
            self.judge(format_args!("remove {}", shown(path)), &answer, false);
        }
        if !unnames || !is_directory || !self.model.is_empty(itself) {
            let answer = self.of_path(RMDIR, path);
            self.judge(format_args!("rmdir {}", shown(path)), &answer, false);
        }
    }

    /// Renames and links into each part of the jail, and back.
    fn give_another_name(&mut self, path: &[u8], itself: &Path) {
        let node = self.model.node(itself).clone();
        let is_own = node.uid == self.model.uid;
        for place in self.places.clone() {
            if place.starts_with(itself) {
                continue;
            }
            let new = [bytes(&place), b"/another name"].concat();
            let beside = self.model.is_beside(itself, &place);
            let stays = itself.parent() == Some(&place);
            let renames = beside && self.model.unnames(itself) && (stays || self.model.moves(itself));
            let both = [Field::Text(path), Field::Text(&new)];
            let back = [Field::Text(&new), Field::Text(path)];

            let answer = self.client.extended("posix-rename@openssh.com", &both);
            if self.judge(format_args!("posix-rename {} to {}", shown(path), shown(&new)), &answer, renames) {
                let answer = self.client.extended("posix-rename@openssh.com", &back);
                self.judge("posix-rename back", &answer, true);
            }
            // internal-sftp links a file, and removes its former name.
            let links = Expect::from(node.kind != b'd' && beside);
            let links = if links == Expect::Done && !is_own { Expect::Either } else { links };
            let due = match (Expect::from(renames), node.kind) {
                (Expect::Done, b'f') => links,
                (due, _) => due,
            };
            let answer = self.client.ask(RENAME, &both);
            let leaves_both = due == Expect::Refused && node.kind == b'f' && links != Expect::Refused;
            if self.judge(format_args!("rename {} to {}", shown(path), shown(&new)), &answer, due) {
                let answer = self.client.extended("posix-rename@openssh.com", &back);
                self.judge("rename back", &answer, true);
            } else if leaves_both {
                self.of_path(REMOVE, &new);
            }
            let answer = self.client.extended("hardlink@openssh.com", &both);
            if self.judge(format_args!("hardlink {} to {}", shown(path), shown(&new)), &answer, links) {
                self.remove(REMOVE, &new);
            }
        }
    }
}

/// Another name in the directory of a path.
fn sibling(path: &[u8], name: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    [&path[..end], name].concat()
}
