#include <errno.h>

#include "base/strings.h"
#include "daemon/control_internal.h"
#include "engine/silence.h"
#include "io/bus.h"

#define PATTERN_MAX 256U
#define COMMENT_MAX 500U

static int check_silence(const char *kind, const char *pattern, uint64_t span, const char *comment,
                         SilenceKind *ret, sd_bus_error *error) {
        if (silence_kind_from_string(kind, ret) < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "what is silenced is a job, a source or a receiver, not a '%s'",
                                         kind);
        if (isempty(pattern) || strlen(pattern) > PATTERN_MAX || strlen(comment) > COMMENT_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "empty, or too long");
        if (span == 0 || span > SILENCE_MAX_USEC)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                        "a silence lasts at most a year; for longer write a rule");
        return 0;
}

int method_silence(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Control *c = userdata;
        const char *kind, *pattern, *comment;
        Silence s = {};
        uint64_t span;

        int r = sd_bus_message_read(m, "ssts", &kind, &pattern, &span, &comment);
        if (r < 0)
                return r;
        if (!c->engine)
                return control_fail_no_engine(error);
        r = check_silence(kind, pattern, span, comment, &s.kind, error);
        if (r < 0)
                return r;
        r = free_and_strdup(&s.pattern, pattern);
        if (r >= 0)
                r = free_and_strdup(&s.comment, isempty(comment) ? NULL : comment);
        if (r >= 0)
                r = engine_silence(c->engine, &s, span);
        uint64_t id = (uint64_t) s.id;
        silence_done(&s);
        if (r == -ENOBUFS)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many silences");
        return r < 0 ? control_fail(c, r, error) : sd_bus_reply_method_return(m, "t", id);
}

int method_unsilence(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Control *c = userdata;
        uint64_t id;

        int r = sd_bus_message_read(m, "t", &id);
        if (r < 0)
                return r;
        if (!c->engine)
                return control_fail_no_engine(error);
        r = id > INT64_MAX ? -ENOENT : engine_unsilence(c->engine, (int64_t) id);
        if (r == -ENOENT)
                return sd_bus_error_setf(error, BUS_ERROR("NoSuchSilence"), "there is no silence %llu",
                                         (unsigned long long) id);
        return r < 0 ? control_fail(c, r, error) : sd_bus_reply_method_return(m, "u", (uint32_t) r);
}

int method_list_silences(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Control *c = userdata;
        _cleanup_(silences_done) Silences all = {};
        sd_bus_message *reply = NULL;

        if (!c->engine)
                return control_fail_no_engine(error);
        int r = engine_list_silences(c->engine, &all);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(tssttst)");
        for (size_t i = 0; r >= 0 && i < all.n; i++) {
                const Silence *s = &all.list[i];
                r = sd_bus_message_append(reply, "(tssttst)", (uint64_t) s->id,
                                          silence_kind_to_string(s->kind), s->pattern, s->since_usec,
                                          s->until_usec, strempty(s->comment), s->n_silenced);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}
