#pragma once
/* The reading of one configuration: its files, parsed, and where in them a thing stands. Inside config/
 * only. */

#include <libconfig.h>

#include "config/config.h"
#include "config/flatten.h"

typedef struct ConfigFile {
        ConfigText text;
        config_t tree;
        bool parsed;
} ConfigFile;

/* A setting and the file it stands in. */
typedef struct Node {
        const ConfigFile *file;
        config_setting_t *setting;
} Node;

typedef struct NodeList {
        Node *list;
        size_t n;
} NodeList;

typedef struct Reader {
        ConfigErrors *errors;
        Config *config;                 /* in the making */
        ConfigFile **files;
        size_t n_files;
        unsigned n_orders;              /* files and included files so far */
        bool incomplete;                /* a file could not be read: what is missing may be in it */
        NodeList sources, receivers, rules;     /* parallel to the lists in config */
} Reader;

void reader_done(Reader *r);
/* A mistake in the file becomes an error, not a result: 0 or -ENOMEM. */
int reader_add_file(Reader *r, const char *path);
int reader_add_text(Reader *r, const char *name, const char *data, size_t size);
/* The *.conf of a folder, in strcmp order; a folder that is not there is none. */
int reader_add_folder(Reader *r, const char *path);

/* A mistake at a place: 0 or -ENOMEM. A root setting stands for the whole file. */
int reader_complain(Reader *r, Node at, const char *format, ...) _printf_(3, 4);
/* "file:line" of it. */
int node_describe(Node n, char **ret);
const TextFile *node_place(Node n, unsigned *ret_line);

static inline Node node_child(Node n, unsigned i) {
        return (Node) { n.file, config_setting_get_elem(n.setting, i) };
}
/* .setting is NULL where there is none. */
static inline Node node_member(Node n, const char *key) {
        return (Node) { n.file, config_setting_get_member(n.setting, key) };
}
static inline unsigned node_length(Node n) {
        return (unsigned) config_setting_length(n.setting);
}
int node_list_add(NodeList *l, Node n);
