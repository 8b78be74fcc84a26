//! Absolute paths as the configuration and the passwd entry write them. It never reads the disk.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::iter::once;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Linux refuses longer paths and names (limits.h; PATH_MAX counts the NUL), and so does sshd's
/// `chdir(pw_dir)`.
const PATH_MAX: usize = 4096;
const NAME_MAX: usize = 255;

/// How many symlinks on the way to a file the kernel follows: path_resolution(7).
pub const MAX_SYMLINKS: usize = 40;

/// An absolute path below `/` without empty, `.` or `..` components. Symlinks in it are not resolved;
/// `plan::walk` handles them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalised(Vec<OsString>);

impl Normalised {
    /// Normalises `//`, `/./` and a trailing `/`. The error is the rest of a sentence about the path, such
    /// as "is relative".
    pub fn parse(path: &OsStr) -> Result<Self, &'static str> {
        let bytes = path.as_bytes();
        if bytes.is_empty() {
            return Err("is an empty path");
        }
        if bytes.len() >= PATH_MAX {
            return Err("is longer than 4095 bytes");
        }
        if bytes.iter().any(u8::is_ascii_control) {
            return Err("contains a control character");
        }
        if !bytes.starts_with(b"/") {
            return Err("is relative");
        }
        let mut components = Vec::new();
        for component in bytes.split(|b| *b == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return Err("contains '..'"),
                name if name.len() > NAME_MAX => return Err("has a component longer than 255 bytes"),
                name => components.push(OsStr::from_bytes(name).to_owned()),
            }
        }
        if components.is_empty() {
            return Err("is the root directory");
        }
        Ok(Self(components))
    }

    /// From components that were checked already.
    pub(crate) fn of<S: Into<OsString>>(components: impl IntoIterator<Item = S>) -> Self {
        Self(components.into_iter().map(Into::into).collect())
    }

    /// The components, outermost first.
    pub fn components(&self) -> &[OsString] {
        &self.0
    }

    /// Without the leading `/`, for use below a descriptor.
    pub fn relative(&self) -> PathBuf {
        self.0.iter().collect()
    }

    /// With the leading `/`.
    pub fn absolute(&self) -> PathBuf {
        once(OsStr::new("/")).chain(self.0.iter().map(OsString::as_os_str)).collect()
    }

    /// Whether the two are equal, or one lies below the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(path: &str) -> Result<PathBuf, &'static str> {
        Normalised::parse(path.as_ref()).map(|p| p.absolute())
    }

    #[test]
    fn doubled_slashes_dots_and_a_trailing_slash_do_not_matter() {
        for path in
            ["/home/mle/sub", "//home///mle/sub", "/home/./mle/././sub", "/home/mle/sub/", "/home/mle/sub/."]
        {
            assert_eq!(parse(path), Ok("/home/mle/sub".into()), "{path}");
        }
    }

    #[test]
    fn paths_that_cannot_be_meant_are_refused() {
        assert_eq!(parse(""), Err("is an empty path"));
        assert_eq!(parse("home"), Err("is relative"));
        assert_eq!(parse("./home"), Err("is relative"));
        assert_eq!(parse("/a/../b"), Err("contains '..'"));
        assert_eq!(parse("/.."), Err("contains '..'"));
        assert_eq!(parse("//./"), Err("is the root directory"));
        assert_eq!(parse("/a\nb"), Err("contains a control character"));
        assert_eq!(parse(&format!("/{}", "a/".repeat(2500))), Err("is longer than 4095 bytes"));
        assert_eq!(parse(&format!("/{}", "a".repeat(256))), Err("has a component longer than 255 bytes"));
    }

    #[test]
    fn the_longest_names_and_paths_of_linux_are_accepted() {
        let name = format!("/{}", "a".repeat(255));
        assert_eq!(parse(&name), Ok(name.clone().into()));
        let path = format!("{}/{}", name.repeat(15), "a".repeat(254));
        assert_eq!((path.len(), parse(&path)), (4095, Ok(path.clone().into())));
        assert_eq!(parse(&name.repeat(16)), Err("is longer than 4095 bytes"));
    }

    #[test]
    fn any_other_byte_may_occur() {
        let odd = OsStr::from_bytes(b"/home/a b*'\"\\\xff...");
        assert_eq!(Normalised::parse(odd).unwrap().absolute(), Path::new(odd));
    }

    #[test]
    fn above_and_below_overlap_and_siblings_do_not() {
        let jail = Normalised::of(["srv", "jail"]);
        for (path, expected) in [
            ("/srv", true),
            ("/srv/jail", true),
            ("/srv/jail/x", true),
            ("/srv/jail2", false),
            ("/home", false),
        ] {
            assert_eq!(Normalised::parse(path.as_ref()).unwrap().overlaps(&jail), expected, "{path}");
        }
    }
}
