#include "engine/hide.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"

/* A shorter one is no secret but a placeholder, and a word that answers are made of. */
#define SECRET_SIZE_MIN 8U              /* bytes */

/* --- one character, as servers write it --------------------------------------------------------------- */

/* Each returns how many bytes of [s, end) are that character, 0 when they are not. */

static size_t match_word(const char *s, const char *end, const char *word) {
        size_t n = strlen(word);

        return (size_t) (end - s) >= n && memcmp(s, word, n) == 0 ? n : 0;
}

/* Two digits behind a prefix. */
static size_t match_hex(const char *s, const char *end, const char *prefix, unsigned char c) {
        size_t n = match_word(s, end, prefix);
        char digits[3] = {};

        if (n == 0 || (size_t) (end - s) < n + 2)
                return 0;
        memcpy(digits, s + n, 2);
        if (!isxdigit((unsigned char) digits[0]) || !isxdigit((unsigned char) digits[1]))
                return 0;
        return strtoul(digits, NULL, 16) == c ? n + 2 : 0;
}

/* application/x-www-form-urlencoded, and URLs. */
static size_t match_form(const char *s, const char *end, unsigned char c) {
        return *s == '+' && c == ' ' ? 1 : match_hex(s, end, "%", c);
}

static size_t match_json(const char *s, const char *end, unsigned char c) {
        const char escaped[] = { '\\', (char) c, '\0' };

        return c == '"' || c == '\\' || c == '/' ? match_word(s, end, escaped) : 0;
}

/* &#65; and &#x41; */
static size_t match_html_number(const char *s, const char *end, unsigned char c) {
        char number[8] = {}, *rest;
        size_t n = match_word(s, end, "&#");
        bool hex = n > 0 && s + n < end && (s[n] == 'x' || s[n] == 'X');

        n += hex;
        memcpy(number, s + n, MIN((size_t) (end - s) - n, sizeof number - 1));
        if (n < 2 || !isxdigit((unsigned char) *number) || strtoul(number, &rest, hex ? 16 : 10) != c)
                return 0;
        return *rest == ';' ? n + (size_t) (rest - number) + 1 : 0;
}

/* Those that every page of HTML escapes. */
static size_t match_html(const char *s, const char *end, unsigned char c) {
        static const struct {
                unsigned char c;
                const char *name;
        } names[] = {
                { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&apos;" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (c == names[i].c && match_word(s, end, names[i].name) > 0)
                        return strlen(names[i].name);
        return match_html_number(s, end, c);
}

static size_t match_one(const char *s, const char *end, unsigned char c) {
        size_t n = (unsigned char) *s == c;

        /* A character that begins its own escape: the longer one. */
        switch (*s) {
        case '%':
        case '+':
                return MAX(n, match_form(s, end, c));
        case '\\':
                return MAX(MAX(n, match_json(s, end, c)), match_hex(s, end, "\\u00", c));
        case '&':
                return MAX(n, match_html(s, end, c));
        default:
                return n;
        }
}

/* --- all of it ---------------------------------------------------------------------------------------- */

static bool begins_with(const char *s, const char *end, const Secret *secret) {
        const char *value = secret_reveal(secret);

        for (size_t i = 0; i < secret_size(secret); i++) {
                size_t n = s < end ? match_one(s, end, (unsigned char) value[i]) : 0;
                if (n == 0)
                        return false;
                s += n;
        }
        return true;
}

static bool repeats(const char *text, size_t size, const Secret *secret) {
        /* One that looks like an escape itself is found only so. */
        if (memmem(text, size, secret_reveal(secret), secret_size(secret)))
                return true;
        for (const char *s = text, *end = text + size; s < end; s++)
                if (begins_with(s, end, secret))
                        return true;
        return false;
}

static bool string_repeats(const char *text, const Secret *secret) {
        return repeats(text, strlen(text), secret);
}

Outcome outcome_hide(const Outcome *o, const HttpReply *reply, const Secret *secret) {
        char text[96];

        if (o->kind == OUTCOME_OK || !secret || secret_size(secret) < SECRET_SIZE_MIN)
                return *o;
        if (!repeats(buf_string(&reply->body), reply->body.size, secret) &&
            !string_repeats(reply->request_id, secret) && !string_repeats(reply->detail, secret) &&
            !string_repeats(o->detail, secret))
                return *o;
        (void) snprintf(text, sizeof text, "HTTP %d: the answer repeats the credential and is not shown",
                        reply->status);
        Outcome clean = outcome_make(o->kind, o->reason, o->status, text);
        clean.retry_after_usec = o->retry_after_usec;
        return clean;
}
