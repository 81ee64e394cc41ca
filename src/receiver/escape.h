#pragma once
/* Escaping by tables: each place that shows foreign text has its own rules, and cuts what is too long
 * without cutting a replacement or a character in two. Not for control characters: see text_clean(). */

#include <stddef.h>

#include "base/buf.h"

typedef enum EscapeWhen {
        ESCAPE_ALWAYS = 0,
        ESCAPE_OUTSIDE_WORD,            /* unless letters or digits stand on both sides */
        ESCAPE_BEFORE_WORD,             /* only if a letter, digit, '#', '/', '!' or '?' follows */
} EscapeWhen;

typedef struct EscapeRule {
        const char *from;               /* the first rule whose text stands here applies */
        const char *to;
        EscapeWhen when;
} EscapeRule;                           /* a table ends with { NULL } */

/* Appends s with its replacements, at most max_chars code points: what is longer ends in "…". */
int escape_append(Buf *b, const char *s, const EscapeRule *rules, size_t max_chars);
