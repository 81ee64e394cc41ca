#include "unit/source_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"

typedef struct Complaints {
        char *text;                             /* "key: message\n"... */
} Complaints;

static int on_complaint(const char *key, const char *message, void *userdata) {
        Complaints *c = userdata;
        char *joined;

        if (string_printf(&joined, "%s%s: %s\n", strempty(c->text), key, message) < 0)
                return -ENOMEM;
        free(c->text);
        c->text = joined;
        return 0;
}

SourceSettings *source_make(const char *dialect, const char *endpoint) {
        SourceSettings *s;

        assert_int_equal(source_settings_new(&s), 0);
        assert_int_equal(free_and_strdup(&s->name, "contoso"), 0);
        assert_int_equal(free_and_strdup(&s->dialect_name, dialect), 0);
        assert_int_equal(free_and_strdup(&s->endpoint, endpoint), 0);
        s->poll_interval_usec = 30 * USEC_PER_SEC;
        s->idle_interval_usec = 5 * USEC_PER_MINUTE;
        return s;
}

char *source_check(SourceSettings *s) {
        Complaints c = {};

        int r = source_settings_check(s, on_complaint, &c);
        assert_int_equal(r, c.text ? -EINVAL : 0);
        return c.text;
}
