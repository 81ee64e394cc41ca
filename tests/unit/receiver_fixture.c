#include "unit/receiver_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"

/* What required options are without being asked for. */
static const struct {
        const char *kind, *key, *value;
} defaults[] = {
        { "slack", "url", "https://hooks.slack.com/services/T000/B000/slack-path-secret" },
        { "teams", "url",
          "https://contoso.westeurope.logic.azure.com/workflows/1/triggers/manual/paths/invoke?"
          "api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=teams-sig-secret" },
        { "webhook", "url", "https://example.org/hook?token=webhook-url-secret" },
        { "webhook", "secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" },
        { "email", "server", "smtp://127.0.0.1:2525" },
        { "email", "from", "ftwatchd <ftwatchd@example.org>" },
        { "email", "to", "ML Team <ml@example.org>" },
};

static const OptionSpec *find(const OptionSpec *table, const char *key) {
        for (; table->key; table++)
                if (streq(table->key, key))
                        return table;
        return NULL;
}

static Secret *secret(const char *value) {
        Secret *s;

        assert_int_equal(secret_new(&s, value, strlen(value)), 0);
        return s;
}

static void set_enum(const OptionSpec *o, int *field, const char *value) {
        for (int i = 0; o->names[i]; i++)
                if (streq(o->names[i], value)) {
                        *field = i;
                        return;
                }
        fail_msg("%s: no such value %s", o->key, value);
}

static void set(const OptionSpec *o, ReceiverCommon *settings, const char *value) {
        void *field = (char *) settings + o->offset;

        switch (o->type) {
        case OPTION_STRING:
        case OPTION_URL:
        case OPTION_MAIL_URL:
                assert_int_equal(free_and_strdup(field, value), 0);
                break;
        case OPTION_STRV:
                assert_int_equal(strv_extend(field, value), 0);
                break;
        case OPTION_SECRET:
        case OPTION_SECRET_URL:
                secret_free(*(Secret **) field);
                *(Secret **) field = secret(value);
                break;
        case OPTION_SECRETV:
                assert_int_equal(secretv_extend(field, secret(value)), 0);
                break;
        case OPTION_SPAN:
                assert_int_equal(parse_span(value, field), 0);
                break;
        case OPTION_SIZE:
        case OPTION_UINT:
                assert_int_equal(parse_uint64(value, field), 0);
                break;
        case OPTION_BOOL:
                *(bool *) field = streq(value, "true");
                break;
        case OPTION_GROUP:
                fail_msg("%s: no receiver has a group", o->key);
                break;
        case OPTION_ENUM:
                set_enum(o, field, value);
                break;
        }
}

static void set_fallbacks(const OptionSpec *table, ReceiverCommon *s, char *const *given) {
        for (; table->key; table++) {
                if (strv_contains(given, table->key))
                        continue;
                if (table->fallback)
                        set(table, s, table->fallback);
                for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
                        if (streq(defaults[i].kind, s->kind->name) && streq(defaults[i].key, table->key))
                                set(table, s, defaults[i].value);
        }
}

ReceiverCommon *receiver_fixture_make(const char *kind, ...) {
        const ReceiverKind *k = receiver_kind_find(kind);
        ReceiverCommon *s;
        char **given = NULL;
        const char *key;
        va_list ap;

        assert_non_null(k);
        assert_int_equal(receiver_settings_new(k, &s), 0);
        va_start(ap, kind);
        while ((key = va_arg(ap, const char *))) {
                const OptionSpec *o = find(k->options, key);
                o = o ? o : find(receiver_common_options, key);
                assert_non_null(o);
                set(o, s, va_arg(ap, const char *));
                assert_int_equal(strv_extend(&given, key), 0);
        }
        va_end(ap);
        if (!strv_contains(given, "name"))
                set(find(receiver_common_options, "name"), s, kind);
        set_fallbacks(receiver_common_options, s, given);
        set_fallbacks(k->options, s, given);
        strv_free(given);
        return s;
}
