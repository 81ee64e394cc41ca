/* The engine with tokens: fetched once for all who wait, renewed in the background, replaced once when the
 * API refuses one; and what becomes of a poll that gets none. */
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/engine_internal.h"
#include "engine/token.h"
#include "unit/engine_rig.h"

#define ENTRA                                                                                               \
        "auth = { kind = \"client-secret\"; tenant = \"t.example\"; client_secret = \"the-client-secret\";" \
        " client_id = \"11111111-2222-3333-4444-555555555555\"; authority = \"http://127.0.0.1:3\"; };"

/* The token server, and what the API thinks of its tokens. */
typedef struct Issuer {
        Rig *rig;
        unsigned n_requests;            /* tokens are tok-1 to tok-9 */
        unsigned lifetime;              /* seconds */
        unsigned refused_to;            /* tokens up to this one get a 401 from the API */
        int status;                     /* of the token server; 0: it gives tokens */
        bool hold, resets;              /* resets: the connection */
        char body[256];
} Issuer;

static Issuer issuer;

static usec_t ahead_usec;               /* of the true time */
static int add_time_error;              /* of the next timer that is added; 0: none */

int sd_event_now(sd_event *e, clockid_t clock, uint64_t *usec) {
        int (*real)(sd_event *, clockid_t, uint64_t *) = dlsym(RTLD_NEXT, "sd_event_now");

        int r = real(e, clock, usec);
        *usec += ahead_usec;
        return r;
}

int sd_event_add_time(sd_event *e, sd_event_source **s, clockid_t clock, uint64_t usec, uint64_t accuracy,
                      sd_event_time_handler_t callback, void *userdata) {
        int (*real)(sd_event *, sd_event_source **, clockid_t, uint64_t, uint64_t, sd_event_time_handler_t,
                    void *) = dlsym(RTLD_NEXT, "sd_event_add_time");
        int error = add_time_error;

        add_time_error = 0;
        return error < 0 ? error : real(e, s, clock, usec, accuracy, callback, userdata);
}

static void answer(const HttpRecord *request, HttpStep *step, void *userdata) {
        Issuer *i = userdata;
        const char *bearer = http_record_header(request, "Authorization");

        if (strstr(request->url, "/oauth2/v2.0/token")) {
                i->n_requests++;
                assert_null(bearer);
                (void) snprintf(i->body, sizeof i->body,
                                i->status ? "{\"error\":\"invalid_client\",\"error_description\":\""
                                            "AADSTS7000215: the-client-secret is wrong\"}"
                                          : "{\"access_token\":\"tok-%u-of-the-issuer\",\"expires_in\":%u}",
                                i->n_requests, i->lifetime);
                *step = (HttpStep){ .status = i->status ? i->status : 200,
                                    .body = i->body,
                                    .hold = i->hold,
                                    .failure = i->resets ? HTTP_FAILURE_RESET : HTTP_FAILURE_NONE };
                return;
        }
        if (strstr(request->url, "/hook/")) {
                fake_api_answer(request, step, i->rig->api);
                return;
        }
        unsigned n = bearer && startswith(bearer, "Bearer tok-") ? (unsigned) (bearer[11] - '0') : 0;
        if (n == 0)
                fail_msg("the API was asked with %s", strempty(bearer));
        if (n <= i->refused_to)
                *step = (HttpStep) { .status = 401, .body = "{\"statusCode\":401,\"message\":\"expired\"}" };
        else
                fake_api_answer(request, step, i->rig->api);
}

static Rig *start(unsigned lifetime, const char *more) {
        static char options[512];
        Rig *rig;

        (void) snprintf(options, sizeof options, "%s", more);
        rig = rig_new(&(RigOptions) { .credential = ENTRA, .source = options });
        issuer = (Issuer) { .rig = rig, .lifetime = lifetime };
        http_script_answer(rig->script, answer, &issuer);
        rig_start(rig);
        return rig;
}

static bool polled_badly(Rig *rig, void *userdata) {
        return rig_source(rig)->n_failed >= *(unsigned *) userdata;
}

static void test_works(void **state) {
        Rig *rig = start(3600, "");

        (void) state;
        rig_poll(rig, 5);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        assert_int_equal(issuer.n_requests, 1);
        rig_free(rig);
}

