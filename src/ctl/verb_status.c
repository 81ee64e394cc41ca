/* ftwatchctl status: from the daemon, or without it from the state. */

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/strings.h"
#include "ctl/ctl.h"
#include "ctl/format.h"
#include "ctl/table.h"
#include "engine/control.h"

static const Column source_columns[] = {
        { .title = "SOURCE", .width_min = 10 },
        { .title = "STATE" },
        { .title = "UNFINISHED", .right = true },
        { .title = "LAST POLL", .drop = 2 },
        { .title = "NEXT POLL" },
        { .title = "WHY", .width_min = 12, .wrap = true, .drop = 1 },
};

static const Column receiver_columns[] = {
        { .title = "RECEIVER", .width_min = 10 },
        { .title = "KIND" },
        { .title = "STATE" },
        { .title = "NEXT TRY" },
        { .title = "WHY" },
};

static usec_t member_usec(json_object *o, const char *key) {
        int64_t at = json_member_int(o, key, 0);

        return at > 0 ? (usec_t) at * USEC_PER_SEC : 0;
}

static void add_age(const Ctl *c, Table *table, json_object *o, const char *key) {
        char age[AGE_MAX];

        table_add(table, STYLE_NONE, format_age(c->now_usec, member_usec(o, key), age));
}

static void add_source(const Ctl *c, Table *table, json_object *o) {
        const char *reason = json_member_string(o, "reason"), *detail = json_member_string(o, "detail");
        bool ok = json_member_bool(o, "ok", false), polling = json_member_bool(o, "polling", false);
        bool running = json_member(o, "ok") != NULL;

        table_add(table, STYLE_STRONG, json_member_string(o, "name"));
        if (!running)
                table_add(table, STYLE_DIM, NULL);
        else if (ok)
                table_add(table, STYLE_GOOD, "ok");
        else
                table_add(table, reason ? STYLE_BAD : STYLE_ACTIVE, reason ? reason : "not polled yet");
        table_addf(table, STYLE_NONE, "%lld", (long long) json_member_int(o, "unfinished_jobs", 0));
        add_age(c, table, o, "last_poll_at");
        if (polling)
                table_add(table, STYLE_ACTIVE, "now");
        else
                add_age(c, table, o, "next_poll_at");
        table_add(table, STYLE_NONE, detail);
}

static void add_receiver(const Ctl *c, Table *table, json_object *o) {
        bool ok = json_member_bool(o, "ok", false);

        table_add(table, STYLE_STRONG, json_member_string(o, "name"));
        table_add(table, STYLE_NONE, json_member_string(o, "kind"));
        table_add(table, ok ? STYLE_GOOD : STYLE_BAD, ok ? "ok" : "failing");
        add_age(c, table, o, "blocked_until_at");
        table_add(table, STYLE_NONE, json_member_string(o, "reason"));
}

/* A table of the list below the key, after an empty line; nothing where there is none. */
static int print_list(const Ctl *c, json_object *o, const char *key, const Column *columns, size_t n_columns,
                      void (*add)(const Ctl *c, Table *table, json_object *item)) {
        _cleanup_(table_freep) Table *table = NULL;
        json_object *list = json_member_array(o, key);
        size_t n = list ? json_object_array_length(list) : 0;

        if (n == 0)
                return 0;
        int r = table_new(&c->out, columns, n_columns, &table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                add(c, table, json_object_array_get_idx(list, i));
        term_put(&c->out, STYLE_NONE, "\n");
        return table_print(table, 0, false);
}

/* "source contoso: unauthorized for 2h" */
static int print_troubles(const Ctl *c, json_object *o) {
        json_object *list = json_member_array(o, "troubles");
        size_t n = list ? json_object_array_length(list) : 0;
        char length[SPAN_MAX];
        int r = 0;

        if (n > 0)
                term_put(&c->out, STYLE_NONE, "\n");
        for (size_t i = 0; r >= 0 && i < n; i++) {
                json_object *t = json_object_array_get_idx(list, i);
                const char *subject = strempty(json_member_string(t, "subject"));
                _cleanup_free_ char *text = NULL;
                int kind = (int) strcspn(subject, ":");
                usec_t since = member_usec(t, "since_at");
                r = string_printf(&text, "%.*s %s: %s for %s", kind, subject,
                                  subject[kind] ? subject + kind + 1 : "",
                                  strempty(json_member_string(t, "reason")),
                                  format_length(usec_sub(c->now_usec, since), length));
                if (r >= 0)
                        r = term_put_foreign(&c->out, STYLE_BAD, text);
                term_put(&c->out, STYLE_NONE, "\n");
        }
        return r;
}

/* Of the first source that fails: its table has the server's words, not what to do about them. */
static int print_hint(const Ctl *c, json_object *o) {
        json_object *list = json_member_array(o, "sources");
        const char *instance = c->options.instance;
        _cleanup_free_ char *text = NULL;

        for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                json_object *source = json_object_array_get_idx(list, i);
                const char *name = json_member_string(source, "name");
                if (!name || !json_member_string(source, "reason"))
                        continue;
                int r = string_printf(&text, "ftwatchctl%s%s probe %s", instance ? " -i " : "",
                                      strempty(instance), name);
                if (r >= 0) {
                        term_put(&c->out, STYLE_NONE, "\n");
                        r = term_put_foreign(&c->out, STYLE_STRONG, text);
                        term_put(&c->out, STYLE_NONE, " says what to change\n");
                }
                return r;
        }
        return 0;
}

