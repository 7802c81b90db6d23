# SPDX-License-Identifier: BSD-3-Clause
# Jackdaw: `make help` lists the targets. Everything is built in $(BUILD), nothing beside a source.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= gcc
ARCH    ?= native
VERSION := 0.1.0
RUN_FOR ?=

# V=1 shows whole commands. As many at a time as there are CPUs, unless -j says otherwise.
Q := $(if $(V),,@)
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

ifneq ($(filter debug asan tsan,$(VARIANT)),)
OPTIMISE := -O1 -g -fno-omit-frame-pointer
else
OPTIMISE := -O3 -g
endif
ifeq ($(VARIANT),asan)
OPTIMISE += -fsanitize=address,undefined -fno-sanitize-recover=undefined
LINKER   := -fsanitize=address,undefined
endif
ifeq ($(VARIANT),tsan)
OPTIMISE += -fsanitize=thread
LINKER   := -fsanitize=thread
endif

# LTO=1 optimises across files. PGO=generate builds what learns (run it, then clean); PGO=use builds
# by what it learnt; see docs/performance.md for what each brings.
ifneq ($(LTO),)
OPTIMISE += -flto=auto
LINKER   += -flto=auto $(OPTIMISE) -march=$(ARCH)
AR       := gcc-ar
endif
PGO_FOLDER ?= $(abspath $(BUILD))/profile
ifeq ($(PGO),generate)
OPTIMISE += -fprofile-generate -fprofile-update=atomic -fprofile-dir=$(PGO_FOLDER)
LINKER   += -fprofile-generate
endif
ifeq ($(PGO),use)
OPTIMISE += -fprofile-use=$(PGO_FOLDER) -fprofile-correction -Wno-missing-profile
endif

# pkg-config's DPDK flags carry -march=corei7: ours must come after it. Asked for at their first
# use, once: when make reads this line on a fresh machine, bootstrap has not installed DPDK yet.
DPDK_CFLAGS  = $(eval DPDK_CFLAGS := $(shell pkg-config --cflags libdpdk))$(DPDK_CFLAGS)
DPDK_LIBS    = $(eval DPDK_LIBS := $(shell pkg-config --libs libdpdk))$(DPDK_LIBS)
WARNINGS    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
CPPFLAGS    += -D_GNU_SOURCE -I. -DJACKDAW_VERSION='"$(VERSION)"'
# Packet memory is read as the headers it holds: no type-based aliasing.
CFLAGS      += -std=gnu11 -fno-strict-aliasing $(OPTIMISE) $(WARNINGS) -pthread
LDFLAGS     += $(LINKER) -pthread

