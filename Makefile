# ftwatchd: `make` builds the two programs, `make help` lists the rest. New files below src/ are found by
# themselves. Left to whoever builds: CC AR CPPFLAGS CFLAGS LDFLAGS LDLIBS, DESTDIR, PREFIX, the GNU dirs.
VERSION         := 0.1.0

BUILD           ?= build
CFLAGS          ?= $(if $(SANITIZE)$(COVERAGE),-O1,-O2) -g
PKG_CONFIG      ?= pkg-config
INSTALL         ?= install
V               ?= 0
WERROR          ?= 0
FUZZ_SECONDS    ?= 20

PREFIX          ?= /usr/local
prefix          ?= $(PREFIX)
exec_prefix     ?= $(prefix)
bindir          ?= $(exec_prefix)/bin
sbindir         ?= $(exec_prefix)/sbin
sysconfdir      ?= /etc
datarootdir     ?= $(prefix)/share
docdir          ?= $(datarootdir)/doc/ftwatchd
mandir          ?= $(datarootdir)/man
bashcompdir     ?= $(datarootdir)/bash-completion/completions
zshcompdir      ?= $(datarootdir)/zsh/site-functions
systemdunitdir  ?= $(prefix)/lib/systemd/system
sysusersdir     ?= $(prefix)/lib/sysusers.d
catalogdir      ?= $(prefix)/lib/systemd/catalog
# The bus reads no policies below /usr/local.
dbuspolicydir   ?= $(if $(filter /usr,$(prefix)),$(datarootdir),$(sysconfdir))/dbus-1/system.d
confdir         := $(sysconfdir)/ftwatchd

MAKEFLAGS       += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL   := all
Q               := $(if $(filter 1,$(V)),,@)
# -s is among the single letters that MAKEFLAGS opens with when a recipe runs.
SILENT           = $(findstring s,$(filter-out -%,$(firstword $(MAKEFLAGS))))
say              = $(if $(filter 1,$(V))$(SILENT),,@printf '  %-8s %s\n' '$(1)' '$(2)')

# --- what there is ---------------------------------------------------------------------------------
MAINS           := src/daemon/main.c src/ctl/main.c
SRCS            := $(sort $(wildcard src/*/*.c))
HEADERS         := $(sort $(wildcard src/*/*.h tests/*/*.h))
UNIT_SRCS       := $(sort $(wildcard tests/unit/test_*.c))
UNIT_HELPERS    := $(filter-out $(UNIT_SRCS),$(sort $(wildcard tests/unit/*.c)))
FUZZ_SRCS       := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRCS      := $(sort $(wildcard tests/bench/*.c))
ALL_C           := $(SRCS) $(sort $(wildcard tests/*/*.c))

obj              = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB             := $(BUILD)/libftwatch.a
LIB_OBJS        := $(call obj,$(filter-out $(MAINS),$(SRCS)))
PROGRAMS        := $(if $(wildcard src/daemon/main.c),$(BUILD)/ftwatchd) \
                   $(if $(wildcard src/ctl/main.c),$(BUILD)/ftwatchctl)
UNIT_TESTS      := $(patsubst %.c,$(BUILD)/%,$(UNIT_SRCS))
UNIT_LIB        := $(if $(UNIT_HELPERS),$(BUILD)/tests/unit/libunit.a)
FUZZ_REPLAYS    := $(patsubst %.c,$(BUILD)/%,$(FUZZ_SRCS))
FUZZ_PROGRAMS   := $(addsuffix .libfuzzer,$(FUZZ_REPLAYS))
BENCH_PROGRAMS  := $(patsubst tests/%.c,$(BUILD)/%,$(BENCH_SRCS))
WARP            := $(if $(wildcard tests/sim/warp.c),$(BUILD)/warp.so)

