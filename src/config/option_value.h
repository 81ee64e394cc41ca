#pragma once
/* One value into one field, by its OptionSpec: the same for what a file says and for a default. It knows
 * no files. */

#include "base/option.h"
#include "config/secret_read.h"

typedef enum InputType {
        INPUT_STRING,
        INPUT_INTEGER,
        INPUT_BOOL,
        INPUT_OTHER,                    /* a float, a group, a list: nothing that one value is made of */
} InputType;

typedef struct OptionInput {
        InputType type;
        const char *string;
        long long integer;
        bool boolean;
} OptionInput;

/* Sets a field that is zero; for the two vector types, appends. 0, -EINVAL with a whole sentence in
 * *ret_message (malloc'ed, without any secret), -ENOMEM. */
int option_value_set(const OptionSpec *o, const OptionInput *in, const SecretPlace *place, void *settings,
                     char **ret_message);
/* The same from o->fallback, which is not NULL. A table whose default is refused is a programming error. */
int option_value_set_fallback(const OptionSpec *o, void *settings);

static inline bool option_is_vector(const OptionSpec *o) {
        return o->type == OPTION_STRV || o->type == OPTION_SECRETV;
}
