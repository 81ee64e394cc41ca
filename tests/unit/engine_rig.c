#include "unit/engine_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/tail.h"
#include "store/outbox.h"
#include "store/store_internal.h"

#define DEADLINE_USEC (90 * USEC_PER_SEC) /* thousands of jobs, under valgrind, beside other tests */

/* Tests have no power cuts, and a disk that others keep busy takes its time. */
int fdatasync(int fildes) {
        (void) fildes;
        return 0;
}

static void on_idle(void *userdata) {
        ((Rig *) userdata)->idle = true;
}

static void on_change(void *userdata) {
        assert_non_null(userdata);
}

static void on_delivery(const DeliveryReport *report, void *userdata) {
        (void) report;
        ((Rig *) userdata)->n_reports++;
}

static void on_broken(int error, void *userdata) {
        ((Rig *) userdata)->broken = error;
}

static void rig_configure(Rig *rig) {
        _cleanup_(config_errors_done) ConfigErrors errors = {};
        const RigOptions *o = &rig->options;
        char *text = NULL;

        int n = asprintf(
                &text,
                "sources = ( { name = \"src\"; endpoint = \"" FAKE_ENDPOINT "\"; %s"
                " poll_interval = \"10ms\"; idle_interval = \"10ms\"; %s } );\n"
                "receivers = ("
                " { name = \"a\"; kind = \"webhook\"; url = \"http://127.0.0.1:2/hook/a\";"
                " secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\";"
                " backoff_min = \"10ms\"; backoff_max = \"20ms\"; %s },"
                " { name = \"b\"; kind = \"webhook\"; url = \"http://127.0.0.1:2/hook/b\";"
                " secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\";"
                " backoff_min = \"10ms\"; backoff_max = \"20ms\"; %s } );\n%s\n",
                o->credential ? o->credential : "api_key = \"key\";", strempty(o->source), strempty(o->hook),
                strempty(o->hook),
                o->rules ? o->rules
                         : "rules = ( { to = [\"a\"]; }, { types = [\"receiver.*\"]; to = [\"b\"]; } );");
        assert_true(n > 0);
        if (config_load_text("rig", text, (size_t) n, &rig->config, &errors) < 0)
                fail_msg("%s: %s", errors.n > 0 ? errors.list[0].where : "?",
                         errors.n > 0 ? errors.list[0].message : "?");
        free(text);
        /* A test tells no journal. */
        rig->config->journal = receiver_settings_free(rig->config->journal);
}

static void rig_open_store(Rig *rig) {
        char *aside = NULL, *message = NULL;
        char path[96] = ":memory:";

        if (*rig->dir)
                (void) snprintf(path, sizeof path, "%s/%s", rig->dir, STORE_FILE_NAME);
        int r = store_open(path, STORE_READ_WRITE, &rig->store, &aside, &message);
        if (r < 0)
                fail_msg("%s", strempty(message));
        assert_null(aside);
}

Rig *rig_new(const RigOptions *options) {
        Rig *rig = calloc(1, sizeof *rig);

        assert_non_null(rig);
        log_set_max_level(LOG_EMERG);
        if (options)
                rig->options = *options;
        if (rig->options.on_disk) {
                const char *tmp = getenv("TMPDIR");
                assert_true(snprintf(rig->dir, sizeof rig->dir, "%s/rig-XXXXXX",
                                     tmp && strlen(tmp) < 48 ? tmp : "/tmp") > 0);
                assert_non_null(mkdtemp(rig->dir));
        }
        rig->api = fake_api_new();
        assert_true(sd_event_new(&rig->event) >= 0);
        rig->script = http_script_new(rig->event);
        http_script_answer(rig->script, fake_api_answer, rig->api);
        rig_configure(rig);
        rig_open_store(rig);
        return rig;
}

Rig *rig_free(Rig *rig) {
        static const char *const files[] = { "", "-wal", "-shm" };
        char path[96];

        rig_stop(rig);
        store_free(rig->store);
        config_free(rig->config);
        http_script_free(rig->script);
        sd_event_unref(rig->event);
        fake_api_free(rig->api);
        for (size_t i = 0; *rig->dir && i < ARRAY_SIZE(files); i++) {
                (void) snprintf(path, sizeof path, "%s/%s%s", rig->dir, STORE_FILE_NAME, files[i]);
                (void) unlink(path);
        }
        if (*rig->dir)
                assert_int_equal(rmdir(rig->dir), 0);
        free(rig);
        return NULL;
}

