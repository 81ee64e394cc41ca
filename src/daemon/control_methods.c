#include <errno.h>

#include "base/json.h"
#include "base/strings.h"
#include "daemon/control_internal.h"
#include "io/bus.h"

int control_fail_no_engine(sd_bus_error *error) {
        return sd_bus_error_set(error, BUS_ERROR("Stopping"), "ftwatchd is stopping");
}

int control_fail_request(sd_bus_error *error, int r) {
        if (r == -ENOBUFS)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many open calls");
        return r;
}

int control_fail(const Control *c, int r, sd_bus_error *error) {
        char text[ENGINE_ERROR_MAX];

        return sd_bus_error_set_errnof(error, r, "%s", engine_error_text(c->engine, r, text));
}

/* `get` gives the n names that there are. */
static int fail_no_such(const char *kind, const char *code, const char *name, size_t n,
                        const char *(*get)(const Engine *e, size_t i), const Engine *e,
                        sd_bus_error *error) {
        _cleanup_free_ const char **names = calloc(n + 1, sizeof *names);

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                names[i] = get(e, i);
        const char *nearest = nearest_string(name, names);
        return sd_bus_error_setf(error, code, "there is no %s '%s'%s%s%s", kind, name,
                                 nearest ? "; did you mean '" : "; ftwatchctl status lists them",
                                 strempty(nearest), nearest ? "'?" : "");
}

int control_fail_no_source(const Control *c, const char *name, sd_bus_error *error) {
        return fail_no_such("source", BUS_ERROR("NoSuchSource"), name, engine_n_sources(c->engine),
                            engine_source_name, c->engine, error);
}

static int fail_no_receiver(const Control *c, const char *name, sd_bus_error *error) {
        return fail_no_such("receiver", BUS_ERROR("NoSuchReceiver"), name, engine_n_receivers(c->engine),
                            engine_receiver_name, c->engine, error);
}

static int fail_throttled(sd_bus_error *error, const char *who, usec_t wait_usec) {
        char span[SPAN_MAX];

        return sd_bus_error_setf(error, BUS_ERROR("Throttled"), "the %s asked for a pause; it is over in %s",
                                 who, format_span(wait_usec, span));
}

static int method_poll(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Control *c = userdata;
        const char *source = NULL;
        usec_t wait = 0;
        Request *request;

        int r = sd_bus_message_read(m, "s", &source);
        if (r < 0)
                return r;
        if (!c->engine)
                return control_fail_no_engine(error);
        if (*source && !engine_has_source(c->engine, source))
                return control_fail_no_source(c, source, error);
        r = request_new(c, REQUEST_POLL, m, source, &request);
        if (r < 0)
                return control_fail_request(error, r);
        r = engine_poll(c->engine, *source ? source : NULL, &wait);
        if (r >= 0)
                return 1;
        request_free(c, request);
        return r == -EAGAIN ? fail_throttled(error, "server", wait) : control_fail(c, r, error);
}

static int method_test(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Control *c = userdata;
        const char *receiver, *name;
        usec_t wait = 0;
        Request *request;

        int r = sd_bus_message_read(m, "ss", &receiver, &name);
        if (r < 0)
                return r;
        if (!c->engine)
                return control_fail_no_engine(error);
        NoticeType type = notice_type_from_string(*name ? name : "test");
        if (type == _NOTICE_TYPE_INVALID)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "there is no notice type '%s'",
                                         name);
        r = request_new(c, REQUEST_TEST, m, receiver, &request);
        if (r < 0)
                return control_fail_request(error, r);
        r = engine_test(c->engine, receiver, type, request->notice_id, &wait);
        if (r >= 0)
                return 1;
        request_free(c, request);
        if (r == -ENOENT)
                return fail_no_receiver(c, receiver, error);
        return r == -EAGAIN ? fail_throttled(error, "receiver", wait) : control_fail(c, r, error);
}

static int method_retry(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Control *c = userdata;
        const char *id;

        int r = sd_bus_message_read(m, "s", &id);
        if (r < 0)
                return r;
        if (!c->engine)
                return control_fail_no_engine(error);
        r = *id ? engine_retry(c->engine, id) : -ENOENT;
        if (r == -ENOENT)
                return sd_bus_error_setf(error, BUS_ERROR("NoSuchNotice"), "there is no notice '%s'", id);
        if (r == -ENOTUNIQ)
                return sd_bus_error_setf(error, BUS_ERROR("Ambiguous"),
                                         "more than one notice begins with '%s'", id);
        return r < 0 ? control_fail(c, r, error) : sd_bus_reply_method_return(m, "u", (uint32_t) r);
}

