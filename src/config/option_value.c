#include "config/option_value.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/strings.h"
#include "base/time.h"
#include "config/option_print.h"
#include "io/http.h"

/* One conversion. */
typedef struct Conversion {
        const OptionSpec *option;
        const OptionInput *in;
        const SecretPlace *place;
        void *field;
        char *message;
} Conversion;

typedef int (*convert_t)(Conversion *c);

_printf_(2, 3)
static int refuse(Conversion *c, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int n = vasprintf(&c->message, format, ap);
        va_end(ap);
        if (n < 0) {
                c->message = NULL;
                return -ENOMEM;
        }
        return -EINVAL;
}

static int check_range(Conversion *c, uint64_t v) {
        const OptionSpec *o = c->option;
        char least[OPTION_NUMBER_MAX], most[OPTION_NUMBER_MAX];

        if (o->max == 0 || (v >= o->min && v <= o->max))
                return 0;
        return refuse(c, "%s must be between %s and %s", o->key, option_print_number(o->type, o->min, least),
                      option_print_number(o->type, o->max, most));
}

/* A string without control characters: whatever is made of it later, a header, a line of a log, a URL,
 * stays whole. */
static int need_string(Conversion *c, const char *what, const char **ret) {
        if (c->in->type != INPUT_STRING)
                return refuse(c, "%s must be %s", c->option->key, what);
        for (const char *p = c->in->string; *p; p++)
                if (iscntrl((unsigned char) *p))
                        return refuse(c, "%s holds a control character", c->option->key);
        *ret = c->in->string;
        return 0;
}

static int convert_string(Conversion *c) {
        const char *s;

        int r = need_string(c, "a string, in double quotes", &s);
        return r < 0 ? r : free_and_strdup(c->field, s);
}

static int convert_strv(Conversion *c) {
        const char *s;

        int r = need_string(c, "a string or a list of strings", &s);
        if (r < 0)
                return r;
        return *s ? strv_extend(c->field, s) : refuse(c, "%s holds an empty string", c->option->key);
}

static int read_secret(Conversion *c, Secret **ret) {
        _cleanup_free_ char *message = NULL;
        const char *s;

        int r = need_string(c, "a string: \"credential:NAME\", \"file:/PATH\" or \"env:NAME\"", &s);
        if (r < 0)
                return r;
        SecretPlace place = *c->place;
        place.lines = c->option->flags & OPTION_LINES;
        r = secret_read(s, &place, ret, &message);
        return r == -EINVAL ? refuse(c, "%s: %s", c->option->key, message) : r;
}

static int convert_secret(Conversion *c) {
        return read_secret(c, c->field);
}

static int convert_secretv(Conversion *c) {
        _cleanup_(secret_freep) Secret *s = NULL;

        int r = read_secret(c, &s);
        if (r < 0)
                return r;
        r = secretv_extend(c->field, s);
        if (r < 0)
                return r;
        s = NULL;
        return 0;
}

static int convert_span(Conversion *c) {
        static const char what[] = "a time span as \"30s\", \"5min\", \"2h\" or \"3d\"";
        const char *s = "0";
        usec_t v;

        int r = c->in->type == INPUT_INTEGER && c->in->integer == 0 ? 0 : need_string(c, what, &s);
        if (r < 0)
                return r;
        if (parse_span(s, &v) < 0)
                return refuse(c, "%s must be %s", c->option->key, what);
        r = check_range(c, v);
        if (r == 0)
                *(usec_t *) c->field = v;
        return r;
}

/* "8M", "8MiB", "65536": powers of 1024, as everywhere in systemd. */
static int parse_size(const char *s, uint64_t *ret) {
        static const char units[] = "KMGT";
        char number[24];
        uint64_t v;
        size_t n = strspn(s, "0123456789");

        if (n == 0 || n >= sizeof number)
                return -EINVAL;
        memcpy(number, s, n);
        number[n] = '\0';
        int r = parse_uint64(number, &v);
        if (r < 0)
                return r;
        const char *rest = s + n + strspn(s + n, " ");
        const char *unit = *rest ? strchr(units, toupper((unsigned char) *rest)) : NULL;
        if (unit) {
                unsigned shift = 10 * (unsigned) (unit - units + 1);
                if (v > UINT64_MAX >> shift)
                        return -ERANGE;
                v <<= shift;
                rest++;
                if (*rest == 'i')
                        rest++;
        }
        if (*rest && !streq(rest, "B"))
                return -EINVAL;
        *ret = v;
        return 0;
}

static int convert_size(Conversion *c) {
        static const char what[] = "a size as \"8M\" or a number of bytes";
        const char *s = NULL;
        uint64_t v = (uint64_t) c->in->integer;
        int r = 0;

        if (c->in->type != INPUT_INTEGER) {
                r = need_string(c, what, &s);
                if (r < 0)
                        return r;
                r = parse_size(s, &v);
        }
        if (r < 0 || (!s && c->in->integer < 0))
                return refuse(c, "%s must be %s", c->option->key, what);
        r = check_range(c, v);
        if (r == 0)
                *(uint64_t *) c->field = v;
        return r;
}

