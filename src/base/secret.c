#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct Secret {
        size_t size;
        char value[];
};

int secret_new(Secret **ret, const char *value, size_t size) {
        Secret *s = malloc(sizeof *s + size + 1);

        if (!s)
                return -ENOMEM;
        s->size = size;
        if (size > 0)
                memcpy(s->value, value, size);
        s->value[size] = '\0';
        *ret = s;
        return 0;
}

Secret *secret_free(Secret *s) {
        if (s) {
                explicit_bzero(s->value, s->size);
                free(s);
        }
        return NULL;
}

const char *secret_reveal(const Secret *s) {
        return s->value;
}

size_t secret_size(const Secret *s) {
        return s->size;
}

Secret **secretv_free(Secret **v) {
        for (Secret **p = v; p && *p; p++)
                secret_free(*p);
        free(v);
        return NULL;
}

int secretv_extend(Secret ***v, Secret *s) {
        size_t n = 0;

        while (*v && (*v)[n])
                n++;
        Secret **grown = reallocarray(*v, n + 2, sizeof(Secret *));
        if (!grown)
                return -ENOMEM;
        grown[n] = s;
        grown[n + 1] = NULL;
        *v = grown;
        return 0;
}

void string_erase_free(char *s) {
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
}
