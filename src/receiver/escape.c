#include "receiver/escape.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/strings.h"
#include "base/text.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* ASCII only: that a letter beyond it is one too is not for us to say, and escaping once too often does no
 * harm. */
static bool is_word(char c) {
        return (unsigned char) c < 0x80 && isalnum((unsigned char) c);
}

static bool rule_applies(const EscapeRule *rule, const char *start, const char *at) {
        if (!startswith(at, rule->from))
                return false;
        char next = at[strlen(rule->from)];
        switch (rule->when) {
        case ESCAPE_OUTSIDE_WORD:
                return at == start || !is_word(at[-1]) || !is_word(next);
        case ESCAPE_BEFORE_WORD:
                return is_word(next) || (next && strchr("#/!?", next));
        case ESCAPE_ALWAYS:
                break;
        }
        return true;
}

static const EscapeRule *rule_find(const EscapeRule *rules, const char *start, const char *at) {
        for (; rules->from; rules++)
                if (rule_applies(rules, start, at))
                        return rules;
        return NULL;
}

int escape_append(Buf *b, const char *s, const EscapeRule *rules, size_t max_chars) {
        const char *at = s;
        size_t left = strlen(s), n_chars = 0;
        size_t cut = b->size;           /* where "…" would go: the last place with room for it */

        while (left > 0 && b->error == 0) {
                const EscapeRule *rule = rule_find(rules, s, at);
                unsigned c;
                size_t in = rule ? strlen(rule->from) : utf8_sequence(at, left, &c);
                in = in > 0 ? in : 1;
                size_t out = rule ? utf8_length(rule->to) : 1;
                if (n_chars + out > max_chars) {
                        b->size = cut;
                        return max_chars > 0 ? buf_puts(b, ELLIPSIS) : b->error;
                }
                (void) (rule ? buf_puts(b, rule->to) : buf_append(b, at, in));
                n_chars += out;
                if (n_chars < max_chars)
                        cut = b->size;
                at += in;
                left -= in;
        }
        return b->error;
}
