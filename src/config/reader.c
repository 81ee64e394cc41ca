#include "config/reader.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "config/errors.h"

#define FOLDER_MAX 256

int node_list_add(NodeList *l, Node n) {
        Node *grown = reallocarray(l->list, l->n + 1, sizeof *grown);

        if (!grown)
                return -ENOMEM;
        l->list = grown;
        l->list[l->n++] = n;
        return 0;
}

/* Literal secrets are not left behind in freed memory; depth is bounded by the text scanner. */
static void wipe(config_setting_t *s) {
        bool is_string = config_setting_type(s) == CONFIG_TYPE_STRING;
        char *string = is_string ? (char *) config_setting_get_string(s) : NULL;

        if (string)
                explicit_bzero(string, strlen(string));
        for (int i = 0; config_setting_is_aggregate(s) && i < config_setting_length(s); i++)
                wipe(config_setting_get_elem(s, (unsigned) i));
}

static ConfigFile *file_free(ConfigFile *f) {
        if (f->parsed)
                wipe(config_root_setting(&f->tree));
        config_destroy(&f->tree);
        config_text_done(&f->text);
        free(f);
        return NULL;
}

void reader_done(Reader *r) {
        r->config = config_free(r->config);
        for (size_t i = 0; i < r->n_files; i++)
                file_free(r->files[i]);
        free(r->files);
        free(r->sources.list);
        free(r->receivers.list);
        free(r->rules.list);
        *r = (Reader) {};
}

static int add_empty_file(Reader *r, ConfigFile **ret) {
        ConfigFile **grown = reallocarray(r->files, r->n_files + 1, sizeof(ConfigFile *));

        if (!grown)
                return -ENOMEM;
        r->files = grown;
        ConfigFile *f = calloc(1, sizeof *f);
        if (!f)
                return -ENOMEM;
        config_init(&f->tree);
        r->files[r->n_files++] = f;
        *ret = f;
        return 0;
}

static int parse(Reader *r, ConfigFile *f) {
        f->parsed = config_read_string(&f->tree, buf_string(&f->text.text)) == CONFIG_TRUE;
        if (f->parsed)
                return 0;
        r->incomplete = true;
        unsigned line;
        const TextFile *at = config_text_place(&f->text, (unsigned) config_error_line(&f->tree), &line);
        const char *text = strempty(config_error_text(&f->tree));
        /* The parser notices a mistake at the next word, which may be on the next line. */
        if (streq(text, "syntax error"))
                text = "syntax error, here or just before";
        else if (streq(text, "duplicate setting name"))
                text = "this key was already set, in the same group";
        return config_errors_add(r->errors, at->order, at->path, line, "%s", text);
}

static int file_added(Reader *r, ConfigFile *f, int result) {
        r->n_orders += (unsigned) MAX(f->text.n_files, (size_t) 1);
        if (result == 0)
                return parse(r, f);
        if (result != -EINVAL)
                return result;
        r->incomplete = true;
        return 0;
}

int reader_add_file(Reader *r, const char *path) {
        ConfigFile *f;

        int q = add_empty_file(r, &f);
        if (q < 0)
                return q;
        return file_added(r, f, config_text_read(&f->text, path, r->n_orders, r->errors));
}

int reader_add_text(Reader *r, const char *name, const char *data, size_t size) {
        ConfigFile *f;

        int q = add_empty_file(r, &f);
        if (q < 0)
                return q;
        return file_added(r, f, config_text_set(&f->text, name, data, size, r->errors));
}

static int is_conf(const struct dirent *e) {
        return e->d_name[0] != '.' && endswith(e->d_name, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

int reader_add_folder(Reader *r, const char *path) {
        struct dirent **entries = NULL;

        int n = scandir(path, &entries, is_conf, by_name);
        if (n < 0 && errno == ENOMEM)
                return -ENOMEM;
        if (n < 0 && errno == ENOENT)
                return 0;
        if (n < 0) {
                r->incomplete = true;
                return config_errors_add(r->errors, r->n_orders, path, 0, "cannot be read: %s",
                                         strerrordesc_np(errno));
        }
        int q = n <= FOLDER_MAX ? 0 : config_errors_add(r->errors, r->n_orders, path, 0,
                                                        "holds more than %d files", FOLDER_MAX);
        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *file = NULL;
                if (q >= 0 && i < FOLDER_MAX)
                        q = string_printf(&file, "%s/%s", path, entries[i]->d_name);
                if (q >= 0 && i < FOLDER_MAX)
                        q = reader_add_file(r, file);
                free(entries[i]);
        }
        free(entries);
        return q;
}

const TextFile *node_place(Node n, unsigned *ret_line) {
        bool root = config_setting_is_root(n.setting);

        return config_text_place(&n.file->text, root ? 0 : config_setting_source_line(n.setting), ret_line);
}

int node_describe(Node n, char **ret) {
        unsigned line;
        const TextFile *f = node_place(n, &line);

        return string_printf(ret, "%s:%u", f->path, line);
}

int reader_complain(Reader *r, Node at, const char *format, ...) {
        unsigned line;
        const TextFile *f = node_place(at, &line);
        va_list ap;

        va_start(ap, format);
        int q = config_errors_vadd(r->errors, f->order, f->path, line, format, ap);
        va_end(ap);
        return q;
}
