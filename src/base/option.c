#include "base/option.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/strings.h"

int option_complain(OptionComplaints *c, const char *key, const char *format, ...) {
        _cleanup_free_ char *message = NULL;
        va_list ap;

        va_start(ap, format);
        int n = vasprintf(&message, format, ap);
        va_end(ap);
        if (n < 0) {
                message = NULL;
                return -ENOMEM;
        }
        c->n++;
        return c->complain(key, message, c->userdata);
}

void options_done(const OptionSpec *table, void *settings) {
        for (const OptionSpec *o = table; o->key; o++) {
                void *field = (char *) settings + o->offset;
                switch (o->type) {
                case OPTION_STRING:
                case OPTION_URL:
                case OPTION_MAIL_URL:
                        free(TAKE_PTR(*(char **) field));
                        break;
                case OPTION_STRV:
                        strv_free(TAKE_PTR(*(char ***) field));
                        break;
                case OPTION_SECRET:
                case OPTION_SECRET_URL:
                        secret_free(TAKE_PTR(*(Secret **) field));
                        break;
                case OPTION_SECRETV:
                        secretv_free(TAKE_PTR(*(Secret ***) field));
                        break;
                case OPTION_GROUP:
                        if (*(void **) field)
                                options_done(o->group, *(void **) field);
                        free(TAKE_PTR(*(void **) field));
                        break;
                case OPTION_SPAN:
                case OPTION_SIZE:
                case OPTION_UINT:
                case OPTION_BOOL:
                case OPTION_ENUM:
                        break;
                }
        }
}

static bool secret_is_same(const Secret *a, const Secret *b) {
        return secret_size(a) == secret_size(b) &&
               memcmp(secret_reveal(a), secret_reveal(b), secret_size(a)) == 0;
}

static bool secretv_is_same(Secret *const *a, Secret *const *b) {
        for (; *a && *b; a++, b++)
                if (!secret_is_same(*a, *b))
                        return false;
        return !*a && !*b;
}

static bool strv_is_same(char *const *a, char *const *b) {
        for (; *a && *b; a++, b++)
                if (!streq(*a, *b))
                        return false;
        return !*a && !*b;
}

static bool value_is_same(const OptionSpec *o, const void *a, const void *b) {
        switch (o->type) {
        case OPTION_SPAN:
        case OPTION_SIZE:
        case OPTION_UINT:
                return *(const uint64_t *) a == *(const uint64_t *) b;
        case OPTION_BOOL:
                return *(const bool *) a == *(const bool *) b;
        case OPTION_ENUM:
                return *(const int *) a == *(const int *) b;
        default:
                break;
        }
        const void *p = *(void *const *) a, *q = *(void *const *) b;
        if (!p || !q)
                return p == q;
        switch (o->type) {
        case OPTION_STRV:
                return strv_is_same(p, q);
        case OPTION_SECRET:
        case OPTION_SECRET_URL:
                return secret_is_same(p, q);
        case OPTION_SECRETV:
                return secretv_is_same(p, q);
        case OPTION_GROUP:
                return options_equal(o->group, p, q);
        default:
                return streq(p, q);
        }
}

bool options_equal(const OptionSpec *table, const void *a, const void *b) {
        for (const OptionSpec *o = table; o->key; o++)
                if (!value_is_same(o, (const char *) a + o->offset, (const char *) b + o->offset))
                        return false;
        return true;
}
