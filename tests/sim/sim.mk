# ftsim, the simulated API and notification sinks. Included by the top Makefile; also works alone:
#   make -f tests/sim/sim.mk
BUILD ?= build
SIM_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
SIM_PACKAGES := libmicrohttpd json-c libconfig libcrypto
SIM_SOURCES := $(addprefix $(SIM_DIR)/,api.c clock.c control.c fault.c fault_body.c ftsim.c generate.c job.c \
        journal.c jsonread.c page.c render.c scenario.c server.c sink.c sink_slack.c sink_teams.c sink_webhook.c \
        training.c util.c world.c)
SIM_OBJECTS := $(patsubst $(SIM_DIR)/%.c,$(BUILD)/sim/%.o,$(SIM_SOURCES))
SIM_CFLAGS := -std=gnu11 -D_GNU_SOURCE -g -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wundef -Wwrite-strings -Wvla $(shell pkg-config --cflags $(SIM_PACKAGES))
SIM_LDLIBS := $(shell pkg-config --libs $(SIM_PACKAGES)) -lm
SIM_SANITIZE = $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)

$(BUILD)/ftsim: $(SIM_OBJECTS)
	$(CC) $(SIM_SANITIZE) $(CFLAGS) $(LDFLAGS) -o $@ $(SIM_OBJECTS) $(SIM_LDLIBS)

$(BUILD)/sim/%.o: $(SIM_DIR)/%.c $(FLAGS_STAMP)
	@mkdir -p $(@D)
	$(CC) $(SIM_CFLAGS) $(if $(WERROR),-Werror) $(CPPFLAGS) $(or $(CFLAGS),-O2) $(SIM_SANITIZE) -MMD -MP -c -o $@ $<

-include $(SIM_OBJECTS:.o=.d)