static int64_t count_unfinished(json_object *o) {
        json_object *list = json_member_array(o, "sources");
        int64_t n = 0;

        for (size_t i = 0; list && i < json_object_array_length(list); i++)
                n += json_member_int(json_object_array_get_idx(list, i), "unfinished_jobs", 0);
        return n;
}

static int print_status(const Ctl *c, json_object *o) {
        const char *version = json_member_string(o, "version");
        int64_t unfinished = count_unfinished(o), owed = json_member_int(o, "owed", 0);

        if (version)
                term_printf(&c->out, "ftwatchd %s is running", version);
        else
                term_put(&c->out, STYLE_BAD, "ftwatchd does not answer");
        term_printf(&c->out, ": %lld unfinished job%s, %lld deliver%s owed\n", (long long) unfinished,
                    unfinished == 1 ? "" : "s", (long long) owed, owed == 1 ? "y" : "ies");
        int r = print_list(c, o, "sources", source_columns, ARRAY_SIZE(source_columns), add_source);
        if (r >= 0)
                r = print_list(c, o, "receivers", receiver_columns, ARRAY_SIZE(receiver_columns),
                               add_receiver);
        json_object *silences = json_member_array(o, "silences");
        if (r >= 0 && silences && json_object_array_length(silences) > 0) {
                term_put(&c->out, STYLE_NONE, "\n");
                r = ctl_print_silences(c, silences);
        }
        if (r >= 0)
                r = print_troubles(c, o);
        return r < 0 ? r : print_hint(c, o);
}

/* Nobody answers: what is in the store. */
static int status_of_store(Ctl *c, int error, const sd_bus_error *why, json_object **ret) {
        (void) ctl_fail_call(c, error, why);
        ctl_note(c, "this is what the state says");
        if (ctl_store_open(c) != CTL_OK)
                return CTL_FAILED;
        int r = store_status_json(c->store, ret);
        return r < 0 ? ctl_fail_errno(c, r, "read the state") : CTL_OK;
}

static int status_of_daemon(Ctl *c, sd_bus_message *m, json_object **ret) {
        const char *text = NULL;

        int r = sd_bus_message_read(m, "s", &text);
        if (r >= 0)
                r = json_parse_bounded(text, strlen(text), ret, NULL);
        return r < 0 ? ctl_fail_errno(c, r, "read the answer") : CTL_OK;
}

int ctl_get_status(Ctl *c, json_object **ret, bool *ret_running) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *m = NULL;
        int status;

        int r = ctl_try_call(c, &m, &error, "GetStatus", "");
        *ret_running = r >= 0;
        if (r >= 0)
                status = status_of_daemon(c, m, ret);
        else if (ctl_daemon_is_absent(r, &error))
                status = status_of_store(c, r, &error, ret);
        else
                status = ctl_fail_call(c, r, &error);
        sd_bus_message_unref(m);
        sd_bus_error_free(&error);
        return status;
}

/* That the daemon is down is a failure for whoever checks. */
int verb_status(Ctl *c, const char *argument _unused_) {
        _cleanup_json_ json_object *o = NULL;
        bool running;

        int status = ctl_get_status(c, &o, &running);
        if (status != CTL_OK)
                return status;
        int r = c->options.json ? ctl_print_json(c, json_object_get(o)) : print_status(c, o);
        if (r < 0)
                return ctl_fail_errno(c, r, "print the status");
        return running ? CTL_OK : CTL_FAILED;
}
