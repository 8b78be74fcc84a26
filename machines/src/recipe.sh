# Before each recipe. The mirror is the one that the machine's own apt has: all releases are there.
set -eu
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
test -n "$mirror" || { echo "apt has no source to read a mirror from" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
