# Builds the module and the program for the target $1, and the manual pages, in the directory of the sources, as both
# packages have them. The dependencies come from the directory VENDOR, and cargo builds in CARGO_TARGET_DIR. The
# environment has SOURCE_DATE_EPOCH.
set -eu
mkdir -p .cargo
cat >.cargo/config.toml <<EOF
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "$VENDOR"
[target.$1]
linker = "${1%%-*}-linux-gnu-gcc"
EOF
# The paths of the machine that builds are in no panic's message.
export RUSTFLAGS="--remap-path-prefix=$PWD=/usr/src/sftpjail --remap-path-prefix=$VENDOR=/usr/src/sftpjail/vendor \
    --remap-path-prefix=$CARGO_TARGET_DIR=/usr/src/sftpjail/target"
cargo build --release --locked --offline --target "$1" --package sftpjail
# By itself, as `make build-release` does: cargo optimises across crates only what is no library as well.
cargo rustc --release --locked --offline --target "$1" --package pam_sftpjail --lib --crate-type cdylib
# What writes the pages runs here, whatever the target.
cargo run --quiet --locked --offline --package sftpjail-manuals -- manuals "$CARGO_TARGET_DIR/manuals" \
    "$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)"
