# SPDX-License-Identifier: ISC
# The front door. The build itself is meson's. With all packages there,
# `meson setup build && ninja -C build` does as well.
# On a system that is no Debian, install what scripts/install-deps names and say `make DEPS=true`.
DEPS = scripts/install-deps

build:
	@$(DEPS) build
	@scripts/build build

# Everything that fits fifteen minutes. The last line says how many passed and failed.
check:
	@$(DEPS) build test || { echo '0 passed, 1 failed'; exit 1; }
	@scripts/check.py

check-all:
	@$(DEPS) build test deb || { echo '0 passed, 1 failed'; exit 1; }
	@scripts/check.py --all

# Postern beside a real PowerDNS, told step by step; in the end there is a certificate.
demo:
	@$(DEPS) build demo
	@scripts/build build
	@scripts/demo

# Postern beside a Go gateway and nginx: a quarter of an hour, as root, on a machine that does nothing else; then what the parts cost. bench/run.py --help: less of it.
bench:
	@$(DEPS) build bench
	@scripts/build build
	@status=0; for part in bench/run.py bench/verify.py build/bench/micro bench/allocations.py; do $$part || status=1; done; exit $$status

# The Debian package, into build-deb.
deb:
	@$(DEPS) build deb
	@scripts/deb

# What the tests reach, line by line and branch by branch. `scripts/coverage --show` then names the lines that they do not.
coverage:
	@$(DEPS) build test
	@scripts/coverage --check

# All targets for SECONDS each, or those that TARGETS names.
SECONDS = 60
fuzz:
	@$(DEPS) build test
	@scripts/fuzz $(SECONDS) $(TARGETS)

# Would the unit tests notice a fault? MUTATE: scripts/mutate.py's options.
mutate:
	@$(DEPS) build test
	@nice scripts/mutate.py $(MUTATE)

install: build
	meson install -C build --no-rebuild

format:
	@find src tests bench -name '*.[ch]' -exec clang-format -i {} +

clean:
	rm -rf build build-asan build-fuzz build-cov build-deb build-roots

.PHONY: build check check-all demo bench deb coverage fuzz mutate install format clean
