# Builds the Debian package of the sources in $1 as $2, with version $3 and for architecture $4. It is built in the
# directory $5, which is made anew, and cargo takes dependencies from $6, which `cargo vendor` has made. The environment
# has SOURCE_DATE_EPOCH, CARGO_TARGET_DIR, and a cargo and rustc in its PATH.
set -eu
sources=$1 package=$2 version=$3 architecture=$4 build=$5/sftpjail
export VENDOR="$6"
umask 022
rm -rf "$5"
mkdir -p "$build" "$(dirname "$package")"
# What has been built is below target.
tar -C "$sources" --exclude=./target --exclude=./.git -c . | tar -C "$build" -x
cd "$build"
# Cargo goes by time, and these are copies: a file is of now or, if it is as when cargo built last, of long ago.
built=$CARGO_TARGET_DIR/sources
find . -type f -exec touch {} + -exec sha256sum {} + | sort >../sources
test ! -e "$built" || comm -12 ../sources "$built" | cut -c 67- | xargs -d '\n' -r touch --date=2000-01-01
cp -r packaging/debian debian
sed -e '/@BEFORE_REMOVAL@/ {
    r packaging/before-removal.sh
    d
}' debian/prerm.in >debian/prerm
cat >debian/changelog <<EOF
sftpjail ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' debian/control)  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
EOF
mkdir -p .cargo
cat >.cargo/config.toml <<EOF
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "$VENDOR"
EOF
rm -f "$built"
# The toolchain need not be that of a package.
dpkg-buildpackage --build=binary --no-sign --no-check-builddeps --host-arch "$architecture"
mv "../sftpjail_${version}_$architecture.deb" "$package.new"
mv "$package.new" "$package"
mv ../sources "$built"
