# Thin: what each target does is in Cargo's files and in tests/.
# As root, through sudo, or as a user who may use sudo.

SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

# With `sudo make`, cargo is the invoking user's.
OWNER := $(or $(SUDO_USER),$(USER),root)
OWNERS_HOME := $(shell getent passwd $(OWNER) | cut -d: -f6)
CARGO := $(or $(shell command -v cargo),$(wildcard $(OWNERS_HOME)/.cargo/bin/cargo),$(wildcard $(HOME)/.cargo/bin/cargo))
ifneq ($(HOME),$(OWNERS_HOME))
export RUSTUP_HOME ?= $(or $(wildcard $(OWNERS_HOME)/.rustup),$(HOME)/.rustup)
export CARGO_HOME ?= $(or $(wildcard $(OWNERS_HOME)/.cargo),$(HOME)/.cargo)
endif
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
# Cargo builds as the calling user. What it runs (tests, demo, benchmark) runs as root.
AS_ROOT := $(if $(SUDO),--config 'target."cfg(all())".runner="sudo -E"')

PACKAGES := libpam0g-dev openssh-server openssh-client rsyslog iproute2 strace systemd cron at procmail lftp sshfs debootstrap systemd-container \
	gocryptfs fuse3 jq libhx32 libxml2 libcryptsetup12 perl
# A directory for the tests; slapd is not configured, and /etc/nsswitch.conf stays as it is.
PACKAGES += slapd nslcd libnss-ldapd libnss-extrausers
# What sssd is linked with.
PACKAGES += libini-config5 libldb2 libdhash1 libc-ares2 libpopt0 libnl-route-3-200 libsss-certmap0 libsss-idmap0 \
	libsss-nss-idmap0
# What the clients of docs/troubleshooting.md need that are unpacked, below.
PACKAGES += python3-cryptography python3-six libsodium23 libargon2-1 libedit2
ANSWERS := slapd slapd/no_configuration boolean true\nlibnss-ldapd libnss-ldapd/nsswitch multiselect\n
# What tests unpack in their sandboxes. Installed, it would put itself into the machine's own
# configuration of PAM and NSS, or start a daemon.
UNPACKED := libpam-mount libpam-mount-bin libpam-fscrypt libnss-sss sssd-common sssd-krb5-common sssd-ldap
# What `make bench` compares us with, and from which recipes move over.
UNPACKED += autofs mysecureshell acl
# What the manual pages are checked with, and shells with the completions.
UNPACKED += mandoc zsh zsh-common fish fish-common libpcre2-32-0
# What reads the metrics of a recipe.
UNPACKED += prometheus-node-exporter
# Clients of docs/troubleshooting.md, all of which must run on Debian 12.
UNPACKED += restic rclone putty-tools python3-bcrypt python3-nacl python3-paramiko python3-typing-extensions \
	python3-asyncssh libnet-sftp-foreign-perl php-common php-constant-time php-random-compat php-phpseclib3 \
	php8.2-common php8.2-cli php8.2-ssh2
# What a sandbox has in /etc comes from these; `make deps` gets those whose files somebody has edited here.
STOCK := $(shell cat tests/sandbox/packages 2>/dev/null)
DOWNLOADS := $(or $(CARGO_TARGET_DIR),target)/debian
THREADS ?= 8
# The releases of Debian that machines boot.
SUITE ?= bookworm
SUITES := bullseye bookworm trixie sid
KERNELS := linux-5.10 linux-6.1 linux-6.12 linux-newest selinux apparmor

