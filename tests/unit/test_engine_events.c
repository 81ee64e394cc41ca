/* Events: warnings and errors told once, in the order of things, on every shape of list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "unit/engine_rig.h"

#define EVENT_TYPE "fine_tuning.job.event"

static size_t told(Rig *rig, const FakeJob *j) {
        return fake_api_count(rig->api, "a", EVENT_TYPE, j->id);
}

typedef struct Shape {
        FakeOrder order;
        bool after_ignored, no_ids, bare;
        unsigned page_max;
} Shape;

static const Shape shapes[] = {
        { .page_max = 100 },
        { .page_max = 7 },
        { .order = FAKE_OLDEST_FIRST, .page_max = 100 },
        { .order = FAKE_OLDEST_FIRST, .page_max = 7 },
        { .after_ignored = true, .page_max = 100 },
        { .order = FAKE_OLDEST_FIRST, .after_ignored = true, .page_max = 100 },
        { .no_ids = true, .page_max = 100 },
        { .order = FAKE_OLDEST_FIRST, .no_ids = true, .page_max = 100 },
        { .bare = true, .page_max = 100 },
        { .order = FAKE_OLDEST_FIRST, .bare = true, .page_max = 100 },
};

static void shape_apply(FakeApi *api, const Shape *s) {
        api->order = api->events_order = s->order;
        api->after_ignored = s->after_ignored;
        api->inner_ids = !s->no_ids;
        api->bare = s->bare;
        api->page_max = s->page_max;
}

/* The numbers of the warnings, in the order in which they arrived. */
static void check_order(Rig *rig, const FakeJob *j) {
        long last = -1;

        for (size_t i = 0; i < rig->api->n_hits; i++) {
                const FakeHit *h = &rig->api->hits[i];
                const char *at = streq(h->type, EVENT_TYPE) && streq_null(h->job, j->id)
                                         ? strstr(h->body, "warning no ")
                                         : NULL;
                if (!at)
                        continue;
                long n = (long) strtoul(at + strlen("warning no "), NULL, 10);
                assert_true(n > last);
                last = n;
        }
}

static void add_warning(Rig *rig, FakeJob *j, unsigned n) {
        char message[40];

        (void) snprintf(message, sizeof message, "warning no %u", n);
        fake_event_add(rig->api, j, "warning", message);
}

/* Bursts of several sizes, some larger than a page. */
static void check_shape(const Shape *s) {
        static const unsigned bursts[] = { 1, 0, 3, 12, 2, 45, 0, 1 };
        Rig *rig = rig_new(NULL);
        unsigned n = 0;

        shape_apply(rig->api, s);
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        for (size_t i = 0; i < ARRAY_SIZE(bursts); i++) {
                for (unsigned k = 0; k < bursts[i]; k++)
                        add_warning(rig, j, n++);
                fake_event_add(rig->api, j, "info", "the same words");
                fake_metrics_add(rig->api, j, (int64_t) n, 1.0 / (n + 1));
                rig_poll(rig, 2);
                rig_settle(rig);
                if (told(rig, j) != n)
                        print_error("shape %zu, burst %zu\n", (size_t) (s - shapes), i);
                assert_int_equal(told(rig, j), n);
        }
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM events"), j->n_events);
        fake_api_forget(rig->api);
        rig_poll(rig, 1);
        assert_in_range(rig->api->n_requests, 2, 3);
        fake_job_set(j, "failed");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", "fine_tuning.job.failed", j->id), 1);
        assert_int_equal(told(rig, j), n);
        rig_free(rig);
}

static void test_shapes(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
                check_shape(&shapes[i]);
}

/* Rows that say the same and have no id are told apart by how many stand before them. */
static void test_equal_rows(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig->api->inner_ids = false;
        FakeJob *j = fake_job_add(rig->api, "running");
        rig_first_contact(rig);
        for (unsigned n = 1; n <= 40; n++) {
                rig->api->now = FAKE_T0 + 1000 + n / 30;
                (void) fake_event_add(rig->api, j, "warn", "the same again");
                if (n % 20 == 0) {
                        rig_poll_settle(rig);
                        assert_int_equal(told(rig, j), n);
                }
        }
        rig_poll_settle(rig);
        assert_int_equal(told(rig, j), 40);
        rig_free(rig);
}

static void test_order(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        for (unsigned n = 0; n < 32; n++) {
                add_warning(rig, j, n);
                if (n % 8 == 7)
                        rig_poll_settle(rig);
        }
        assert_int_equal(told(rig, j), 32);
        check_order(rig, j);
        rig_free(rig);
}

/* Below known ones, as Azure's metric events come. */
static void test_late_event(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        for (unsigned i = 0; i < 5; i++)
                fake_event_add(rig->api, j, "info", "before");
        rig_poll_settle(rig);
        fake_event_add(rig->api, j, "error", "late");
        FakeEvent late = j->events[5];
        memmove(j->events + 3, j->events + 2, 3 * sizeof *j->events);
        j->events[2] = late;
        rig_poll_settle(rig);
        assert_int_equal(told(rig, j), 1);
        assert_non_null(strstr(fake_api_hit(rig->api, "a", EVENT_TYPE, j->id)->body, "\"late\""));
        rig_free(rig);
}

