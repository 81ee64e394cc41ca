#include "base/strings.h"
#include "config/config.h"
#include "config/reader.h"

/* Of etc/ftwatchd.conf. Contoso is nobody: the name that Microsoft's documentation uses. */
#define EXAMPLE_ENDPOINT "https://contoso.openai.azure.com"

bool config_is_example(const char *path) {
        _cleanup_(config_errors_done) ConfigErrors errors = {};
        _cleanup_(reader_done) Reader r = { .errors = &errors };

        if (reader_add_file(&r, path) < 0 || r.n_files == 0 || !r.files[0]->parsed)
                return false;
        Node root = { r.files[0], config_root_setting(&r.files[0]->tree) };
        Node sources = node_member(root, "sources");
        for (unsigned i = 0; sources.setting && i < node_length(sources); i++) {
                Node endpoint = node_member(node_child(sources, i), "endpoint");
                if (endpoint.setting && config_setting_type(endpoint.setting) == CONFIG_TYPE_STRING &&
                    streq(config_setting_get_string(endpoint.setting), EXAMPLE_ENDPOINT))
                        return true;
        }
        return false;
}