# Where `make install` puts things; DESTDIR is for packages.
PREFIX ?= /usr/local
DESTDIR ?=
RELEASE ?= $(or $(CARGO_TARGET_DIR),target)/release
PAM_MODULES ?= $(patsubst %/,%,$(dir $(shell find /usr/lib64 /usr/lib /lib64 /lib -name pam_unix.so -print -quit 2>/dev/null)))
MODULE = $(DESTDIR)$(PAM_MODULES)/pam_sftpjail.so
PROGRAM = $(DESTDIR)$(PREFIX)/sbin/sftpjail
# The manual pages and the completions of shells, as they are below PREFIX; empty for none.
MANUALS ?= $(or $(CARGO_TARGET_DIR),target)/manuals
SHARE = $(DESTDIR)$(PREFIX)/share
AS_OWNER := $(if $(DESTDIR),,$(SUDO))
INSTALL := $(AS_OWNER) install

.PHONY: build build-release deps demo review-picture sandbox test exhaustive model every-call machines machines-all machines-kernels machine-tests tested-on lint deny mutants fuzz bench bench-audit bench-check

build: deps
	@$(CARGO) build --quiet --locked --workspace

# The module as it is installed, after what has built the library for the program as well: cargo optimises across crates
# only what is no library for others at the same time.
MODULE_ALONE := --quiet --locked --release --package pam_sftpjail --lib --crate-type cdylib

# What is built to be installed needs nothing of what the tests need.
build-release install: PACKAGES := libpam0g-dev
build-release install: UNPACKED :=
build-release install: STOCK :=
build-release install: ANSWERS :=
build-release: deps
	@$(CARGO) build --quiet --locked --release --package sftpjail
	@$(CARGO) rustc $(MODULE_ALONE)
	@$(CARGO) run --quiet --locked --package sftpjail-manuals -- manuals "$(MANUALS)" $$(date -u -d @$(SOURCE_DATE_EPOCH) +%F)

# The module beside pam_unix.so, the program and its manual pages; `sftpjail setup` does the rest. Half a module, on a
# full disk, would let nobody in, so that each is renamed once it is whole.
install: no-package build-release
	@test -n "$(PAM_MODULES)" || { echo "make: no pam_unix.so; install PAM, or say PAM_MODULES=DIRECTORY" >&2; exit 1; }
	$(INSTALL) -D -m 644 "$(RELEASE)/libpam_sftpjail.so" "$(MODULE).new"
	$(INSTALL) -D -m 755 "$(RELEASE)/sftpjail" "$(PROGRAM).new"
	$(AS_OWNER) mv -fT "$(MODULE).new" "$(MODULE)"
	$(AS_OWNER) mv -fT "$(PROGRAM).new" "$(PROGRAM)"
	pages=$$(test -z "$(MANUALS)" || (cd "$(MANUALS)/share" && find . -type f -printf '%P\n'))
	for file in $$pages; do
		$(INSTALL) -D -m 644 "$(MANUALS)/share/$$file" "$(SHARE)/$$file"
	done
	echo "Installed $(MODULE) and $(PROGRAM). Next: sftpjail setup"

# The packages: packaging/README.md. With SUITE, they are built in a root of that release of Debian, and run there and
# on everything later; without it, on this machine.
VERSION ?= $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
ARCH ?= $(shell dpkg --print-architecture 2>/dev/null)
ROOT := $(if $(filter file,$(origin SUITE)),,$(SUITE))
PACKAGED := $(abspath $(or $(CARGO_TARGET_DIR),target))/packages
ROOTS := $(PACKAGED)/roots
BUILD := /build
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)

.PHONY: deb rpm
# `deps` runs once for both.
deb rpm: PACKAGES := $(if $(filter deb,$(MAKECMDGOALS)),lintian $(if $(ROOT),,debhelper)) \
	$(if $(filter rpm,$(MAKECMDGOALS)),rpm) $(if $(ROOT),debootstrap,libpam0g-dev)
deb rpm: UNPACKED :=
deb rpm: STOCK :=
deb rpm: ANSWERS :=
deb rpm: deps
	@CARGO=$(CARGO) OUT=$(PACKAGED) VERSION=$(VERSION) ARCH=$(ARCH) ROOT=$(ROOT) ROOTS=$(ROOTS) BUILD=$(BUILD) \
		RUST=$(RUST) AS_ROOT=$(SUDO) sh packaging/package.sh $@