/* Two metric events of one second have one id; equal messages without ids are told apart by their number. */
static void test_colliding_ids(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running"), *k = fake_job_add(rig->api, "running");
        fake_metrics_add(rig->api, j, 10, 0.5);
        fake_metrics_add(rig->api, j, 11, 0.25);
        fake_metrics_add(rig->api, k, 10, 0.125);
        for (size_t i = 0; i < 3; i++) {
                FakeEvent *e = i < 2 ? &j->events[i] : &k->events[0];
                free(e->id);
                e->id = strdup("ftevent-008dc754dc9e61b0");
        }
        rig_poll_settle(rig);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM metrics"), 3);
        rig->api->inner_ids = false;
        for (unsigned i = 0; i < 3; i++) {
                fake_event_add(rig->api, k, "error", "again and again")->at = FAKE_T0;
                rig_poll_settle(rig);
                assert_int_equal(told(rig, k), i + 1);
        }
        rig_free(rig);
}

/* The past of a job that ran before us is not news; what comes after is, also what came while first contact
 * was interrupted. */
static void test_silent_past(void **state) {
        Rig *rig = rig_new(NULL);
        FakeJob *j = fake_job_add(rig->api, "running");

        (void) state;
        for (unsigned i = 0; i < 300; i++)
                fake_event_add(rig->api, j, i % 2 ? "error" : "info", "old");
        rig->api->now += 10;
        rig->api->fault = fake_fault_range;
        rig->api->fault_at = 2;
        rig->api->fault_to = 3;
        rig_start(rig);
        rig_poll(rig, 1);
        for (unsigned i = 0; i < 40; i++) {
                rig->api->now++;
                add_warning(rig, j, i);
        }
        rig_poll(rig, 4);
        rig_settle(rig);
        assert_int_equal(told(rig, j), 40);
        assert_int_equal(rig->api->n_hits, 40);
        /* Not the 300 were fetched. */
        assert_true(rig_sql(rig, "SELECT count(*) FROM events") < 250);
        add_warning(rig, j, 40);
        rig_poll_settle(rig);
        assert_int_equal(told(rig, j), 41);
        rig_free(rig);
}

/* The cursor's event is gone while a walk is under way. */
static void test_cursor_gone(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        rig->api->page_max = 10;
        rig_first_contact(rig);
        FakeJob *j = fake_job_add(rig->api, "running");
        for (unsigned i = 0; i < 35; i++)
                add_warning(rig, j, i);
        rig->api->fault = fake_fault_range;
        rig->api->fault_at = rig->api->fault_to = 4;    /* list, events, events, (events) */
        rig_poll(rig, 1);
        assert_in_range(told(rig, j), 0, 34);
        for (size_t i = 0; i < j->n_events; i++) {      /* every one that a cursor can name */
                free(j->events[i].id);
                j->events[i].id = NULL;
                assert_true(asprintf(&j->events[i].id, "renamed-%zu", i) > 0);
        }
        rig_poll(rig, 3);
        rig_settle(rig);
        /* Under new ids they are told anew; none is missing. */
        assert_int_equal(told(rig, j), 35 + 20);
        rig_free(rig);
}

/* json-c reads such numbers, others do not: neither the state nor a message may have them as they came. */
static bool odd_numbers(FakeApi *api, unsigned n, HttpStep *step) {
        (void) n;
        if (api->n_events != 1)
                return false;
        step->status = 200;
        step->body = "{\"object\":\"list\",\"has_more\":false,\"data\":[{"
                     "\"object\":\"fine_tuning.job.event\",\"id\":\"ev-1\",\"created_at\":1700000005,"
                     "\"level\":\"info\",\"message\":\"Step 1\",\"type\":\"metrics\","
                     "\"data\":{\"step\":1,\"train_loss\":1.,\"lr\":-.5}}]}";
        return true;
}

static void test_odd_numbers(void **state) {
        Rig *rig = rig_new(NULL);

        (void) state;
        FakeJob *a = fake_job_add(rig->api, "running"), *b = fake_job_add(rig->api, "running");
        fake_job_set_extra(a, ",\"hyperparameters\":{\"n_epochs\":3,\"lr\":1.,\"beta\":00.5}");
        rig_first_contact(rig);
        fake_api_forget(rig->api);
        rig->api->fault = odd_numbers;
        fake_event_add(rig->api, a, "info", "x");
        rig_poll(rig, 2);
        rig->api->fault = NULL;
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM events WHERE body LIKE '%Step 1%'"), 1);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM events WHERE NOT json_valid(body)"), 0);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM jobs WHERE NOT json_valid(body)"), 0);
        /* Nor are those in the way that an older version has stored. */
        rig_exec(rig, "UPDATE events SET body = replace(body, '\"train_loss\":1', '\"train_loss\":1.')");
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM events WHERE NOT json_valid(body)"), 1);
        fake_job_set(a, "succeeded");
        fake_job_set(b, "failed");
        rig_poll_settle(rig);
        assert_int_equal(fake_api_count(rig->api, "a", "fine_tuning.job.failed", b->id), 1);
        const char *body = fake_api_hit(rig->api, "a", "fine_tuning.job.succeeded", a->id)->body;
        assert_non_null(strstr(body, "\"lr\":1,"));
        assert_non_null(strstr(body, "\"beta\":0.5}"));
        rig_free(rig);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shapes),
                cmocka_unit_test(test_equal_rows),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_late_event),
                cmocka_unit_test(test_colliding_ids),
                cmocka_unit_test(test_silent_past),
                cmocka_unit_test(test_cursor_gone),
                cmocka_unit_test(test_odd_numbers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
