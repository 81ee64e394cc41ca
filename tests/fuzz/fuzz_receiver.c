/* Notices with any bytes for texts, to every kind of receiver: what is rendered is whole, within its limit
 * and the same twice. The input is cut at its newlines into the texts of a notice, by turns; its first byte
 * chooses the type, the second what there is besides. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "base/text.h"
#include "receiver/receiver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RENDER_MAX (4U * 1024 * 1024)

static const struct {
        const char *kind;
        size_t limit;
        bool is_json, is_text;
} kinds[] = {
        { "webhook", 24000, true, true },       /* a notice made by hand is not clipped as a stored one is */
        { "slack", 120000, true, true },
        { "teams", 20000, true, true },
        { "email", 200000, false, true },
        { "journal", 49152, false, false },
};

typedef struct Texts {
        const char *at, *end;
} Texts;

/* The next line as a string; NULL when there is none or it is empty. A NUL ends it. */
static char *next(Texts *t) {
        if (t->at >= t->end)
                return NULL;
        const char *stop = memchr(t->at, '\n', (size_t) (t->end - t->at));
        size_t n = (size_t) ((stop ? stop : t->end) - t->at);
        char *s = n > 0 ? strndup(t->at, n) : NULL;

        t->at += n + 1;
        return s;
}

static char *next_or(Texts *t, const char *fallback) {
        char *s = next(t);

        if (!s && !(s = strdup(fallback)))
                abort();
        return s;
}

static Job *make_job(Texts *t) {
        Job *j = calloc(1, sizeof *j);

        if (!j)
                abort();
        *j = (Job) {
                .id = next_or(t, "ftjob-1"),
                .status = next_or(t, "running"),
                .suffix = next(t),
                .model = next(t),
                .fine_tuned_model = next(t),
                .error = { .code = next(t), .message = next(t), .param = next(t) },
                .method = next(t),
                .created_at = 1795000000,
                .trained_tokens = -1,
        };
        char *key = next(t), *value = next(t);
        if (key && value && (j->metadata = json_object_new_object()))
                (void) json_add_string(j->metadata, key, value);
        free(key);
        free(value);
        return j;
}

static void add_event(Notice *n, Texts *t, EventLevel level) {
        Event *e = calloc(1, sizeof *e);

        if (!e || !(n->events = calloc(1, sizeof(Event *))))
                abort();
        *e = (Event){
                .created_at = 1795000001, .level = level, .message = next_or(t, "message"), .step = -1
        };
        n->events[n->n_events++] = e;
}

static void add_metrics(Notice *n, Texts *t) {
        char *name = next(t), *value = next(t);
        double v = 0.5;

        if (value)
                (void) parse_double(value, &v);
        if (metrics_new(&n->metrics) < 0)
                abort();
        for (int64_t step = 0; step < 30; step++) {
                (void) metrics_add(n->metrics, "train_loss", step,
                                   step == 7 ? v : 2.0 / (double) (step + 1));
                if (name)
                        (void) metrics_add(n->metrics, name, step, v * (double) step);
        }
        free(name);
        free(value);
}

static Notice *make_notice(uint8_t type, uint8_t parts, Texts t) {
        Notice *n = calloc(1, sizeof *n);

        if (!n)
                abort();
        *n = (Notice) {
                .id = "evt_abcdefghijklmnopqrstuvwxyz",
                .type = (NoticeType) (type % _NOTICE_TYPE_MAX),
                .created_usec = UINT64_C(1795096989000000),
                .status = next(&t),
                .previous_status = next(&t),
                .source = next(&t),
                .receiver = next(&t),
                .reason = next(&t),
                .detail = next(&t),
                .advice = next(&t),
                .url = next(&t),
                .blind_sec = parts,
        };
        if (parts & 1)
                n->job = make_job(&t);
        if (parts & 2)
                add_event(n, &t, (EventLevel) (parts % 3));
        if (parts & 4)
                add_metrics(n, &t);
        return n;
}

static void set_field(ReceiverCommon *s, const char *key, const char *value) {
        for (const OptionSpec *o = s->kind->options; o->key; o++) {
                void *field = (char *) s + o->offset;
                if (!streq(o->key, key))
                        continue;
                if ((o->type == OPTION_STRV ? strv_extend(field, value) : free_and_strdup(field, value)) < 0)
                        abort();
        }
}

static ReceiverCommon *make_settings(const char *kind) {
        ReceiverCommon *s;

        if (receiver_settings_new(receiver_kind_find(kind), &s) < 0)
                abort();
        set_field(s, "from", "ftwatchd <ftwatchd@example.org>");
        set_field(s, "to", "ml@example.org");
        return s;
}

/* Mail: 7 bit, CRLF everywhere, lines of at most 100, one empty line ends the header, no field twice. */
static void check_mail(const Buf *b) {
        const char *body = strstr(b->data, "\r\n\r\n");

        if (!body || !startswith(b->data, "From: "))
                abort();
        for (const char *line = b->data; *line;) {
                size_t n = strcspn(line, "\r\n");
                if (n > 100 || line[n] != '\r' || line[n + 1] != '\n')
                        abort();
                for (size_t i = 0; i < n; i++)
                        if ((unsigned char) line[i] >= 0x7f || (unsigned char) line[i] < ' ')
                                abort();
                if (line < body && line > b->data && *line != ' ' && startswith(line, "From: "))
                        abort();
                line += n + 2;
        }
}

static void check_one(size_t kind, const ReceiverCommon *s, const Notice *n, bool degraded) {
        _cleanup_(buf_done) Buf a = BUF_INIT(RENDER_MAX), b = BUF_INIT(RENDER_MAX);

        if (s->kind->render(s, n, degraded, &a) < 0 || s->kind->render(s, n, degraded, &b) < 0)
                abort();
        if (a.size == 0 || a.size > kinds[kind].limit || a.size != b.size ||
            memcmp(a.data, b.data, a.size) != 0)
                abort();
        if (kinds[kind].is_text && !utf8_is_valid(a.data, a.size))
                abort();
        if (kinds[kind].is_json) {
                _cleanup_json_ json_object *o = NULL;
                if (json_parse_bounded(a.data, a.size, &o, NULL) < 0)
                        abort();
        } else if (kinds[kind].is_text)
                check_mail(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size < 2 || size > 16384)
                return 0;
        const Texts t = { .at = (const char *) data + 2, .end = (const char *) data + size };
        Notice *n = make_notice(data[0], data[1], t);

        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                ReceiverCommon *s = make_settings(kinds[k].kind);
                check_one(k, s, n, false);
                check_one(k, s, n, true);
                (void) receiver_settings_free(s);
        }
        (void) notice_free(n);
        return 0;
}
