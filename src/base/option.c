#include "base/option.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/strings.h"

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
                case OPTION_SPAN:
                case OPTION_SIZE:
                case OPTION_UINT:
                case OPTION_BOOL:
                case OPTION_ENUM:
                        break;
                }
        }
}
