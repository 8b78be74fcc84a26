//! Replays a corpus: what a fuzzer has found for a property, and what somebody wrote for it.

use std::fs;
use std::panic::catch_unwind;

/// Calls a property with each text of its corpus.
///
/// # Panics
/// Where the property does not hold, and where there is no corpus.
pub fn replay(name: &str, property: fn(&[u8])) {
    let corpus = format!("{}/../../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{corpus}: {error}")) {
        let path = entry.unwrap().path();
        let data = fs::read(&path).unwrap();
        assert!(catch_unwind(|| property(&data)).is_ok(), "with {}", path.display());
        count += 1;
    }
    assert!(count > 5, "only {count} in {corpus}");
}

/// A test for each of these properties, which are in the module above.
#[macro_export]
macro_rules! replayed {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            $crate::replay(stringify!($name), super::$name);
        }
    )*};
}