# --- flags -----------------------------------------------------------------------------------------
PACKAGES        := libcurl json-c libconfig libsystemd sqlite3 libssl libcrypto
NEEDS_NO_LIBS   := help clean check-layers dist distcheck uninstall docs-images demo deb rpm
ifneq ($(filter-out $(NEEDS_NO_LIBS),$(or $(MAKECMDGOALS),all)),)
MISSING         := $(shell $(PKG_CONFIG) --print-errors --exists $(PACKAGES) 2>&1 || echo missing)
ifneq ($(MISSING),)
$(error $(MISSING): contrib/bootstrap.sh installs what the build needs)
endif
PKG_CFLAGS      := $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
PKG_LIBS        := $(shell $(PKG_CONFIG) --libs $(PACKAGES))
TEST_PKGS       := $(foreach p,cmocka libmicrohttpd gnutls,$(shell $(PKG_CONFIG) --exists $(p) && echo $(p)))
TEST_CFLAGS     := $(if $(TEST_PKGS),$(shell $(PKG_CONFIG) --cflags $(TEST_PKGS)))
TEST_LIBS       := $(if $(TEST_PKGS),$(shell $(PKG_CONFIG) --libs $(TEST_PKGS)))
endif

WARNINGS        := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
                   -Wpointer-arith -Wundef -Wwrite-strings -Wvla $(if $(filter 1,$(WERROR)),-Werror)
OPTIMISED       := $(filter-out -O0,$(lastword $(filter -O%,$(CC) $(CFLAGS))))
NO_FORTIFY      := $(SANITIZE)$(findstring _FORTIFY_SOURCE,$(CC) $(CPPFLAGS) $(CFLAGS))
FORTIFY         := $(if $(NO_FORTIFY),,$(if $(OPTIMISED),-D_FORTIFY_SOURCE=2))
INSTRUMENT      := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all) \
                   $(if $(SANITIZE),-fno-omit-frame-pointer) $(if $(filter 1,$(COVERAGE)),--coverage) \
                   $(if $(filter 1,$(FUZZER)),-fsanitize=fuzzer-no-link)
DEFINES         := -D_GNU_SOURCE -DFTWATCH_VERSION='"$(VERSION)"' -DFTWATCH_SYSCONFDIR='"$(sysconfdir)"'
FT_CPPFLAGS     := -Isrc $(DEFINES) $(PKG_CFLAGS) $(FORTIFY)
FT_CFLAGS       := -std=gnu11 $(WARNINGS) -fstack-protector-strong $(INSTRUMENT)
FT_LDFLAGS      := $(INSTRUMENT) -Wl,-z,relro,-z,now -Wl,--as-needed
FT_LIBS         := $(PKG_LIBS) -lcsv -lm
COMPILE          = $(CC) $(FT_CPPFLAGS) $(CPPFLAGS) $(FT_CFLAGS) -fPIE $(CFLAGS)
LINK             = $(CC) $(FT_CFLAGS) $(CFLAGS) $(FT_LDFLAGS) -pie $(LDFLAGS)

export FTWATCH_BUILD := $(abspath $(BUILD))
export FTWATCH_VERSION := $(VERSION)

all: $(PROGRAMS) $(LIB) ## the two programs and the archive behind them (default)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile packaging/packages.mk
	@echo "Variables: BUILD=dir CC= CFLAGS= LDFLAGS= WERROR=1 SANITIZE=address,undefined COVERAGE=1 V=1"
	@echo "           DESTDIR= PREFIX=$(PREFIX) FUZZ_SECONDS=$(FUZZ_SECONDS)"

# --- stamps: a change of the flags rebuilds, a removed file leaves the archive ---------------------
STAMP           := $(BUILD)/.flags
LIST            := $(BUILD)/.objects
export FT_STAMP_TEXT := $(COMPILE) | $(LINK) $(LDLIBS) $(FT_LIBS) | $(TEST_CFLAGS) $(TEST_LIBS)
export FT_LIST_TEXT := $(LIB_OBJS)
FORCE:
$(STAMP): FORCE
	@mkdir -p $(@D); printf '%s\n' "$$FT_STAMP_TEXT" | cmp -s - $@ || printf '%s\n' "$$FT_STAMP_TEXT" >$@
$(LIST): FORCE
	@mkdir -p $(@D); printf '%s\n' "$$FT_LIST_TEXT" | cmp -s - $@ || printf '%s\n' "$$FT_LIST_TEXT" >$@

