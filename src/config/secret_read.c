#include "config/secret_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/strings.h"
#include "config/file.h"

#define SECRET_SIZE_MAX 65536U
#define WORD_MIN 2U
#define WORD_MAX 15U

_printf_(2, 3)
static int complain(char **ret_message, const char *format, ...) {
        va_list ap;
        char *s;

        va_start(ap, format);
        int n = vasprintf(&s, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        *ret_message = s;
        return -EINVAL;
}

/* What every secret of one line must be: a header value and a URL are made of it. */
static int take_value(const char *value, size_t size, const char *from, bool lines, Secret **ret,
                      char **ret_message) {
        if (size == 0)
                return complain(ret_message, "%s is empty", from);
        for (size_t i = 0; i < size; i++)
                if (((unsigned char) value[i] < ' ' || value[i] == 0x7f) &&
                    !(lines && value[i] != '\0' && strchr("\r\n\t", value[i])))
                        return complain(ret_message, "%s holds more than one line or a control character",
                                        from);
        return secret_new(ret, value, size);
}

/* One newline at the end is how editors and echo(1) write files; it is not part of the secret. */
static int read_file(const char *path, const char *from, bool lines, Secret **ret, char **ret_message) {
        _cleanup_(buf_done) Buf b = BUF_INIT_SECRET(SECRET_SIZE_MAX);

        int r = file_read(path, &b, NULL);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return complain(ret_message, "%s: %s%s", from, file_error(r),
                                r == -EACCES ? ": the user that ftwatchd runs as may not read it" : "");
        size_t size = b.size;
        if (size > 0 && b.data[size - 1] == '\n')
                size -= size > 1 && b.data[size - 2] == '\r' ? 2 : 1;
        return take_value(buf_string(&b), size, from, lines, ret, ret_message);
}

static int from_credential(const char *name, const char *from, bool lines, Secret **ret,
                           char **ret_message) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL;

        if (isempty(name) || strchr(name, '/') || streq(name, ".") || streq(name, ".."))
                return complain(ret_message, "%s: a credential's name has no slash and is not empty", from);
        if (isempty(directory))
                return complain(ret_message,
                                "%s: $CREDENTIALS_DIRECTORY is not set; the service manager sets it "
                                "where the unit has LoadCredential=%s:/PATH; by hand, set it to the folder "
                                "that holds %s", from, name, name);
        int r = string_printf(&path, "%s/%s", directory, name);
        if (r < 0)
                return r;
        if (access(path, F_OK) < 0 && errno == ENOENT)
                return complain(ret_message, "%s: there is no such credential in %s; the unit needs "
                                "LoadCredential=%s:/PATH", from, directory, name);
        return read_file(path, from, lines, ret, ret_message);
}

static int from_file(const char *path, const char *from, bool lines, Secret **ret, char **ret_message) {
        if (path[0] != '/')
                return complain(ret_message, "%s: the path must be absolute", from);
        return read_file(path, from, lines, ret, ret_message);
}

static int from_environment(const char *name, const char *from, bool lines, Secret **ret,
                            char **ret_message) {
        const char *value = *name ? getenv(name) : NULL;

        if (!value)
                return complain(ret_message, "%s: there is no such environment variable", from);
        return take_value(value, strlen(value), from, lines, ret, ret_message);
}

static const struct {
        const char *prefix, *shape;
        int (*read)(const char *name, const char *from, bool lines, Secret **ret, char **ret_message);
} schemes[] = {
        { "credential:", "credential:NAME", from_credential },
        { "file:", "file:/PATH", from_file },
        { "env:", "env:NAME", from_environment },
};

/* The bytes of a word with a colon behind it, as references begin and secrets hardly do: "cred:", "File:";
 * 0 when it is none. A URL is none. */
static size_t reference_word(const char *text) {
        size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-");

        return n >= WORD_MIN && n <= WORD_MAX && text[n] == ':' && !startswith(text + n, "://") ? n : 0;
}

/* The scheme that this word is a slip, a beginning or a longer form of; NULL when it is of none. */
static const char *meant_shape(const char *word) {
        const char *names[] = { "credential", "file", "env", NULL };

        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
                if (strncasecmp(word, names[i], MIN(strlen(word), strlen(names[i]))) == 0)
                        return schemes[i].shape;
        const char *nearest = nearest_string(word, names);
        for (size_t i = 0; nearest && i < ARRAY_SIZE(schemes); i++)
                if (streq(nearest, names[i]))
                        return schemes[i].shape;
        return NULL;
}

/* "cred:x", "Credentials:x", "ENV:X" are slips, not secrets. What may be a secret after all is not
 * repeated. */
static int refuse_slip(const char *text, char **ret_message) {
        char word[WORD_MAX + 1] = "";
        size_t n = reference_word(text);

        if (n == 0)
                return 0;
        memcpy(word, text, n);
        const char *shape = meant_shape(word);
        if (shape)
                return complain(ret_message, "\"%s:\" is no way to name a secret; did you mean \"%s\"?",
                                word, shape);
        return complain(ret_message, "what stands before its colon is no way to name a secret; there are "
                        "\"credential:NAME\", \"file:/PATH\" and \"env:NAME\", also for a secret that "
                        "begins like this");
}

int secret_read(const char *text, const SecretPlace *place, Secret **ret, char **ret_message) {
        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
                const char *name = startswith(text, schemes[i].prefix);
                if (name)
                        return schemes[i].read(name, text, place->lines, ret, ret_message);
        }
        int r = refuse_slip(text, ret_message);
        if (r < 0)
                return r;
        if (place->mode & 0077)
                return complain(ret_message,
                                "it is written out, and others than the owner may read %s (mode %04o): "
                                "chmod 600 %s, or write \"credential:NAME\" or \"file:/PATH\"",
                                place->path, (unsigned) place->mode & 07777U, place->path);
        return take_value(text, strlen(text), "the value", place->lines, ret, ret_message);
}
