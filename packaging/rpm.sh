# Builds the RPM package of the sources in $1 as $2, with version $3 and for architecture $4, as RPM names it. It is
# built in the directory $5, and cargo takes dependencies from $6, which `cargo vendor` has made. The environment has
# SOURCE_DATE_EPOCH, CARGO_TARGET_DIR, and a cargo and rustc in its PATH.
set -eu
package=$2 version=$3 architecture=$4 build=$5/sftpjail
export VENDOR="$6"
umask 022
sh "$1/packaging/stage.sh" "$1" "$build"
cd "$build"
target=$architecture-unknown-linux-gnu
sh packaging/compile.sh "$target"
sed -e '/@BEFORE_REMOVAL@/ {
    r packaging/before-removal.sh
    d
}' packaging/rpm/sftpjail.spec.in >../sftpjail.spec
rpmbuild -bb --target "$architecture" --define "_topdir $5/rpm" --define "_dbpath $5/db" --define "version $version" \
    --define "sources $build" --define "built $CARGO_TARGET_DIR/$target/release" ../sftpjail.spec
mv "$5/rpm/RPMS/$architecture/sftpjail-$version-1.$architecture.rpm" "$package.new"
mv "$package.new" "$package"
mv ../sources "$CARGO_TARGET_DIR/sources"