# --- objects, archive, programs --------------------------------------------------------------------
$(BUILD)/src/%.o: src/%.c $(STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.c $(STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Itests $(TEST_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(LIB_OBJS) $(LIST)
	$(call say,AR,$@)
	$(Q)rm -f $@; $(AR) rcsD $@ $(LIB_OBJS)

$(BUILD)/ftwatchd: $(BUILD)/src/daemon/main.o $(LIB)
$(BUILD)/ftwatchctl: $(BUILD)/src/ctl/main.o $(LIB)
$(BUILD)/ftwatchd $(BUILD)/ftwatchctl:
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LDLIBS) $(FT_LIBS)

# --- tests -----------------------------------------------------------------------------------------
-include tests/sim/sim.mk
FTSIM           := $(if $(wildcard tests/sim/sim.mk),$(BUILD)/ftsim)

test-programs: $(UNIT_TESTS) $(FUZZ_REPLAYS) $(FTSIM) $(WARP) ## everything the tests run, without running it

$(BUILD)/tests/unit/libunit.a: $(call obj,$(UNIT_HELPERS))
	$(call say,AR,$@)
	$(Q)rm -f $@; $(AR) rcsD $@ $^

$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(UNIT_LIB) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LDLIBS) $(TEST_LIBS) $(FT_LIBS)

$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(BUILD)/tests/fuzz/replay.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -o $@ $^ $(LDLIBS) $(FT_LIBS)

$(BUILD)/tests/fuzz/fuzz_%.libfuzzer: $(BUILD)/tests/fuzz/fuzz_%.o $(LIB)
	$(call say,LINK,$@)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $^ $(LDLIBS) $(FT_LIBS)

$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(LIB)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(LINK) -o $@ $^ $(LDLIBS) $(TEST_LIBS) $(FT_LIBS)

# Preloaded into a program of any build, so without the instrumentation of this one.
$(BUILD)/warp.so: tests/sim/warp.c $(STAMP)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O2 -g -D_GNU_SOURCE -shared -fPIC -o $@ $< -ldl

HEADER_CC       ?= gcc clang

check: $(UNIT_TESTS) $(FUZZ_REPLAYS) ## unit tests and the fuzzers' corpus (TEST_WRAPPER="valgrind -q ...")
	$(Q)tests/tools/run-unit.sh $(UNIT_TESTS) $(FUZZ_REPLAYS)

check-headers: ## every header compiles alone, with gcc and clang
	$(Q)tests/tools/check-headers.sh "$(HEADER_CC)" \
	        "-Isrc -Itests -D_GNU_SOURCE $(PKG_CFLAGS) $(TEST_CFLAGS) $(FT_CFLAGS)" $(HEADERS)

check-layers: ## a folder of src/ includes itself and lower ranks only
	$(Q)awk -f tests/tools/layers.awk $(filter src/%,$(HEADERS)) $(SRCS) /dev/null

lint: ## clang-tidy, cppcheck, shellcheck and the house rules (banned functions, lengths)
	$(Q)BUILD=$(BUILD) MAKE=$(MAKE) tests/tools/lint.sh

# One stamp a file, behind its object: what has not changed is not looked at again.
# warp.c defines functions of libc under its own names for their parameters.
TIDY            := $(patsubst %.c,$(BUILD)/%.tidy,$(filter-out tests/sim/warp.c,$(ALL_C)))
tidy: $(TIDY)
$(BUILD)/%.tidy: %.c $(BUILD)/%.o .clang-tidy
	$(call say,TIDY,$<)
	$(Q)clang-tidy --quiet $< -- $(FT_CPPFLAGS) -Itests $(TEST_CFLAGS) $(FT_CFLAGS) 2>$@.log || \
	        { cat $@.log; exit 1; }
	@touch $@

fuzz: ## libFuzzer over every parser of foreign bytes, FUZZ_SECONDS each (clang)
	$(Q)$(MAKE) --no-print-directory BUILD=build-fuzz CC=clang CFLAGS="-O1 -g" FUZZER=1 \
	        SANITIZE=address,undefined fuzz-run
fuzz-run: $(FUZZ_PROGRAMS)
	$(Q)tests/tools/run-fuzz.sh $(FUZZ_SECONDS) $(FUZZ_PROGRAMS)

bench: all $(BENCH_PROGRAMS) $(FTSIM) ## what a cycle costs, against other ways to do it
	$(Q)tests/bench/run.sh

demo: ## see it work against a simulated Azure, nothing needed
	$(Q)contrib/demo.sh

docs-images: ## render the pictures of the README (node, Chromium)
	$(Q)contrib/docs-images.sh

# --- install, dist ---------------------------------------------------------------------------------
# What is installed as it is, SOURCE:TARGET, of what is there.
into             = $(foreach f,$(wildcard $(1)),$(f):$(2)/$(notdir $(f)))
DATA            := $(call into,README.md LICENSE,$(docdir)) \
                   $(foreach n,1 5 8,$(call into,packaging/man/*.$n,$(mandir)/man$n)) \
                   $(call into,contrib/completions/bash/*,$(bashcompdir)) \
                   $(call into,contrib/completions/zsh/*,$(zshcompdir)) \
                   $(call into,packaging/systemd/*.catalog,$(catalogdir)) \
                   $(call into,packaging/systemd/*.conf,$(dbuspolicydir)) \
                   $(patsubst %.sysusers,%.conf,$(call into,packaging/systemd/*.sysusers,$(sysusersdir)))
# These name the programs and the configuration, by the paths of a package.
UNITS           := $(call into,packaging/systemd/*.service,$(systemdunitdir))
PROGRAM_TARGETS := $(sbindir)/ftwatchd $(bindir)/ftwatchctl
target           = $(lastword $(subst :, ,$(1)))
TARGETS         := $(PROGRAM_TARGETS) $(foreach f,$(DATA) $(UNITS),$(call target,$(f)))

# A configuration that is there is the administrator's: kept, the new one put beside it; not below DESTDIR.
install: all ## into DESTDIR and PREFIX
	$(INSTALL) -d $(sort $(dir $(addprefix $(DESTDIR),$(TARGETS)))) $(DESTDIR)$(confdir)/conf.d
	$(INSTALL) -m 755 $(BUILD)/ftwatchd $(DESTDIR)$(sbindir)/ftwatchd
	$(INSTALL) -m 755 $(BUILD)/ftwatchctl $(DESTDIR)$(bindir)/ftwatchctl
	$(Q)set -e; for f in $(DATA); do \
	        $(INSTALL) -m 644 "$${f%%:*}" "$(DESTDIR)$${f#*:}"; \
	done; \
	for f in $(UNITS); do \
	        sed 's|/usr/sbin/ftwatchd|$(sbindir)/ftwatchd|; s|/etc/ftwatchd|$(confdir)|' "$${f%%:*}" \
	                >"$(DESTDIR)$${f#*:}"; \
	        chmod 644 "$(DESTDIR)$${f#*:}"; \
	done; \
	conf=$(DESTDIR)$(confdir)/ftwatchd.conf; \
	if [ -z "$(DESTDIR)" ] && [ -e "$$conf" ] && ! cmp -s etc/ftwatchd.conf "$$conf"; then \
	        echo "$$conf is kept, the new one is $$conf.new"; conf=$$conf.new; \
	fi; \
	$(INSTALL) -m 644 etc/ftwatchd.conf "$$conf"

uninstall: ## what install put there, but not the configuration
	rm -f $(addprefix $(DESTDIR),$(TARGETS))
	-rmdir $(DESTDIR)$(docdir) 2>/dev/null
	@echo "$(DESTDIR)$(confdir) is kept"

DIST            := ftwatchd-$(VERSION)
dist: ## dist/ftwatchd-VERSION.tar.gz of what is committed
	@mkdir -p dist
	git archive --prefix=$(DIST)/ -o dist/$(DIST).tar.gz HEAD

distcheck: dist ## does the tarball build, pass its tests, install and uninstall?
	$(Q)tests/tools/distcheck.sh dist/$(DIST).tar.gz

include packaging/packages.mk

clean: ## remove the build directories
	rm -rf build build-* dist $(BUILD)

.PHONY: all help test-programs check check-headers check-layers lint tidy fuzz fuzz-run bench demo \
        docs-images install uninstall dist distcheck clean FORCE
.SECONDARY:

-include $(patsubst %.c,$(BUILD)/%.d,$(ALL_C))
