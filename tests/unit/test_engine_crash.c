/* The process ends, as by kill -9, at every commit and at every request of a scenario, and a new one goes on
 * with the file that is left: each notice arrives, in order, and repeats have the id and the bytes of the
 * first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/strings.h"
#include "store/store_internal.h"
#include "unit/engine_rig.h"
#include "unit/sample.h"

#define RESULTS "step,train_loss\n1,2.5\n2,1.5\n"

static const char *const way[] = { "pending", "running", "paused", "running", "succeeded" };
static const char *const notices[] = { "created", "pending", "running", "paused", "running", "succeeded" };

/* Where it ends. A commit is refused, and everything after it, so that nothing of a dead process is written:
 * what a kill in the middle of a commit leaves is what a kill before it leaves. */
typedef struct Kill {
        Rig *rig;
        unsigned at_commit, at_request; /* 0: not there */
        unsigned n_commits, n_requests;
        bool dead;
} Kill;

static int on_commit(void *userdata) {
        Kill *k = userdata;

        if (++k->n_commits == k->at_commit)
                k->dead = true;
        return k->dead;
}

static bool on_request(FakeApi *api, unsigned n, HttpStep *step);
static bool on_hook(FakeApi *api, const FakeHit *hit, HttpStep *step);
static Kill *current;

static bool count_request(HttpStep *step) {
        if (++current->n_requests == current->at_request)
                current->dead = true;
        step->hold = current->dead;             /* no answer reaches a dead process */
        return false;
}

static bool on_request(FakeApi *api, unsigned n, HttpStep *step) {
        (void) api;
        (void) n;
        return count_request(step);
}

/* The receiver takes it before the sender hears that it did. */
static bool on_hook(FakeApi *api, const FakeHit *hit, HttpStep *step) {
        (void) api;
        (void) hit;
        return count_request(step);
}

static void revive(Kill *k) {
        k->dead = false;
        k->at_commit = k->at_request = 0;
        rig_stop(k->rig);
        http_script_release(k->rig->script);
        rig_start(k->rig);
        (void) sqlite3_commit_hook(db_handle(k->rig->store->db), on_commit, k);
}

static bool dead_or_polled(Rig *rig, void *userdata) {
        return current->dead || rig_source(rig)->n_polls >= *(uint64_t *) userdata;
}

static void poll_or_die(Kill *k, unsigned n) {
        uint64_t wanted = rig_source(k->rig)->n_polls + n;

        rig_wait(k->rig, dead_or_polled, &wanted, "a poll or the end");
        if (k->dead)
                revive(k);
}

static void check_job(const FakeApi *api, const char *id) {
        size_t at = 0;

        for (size_t i = 0; i < api->n_hits; i++) {
                const FakeHit *h = &api->hits[i];
                bool repeated = false;
                if (!h->taken || !streq_null(h->job, id) || streq(h->type, "fine_tuning.job.event"))
                        continue;
                for (size_t k = 0; k < i && !repeated; k++)
                        repeated = streq(api->hits[k].id, h->id);
                if (repeated)
                        continue;
                assert_true(at < ARRAY_SIZE(notices));
                assert_string_equal(startswith(h->type, "fine_tuning.job."), notices[at++]);
        }
        assert_int_equal(at, ARRAY_SIZE(notices));
}

static bool dead_or_settled(Rig *rig, void *userdata) {
        (void) userdata;
        return current->dead ||
               (rig_source(rig)->n_polls >= 2 && rig_owed(rig) == 0 && !rig_source(rig)->tails);
}

/* Returns how many commits and requests the scenario has. */
static Kill run(unsigned at_commit, unsigned at_request) {
        Rig *rig = rig_new(&(RigOptions) { .on_disk = true, .source = "trouble_after = 1000;" });
        Kill k = { .rig = rig, .at_commit = at_commit, .at_request = at_request };
        FakeJob *jobs[2];

        for (unsigned i = 0; i < 12; i++)
                (void) fake_job_add(rig->api, "failed");
        rig_first_contact(rig);
        current = &k;
        rig->api->page_max = 8;
        rig->api->fault = on_request;
        rig->api->hook_fault = on_hook;
        (void) sqlite3_commit_hook(db_handle(rig->store->db), on_commit, &k);
        for (size_t i = 0; i < ARRAY_SIZE(way); i++) {
                for (size_t n = 0; n < ARRAY_SIZE(jobs); n++) {
                        if (i == 0)
                                jobs[n] = fake_job_add(rig->api, way[i]);
                        else
                                fake_job_set(jobs[n], way[i]);
                        for (unsigned e = 0; e < 5; e++)
                                fake_event_add(rig->api, jobs[n], e == 2 ? "warning" : "info", "on its way");
                }
                if (i == ARRAY_SIZE(way) - 1) {
                        fake_job_set_extra(jobs[0], ",\"result_files\":[\"file-1\"]");
                        jobs[0]->results = strdup(RESULTS);
                }
                poll_or_die(&k, 2);
                /* A poll that was cut short is made up for before the world goes on. */
                poll_or_die(&k, 1);
        }
        rig_wait(rig, dead_or_settled, NULL, "nothing owed");
        if (k.dead) {
                revive(&k);
                rig_wait(rig, dead_or_settled, NULL, "nothing owed");
        }
        for (size_t n = 0; n < ARRAY_SIZE(jobs); n++)
                check_job(rig->api, jobs[n]->id);
        /* Five warnings; those of the pause and of the end may stand in the notices about these. */
        assert_in_range(fake_api_count(rig->api, "a", "fine_tuning.job.event", jobs[0]->id), 3, 5);
        fake_api_check_repeats(rig->api);
        assert_int_equal(rig_sql(rig, "SELECT count(*) FROM events"), 50);
        (void) sqlite3_commit_hook(db_handle(rig->store->db), NULL, NULL);
        rig_free(rig);
        return k;
}

static void test_at_every_commit(void **state) {
        Kill whole = run(0, 0);

        (void) state;
        assert_in_range(whole.n_commits, 20, 400);
        for (unsigned at = 1; at <= MIN(whole.n_commits, 90U); at += test_sample())
                (void) run(at, 0);
}

static void test_at_every_request(void **state) {
        Kill whole = run(0, 0);

        (void) state;
        assert_in_range(whole.n_requests, 20, 400);
        for (unsigned at = 1; at <= MIN(whole.n_requests, 90U); at += test_sample())
                (void) run(0, at);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_at_every_commit),
                cmocka_unit_test(test_at_every_request),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