# What a package has installed is for dpkg or rpm to replace and to remove.
.PHONY: no-package
no-package:
	@test -z "$(DESTDIR)" || exit 0
	if { dpkg-query --search '*/security/pam_sftpjail.so' || rpm --query sftpjail; } >/dev/null 2>&1; then
		echo "make: the module belongs to the package sftpjail: upgrade or remove that. If $(PROGRAM) is of an earlier make install: rm $(PROGRAM), then sftpjail setup" >&2
		exit 1
	fi

# Both packages as they are released, and what they must hold: tests/packages.
.PHONY: packages reproducible
packages: build
	@$(MAKE) --no-print-directory deb rpm SUITE=bullseye
	DEB=$(PACKAGED)/sftpjail_$(VERSION)_$(ARCH).deb RPM=$(PACKAGED)/sftpjail-$(VERSION)-1.x86_64.rpm \
		$(CARGO) test --locked $(AS_ROOT) --package sftpjail-tests --test packages -- --test-threads 2

# Both again, from a copy elsewhere with other permissions, and without anything that was kept: the same bytes.
reproducible: packages
	@copy=$$(mktemp -d)
	trap 'rm -rf $$copy' EXIT
	umask 077
	git ls-files -z | xargs -0 tar -c | tar -C $$copy --no-same-permissions -x
	$(MAKE) --no-print-directory -C $$copy deb rpm SUITE=bullseye PACKAGED=$(PACKAGED)/again \
		ROOTS=$(ROOTS) BUILD=/var/tmp/elsewhere
	for package in sftpjail_$(VERSION)_$(ARCH).deb sftpjail-$(VERSION)-1.x86_64.rpm; do
		cmp $(PACKAGED)/$$package $(PACKAGED)/again/$$package
		echo "The same bytes: $$package"
	done

# What names the program.
CALLERS := $(addprefix /etc/,systemd/system/user@.service.d/50-sftpjail.conf systemd/system/sftpjail-expire.service \
	cron.d/sftpjail)

# Without its module, a PAM configuration that names it would let nobody in. Files in it may be symlinks.
# Without its program, the drop-in of user@.service goes by groups that nobody keeps up to date, and what starts it each
# minute fails.
uninstall: no-package
	@if test -z "$(DESTDIR)" && $(SUDO) grep -Rqs '^[^#]*pam_sftpjail' /etc/pam.d; then
		echo "make: /etc/pam.d names the module; run first: sftpjail setup --undo" >&2
		exit 1
	fi
	test -n "$(DESTDIR)" || for file in $(CALLERS); do
		test -e $$file || continue
		echo "make: $$file names the program; run first: sftpjail setup --undo, or remove that file" >&2
		exit 1
	done
	$(AS_OWNER) rm -f "$(MODULE)" "$(PROGRAM)" "$(SHARE)"/man/man8/sftpjail{,-*}.8 "$(SHARE)"/man/man8/pam_sftpjail.8 \
		"$(SHARE)"/man/man5/sftpjail{.toml,-grants}.5 "$(SHARE)"/bash-completion/completions/sftpjail \
		"$(SHARE)"/zsh/site-functions/_sftpjail "$(SHARE)"/fish/vendor_completions.d/sftpjail.fish
	echo "Removed $(MODULE) and $(PROGRAM)."

