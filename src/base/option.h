#pragma once
/* Options described by tables: each module that has settings says which keys it takes, of what type, where
 * the value goes and what it is good for. config/ reads files by these tables, prints them and checks them:
 * a new option is one row. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

typedef enum OptionType {
        OPTION_STRING, /* char *    */
        OPTION_STRV, /* char **   a string or a list of strings */
        OPTION_SECRET, /* Secret *  literal, credential:NAME, file:/PATH, env:NAME */
        OPTION_SECRETV, /* Secret ** one or a list */
        OPTION_SPAN, /* usec_t    "30s" */
        OPTION_SIZE, /* uint64_t  bytes: integer or "8M" */
        OPTION_UINT, /* uint64_t  */
        OPTION_BOOL, /* bool      */
        OPTION_URL, /* char *    https, or http to loopback */
        OPTION_SECRET_URL, /* Secret *  the same, and a secret */
        OPTION_MAIL_URL, /* char *    smtps://, smtp:// (STARTTLS required unless loopback) */
        OPTION_ENUM, /* int       one of `names`, NULL-terminated; the value is its index */
        OPTION_GROUP, /* struct *  { key = value; ... }, read by the table `group`; NULL: not there */
} OptionType;

#define OPTION_REQUIRED (1U << 0)
#define OPTION_LINES    (1U << 1)       /* a secret may have several lines */

typedef struct OptionSpec OptionSpec;
struct OptionSpec {
        const char *key;
        OptionType type;
        unsigned flags;
        size_t offset;                  /* of the field in the settings struct */
        const char *fallback;           /* the default as one would write it in the file; NULL: none */
        uint64_t min, max; /* of numbers, sizes and spans (usec); max 0: no limits are checked */
        const char *const *names;       /* OPTION_ENUM */
        const OptionSpec *group;        /* OPTION_GROUP, with the size of its struct */
        size_t group_size;
        const char *instead;            /* the key that a required one may be replaced by, or NULL */
        const char *help;               /* one line, no full stop */
};                                      /* a table ends with { NULL } */

/* Called once for each mistake: the key it is about (static) and a whole sentence. Negative errno ends the
 * check. */
typedef int (*option_complain_t)(const char *key, const char *message, void *userdata);

typedef struct OptionComplaints {
        option_complain_t complain;
        void *userdata;
        unsigned n;                     /* made so far */
} OptionComplaints;

/* One complaint, counted. What `complain` returned, or -ENOMEM. */
int option_complain(OptionComplaints *c, const char *key, const char *format, ...) _printf_(3, 4);

/* Frees (and wipes) every field the table describes and zeroes them. `settings` is the struct the offsets
 * are of. */
void options_done(const OptionSpec *table, void *settings);
/* Whether every option has the same value, secrets too. */
bool options_equal(const OptionSpec *table, const void *a, const void *b);
