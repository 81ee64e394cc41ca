#include <errno.h>

#include "config/config.h"
#include "config/option_print.h"

static void begin_list(const char *key, size_t n, Buf *b) {
        (void) buf_printf(b, n > 0 ? "\n%s = (\n" : "\n%s = ( );\n", key);
}

/* libconfig takes no comma behind the last entry. */
static void end_entry(size_t i, size_t n, Buf *b) {
        (void) buf_puts(b, i + 1 < n ? "  },\n" : "  }\n);\n");
}

static void dump_receiver(const ReceiverCommon *c, Buf *b) {
        (void) buf_puts(b, "    kind = ");
        (void) option_print_string(c->kind->name, b);
        (void) buf_puts(b, ";\n");
        (void) options_print(receiver_common_options, c, "    ", b);
        (void) options_print(c->kind->options, c, "    ", b);
}

int config_dump(const Config *c, Buf *ret) {
        (void) options_print(config_options, c, "", ret);
        begin_list("sources", c->n_sources, ret);
        for (size_t i = 0; i < c->n_sources; i++) {
                (void) buf_puts(ret, "  {\n");
                (void) options_print(source_options, c->sources[i], "    ", ret);
                end_entry(i, c->n_sources, ret);
        }
        begin_list("receivers", c->n_receivers, ret);
        for (size_t i = 0; i < c->n_receivers; i++) {
                (void) buf_puts(ret, "  {\n");
                dump_receiver(c->receivers[i], ret);
                end_entry(i, c->n_receivers, ret);
        }
        begin_list("rules", c->n_rules, ret);
        for (size_t i = 0; i < c->n_rules; i++) {
                (void) buf_puts(ret, "  {\n");
                (void) options_print(rule_options, &c->rules[i], "    ", ret);
                end_entry(i, c->n_rules, ret);
        }
        return ret->error;
}
