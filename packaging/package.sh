# Builds the package of the format $1 (deb or rpm) of the sources in this directory, and checks it. The environment
# says:
#   CARGO          the cargo to use, with the rustc beside it
#   OUT            the directory for the package, its log, and what is kept between builds
#   VERSION, ARCH  of the package; the architecture as Debian names it
#   ROOT           the release of Debian in whose root it is built; none: on this machine
#   ROOTS          the directory where roots are kept
#   BUILD          the directory in the root to build in
#   RUST           `debian` for the compiler of that release, and not the one beside cargo
#   AS_ROOT        what runs a command as root, such as sudo; empty for root
set -eu
format=$1
sources=$PWD
mkdir -p "$OUT"

# As GNU and RPM name it.
case $ARCH in
amd64) cpu=x86_64 ;;
arm64) cpu=aarch64 ;;
*) cpu=$ARCH ;;
esac
case $format in
deb) package=sftpjail_${VERSION}_$ARCH.deb named=$ARCH tool=debhelper ;;
rpm) package=sftpjail-$VERSION-1.$cpu.rpm named=$cpu tool=rpm ;;
esac

include=dpkg-dev,gcc,libc6-dev,libpam0g-dev,make,$tool
foreign=
if test "$ARCH" != "$(dpkg --print-architecture)"; then
    test -n "$ROOT" || { echo "make: a package for another architecture needs a root: SUITE=trixie" >&2; exit 1; }
    # The standard library for it comes with Debian's compiler.
    RUST=debian include=$include,gcc-$cpu-linux-gnu
    foreign="libc6-dev:$ARCH libpam0g-dev:$ARCH libstd-rust-dev:$ARCH"
fi
toolchain=$("${CARGO%/*}/rustc" --print sysroot)
test "$RUST" != debian || { toolchain= include=$include,cargo,rustc; }

build() {
    "$CARGO" vendor --quiet --locked --versioned-dirs "$OUT/vendor" || return 1
    if test -z "$ROOT"; then
        CARGO_TARGET_DIR="$OUT/cargo/here" PATH="${CARGO%/*}:$PATH" \
            sh packaging/$format.sh "$sources" "$OUT/$package" "$VERSION" "$named" "$OUT/build" "$OUT/vendor"
    else
        $AS_ROOT env SUITE="$ROOT" INCLUDE="$include" FOREIGN="$foreign" FOREIGN_ARCH="$ARCH" ROOTS="$ROOTS" \
            SOURCES="$sources" VENDOR="$OUT/vendor" TOOLCHAIN="$toolchain" OUT="$OUT" \
            SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" unshare --mount --propagation private sh packaging/in-root.sh \
            sh /sources/packaging/$format.sh /sources "/packages/$package" "$VERSION" "$named" "$BUILD" /vendor
    fi
}

echo "make: building $OUT/$package"
build >"$OUT/$package.log" 2>&1 || {
    tail -n 30 "$OUT/$package.log" >&2
    echo "make: it was not built; the last lines are above, the whole is in $OUT/$package.log" >&2
    exit 1
}
test $format != deb || lintian --allow-root --fail-on error,warning "$OUT/$package"
