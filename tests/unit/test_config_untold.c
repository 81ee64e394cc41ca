/* The warning where troubles reach nobody but the journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

#define SOURCE(more)                                                                                \
        "sources = ( { name = \"a\"; endpoint = \"https://a.openai.azure.com\"; api_key = \"k\";\n" \
        more " } );\n"

#define HOOKS(and)                                                                                  \
        SOURCE("") "receivers = ( { name = \"r\"; kind = \"slack\"; url = \"https://example.org/r\"; },\n" \
        "{ name = \"s\"; kind = \"slack\"; url = \"https://example.org/s\"; }" and " );\n"

static void test_untold(void **state) {
        static const char no_receivers[] = "no receivers but the journal", no_rule[] = "no rule gives";
        static const struct {
                const char *text, *says;
        } rows[] = {
                { SOURCE(""), no_receivers },
                { SOURCE("") "receivers = ( { name = \"j\"; kind = \"journal\"; } );", no_receivers },
                { HOOKS(""), NULL },
                { HOOKS("") "rules = ( { to = \"r\"; } );", NULL },
                { HOOKS("") "rules = ( { types = \"job.*\"; to = \"r\"; } );", no_rule },
                { HOOKS("") "rules = ( { models = \"gpt-*\"; to = \"r\"; } );", no_rule },
                { HOOKS("") "rules = ( { types = \"test\"; to = \"r\"; } );", no_rule },
                { HOOKS("") "rules = ( { sources = \"b*\"; to = \"r\"; } );", no_rule },
                { HOOKS("") "rules = ( { sources = \"a*\"; to = \"r\"; } );", NULL },
                { HOOKS("") "rules = ( { types = \"job.*\"; to = \"r\"; },"
                            " { types = \"source.unauthorized\"; to = \"s\"; } );", NULL },
                { HOOKS("") "rules = ( { types = \"receiver.*\"; to = \"s\"; } );", NULL },
                { HOOKS(", { name = \"j\"; kind = \"journal\"; }")
                  "rules = ( { types = \"job.*\"; to = \"r\"; }, { to = \"j\"; } );", no_rule },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_(config_errors_done) ConfigErrors errors = {};
                _cleanup_(config_freep) Config *c = NULL;
                _cleanup_free_ char *says = NULL;
                if (config_load_text("text", rows[i].text, strlen(rows[i].text), &c, &errors) < 0)
                        fail_msg("%s", errors.n > 0 ? errors.list[0].message : "?");
                assert_int_equal(config_untold(c, &says), 0);
                if (!says != !rows[i].says || (says && !strstr(says, rows[i].says)))
                        fail_msg("%s\nsays: %s", rows[i].text, says ? says : "nothing");
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_untold),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
