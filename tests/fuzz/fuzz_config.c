/* The configuration: any bytes as its text. What is accepted is dumped, and the dump must be accepted in
 * turn, secrets filled in. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

#define DUMP_MAX (64U * 1024 * 1024)

/* libconfig 1.5 forgets the string it has read when its parser meets a syntax error behind it. */
const char *__lsan_default_suppressions(void) {
        return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

static Config *load(const char *text, size_t size) {
        _cleanup_(config_errors_done) ConfigErrors errors = {};
        Config *c = NULL;

        int r = config_load_text("fuzz", text, size, &c, &errors);
        if ((r == 0) != (c != NULL) || (r == 0) != (errors.n == 0))
                abort();
        return c;
}

static void fill_secrets(const char *text, Buf *ret) {
        const char *p;

        for (; (p = strstr(text, "\"***\"")); text = p + 5) {
                (void) buf_append(ret, text, (size_t) (p - text));
                (void) buf_puts(ret, "\"https://hooks.example.org/secret\"");
        }
        (void) buf_puts(ret, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_freep) Config *c = load((const char *) data, size), *again = NULL;
        _cleanup_(buf_done) Buf dump = BUF_INIT(DUMP_MAX), filled = BUF_INIT(DUMP_MAX),
                second = BUF_INIT(DUMP_MAX);

        if (!c || config_dump(c, &dump) < 0)
                return 0;
        fill_secrets(buf_string(&dump), &filled);
        if (filled.error < 0 || filled.size > 1024U * 1024)
                return 0;
        again = load(buf_string(&filled), filled.size);
        if (!again || config_dump(again, &second) < 0 || strcmp(buf_string(&dump), buf_string(&second)) != 0)
                abort();
        return 0;
}
