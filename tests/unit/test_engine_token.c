/* The engine with tokens: fetched once for all who wait, renewed in the background, replaced once when the
 * API refuses one; and what becomes of a poll that gets none. */
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
#include "unit/token_issuer.h"

static void test_works(void **state) {
        Rig *rig = issuer_start(3600, NULL, "");

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
                Rig *rig = issuer_start(3600, credential, "");
                rig_poll(rig, 1);
                assert_int_equal(rig_source(rig)->n_failed == 0, cases[i].works);
                assert_int_equal(issuer.n_requests, cases[i].works);
                rig_free(rig);
                assert_int_equal(unlink(path), 0);
        }
}

/* A token of two seconds is renewed after one; the polls go on with the old one, also while the answer is
 * held back. */
static void test_half_life(void **state) {
        unsigned two = 2;
        Rig *rig = issuer_start(2, NULL, "");

        (void) state;
        rig_poll(rig, 1);
        usec_t since = engine_now(rig->engine).boot_usec;
        issuer.hold = true;
        rig_wait(rig, issuer_was_asked, &two, "a second token");
        assert_true(engine_now(rig->engine).boot_usec - since > 700 * USEC_PER_MSEC);
        rig_poll(rig, 3);
        assert_int_equal(issuer.n_requests, 2);
        assert_int_equal(rig_source(rig)->n_failed, 0);
        rig_free(rig);
}

static void test_revoked(void **state) {
        Rig *rig = issuer_start(3600, NULL, "");

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
        Rig *rig = issuer_start(3600, NULL, "");

        (void) state;
        issuer.refused_to = 1000;
        rig_wait(rig, issuer_polled_badly, &three, "three polls that fail");
        assert_int_equal(rig_source(rig)->outcome.reason, REASON_UNAUTHORIZED);
        assert_int_equal(issuer.n_requests, 2);
        rig_free(rig);
}

/* One refusal of the token server stands for a while, and its words are not shown if they are the secret. */
static void test_no_token(void **state) {
        unsigned three = 3;
        Rig *rig = issuer_start(3600, NULL, "");

        (void) state;
        issuer.status = 401;
        rig_wait(rig, issuer_polled_badly, &three, "three polls that fail");
        assert_int_equal(rig_source(rig)->outcome.reason, REASON_UNAUTHORIZED);
        assert_null(strstr(rig_source(rig)->outcome.detail, "the-client-secret"));
        assert_int_equal(issuer.n_requests, 1);
        assert_int_equal(rig->api->n_requests, 0);
        rig_free(rig);
}

/* The poll ends by its own time limit; the fetch goes on, and the engine can end in between. */
static void test_deadline(void **state) {
        unsigned one = 1;
        Rig *rig = issuer_start(3600, NULL, "timeout = \"100ms\";");

        (void) state;
        issuer.hold = true;
        rig_wait(rig, issuer_polled_badly, &one, "a poll that fails");
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
        Rig *rig = issuer_start(3600, NULL, "");

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

/* What cannot be sent at all fails the poll. */
static void test_cannot_be_sent(void **state) {
        unsigned one = 1;
        Rig *rig = issuer_start(3600, NULL, "");

        (void) state;
        http_script_fail_submit(rig->script, -ENOMEM);
        rig_wait(rig, issuer_polled_badly, &one, "a poll that fails");
        assert_int_equal(rig_source(rig)->outcome.reason, REASON_INTERNAL);
        assert_int_equal(issuer.n_requests, 0);
        rig_free(rig);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_works),
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_half_life),
                cmocka_unit_test(test_revoked),
                cmocka_unit_test(test_refused_for_good),
                cmocka_unit_test(test_no_token),
                cmocka_unit_test(test_deadline),
                cmocka_unit_test(test_single_flight),
                cmocka_unit_test(test_cannot_be_sent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