deps:
	@test -n "$(CARGO)" || { echo "make: no cargo; install Rust from your distribution or with rustup" >&2; exit 1; }
	command -v gcc >/dev/null || { echo "make: no gcc; apt-get install gcc" >&2; exit 1; }
	test -z "$(SUDO)" || command -v sudo >/dev/null || { echo "make: run this as root, or install sudo" >&2; exit 1; }
	if ! command -v dpkg-query >/dev/null; then
		test -n "$(UNPACKED)" || gcc -shared -x c /dev/null -lpam -o /dev/null || { echo "make: no libpam to link with; install PAM's headers (pam-devel)" >&2; exit 1; }
		test -z "$(UNPACKED)" || { echo "make: the tests need a Debian" >&2; exit 1; }
		exit 0
	fi
	missing=
	for package in $(PACKAGES); do
		state=$$(dpkg-query -Wf '$${db:Status-Status}' $$package 2>/dev/null || true)
		test "$$state" = installed || missing="$$missing $$package"
	done
	absent=
	edited=
	test -z "$(STOCK)" || edited=$$(dpkg-query -Wf '$${Conffiles}\n' $(STOCK) 2>/dev/null |
		awk 'NF == 2 { print $$2 "  " $$1 }' | md5sum -c --quiet 2>/dev/null | cut -d: -f1 || true)
	test -z "$$edited" || edited=$$(dpkg-query -S $$edited | cut -d: -f1)
	for package in $(UNPACKED) $$edited; do
		ls $(DOWNLOADS)/$${package}_*.deb >/dev/null 2>&1 || absent="$$absent $$package"
	done
	test -n "$$missing$$absent" || exit 0
	echo "make: getting$$missing$$absent"
	log=$$(mktemp)
	get() {
		test -z "$$missing" || printf '$(ANSWERS)' | $(SUDO) debconf-set-selections
		test -z "$$missing" || $(SUDO) env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qy --no-install-recommends $$missing
		test -z "$$absent" || { mkdir -p $(DOWNLOADS) && cd $(DOWNLOADS) && apt-get download -q $$absent; }
	}
	{ (get) || { $(SUDO) apt-get update -q && (get); }; } >$$log 2>&1 ||
		{ tail -n 20 $$log >&2; echo "make: apt-get could not get$$missing$$absent; the last lines are above, the whole is in $$log" >&2; exit 1; }
	rm -f $$log

# A real login, shown in a sandbox.
demo: build
	@$(CARGO) run --quiet --locked $(AS_ROOT) --package sftpjail-tests --bin demo

# The page of which docs/review.png is a picture, of invented users: make review-picture PAGE=/tmp/review.html. Then, in
# a system with Chromium: chromium --headless --window-size=1000,1010 --screenshot=review.png /tmp/review.html
review-picture: build
	@$(CARGO) run --quiet --locked $(AS_ROOT) --package sftpjail-tests --bin review-picture -- $(PAGE)

# A root shell in a whole Debian of its own, with sshd, rsyslogd and an /etc to break.
sandbox: build
	@$(CARGO) run --quiet --locked $(AS_ROOT) --package sftpjail-tests --bin sandbox-shell

# Every test but those of whole systems, which machine-tests are; the last line counts them.
test: build
	@log=$$(mktemp)
	trap 'rm -f $$log' EXIT
	status=0
	$(CARGO) test --locked $(AS_ROOT) --workspace --exclude sftpjail-machines --no-fail-fast -- --test-threads $(THREADS) \
		2>&1 | tee $$log || status=$$?
	# What failed, once more where it is seen.
	sed -n '/^---- .* stdout ----$$/,/^failures:$$/p' $$log
	awk '/^test result:/ { p += $$4; f += $$6; s += $$8 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' $$log
	exit $$status

# What `make test` does at every third moment or place, such as a SIGKILL, a power cut, or all operations of SFTP, at each.
exhaustive: build
	@EXHAUSTIVE=1 $(CARGO) test --locked $(AS_ROOT) --package sftpjail-tests --test e2e -- killed interrupted power_cut outside_view --test-threads $(THREADS)

# 10,000 random steps against the model of who may see what.
model: build
	@EXHAUSTIVE=1 $(CARGO) test --locked $(AS_ROOT) --package sftpjail-tests --test model -- --nocapture

# Every error of every system call of the hooks, and a SIGKILL at each: more than half an hour on two cores.
every-call: build
	@EXHAUSTIVE=1 $(CARGO) test --locked $(AS_ROOT) --package sftpjail-tests --test e2e -- every_call --test-threads $(THREADS) --nocapture

