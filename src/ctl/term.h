#pragma once
/* The place output goes to: how wide it is, whether it takes colours and characters beyond ASCII.
 * Everything printed passes term_clean(), so no name or message of a server can carry a terminal
 * sequence. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/macro.h"

typedef enum Style {
        STYLE_NONE,
        STYLE_STRONG,
        STYLE_DIM,
        STYLE_GOOD,
        STYLE_BAD,
        STYLE_WARNING,
        STYLE_ACTIVE,
        _STYLE_MAX,
} Style;

typedef enum ColorMode {
        COLOR_AUTO,                     /* on a terminal that has them, unless NO_COLOR is set */
        COLOR_ALWAYS,
        COLOR_NEVER,
} ColorMode;

typedef enum Symbol {
        SYMBOL_ELLIPSIS,
        SYMBOL_DOT,                     /* before a title */
        SYMBOL_ARROW,
        SYMBOL_DONE,
        SYMBOL_DEAD,
        SYMBOL_OWED,
        _SYMBOL_MAX,
} Symbol;

typedef struct Term {
        FILE *out;
        bool is_tty;
        bool color;
        bool utf8;
        size_t width;                   /* columns; 0: nothing is shortened */
} Term;

#define TERM_WIDTH_FALLBACK 80U

/* $COLUMNS goes before what the terminal says. */
void term_init(Term *ret, FILE *out, ColorMode mode);
/* A printable copy of foreign text, on one line: see text_clean(). On a terminal that knows ASCII only
 * the rest becomes "?"; in a pipe it stays. */
int term_clean(const Term *t, const char *s, char **ret);
/* Columns that a cleaned text takes. */
size_t term_columns(const Term *t, const char *s);
/* Cuts a cleaned text at a character boundary so that it takes at most this many columns, with an
 * ellipsis. A copy. */
int term_shorten(const Term *t, const char *s, size_t columns, char **ret);
const char *term_symbol(const Term *t, Symbol symbol);

/* These print what they get: text of ours, or cleaned. */
void term_put(const Term *t, Style style, const char *s);
void term_printf(const Term *t, const char *format, ...) _printf_(2, 3);
void term_pad(const Term *t, size_t n);
/* Foreign text: cleaned, then printed. */
int term_put_foreign(const Term *t, Style style, const char *s);
/* The same, broken between words where the line would be too long; lines after the first begin at
 * `indent`, which is also where the first one is now. */
int term_put_wrapped(const Term *t, Style style, const char *s, size_t indent);
/* The same for a list: what stands between two commas is broken only where it alone is too long. */
int term_put_wrapped_list(const Term *t, Style style, const char *s, size_t indent);
