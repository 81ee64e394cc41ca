# ftsim, the simulated API and notification sinks. Included by the top Makefile, whose rules then compile and
# link; also works alone: make -f tests/sim/sim.mk
BUILD           ?= build
SIM_PACKAGES    := libmicrohttpd gnutls json-c libconfig libcrypto
SIM_SOURCES     := $(addprefix tests/sim/,api.c clock.c control.c fault.c fault_body.c ftsim.c generate.c job.c \
                   journal.c jsonread.c page.c render.c scenario.c server.c sink.c sink_slack.c sink_teams.c \
                   sink_webhook.c token.c token_assertion.c training.c util.c world.c)
SIM_OBJECTS     := $(patsubst %.c,$(BUILD)/%.o,$(SIM_SOURCES))
SIM_LIBS         = $(shell pkg-config --libs $(SIM_PACKAGES)) -lm

ifndef COMPILE
COMPILE         := $(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes \
                   -Wmissing-prototypes -Wpointer-arith -Wundef -Wwrite-strings -Wvla \
                   $(if $(filter 1,$(WERROR)),-Werror) $(shell pkg-config --cflags $(SIM_PACKAGES)) \
                   $(or $(CFLAGS),-O2 -g) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all)
LINK            := $(CC) $(or $(CFLAGS),-g) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)

$(BUILD)/ftsim:

$(BUILD)/tests/sim/%.o: tests/sim/%.c
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

-include $(SIM_OBJECTS:.o=.d)
endif

$(BUILD)/ftsim: $(SIM_OBJECTS)
	$(if $(say),$(call say,LINK,$@))
	$(Q)$(LINK) -o $@ $(SIM_OBJECTS) $(SIM_LIBS)
