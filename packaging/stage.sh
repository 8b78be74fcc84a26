# Copies the sources in $1 into the directory $2, which is made anew, so that packages are built of copies.
set -eu
umask 022
rm -rf "$2"
mkdir -p "$2"
# What has been built is below target.
tar -C "$1" --exclude=./target --exclude=./.git -c . | tar -C "$2" -x
cd "$2"
# Cargo goes by time, and these are copies: a file is of now or, if it is as when cargo built last, of long ago.
built=$CARGO_TARGET_DIR/sources
find . -type f -exec touch {} + -exec sha256sum {} + | sort >../sources
test ! -e "$built" || comm -12 ../sources "$built" | cut -c 67- | xargs -d '\n' -r touch --date=2000-01-01
rm -f "$built"