# Whole systems, booted with systemd as PID 1: machines/README.md. These tests have one each.
machine-tests: build
	@SUITE=$(SUITE) $(CARGO) test --locked $(AS_ROOT) --package sftpjail-machines --test machine -- --test-threads 2

# One scenario in whole systems, from the installation to the purge, with the package that installs on all of them.
LAB := $(MAKE) --no-print-directory deb SUITE=bullseye && $(CARGO) run --quiet --locked $(AS_ROOT) --package sftpjail-machines --bin lab --

machines: build
	@$(LAB) $(SUITE)

machines-all: build
	@$(LAB) $(SUITES)

# In all systems; one run makes the page.
tested-on: build
	@status=0
	page=$$(mktemp)
	trap 'rm -f $$page' EXIT
	$(LAB) all >$$page || status=$$?
	test ! -s $$page || cat $$page >docs/tested-on.md
	exit $$status

# The same with other kernels, SELinux and AppArmor, in guests of QEMU, and what only a guest can show: power cuts, a
# kernel that is too old, what is denied.
machines-kernels: build
	@status=0
	$(LAB) $(KERNELS) || status=$$?
	$(CARGO) test --locked $(AS_ROOT) --package sftpjail-machines --test kernels -- --test-threads 1 || status=$$?
	exit $$status

lint: deps
	$(CARGO) fmt --all --check
	$(CARGO) clippy --quiet --locked --workspace --all-targets -- -D warnings
	# It is none of these, since it needs packages to run.
	$(CARGO) clippy --quiet --locked --package sftpjail-tests --test packages -- -D warnings

# All dependencies against deny.toml: known faults, licences, sources. Faults are RustSec's, whose database is a
# repository; where that cannot be reached, ADVISORIES=DIRECTORY is a clone of it. cargo-deny is built once, which takes
# minutes and Rust 1.88.
CARGO_DENY := 0.20.2
TOOLS := $(abspath $(or $(CARGO_TARGET_DIR),target))/tools
tool = $(TOOLS)/$1-$2/bin/$1
# Each has a directory of its own to be built in, since two may be built at the same time.
define get_tool
test -x $(tool) || {
	echo "make: building $1 $2 once, which takes some minutes" >&2
	$(CARGO) install --quiet --locked --root $(TOOLS)/$1-$2 --target-dir $(TOOLS)/building-$1 \
		--config profile.release.opt-level=1 --config profile.release.lto=false --version $2 $1
	rm -rf $(TOOLS)/building-$1
}
endef
ADVISORIES ?=
FROM_CLONE := GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url.file://$(abspath $(ADVISORIES)).insteadOf \
	GIT_CONFIG_VALUE_0=https://github.com/RustSec/advisory-db

deny:
	@test -n "$(CARGO)" || { echo "make: no cargo; install Rust from your distribution or with rustup" >&2; exit 1; }
	export PATH="$(dir $(CARGO)):$$PATH"
	deny=$(call tool,cargo-deny,$(CARGO_DENY))
	$(call get_tool,cargo-deny,$(CARGO_DENY))
	$$deny --locked check bans licenses sources
	export $(if $(ADVISORIES),$(FROM_CLONE),GIT_TERMINAL_PROMPT=0)
	log=$$(mktemp)
	trap 'rm -f $$log' EXIT
	if $$deny --locked fetch db >$$log 2>&1; then
		$$deny --locked check advisories
	else
		grep . $$log | tail -n 1 >&2
		echo "make: NOT CHECKED: known faults of the dependencies. RustSec's database could not be fetched; run make deny where it can, or say ADVISORIES=DIRECTORY" >&2
		test -z "$(ADVISORIES)"
	fi

