# SPDX-License-Identifier: GPL-2.0
#
#	make			the module and user/; KDIR= names another kernel's headers
#	make module | user	one of them
#	make install		both, with depmod; DESTDIR= and PREFIX= as usual
#	make check		the tests, in virtual machines; TESTS= and KERNELS= choose, and
#				what is chosen is tested with the other family, too
#	make check-debug	the same on a kernel that finds bugs, built once (15 minutes)
#	make check-long		the tests that can be longer, at their full sizes (hours)
#	make interop		with strongSwan, Libreswan and OpenIKED; makes the README's table
#	make fuzz		the parsers, SECONDS= each (60), from where it ended last
#	make bench		what messages cost, beside charon and pluto;
#				CASES= chooses
#	make bench-scale	memory and costs of up to 100,000 IKE SAs (4 GB, a quarter of an hour)
#	make demo		two gateways, a lossy NAT and a tunnel, in one
#	make selftests		the tests' programs
#	make clean

KDIR ?= /lib/modules/$(shell uname -r)/build

.PHONY: all module user selftests install check check-debug check-long interop fuzz bench \
	bench-scale demo clean

all: module user

# vmlinux without pahole: the module can do without BTF.
KMAKE = $(MAKE) -C $(KDIR) M=$(CURDIR) \
	$(if $(shell command -v pahole),,CONFIG_DEBUG_INFO_BTF_MODULES=)

module: headers
	$(KMAKE) modules

.PHONY: headers
headers:
	@[ -e "$(KDIR)/Makefile" ] || { \
	echo "There are no kernel headers in $(KDIR)." >&2; \
	echo "Install them (Debian: apt install linux-headers-$$(uname -r)), or name others" >&2; \
	echo "with KDIR=, for example KDIR=\$$(selftests/vm/kernel 6.12)/build." >&2; \
	echo "'make user' builds the rest without them." >&2; \
	exit 1; }

user:
	$(MAKE) -C user all

selftests:
	$(MAKE) -C selftests

install: headers module user
	$(KMAKE) INSTALL_MOD_PATH=$(DESTDIR) modules_install
	$(MAKE) -C user install

check:
	@selftests/run

check-debug:
	@KERNELS=debug selftests/run

check-long:
	@selftests/long

interop:
	@selftests/interop

fuzz:
	@FUZZ_SECONDS=$(or $(SECONDS),60) selftests/fuzz/run

bench:
	@CASES="$(CASES)" selftests/bench/run

bench-scale:
	@CASES=scale selftests/bench/run

demo:
	@selftests/demo/run

clean:
	[ ! -e "$(KDIR)/Makefile" ] || $(KMAKE) clean
	$(MAKE) -C user clean
	rm -rf .build