# One archive a folder; a folder's objects may use only what the table in docs/architecture.md allows
# (scripts/check-includes holds that).
sources      = $(filter-out %_main.c,$(wildcard $(1)/*.c))
objects      = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
PLAIN_DIRS  := config dataplane/store dataplane/proto
DPDK_DIRS   := drivers dataplane/net dataplane control
PLAIN_ARCHIVES := $(foreach d,$(PLAIN_DIRS),$(BUILD)/lib$(subst /,-,$(d)).a)
ARCHIVES    := $(PLAIN_ARCHIVES) $(foreach d,$(DPDK_DIRS),$(BUILD)/lib$(subst /,-,$(d)).a)
PERF_ARCHIVE := $(BUILD)/libperf.a
STORE_LIBS  := -lurcu-qsbr -lnuma
PERF_LIBS   := -lurcu-cds
CONFIG_LIBS := -lyaml

PROGRAMS    := $(BUILD)/jackdaw
TEST_PLAIN  := $(patsubst tests/%.c,$(BUILD)/tests/%,$(foreach d,config store proto,$(wildcard tests/$(d)/test_*.c)))
TEST_DPDK   := $(patsubst tests/%.c,$(BUILD)/tests/%,$(foreach d,drivers net worker control,$(wildcard tests/$(d)/test_*.c)))
TEST_PERF   := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/perf/test_*.c))
TESTS       := $(TEST_PLAIN) $(TEST_DPDK) $(TEST_PERF)
# perf/store_bench_main.c is built as build/store-bench, and so on.
PERF_MAINS  := $(basename $(wildcard perf/*_main.c))
perf_name    = $(BUILD)/$(subst _,-,$(patsubst perf/%_main,%,$(1)))

.PHONY: all
all: need-build $(PROGRAMS) perf ## build everything into build/

.PHONY: perf
perf: $(foreach m,$(PERF_MAINS),$(call perf_name,$(m))) ## the benchmarks alone

define perf_program
$(call perf_name,$(1)): $(BUILD)/$(1).o $(PERF_ARCHIVE) $(ARCHIVES)
	@echo "  LINK  $$@"
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$< -Wl,--start-group $(PERF_ARCHIVE) $$(ARCHIVES) -Wl,--end-group -lrte_net_ring $$(DPDK_LIBS) $$(PERF_LIBS) $$(STORE_LIBS) $$(CONFIG_LIBS) -lm
endef
$(foreach m,$(PERF_MAINS),$(eval $(call perf_program,$(m))))

# What a fresh machine lacks is installed once, and said.
.PHONY: need-build
need-build:
	@scripts/bootstrap --if-missing

$(BUILD)/jackdaw: $(BUILD)/control/jackdaw_main.o $(ARCHIVES)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(DPDK_LIBS) $(STORE_LIBS) $(CONFIG_LIBS)

.SECONDEXPANSION:
$(ARCHIVES) $(PERF_ARCHIVE): $(BUILD)/lib%.a: $$(call objects,$$(subst -,/,$$*))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(foreach d,$(DPDK_DIRS) perf tests/drivers tests/net tests/worker tests/control,$(BUILD)/$(d)/%.o): EXTRA_CFLAGS = $(DPDK_CFLAGS)
$(BUILD)/%.o: %.c | need-build
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) $(EXTRA_CFLAGS) $(CFLAGS) -march=$(ARCH) -MMD -MP -c -o $@ $<

# What memcached is given for a clock: without sanitizers, as memcached has none.
$(BUILD)/tests/proto/test_expiry_differential: $(BUILD)/tests/proto/fake_clock.so
$(BUILD)/tests/proto/fake_clock.so: tests/proto/fake_clock.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 -O1 $(WARNINGS) -fPIC -shared -o $@ $<

$(TEST_PLAIN): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(PLAIN_ARCHIVES)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(PLAIN_ARCHIVES) -Wl,--end-group $(STORE_LIBS) $(CONFIG_LIBS) -lcunit -lm
$(TEST_PERF): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(PERF_ARCHIVE) $(PLAIN_ARCHIVES)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(PERF_ARCHIVE) $(PLAIN_ARCHIVES) -Wl,--end-group $(STORE_LIBS) $(CONFIG_LIBS) -lcunit -lm
$(TEST_DPDK): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(ARCHIVES)
	@echo "  LINK  $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(ARCHIVES) -Wl,--end-group -lrte_net_ring $(DPDK_LIBS) $(STORE_LIBS) $(CONFIG_LIBS) -lcunit -lm

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: run
run: need-build $(PROGRAMS) ## start on a lab of network namespaces and show an exchange (RUN_FOR=5: stop after 5 s)
	@scripts/run $(if $(RUN_FOR),--for $(RUN_FOR))

.PHONY: test
test: all $(TESTS) ## every test; ends with "N passed, N failed"
	@scripts/run-tests $(TESTS)

.PHONY: unit
unit: all $(TESTS) ## the CUnit suites alone
	@scripts/run-tests --unit $(TESTS)

# libFuzzer targets, with clang's own sanitizers; what they find new stays in $(BUILD).
FUZZ_FOR ?= 60
FUZZERS  := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/fuzz-%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZED   := $(foreach d,dataplane/store dataplane/proto,$(call sources,$(d)))
FUZZED_NET := $(call sources,dataplane/net)
$(BUILD)/fuzz-udp: FUZZED += $(FUZZED_NET)
$(BUILD)/fuzz-udp: FUZZ_FLAGS = $(DPDK_CFLAGS) -march=$(ARCH)
$(BUILD)/fuzz-udp: FUZZ_LIBS = $(DPDK_LIBS)
$(FUZZERS): $(BUILD)/fuzz-%: tests/fuzz/fuzz_%.c $(FUZZED) $(FUZZED_NET) $(wildcard dataplane/*/*.h tests/fuzz/*.h tests/proto/*.h tests/net/frames.h)
	@mkdir -p $(@D)
	@echo "  FUZZ  $@"
	$(Q)clang $(CPPFLAGS) $(FUZZ_FLAGS) -std=gnu11 -fno-strict-aliasing -O1 -g -fno-omit-frame-pointer \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-o $@ $< $(FUZZED) $(STORE_LIBS) $(FUZZ_LIBS)

.PHONY: fuzz
fuzz: $(FUZZERS) ## fuzz each codec for FUZZ_FOR seconds, from its corpus on
	@$(foreach f,$(FUZZERS:$(BUILD)/fuzz-%=%),mkdir -p $(BUILD)/fuzz/$(f) && \
		$(BUILD)/fuzz-$(f) -max_total_time=$(FUZZ_FOR) -max_len=2050 -print_final_stats=1 \
		-artifact_prefix=$(BUILD)/fuzz/$(f)- $(BUILD)/fuzz/$(f) tests/fuzz/corpus/$(f) &&) true

# Results, table and plots in $(BUILD)/bench. Builds first: nothing else may run while it measures.
.PHONY: bench bench-full
bench: all need-bench ## measure against peers and bounds, in under 10 minutes
	@$(call compare,--quick)
bench-full: all need-bench ## the same with long turns and 8 GiB of items, in about an hour
	@$(call compare,)
compare = mkdir -p $(BUILD)/bench && BUILD=$(BUILD) perf/compare $(1) --json $(BUILD)/bench/results.json \
	--markdown $(BUILD)/bench/table.md --plots $(BUILD)/bench $(if $(CASE),--case $(CASE))

# Instruction counts are exact: of one processor's code, whatever machine it runs on.
BUDGET_BUILD ?= $(BUILD)/budget
.PHONY: bench-check bench-budget
bench-check bench-budget: need-bench
	@$(MAKE) --no-print-directory BUILD=$(BUDGET_BUILD) ARCH=x86-64-v3 $(BUDGET_BUILD)/path-bench $(BUDGET_BUILD)/codec-bench >/dev/null
	@BUILD=$(BUDGET_BUILD) perf/profile $(if $(filter bench-check,$@),--check,--update)
bench-check: ## fail where a path takes over 3 % more instructions than perf/budget.tsv says
bench-budget: ## write perf/budget.tsv anew

.PHONY: need-bench
need-bench:
	@scripts/bootstrap --if-missing test bench

.PHONY: lint
lint: ## clang-tidy, cppcheck, shellcheck, include graph
	@scripts/lint

C_FILES = $(shell git ls-files '*.c' '*.h')
.PHONY: format format-check
format: ## lay the C out as .clang-format says
	clang-format -i $(C_FILES)
format-check: ## fail where format would change something
	clang-format --dry-run -Werror $(C_FILES)

.PHONY: debug asan tsan
debug asan tsan: ## build a variant into build-NAME/ (then: make test VARIANT=asan BUILD=build-asan)
	$(MAKE) all VARIANT=$@ BUILD=build-$@

.PHONY: install
install: all ## into $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/doc/jackdaw $(DESTDIR)/etc/jackdaw
	install -m 755 $(BUILD)/jackdaw $(DESTDIR)$(PREFIX)/sbin/jackdaw
	install -m 644 README.md LICENSE docs/*.md $(DESTDIR)$(PREFIX)/share/doc/jackdaw/
	install -m 644 config/*.yaml $(DESTDIR)/etc/jackdaw/

.PHONY: clean
clean: ## remove what was built
	rm -rf build build-*

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z -]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