/* What is in the file is one word, whatever stands around it. */
static void test_file(void **state) {
        static const struct {
                const char *contents;
                bool works;
        } cases[] = {
                { "proof", true }, { "proof\n", true }, { "proof \r\n", true }, { "", false },
                { "\n", false }, { "two words\n", false }, { "two\nlines\n", false },
                { "two\twords", false },
        };
        const char *tmp = getenv("TMPDIR");

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                char path[128], credential[512];
                (void) snprintf(path, sizeof path, "%s/ftwatch-proof.XXXXXX", tmp ? tmp : "/tmp");
                int fd = mkstemp(path);
                assert_true(fd >= 0);
                assert_int_equal(write(fd, cases[i].contents, strlen(cases[i].contents)),
                                 strlen(cases[i].contents));
                (void) close(fd);
                (void) snprintf(credential, sizeof credential,
                                "auth = { kind = \"workload-identity\"; tenant = \"t.example\"; client_id = "
                                "\"11111111-2222-3333-4444-555555555555\"; token_file = \"%s\";"
                                " authority = \"http://127.0.0.1:3\"; };", path);
                Rig *rig = rig_new(&(RigOptions) { .credential = credential });
                issuer = (Issuer) { .rig = rig, .lifetime = 3600 };
                http_script_answer(rig->script, answer, &issuer);
                rig_start(rig);
                rig_poll(rig, 1);
                assert_int_equal(rig_source(rig)->n_failed == 0, cases[i].works);
                assert_int_equal(issuer.n_requests, cases[i].works);
                rig_free(rig);
                assert_int_equal(unlink(path), 0);
        }
}

static bool renewed(Rig *rig, void *userdata) {
        (void) rig;
        return issuer.n_requests >= *(unsigned *) userdata;
}

/* A token of two seconds is renewed after one; the polls go on with the old one, also while the answer is
 * held back. */
static void test_half_life(void **state) {
        unsigned two = 2;
        Rig *rig = start(2, "");

        (void) state;
        rig_poll(rig, 1);
        usec_t since = engine_now(rig->engine).boot_usec;
        issuer.hold = true;
        rig_wait(rig, renewed, &two, "a second token");
        assert_true(engine_now(rig->engine).boot_usec - since > 700 * USEC_PER_MSEC);
        rig_poll(rig, 3);
        assert_int_equal(issuer.n_requests, 2);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        rig_free(rig);
}

static void test_revoked(void **state) {
        Rig *rig = start(3600, "");

        (void) state;
        rig_poll(rig, 2);
        issuer.refused_to = 1;
        rig_poll(rig, 3);
        assert_int_equal(issuer.n_requests, 2);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        issuer.refused_to = 2;          /* again: it had worked in between */
        rig_poll(rig, 2);
        assert_int_equal(issuer.n_requests, 3);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        rig_free(rig);
}

/* A role that is missing is not given by another token. */
static void test_refused_for_good(void **state) {
        unsigned three = 3;
        Rig *rig = start(3600, "");

        (void) state;
        issuer.refused_to = 1000;
        rig_wait(rig, polled_badly, &three, "three polls that fail");
        assert_int_equal(rig_source(rig)->outcome.reason, REASON_UNAUTHORIZED);
        assert_int_equal(issuer.n_requests, 2);
        rig_free(rig);
}

/* One refusal of the token server stands for a while, and its words are not shown if they are the secret. */
static void test_no_token(void **state) {
        unsigned three = 3;
        Rig *rig = start(3600, "");

        (void) state;
        issuer.status = 401;
        rig_wait(rig, polled_badly, &three, "three polls that fail");
        assert_int_equal(rig_source(rig)->outcome.reason, REASON_UNAUTHORIZED);
        assert_null(strstr(rig_source(rig)->outcome.detail, "the-client-secret"));
        assert_int_equal(issuer.n_requests, 1);
        assert_int_equal(rig->api->n_requests, 0);
        rig_free(rig);
}

/* The poll ends by its own time limit; the fetch goes on, and the engine can end in between. */
static void test_deadline(void **state) {
        unsigned one = 1;
        Rig *rig = start(3600, "timeout = \"100ms\";");

        (void) state;
        issuer.hold = true;
        rig_wait(rig, polled_badly, &one, "a poll that fails");
        assert_int_equal(rig_source(rig)->outcome.reason, REASON_TIMEOUT);
        assert_int_equal(issuer.n_requests, 1);
        issuer.hold = false;
        http_script_release(rig->script);
        rig_poll(rig, 2);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        assert_int_equal(issuer.n_requests, 1);
        rig_stop(rig);
        issuer.hold = true;
        rig_start(rig);
        (void) rig_step(rig, USEC_PER_MSEC);
        rig_free(rig);
}

static unsigned n_told;

static void on_told(TokenWaiter *w, const Outcome *failed) {
        (void) w;
        assert_null(failed);
        n_told++;
}

static bool all_told(Rig *rig, void *userdata) {
        (void) rig;
        return n_told == *(unsigned *) userdata;
}

