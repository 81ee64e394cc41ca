#include "config/option_print.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/macro.h"
#include "base/secret.h"
#include "base/strings.h"
#include "base/time.h"

#define INDENT_MAX 32

typedef struct Unit {
        const char *name;
        uint64_t size;
} Unit;

static const Unit span_units[] = {
        { "d", USEC_PER_DAY }, { "h", USEC_PER_HOUR }, { "min", USEC_PER_MINUTE }, { "s", USEC_PER_SEC },
        { "ms", USEC_PER_MSEC }, { "us", 1 }, {},
};
static const Unit size_units[] = {
        { "G", UINT64_C(1) << 30 }, { "M", UINT64_C(1) << 20 }, { "K", UINT64_C(1) << 10 }, { "", 1 }, {},
};
static const Unit no_units[] = { { "", 1 }, {} };

char *option_print_number(OptionType type, uint64_t v, char buf[static OPTION_NUMBER_MAX]) {
        const Unit *u = type == OPTION_SPAN ? span_units : type == OPTION_SIZE ? size_units : no_units;

        if (v == 0 && type == OPTION_SPAN)
                u += 3;                 /* "0s" */
        while (v % u->size != 0 || (v == 0 && type == OPTION_SIZE && *u->name))
                u++;
        (void) snprintf(buf, OPTION_NUMBER_MAX, "%" PRIu64 "%s", v / u->size, u->name);
        return buf;
}

int option_print_string(const char *s, Buf *ret) {
        (void) buf_putc(ret, '"');
        for (; *s; s++) {
                if (*s == '"' || *s == '\\')
                        (void) buf_printf(ret, "\\%c", *s);
                else if (iscntrl((unsigned char) *s))
                        (void) buf_printf(ret, "\\x%02x", (unsigned char) *s);
                else
                        (void) buf_putc(ret, *s);
        }
        return buf_putc(ret, '"');
}

static int print_vector(char *const *v, bool secret, Buf *ret) {
        (void) buf_putc(ret, '[');
        for (size_t i = 0; v[i]; i++) {
                (void) buf_puts(ret, i > 0 ? ", " : " ");
                (void) option_print_string(secret ? "***" : v[i], ret);
        }
        return buf_puts(ret, " ]");
}

/* Whether there is something to print. */
static bool is_set(const OptionSpec *o, const void *field) {
        switch (o->type) {
        case OPTION_SPAN:
        case OPTION_SIZE:
        case OPTION_UINT:
        case OPTION_BOOL:
        case OPTION_ENUM:
                return true;
        default:
                return *(void *const *) field != NULL;
        }
}

static int print_value(const OptionSpec *o, const void *field, Buf *ret) {
        char number[OPTION_NUMBER_MAX];

        switch (o->type) {
        case OPTION_STRING:
        case OPTION_URL:
        case OPTION_MAIL_URL:
                return option_print_string(*(char *const *) field, ret);
        case OPTION_STRV:
                return print_vector(*(char **const *) field, false, ret);
        case OPTION_SECRETV:
                return print_vector(*(char **const *) field, true, ret);
        case OPTION_SECRET:
        case OPTION_SECRET_URL:
                return option_print_string("***", ret);
        case OPTION_SPAN:
        case OPTION_SIZE:
                return option_print_string(option_print_number(o->type, *(const uint64_t *) field, number),
                                           ret);
        case OPTION_UINT:
                return buf_puts(ret, option_print_number(o->type, *(const uint64_t *) field, number));
        case OPTION_BOOL:
                return buf_puts(ret, *(const bool *) field ? "true" : "false");
        case OPTION_ENUM:
                return option_print_string(o->names[*(const int *) field], ret);
        case OPTION_GROUP:
                break;
        }
        return 0;
}

static int print_group(const OptionSpec *o, const void *group, const char *indent, Buf *ret) {
        char deeper[INDENT_MAX];

        (void) snprintf(deeper, sizeof deeper, "%s  ", indent);
        (void) buf_printf(ret, "%s%s = {\n", indent, o->key);
        (void) options_print(o->group, group, deeper, ret);
        return buf_printf(ret, "%s};\n", indent);
}

int options_print(const OptionSpec *table, const void *settings, const char *indent, Buf *ret) {
        int r = 0;

        for (const OptionSpec *o = table; o->key && r >= 0; o++) {
                const void *field = (const char *) settings + o->offset;
                if (!is_set(o, field)) {
                        r = buf_printf(ret, "%s# %s is not set\n", indent, o->key);
                        continue;
                }
                if (o->type == OPTION_GROUP) {
                        r = print_group(o, *(void *const *) field, indent, ret);
                        continue;
                }
                (void) buf_printf(ret, "%s%s = ", indent, o->key);
                (void) print_value(o, field, ret);
                r = buf_puts(ret, ";\n");
        }
        return r;
}
