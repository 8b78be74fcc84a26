//! One body, two tests: with `namespace = "private"`, and with `namespace = "host"`.

/// Makes the tests `private::NAME` and `host::NAME` of every function that is named, which takes a
/// [`sandbox::Namespace`]. One that was forgotten is dead code, of which the compiler warns.
macro_rules! in_both_namespaces {
    ($($name:ident),+ $(,)?) => {
        mod private {
            $(#[test] fn $name() { super::$name(::sandbox::Namespace::Private) })+
        }
        mod host {
            $(#[test] fn $name() { super::$name(::sandbox::Namespace::Host) })+
        }
    };
}
