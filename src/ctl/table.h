#pragma once
/* Aligned columns. On a terminal they are made to fit: the widest that may shrink shrink first, then
 * columns that may go are dropped. Elsewhere nothing is shortened. Cells are cleaned here. */

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"
#include "ctl/term.h"

typedef struct Column {
        const char *title;
        bool right;                     /* numbers */
        unsigned width_min;             /* may be shortened down to this; 0: never */
        bool wrap;                      /* the last column only: goes on below instead of being shortened */
        bool list;                      /* and is broken behind commas only */
        unsigned drop;                  /* may be left out on a terminal, the highest first; 0: never */
        bool instead;                   /* says what is before it shorter: shown where that is left out */
} Column;

typedef struct Table Table;

/* `columns` outlives the table. */
int table_new(const Term *term, const Column *columns, size_t n_columns, Table **ret);
Table *table_free(Table *t);
DEFINE_CLEANUP(Table, table_free)

/* The next cell, row by row; NULL and "" show as "-", " " as nothing. The first failure is kept, the rest
 * is nothing; see table_print. */
void table_add(Table *t, Style style, const char *text);
void table_addf(Table *t, Style style, const char *format, ...) _printf_(3, 4);
/* Leaves the column out. */
void table_hide(Table *t, size_t column);
/* Prints it, with `indent` columns before every line; without titles when `bare`. */
int table_print(Table *t, size_t indent, bool bare);
