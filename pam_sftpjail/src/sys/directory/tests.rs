use super::*;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::id;

/// A directory of a test, which goes with it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sftpjail-{name}-{}", id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn open(&self) -> OwnedFd {
        open_without_symlinks(&self.0.canonicalize().unwrap()).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The flags that a descriptor keeps, O_CLOEXEC among them.
fn flags(fd: &OwnedFd) -> OFlag {
    let kept = OFlag::O_ACCMODE
        | OFlag::O_PATH
        | OFlag::O_DIRECTORY
        | OFlag::O_NOFOLLOW
        | OFlag::O_NONBLOCK
        | OFlag::O_TMPFILE;
    let closes = FdFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFD).unwrap()).contains(FdFlag::FD_CLOEXEC);
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).unwrap()) & kept;
    if closes { flags | OFlag::O_CLOEXEC } else { flags }
}

#[test]
fn each_way_to_open_has_its_flags() {
    let place = Place::new("flags");
    let parent = place.open();
    fs::write(place.0.join("file"), "").unwrap();
    fs::create_dir(place.0.join("directory")).unwrap();
    let [file, directory] = ["file", "directory"].map(OsStr::new);
    let path = OFlag::O_PATH | OFlag::O_CLOEXEC;
    assert_eq!(flags(&parent), path | OFlag::O_DIRECTORY);
    assert_eq!(flags(&open(".").unwrap()), path | OFlag::O_DIRECTORY);
    let nofollow = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    assert_eq!(flags(&open_child(&parent, directory).unwrap()), path | OFlag::O_DIRECTORY | nofollow);
    assert_eq!(flags(&open_to_read(&parent, directory).unwrap()), OFlag::O_DIRECTORY | nofollow);
    assert_eq!(flags(&open_file(&parent, file).unwrap()), OFlag::O_NONBLOCK | nofollow);
    assert_eq!(flags(&open_file_at(&place.0.join("file")).unwrap()), OFlag::O_NONBLOCK | OFlag::O_CLOEXEC);
    let to_lock = OFlag::O_RDWR | OFlag::O_NONBLOCK | nofollow;
    assert_eq!(flags(&open_to_lock(&parent, file).unwrap()), to_lock);
    assert_eq!(flags(&open_entry(&parent, file).unwrap()), path | nofollow);
    assert_eq!(flags(&open_path(&place.0.join("file")).unwrap()), path);
    assert_eq!(flags(&open_below(&parent, "file".as_ref(), OFlag::empty()).unwrap()), path);
    assert_eq!(flags(&make_file(&parent, "new", 0o600).unwrap()), OFlag::O_WRONLY | nofollow);
    let unnamed = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    assert_eq!(flags(&make_unnamed(open_to_read(&parent, directory).unwrap()).unwrap()), unnamed);
}

#[test]
fn what_is_there_is_not_taken_for_something_else() {
    let place = Place::new("others");
    let parent = place.open();
    fs::write(place.0.join("file"), "text").unwrap();
    fs::create_dir(place.0.join("directory")).unwrap();
    symlink("directory", place.0.join("link")).unwrap();
    symlink("file", place.0.join("link-to-file")).unwrap();
    let names = ["file", "link", "link-to-file"].map(OsStr::new);
    for name in names {
        assert_eq!(open_child(&parent, name).unwrap_err(), Errno::ENOTDIR, "{name:?}");
        assert_eq!(open_to_read(&parent, name).unwrap_err(), Errno::ENOTDIR, "{name:?}");
    }
    for name in &names[1..] {
        assert_eq!(open_file(&parent, name).unwrap_err(), Errno::ELOOP);
        assert_eq!(open_to_lock(&parent, name).unwrap_err(), Errno::ELOOP);
        assert_eq!(open_below(&parent, Path::new(name), OFlag::empty()).unwrap_err(), Errno::ELOOP);
    }
    assert_eq!(open_below(&parent, "..".as_ref(), OFlag::empty()).unwrap_err(), Errno::EXDEV);
    let below = open_without_symlinks(&place.0.canonicalize().unwrap().join("link/."));
    assert_eq!(below.unwrap_err(), Errno::ELOOP);
    assert_eq!(make_file(&parent, "file", 0o600).unwrap_err().errno, Errno::EEXIST);
    assert_eq!(make_file(&parent, "link-to-file", 0o600).unwrap_err().errno, Errno::EEXIST);
    assert_eq!(fs::read(place.0.join("file")).unwrap(), b"text");
}

#[test]
fn a_directory_is_known_again_and_told_from_another() {
    let place = Place::new("known");
    let parent = place.open();
    for name in ["one", "other"] {
        fs::create_dir(place.0.join(name)).unwrap();
    }
    let of = |name: &str| open_child(&parent, name.as_ref()).unwrap();
    let one = of("one");
    assert_eq!(is_same(&one, of("one")), Ok(true));
    assert_eq!(is_same(&one, of("other")), Ok(false));
    assert_eq!(is_named(&one, &parent, "one".as_ref()), Ok(true));
    assert_eq!(is_named(&one, &parent, "other".as_ref()), Ok(false));
    assert_eq!(is_named(&one, &parent, "missing".as_ref()), Ok(false));
    assert_eq!(super::place(&one).unwrap(), super::place(of("one")).unwrap());
    assert_ne!(super::place(&one).unwrap(), super::place(of("other")).unwrap());
    fs::rename(place.0.join("other"), place.0.join("one")).unwrap();
    assert_eq!(is_named(&one, &parent, "one".as_ref()), Ok(false));
}

#[test]
fn all_that_is_written_is_in_the_file() {
    let place = Place::new("written");
    let parent = place.open();
    write(&parent, "file".as_ref(), b"content").unwrap();
    assert_eq!(fs::read(place.0.join("file")).unwrap(), b"content");
    let unnamed = make_unnamed(open_to_read(&parent, ".".as_ref()).unwrap()).unwrap();
    fill(&unnamed, 5000).unwrap();
    assert_eq!(fs::metadata(format!("/proc/self/fd/{}", unnamed.as_raw_fd())).unwrap().len(), 5000);
    let for_reading = open_file(&parent, "file".as_ref()).unwrap();
    assert_eq!(write_all(for_reading, b"x"), Err(Errno::EBADF));
}
