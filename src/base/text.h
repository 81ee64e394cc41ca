#pragma once
/* Foreign text: UTF-8 validity, safe shortening, control characters. What a module must do beyond that
 * (HTML, JSON, mrkdwn, header words) it does itself, where the text leaves. */

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the valid UTF-8 sequence at s (1..4; RFC 3629: no surrogates, no overlong forms), 0 if there is
 * none. */
size_t utf8_sequence(const char *s, size_t size, unsigned *ret_codepoint);
bool utf8_is_valid(const char *s, size_t size);
/* Number of code points; invalid bytes count as one each. */
size_t utf8_length(const char *s);

/* A valid, printable copy for one line: invalid bytes become U+FFFD; control characters (C0, DEL, C1,
 * U+2028/9) become a space; bidirectional overrides and isolates (U+202A..E, U+2066..9), zero-width no-break
 * space are dropped. At most max_chars code points: what is longer ends in "…". With keep_newlines, \n
 * stays. NULL on out of memory. */
char *text_clean(const char *s, size_t max_chars, bool keep_newlines);

/* The same shortening by bytes: cuts s in place at a character boundary so that it fits max_bytes, ending in
 * "…". */
void text_shorten_bytes(char *s, size_t max_bytes);

/* Columns on a terminal, wide characters counted as two (wcwidth, in a UTF-8 locale). */
size_t text_columns(const char *s);