# Small changes of the sources, and for which of them no test fails: docs/mutants.md. FILE has globs of sources, and E2E
# names tests in sandboxes for what no unit test notices.
CARGO_MUTANTS := 27.1.0
FILE ?= cli/src/host/**
E2E ?=

mutants: build
	@export PATH="$(dir $(CARGO)):$$PATH"
	$(call get_tool,cargo-mutants,$(CARGO_MUTANTS))
	export CARGO_MUTANTS=$(call tool,cargo-mutants,$(CARGO_MUTANTS))
	$(CARGO) run --quiet --locked $(AS_ROOT) --package sftpjail-tests --example mutants -- $(foreach glob,$(FILE),'$(glob)') $(if $(E2E),-- $(E2E))

# A fuzzer on the parsers of outside text, or on the one of TARGET, for SECONDS each. What reaches code that nothing in
# fuzz/corpus reaches is kept there, and `make test` runs all of it again. An input that breaks a property is left in
# fuzz/artifacts. cargo-fuzz is built once, and the fuzzer is in C++.
CARGO_FUZZ := 0.13.2
TARGET ?= $(sort $(notdir $(basename $(wildcard fuzz/src/bin/*.rs))))
SECONDS ?= 60

fuzz: PACKAGES := g++
fuzz: UNPACKED :=
fuzz: STOCK :=
fuzz: ANSWERS :=
fuzz: deps
	@export PATH="$(dir $(CARGO)):$$PATH"
	$(call get_tool,cargo-fuzz,$(CARGO_FUZZ))
	fuzz=$(call tool,cargo-fuzz,$(CARGO_FUZZ))
	work=$$(mktemp -d)
	trap 'rm -rf $$work' EXIT
	echo "make: building the targets; the first time takes some minutes" >&2
	run() { $$fuzz run --sanitizer none --debug-assertions "$$@" >$$work/log 2>&1 || { tail -n 40 $$work/log >&2; exit 1; }; }
	for target in $(TARGET); do
		mkdir -p $$work/$$target fuzz/corpus/$$target
		run $$target $$work/$$target fuzz/corpus/$$target -- -max_total_time=$(SECONDS) -max_len=1024 -print_final_stats=1
		echo "$$target: $$(sed -n 's/^stat::number_of_executed_units: *//p' $$work/log) inputs," \
			"$$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' $$work/log | tail -n 1) edges"
		run $$target fuzz/corpus/$$target $$work/$$target -- -set_cover_merge=1 -use_counters=0
	done

# What a login costs, beside what else gives users a directory of their own: docs/benchmarks.md. It takes some 15 minutes
# on a quiet machine, and writes that page. N is the number of rounds of the fastest contest, 2000 if not said; ONLY is
# one of sessions, logins, growth, files, throughput. With either, nothing is written, unless OUT says into which
# directory.
OUT ?= $(if $(N)$(ONLY),,docs)

bench: deps
	@$(CARGO) build --quiet --locked --release --workspace
	@$(CARGO) rustc $(MODULE_ALONE)
	pages=$$(mktemp -d)
	trap 'rm -rf $$pages' EXIT
	N=$(N) ONLY=$(ONLY) OUT=$$pages COMMIT=$$(git log -1 --format=%h -- pam_sftpjail) \
		$(CARGO) bench --quiet --locked $(AS_ROOT) --package sftpjail-tests --bench login
	for page in benchmarks.md benchmarks.svg; do
		test -z "$(OUT)" || test ! -e $$pages/$$page || cat $$pages/$$page >$(OUT)/$$page
	done

# `sftpjail audit` on logs of 1 GB, in a directory of its own below $TMPDIR; prints MB/s and memory.
bench-audit: deps
	@$(CARGO) build --quiet --locked --release --package sftpjail
	MEGABYTES=$(MEGABYTES) $(CARGO) bench --quiet --locked --package sftpjail-tests --bench audit

# `sftpjail check --all` on a host with 20,000 users, and beside 2,000 live sessions; prints seconds and memory.
bench-check: deps
	@$(CARGO) build --quiet --locked --release --workspace
	USERS=$(USERS) LIVE=$(LIVE) $(CARGO) bench --quiet --locked $(AS_ROOT) --package sftpjail-tests --bench check_all