static void rig_start_as(Rig *rig, bool once) {
        assert_null(rig->engine);
        if (*rig->dir) {
                rig->store = store_free(rig->store);
                rig_open_store(rig);
        }
        const EnginePorts ports = {
                .event = rig->event,
                .http = http_script_http(rig->script),
                .store = rig->store,
                .version = "0",
                .slow_connections = gate_slow_connections(rig->config->connections),
                .on_idle = on_idle,
                .on_change = on_change,
                .on_broken = on_broken,
                .on_delivery = on_delivery,
                .userdata = rig,
        };
        rig->idle = false;
        rig->broken = 0;
        assert_int_equal(engine_new(&rig->engine, rig->config, &ports), 0);
        assert_int_equal(engine_start(rig->engine, once), 0);
}

void rig_start(Rig *rig) {
        rig_start_as(rig, false);
}

void rig_stop(Rig *rig) {
        rig->engine = engine_free(rig->engine);
        assert_int_equal(http_script_n_pending(rig->script), 0);
}

Source *rig_source(Rig *rig) {
        return rig->engine->sources[0];
}

bool rig_step(Rig *rig, usec_t timeout_usec) {
        int r = sd_event_run(rig->event, timeout_usec);

        assert_true(r >= 0);
        return r > 0;
}

void rig_wait(Rig *rig, rig_condition_t condition, void *userdata, const char *what) {
        usec_t deadline = clock_usec(CLOCK_MONOTONIC) + DEADLINE_USEC;

        while (!condition(rig, userdata)) {
                if (clock_usec(CLOCK_MONOTONIC) > deadline)
                        fail_msg("waited in vain: %s", what);
                (void) rig_step(rig, 50 * USEC_PER_MSEC);
        }
}

static bool is_idle(Rig *rig, void *userdata) {
        (void) userdata;
        return rig->idle;
}

void rig_once(Rig *rig) {
        rig_start_as(rig, true);
        rig_wait(rig, is_idle, NULL, "once");
        rig_stop(rig);
}

static bool has_polled(Rig *rig, void *userdata) {
        return rig_source(rig)->n_polls >= *(uint64_t *) userdata;
}

void rig_poll(Rig *rig, unsigned n) {
        uint64_t wanted = rig_source(rig)->n_polls + n;

        rig_wait(rig, has_polled, &wanted, "a poll");
        assert_true(engine_health_ok(rig->engine));
}

uint64_t rig_owed(Rig *rig) {
        uint64_t n = 0;

        assert_int_equal(store_deliveries_count(rig->store, &n), 0);
        return n;
}

static bool is_settled(Rig *rig, void *userdata) {
        (void) userdata;
        return !tails_are_urgent(rig_source(rig)) && !rig_source(rig)->tails && rig_owed(rig) == 0;
}

void rig_settle(Rig *rig) {
        rig_wait(rig, is_settled, NULL, "nothing owed");
        fake_api_check_repeats(rig->api);
}

void rig_poll_settle(Rig *rig) {
        rig_poll(rig, 1);
        rig_settle(rig);
}

int64_t rig_sql(Rig *rig, const char *sql) {
        sqlite3_stmt *q;

        assert_int_equal(sqlite3_prepare_v2(db_handle(rig->store->db), sql, -1, &q, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        int64_t n = sqlite3_column_int64(q, 0);
        sqlite3_finalize(q);
        return n;
}

void rig_exec(Rig *rig, const char *sql) {
        int r = db_exec(rig->store->db, sql);

        if (r < 0)
                fail_msg("%s: %s", sql, db_error(rig->store->db, r));
}

void rig_first_contact(Rig *rig) {
        rig_start(rig);
        rig_poll(rig, 2);
        assert_int_equal(rig->api->n_hits, 0);
        assert_int_equal(rig_owed(rig), 0);
        fake_api_forget(rig->api);
}