static int method_retry_all_dead(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Control *c = userdata;
        const char *glob;
        uint64_t since;

        int r = sd_bus_message_read(m, "st", &glob, &since);
        if (r < 0)
                return r;
        if (!c->engine)
                return control_fail_no_engine(error);
        r = engine_retry_dead(c->engine, *glob ? glob : NULL, MIN(since, (uint64_t) INT64_MAX));
        return r < 0 ? control_fail(c, r, error) : sd_bus_reply_method_return(m, "u", (uint32_t) r);
}

static int method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Control *c = userdata;
        _cleanup_free_ char *errors = NULL;
        Request *request;

        int r = request_new(c, REQUEST_RELOAD, m, NULL, &request);
        if (r < 0)
                return control_fail_request(error, r);
        r = c->ports.reload(&errors, c->ports.userdata);
        if (r >= 0)
                return 1;
        request_free(c, request);
        switch (r) {
        case -EBUSY:
                return sd_bus_error_set(error, BUS_ERROR("Busy"), "a reload is under way already");
        case -ESHUTDOWN:
                return control_fail_no_engine(error);
        case -EINVAL:
                return sd_bus_error_set(error, BUS_ERROR("InvalidConfiguration"), strempty(errors));
        default:
                return r;
        }
}

static int method_get_status(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Control *c = userdata;
        _cleanup_json_ json_object *o = NULL;
        _cleanup_free_ char *text = NULL;

        if (!c->engine)
                return control_fail_no_engine(error);
        int r = engine_status_json(c->engine, &o);
        if (r >= 0)
                r = json_add_string(o, "version", c->version);
        if (r >= 0)
                r = json_to_text(o, &text);
        return r < 0 ? r : sd_bus_reply_method_return(m, "s", text);
}

static int get_number(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                      const char *property, sd_bus_message *reply, void *userdata,
                      sd_bus_error *error _unused_) {
        ControlStatus status;

        int r = control_status_read(userdata, &status);
        if (r < 0)
                return r;
        const struct {
                const char *name;
                uint32_t value;
        } numbers[] = {
                { "Sources", status.n_sources },
                { "SourcesAnswering", status.n_answering },
                { "UnfinishedJobs", status.n_unfinished },
                { "DeliveriesOwed", status.n_owed },
        };
        r = -EINVAL;
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
                if (streq(numbers[i].name, property))
                        r = sd_bus_message_append(reply, "u", numbers[i].value);
        control_status_done(&status);
        return r;
}

static int get_trouble(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,
                       const char *property _unused_, sd_bus_message *reply, void *userdata,
                       sd_bus_error *error _unused_) {
        ControlStatus status;

        int r = control_status_read(userdata, &status);
        if (r < 0)
                return r;
        r = sd_bus_message_append(reply, "s", status.trouble);
        control_status_done(&status);
        return r;
}

#define STATUS_PROPERTY(name, type, get) \
        SD_BUS_PROPERTY(name, type, get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

const sd_bus_vtable control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Poll", SD_BUS_ARGS("s", source), SD_BUS_RESULT("a(sbssuua(sss))", reports),
                                method_poll, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Probe", SD_BUS_ARGS("s", source),
                                SD_BUS_RESULT("b", works, "s", text, "s", json), method_probe,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Test", SD_BUS_ARGS("s", receiver, "s", type),
                                SD_BUS_RESULT("s", id, "b", delivered, "s", reason, "u", status, "s",
                                              detail),
                                method_test, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Retry", SD_BUS_ARGS("s", id), SD_BUS_RESULT("u", deliveries), method_retry,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("RetryAllDead", SD_BUS_ARGS("s", receivers, "t", since_usec),
                                SD_BUS_RESULT("u", deliveries), method_retry_all_dead,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Silence",
                                SD_BUS_ARGS("s", kind, "s", pattern, "t", span_usec, "s", comment),
                                SD_BUS_RESULT("t", id), method_silence, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Unsilence", SD_BUS_ARGS("t", id), SD_BUS_RESULT("u", ended),
                                method_unsilence, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListSilences", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(tssttst)", silences),
                                method_list_silences, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", json), method_get_status,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Notice", SD_BUS_ARGS("s", id, "s", type, "s", source, "s", job, "s", json),
                                0),
        SD_BUS_PROPERTY("Version", "s", NULL, offsetof(Control, version), SD_BUS_VTABLE_PROPERTY_CONST),
        STATUS_PROPERTY("Sources", "u", get_number),
        STATUS_PROPERTY("SourcesAnswering", "u", get_number),
        STATUS_PROPERTY("UnfinishedJobs", "u", get_number),
        STATUS_PROPERTY("DeliveriesOwed", "u", get_number),
        STATUS_PROPERTY("Trouble", "s", get_trouble),
        SD_BUS_VTABLE_END,
};
