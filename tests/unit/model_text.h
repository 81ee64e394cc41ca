#pragma once
/* JSON texts in tests of model/: parsed or the test fails, written, and fixtures read from
 * $FTWATCH_FIXTURES. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/macro.h"

static inline _unused_ json_object *json_of(const char *text) {
        json_object *o = NULL;
        const char *reason = NULL;

        if (json_parse_bounded(text, strlen(text), &o, &reason) < 0)
                fail_msg("%s: %s", reason, text);
        return o;
}

static inline _unused_ char *text_of(json_object *o) {
        char *text;

        assert_int_equal(json_to_text(o, &text), 0);
        return text;
}

/* The reply in a fixture: some are recorded with their request, in `body`. NULL without $FTWATCH_FIXTURES.
 */
static inline _unused_ json_object *fixture_load(const char *name) {
        const char *folder = getenv("FTWATCH_FIXTURES");
        _cleanup_free_ char *path = NULL, *text = NULL;
        const size_t most = 1024 * 1024;

        if (!folder)
                return NULL;
        assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
        FILE *f = fopen(path, "re");
        if (!f)
                fail_msg("cannot read %s", path);
        text = malloc(most + 1);
        assert_non_null(text);
        size_t n = fread(text, 1, most, f);
        (void) fclose(f);
        text[n] = '\0';
        json_object *whole = json_of(text), *body = json_object_get(json_member(whole, "body"));
        if (!body)
                return whole;
        json_object_put(whole);
        return body;
}