static int convert_uint(Conversion *c) {
        if (c->in->type != INPUT_INTEGER)
                return refuse(c, "%s must be a whole number, without quotes", c->option->key);
        if (c->in->integer < 0)
                return refuse(c, "%s must not be negative", c->option->key);
        int r = check_range(c, (uint64_t) c->in->integer);
        if (r == 0)
                *(uint64_t *) c->field = (uint64_t) c->in->integer;
        return r;
}

static int convert_bool(Conversion *c) {
        if (c->in->type != INPUT_BOOL)
                return refuse(c, "%s must be true or false, without quotes", c->option->key);
        *(bool *) c->field = c->in->boolean;
        return 0;
}

/* The value may be a secret: it is not repeated. */
static int check_url(Conversion *c, const char *url) {
        if (!startswith(url, "https://") && !startswith(url, "http://"))
                return refuse(c, "%s must be a URL that begins with https://", c->option->key);
        if (startswith(url, "http://") && !http_url_is_safe(url))
                return refuse(c, "%s is plain http: that is accepted towards loopback only, use https://",
                              c->option->key);
        if (!http_url_is_safe(url))
                return refuse(c, "%s is not a valid URL", c->option->key);
        return 0;
}

static int convert_url(Conversion *c) {
        const char *s;

        int r = need_string(c, "a URL that begins with https://, in double quotes", &s);
        if (r >= 0)
                r = check_url(c, s);
        return r < 0 ? r : free_and_strdup(c->field, s);
}

static int convert_secret_url(Conversion *c) {
        _cleanup_(secret_freep) Secret *s = NULL;

        int r = read_secret(c, &s);
        if (r >= 0)
                r = check_url(c, secret_reveal(s));
        if (r < 0)
                return r;
        *(Secret **) c->field = TAKE_PTR(s);
        return 0;
}

static int convert_mail_url(Conversion *c) {
        static const char what[] =
                "\"smtps://HOST\" or \"smtp://HOST\" (with STARTTLS), with or without \":PORT\"";
        const char *s = "";

        int r = need_string(c, what, &s);
        if (r < 0)
                return r;
        const char *host = startswith(s, "smtps://");
        if (!host)
                host = startswith(s, "smtp://");
        if (!host || !*host || host[strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                                 "0123456789.-_:[]")])
                return refuse(c, "%s must be %s", c->option->key, what);
        return free_and_strdup(c->field, s);
}

static int convert_enum(Conversion *c) {
        const char *const *names = c->option->names, *s;
        char list[160] = "";

        for (size_t i = 0, n = 0; names[i] && n < sizeof list - 1; i++) {
                int k = snprintf(list + n, sizeof list - n, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
                n = MIN(n + (size_t) MAX(k, 0), sizeof list - 1);
        }
        if (c->in->type != INPUT_STRING)
                return refuse(c, "%s must be one of %s", c->option->key, list);
        s = c->in->string;
        for (int i = 0; names[i]; i++)
                if (streq(names[i], s)) {
                        *(int *) c->field = i;
                        return 0;
                }
        const char *nearest = nearest_string(s, names);
        if (nearest)
                return refuse(c, "unknown %s '%s'; did you mean '%s'?", c->option->key, s, nearest);
        return refuse(c, "unknown %s '%s': it must be one of %s", c->option->key, s, list);
}

static const convert_t converters[] = {
        [OPTION_STRING] = convert_string,
        [OPTION_STRV] = convert_strv,
        [OPTION_SECRET] = convert_secret,
        [OPTION_SECRETV] = convert_secretv,
        [OPTION_SPAN] = convert_span,
        [OPTION_SIZE] = convert_size,
        [OPTION_UINT] = convert_uint,
        [OPTION_BOOL] = convert_bool,
        [OPTION_URL] = convert_url,
        [OPTION_SECRET_URL] = convert_secret_url,
        [OPTION_MAIL_URL] = convert_mail_url,
        [OPTION_ENUM] = convert_enum,
};
_Static_assert(ARRAY_SIZE(converters) == OPTION_ENUM + 1, "every OptionType but a group has its converter");

int option_value_set(const OptionSpec *o, const OptionInput *in, const SecretPlace *place, void *settings,
                     char **ret_message) {
        Conversion c = { .option = o, .in = in, .place = place, .field = (char *) settings + o->offset };

        int r = converters[o->type](&c);
        if (r == -EINVAL)
                *ret_message = c.message;
        return r;
}

int option_value_set_fallback(const OptionSpec *o, void *settings) {
        static const SecretPlace nowhere = { .path = "", .mode = 0600 };
        OptionInput in = { .type = INPUT_STRING, .string = o->fallback };
        _cleanup_free_ char *message = NULL;
        uint64_t v;

        if (o->type == OPTION_BOOL) {
                in = (OptionInput) { .type = INPUT_BOOL, .boolean = streq(o->fallback, "true") };
        } else if (o->type == OPTION_UINT && parse_uint64(o->fallback, &v) == 0)
                in = (OptionInput) { .type = INPUT_INTEGER, .integer = (long long) v };
        int r = option_value_set(o, &in, &nowhere, settings, &message);
        assert(r != -EINVAL);
        return r;
}
