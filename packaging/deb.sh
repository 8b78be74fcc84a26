# Builds the Debian package of the sources in $1 as $2, with version $3 and for architecture $4. It is built in the
# directory $5, and cargo takes dependencies from $6, which `cargo vendor` has made. The environment has
# SOURCE_DATE_EPOCH, CARGO_TARGET_DIR, and a cargo and rustc in its PATH.
set -eu
package=$2 version=$3 architecture=$4 build=$5/sftpjail
export VENDOR="$6"
umask 022
sh "$1/packaging/stage.sh" "$1" "$build"
cd "$build"
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
# The toolchain need not be that of a package.
dpkg-buildpackage --build=binary --no-sign --no-check-builddeps --host-arch "$architecture"
mv "../sftpjail_${version}_$architecture.deb" "$package.new"
mv "$package.new" "$package"
mv ../sources "$CARGO_TARGET_DIR/sources"