static void test_single_flight(void **state) {
        TokenWaiter waiters[5] = {};
        const Outcome *failed;
        Token *t, *again;
        unsigned four = 4;
        Rig *rig = start(3600, "");

        (void) state;
        issuer.hold = true;
        const SourceSettings *s = rig_source(rig)->settings;
        assert_int_equal(token_attach(rig->engine, s, &t), 0);
        assert_int_equal(token_attach(rig->engine, s, &again), 0);
        assert_ptr_equal(t, again);
        n_told = 0;
        for (size_t i = 0; i < ARRAY_SIZE(waiters); i++) {
                waiters[i].done = on_told;
                assert_int_equal(token_wait(t, &waiters[i], &failed), 0);
        }
        token_unwait(t, &waiters[2]);
        rig_step(rig, USEC_PER_MSEC);
        assert_int_equal(n_told, 0);
        issuer.hold = false;
        http_script_release(rig->script);
        rig_wait(rig, all_told, &four, "all but the one that gave up");
        assert_int_equal(issuer.n_requests, 1);
        rig_free(rig);
}

static GatePass passes[12];             /* all that sources and tokens get of 16 connections */

static int on_open(GatePass *p) {
        assert_int_equal(p->state, GATE_INSIDE);
        return 0;
}

static void on_failed(GatePass *p, int error) {
        fail_msg("pass %td: %d", p - passes, error);
}

/* Two that ask for as much as they can get. Returns how many more are inside now. */
static size_t crowd(Rig *rig, GateOwner owners[static 2]) {
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(passes); i++)
                gate_enter(rig->engine->gate, &passes[i], &owners[i % 2], on_open, on_failed);
        for (size_t i = 0; i < ARRAY_SIZE(passes); i++)
                n += passes[i].state == GATE_INSIDE;
        return n;
}

static void uncrowd(Rig *rig) {
        for (size_t i = 0; i < ARRAY_SIZE(passes); i++)
                gate_leave(rig->engine->gate, &passes[i]);
}

static bool until(Rig *rig, void *userdata) {
        return engine_now(rig->engine).boot_usec >= *(usec_t *) userdata;
}

/* Where all connections are taken no token is asked for, and who waits for it is not out of time. */
static void test_crowd(void **state) {
        Rig *rig = start(3600, "timeout = \"100ms\";");
        GateOwner owners[2] = {};

        (void) state;
        assert_int_equal(crowd(rig, owners), 12);
        usec_t later = engine_now(rig->engine).boot_usec + 200 * USEC_PER_MSEC;
        rig_wait(rig, until, &later, "twice the timeout");
        assert_true(rig_source(rig)->polling);
        assert_int_equal(http_script_n_requests(rig->script), 0);
        gate_leave(rig->engine->gate, &passes[0]);
        assert_int_equal(http_script_n_requests(rig->script), 1);
        rig_poll(rig, 1);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        assert_int_equal(issuer.n_requests, 1);
        uncrowd(rig);
        rig_free(rig);
}

/* The n-th token is asked for, and takes the only connection of those who wait for it. */
static void wait_outside(Rig *rig, unsigned n) {
        GateOwner owners[2] = {};

        issuer.hold = true;
        rig_wait(rig, renewed, &n, "a token that is asked for");
        assert_int_equal(crowd(rig, owners), 11);
        uncrowd(rig);
        issuer.hold = false;
        http_script_release(rig->script);
        rig_poll(rig, 1);
}

/* Who waits for a token holds no connection, be it the first or one for another that was refused. */
static void test_waits_outside(void **state) {
        Rig *rig = start(3600, "");

        (void) state;
        wait_outside(rig, 1);
        issuer.refused_to = 1;
        wait_outside(rig, 2);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        rig_free(rig);
}

/* A request waits at the gate while its token ends, which lives for 875 ms. */
static void end_at_the_gate(Rig *rig, GateOwner owners[static 2]) {
        rig_poll(rig, 1);
        assert_int_equal(crowd(rig, owners), 12);
        issuer.refused_to = issuer.n_requests;
        usec_t later = engine_now(rig->engine).boot_usec + 900 * USEC_PER_MSEC;
        rig_wait(rig, until, &later, "the end of the token");
}

/* It is not sent with that. */
static void test_ends_at_the_gate(void **state) {
        Rig *rig = start(1, "");
        GateOwner owners[2] = {};

        (void) state;
        end_at_the_gate(rig, owners);
        uncrowd(rig);
        rig_poll(rig, 1);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        assert_true(issuer.n_requests > issuer.refused_to);
        rig_free(rig);
}

