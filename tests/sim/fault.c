#include "fault.h"

#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jsonread.h"
#include "sim.h"
#include "util.h"

static const struct {
        const char *name;
        void (*apply)(const Fault *f, Reply *reply, uint64_t dice);
} kinds[] = {
        { "status",     fault_apply_status },
        { "slow",       fault_apply_slow },
        { "truncate",   fault_apply_truncate },
        { "reset",      fault_apply_reset },
        { "garbage",    fault_apply_garbage },
        { "html",       fault_apply_html },
        { "null",       fault_apply_null },
        { "huge",       fault_apply_huge },
        { "deep",       fault_apply_deep },
        { "wrong-type", fault_apply_wrong_type },
        { "bad-utf8",   fault_apply_bad_utf8 },
        { "empty",      fault_apply_empty },
        { "redirect",   fault_apply_redirect },
};

static void fault_done(Fault *f) {
        free(f->path);
        free(f->method);
        free(f->retry_after);
        free(f->body);
        free(f->location);
        (void) json_object_put(f->headers);
}

void fault_list_done(FaultList *list) {
        for (size_t i = 0; i < list->n; i++)
                fault_done(&list->faults[i]);
        free(list->faults);
        *list = (FaultList) {};
}

static json_object *fault_read_headers(json_object *o) {
        json_object *headers = NULL, *a = json_object_new_array();

        (void) json_object_object_get_ex(o, "header", &headers);
        if (json_object_is_type(headers, json_type_string))
                (void) json_object_array_add(a, json_object_get(headers));
        for (size_t i = 0;
             json_object_is_type(headers, json_type_array) && i < json_object_array_length(headers); i++)
                (void) json_object_array_add(a, json_object_get(json_object_array_get_idx(headers, i)));
        return a;
}

int fault_list_add(FaultList *list, json_object *o, const char *where) {
        static const char *const keys[] = {
                "path",   "method", "kind",        "status",   "retry_after", "retry_after_ms",
                "header", "body",   "location",    "delay_ms", "from",        "to",
                "times",  "skip",   "probability", "bytes",    NULL,
        };
        if (!json_check_keys(o, where, keys))
                return -EINVAL;
        const char *kind = json_string(o, "kind", "status");
        size_t k = 0;
        while (k < ELEMENTSOF(kinds) && strcmp(kinds[k].name, kind) != 0)
                k++;
        if (k == ELEMENTSOF(kinds)) {
                (void) fprintf(stderr, "ftsim: %s: unknown kind \"%s\"\n", where, kind);
                return -EINVAL;
        }
        list->faults = must_realloc(list->faults, list->n + 1, sizeof *list->faults);
        list->faults[list->n++] = (Fault) {
                .path = must_strdup(json_string(o, "path", "*")),
                .method = must_strdup(json_string(o, "method", NULL)),
                .apply = kinds[k].apply,
                .status = (unsigned) json_int(o, "status", 0),
                .retry_after = must_strdup(json_string(o, "retry_after", NULL)),
                .retry_after_ms = json_int(o, "retry_after_ms", -1),
                .body = must_strdup(json_string(o, "body", NULL)),
                .location = must_strdup(json_string(o, "location", NULL)),
                .headers = fault_read_headers(o),
                .delay_sec = json_double(o, "delay_ms", 0) / 1000,
                .from = json_double(o, "from", -INFINITY),
                .to = json_double(o, "to", INFINITY),
                .times = json_int(o, "times", -1),
                .skip = json_int(o, "skip", 0),
                .probability = json_double(o, "probability", 1),
                .bytes = (size_t) json_int(o, "bytes", 0),
        };
        return 0;
}

const Fault *fault_list_match(FaultList *list, const char *method, const char *path, double now,
                              uint64_t *random) {
        for (size_t i = 0; i < list->n; i++) {
                Fault *f = &list->faults[i];
                if (f->times == 0 || now < f->from || now >= f->to || fnmatch(f->path, path, 0) != 0 ||
                    (f->method && strcmp(f->method, method) != 0))
                        continue;
                if (f->skip > 0) {
                        f->skip--;
                        continue;
                }
                if (f->probability < 1 && random_unit(random_next(random)) >= f->probability)
                        continue;
                if (f->times > 0)
                        f->times--;
                return f;
        }
        return NULL;
}

void fault_apply(const Fault *f, Reply *reply, uint64_t *random) {
        f->apply(f, reply, random_next(random));
        reply->delay_sec += f->delay_sec;
        if (f->retry_after)
                reply_add_header(reply, "Retry-After", f->retry_after);
        if (f->retry_after_ms >= 0) {
                _cleanup_(string_freep) char *ms = must_printf("%lld", (long long) f->retry_after_ms);
                reply_add_header(reply, "retry-after-ms", ms);
        }
        for (size_t i = 0; i < json_object_array_length(f->headers); i++) {
                const char *line = json_object_get_string(json_object_array_get_idx(f->headers, i));
                size_t n = strcspn(line, ":");
                _cleanup_(string_freep) char *name = strndup(line, n);
                if (name && line[n])
                        reply_add_header(reply, name, line + n + 1 + strspn(line + n + 1, " "));
        }
}