/* Nor is a new one waited for where there is no memory for that, however soon it comes: the poll fails. */
static void test_cannot_wait(void **state) {
        Rig *rig = start(1, "");
        GateOwner owners[2] = {};
        unsigned one = 1;

        (void) state;
        end_at_the_gate(rig, owners);
        assert_true(rig_source(rig)->polling);
        add_time_error = -ENOMEM;
        uncrowd(rig);
        assert_int_equal(add_time_error, 0);
        rig_wait(rig, polled_badly, &one, "a poll that fails");
        assert_int_equal(rig_source(rig)->outcome.reason, REASON_INTERNAL);
        rig_free(rig);
}

/* What cannot be sent at all fails the poll. */
static void test_cannot_be_sent(void **state) {
        unsigned one = 1;
        Rig *rig = start(3600, "");

        (void) state;
        http_script_fail_submit(rig->script, -ENOMEM);
        rig_wait(rig, polled_badly, &one, "a poll that fails");
        assert_int_equal(rig_source(rig)->outcome.reason, REASON_INTERNAL);
        assert_int_equal(issuer.n_requests, 0);
        rig_free(rig);
}

static void on_told_no(TokenWaiter *w, const Outcome *failed) {
        assert_non_null(w);
        assert_non_null(failed);
        assert_int_equal(failed->reason, REASON_INTERNAL);
        n_told++;
}

/* Memory runs out twice: who waits is told all the same, but not by whoever made room at the gate. */
static void test_cannot_be_told_at_once(void **state) {
        TokenWaiter waiter = { .done = on_told_no };
        GateOwner owners[2] = {};
        const Outcome *failed;
        unsigned one = 1;
        Token *t;
        Rig *rig = start(3600, "");

        (void) state;
        assert_int_equal(crowd(rig, owners), 12);
        assert_int_equal(token_attach(rig->engine, rig_source(rig)->settings, &t), 0);
        n_told = 0;
        assert_int_equal(token_wait(t, &waiter, &failed), 0);
        http_script_fail_submit(rig->script, -ENOMEM);
        add_time_error = -ENOMEM;
        gate_leave(rig->engine->gate, &passes[0]);
        add_time_error = 0;
        assert_int_equal(n_told, 0);
        rig_wait(rig, all_told, &one, "the end of the fetch");
        uncrowd(rig);
        rig_free(rig);
}

static bool is_polling(Rig *rig, void *userdata) {
        (void) userdata;
        return rig_source(rig)->polling;
}

/* The same of a request to the API. */
static void test_call_cannot_be_told_at_once(void **state) {
        GateOwner owners[2] = {};
        unsigned one = 1;
        Rig *rig = rig_new(&(RigOptions) {});

        (void) state;
        rig_start(rig);
        assert_int_equal(crowd(rig, owners), 12);
        rig_wait(rig, is_polling, NULL, "a poll");
        http_script_fail_submit(rig->script, -ENOMEM);
        add_time_error = -ENOMEM;
        gate_leave(rig->engine->gate, &passes[0]);
        add_time_error = 0;
        assert_true(rig_source(rig)->polling);
        rig_wait(rig, polled_badly, &one, "a poll that fails");
        uncrowd(rig);
        rig_free(rig);
}

/* Who breaks the connection has not been silent: the next fetch does not wait for those that are. */
static void test_reset_is_no_silence(void **state) {
        GateOwner owners[2] = { { .silent = true }, { .silent = true } };
        unsigned one = 1;
        Rig *rig = start(3600, "");

        (void) state;
        issuer.resets = true;
        rig_wait(rig, polled_badly, &one, "a poll that fails");
        assert_int_equal(issuer.n_requests, 1);
        assert_int_equal(crowd(rig, owners), 9);
        ahead_usec = 11 * USEC_PER_SEC;         /* after that it is asked again */
        rig_wait(rig, is_polling, NULL, "a poll");
        assert_int_equal(issuer.n_requests, 2);
        uncrowd(rig);
        rig_free(rig);
        ahead_usec = 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_works), cmocka_unit_test(test_file),
                cmocka_unit_test(test_half_life), cmocka_unit_test(test_revoked),
                cmocka_unit_test(test_refused_for_good), cmocka_unit_test(test_no_token),
                cmocka_unit_test(test_deadline), cmocka_unit_test(test_single_flight),
                cmocka_unit_test(test_crowd), cmocka_unit_test(test_waits_outside),
                cmocka_unit_test(test_ends_at_the_gate), cmocka_unit_test(test_cannot_wait),
                cmocka_unit_test(test_cannot_be_sent), cmocka_unit_test(test_cannot_be_told_at_once),
                cmocka_unit_test(test_call_cannot_be_told_at_once),
                cmocka_unit_test(test_reset_is_no_silence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
