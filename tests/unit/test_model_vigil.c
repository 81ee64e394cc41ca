/* When something lasts too long, told first and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/macro.h"
#include "model/vigil.h"

#define T0 ((int64_t) 1700000000)
#define AT(seconds) ((usec_t) (T0 + (seconds)) * USEC_PER_SEC)
#define MIN_ 60
#define HOUR 3600
#define DAY (24 * HOUR)

static const VigilLimits limits = {
        .stall_after_usec = 90 * USEC_PER_MINUTE,
        .wait_after_usec = 6 * 60 * USEC_PER_MINUTE,
        .overdue_grace_usec = 2 * 60 * USEC_PER_MINUTE,
        .remind = REMIND_DIMINISHING,
};

static Vigil vigil(const char *status) {
        Vigil v = { .progress_usec = AT(0), .status_usec = AT(0), .created_at = T0 };

        vigil_set_status(&v, status);
        return v;
}

static VigilKind due(const Vigil *v, const VigilLimits *l, int64_t second) {
        usec_t next;

        return vigil_due(v, l, AT(second), AT(second), &next);
}

static void test_first(void **state) {
        static const struct {
                const char *status;
                VigilKind kind;
                int64_t after;          /* seconds */
        } rows[] = {
                { "running", VIGIL_STALLED, 90 * MIN_ }, { "queued", VIGIL_WAITING, 6 * HOUR },
                { "pending", VIGIL_WAITING, 6 * HOUR },  { "validating_files", VIGIL_WAITING, 6 * HOUR },
                { "created", VIGIL_WAITING, 6 * HOUR },  { "resuming", VIGIL_WAITING, 6 * HOUR },
                { "paused", VIGIL_PAUSED, DAY },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Vigil v = vigil(rows[i].status);
                usec_t next;
                if (due(&v, &limits, rows[i].after - 1) != _VIGIL_KIND_NONE ||
                    due(&v, &limits, rows[i].after) != rows[i].kind)
                        fail_msg("%s", rows[i].status);
                assert_int_equal(vigil_due(&v, &limits, AT(1), AT(1), &next), _VIGIL_KIND_NONE);
                assert_int_equal(next, AT(rows[i].after));
        }
        static const char *const never[] = { "succeeded", "failed", "pausing", "baking" };
        for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
                Vigil v = vigil(never[i]);
                assert_int_equal(due(&v, &limits, 1000 * DAY), _VIGIL_KIND_NONE);
        }
}

static void test_off(void **state) {
        static const char *const statuses[] = { "running", "queued", "paused" };
        const VigilLimits off = { .remind = REMIND_ONCE };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
                Vigil v = vigil(statuses[i]);
                v.estimate = T0 + HOUR;
                assert_int_equal(due(&v, &off, 1000 * DAY), _VIGIL_KIND_NONE);
        }
}

/* The days, counted from the first notice, on which it is told again. */
static void check_reminders(Remind remind, VigilKind kind, const int64_t *days, size_t n) {
        VigilLimits l = limits;
        size_t got = 0;

        l.remind = remind;
        Vigil v = vigil(kind == VIGIL_PAUSED ? "paused" : "running");
        for (int64_t hour = 0; hour < 100 * 24; hour++) {
                int64_t at = (kind == VIGIL_PAUSED ? 0 : 90 * MIN_) + hour * HOUR;
                if (due(&v, &l, at) != kind)
                        continue;
                v.told[kind] = vigil_tell(&v, kind, AT(at));
                assert_int_equal(v.told[kind].spell, 1);
                if (hour == 0)
                        continue;
                if (got == n || days[got] * 24 != hour)
                        fail_msg("remind %d: reminder %zu after %ld hours", remind, got, (long) hour);
                got++;
        }
        assert_int_equal(got, n);
}

static void test_reminders(void **state) {
        static const int64_t diminishing[] = { 1, 3, 7, 15, 31, 63, 95 };
        int64_t daily[99];

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(daily); i++)
                daily[i] = (int64_t) i + 1;
        check_reminders(REMIND_DIMINISHING, VIGIL_STALLED, diminishing, ARRAY_SIZE(diminishing));
        check_reminders(REMIND_DAILY, VIGIL_STALLED, daily, ARRAY_SIZE(daily));
        check_reminders(REMIND_ONCE, VIGIL_STALLED, NULL, 0);
        check_reminders(REMIND_DIMINISHING, VIGIL_PAUSED, diminishing, ARRAY_SIZE(diminishing));
        check_reminders(REMIND_DAILY, VIGIL_PAUSED, daily, ARRAY_SIZE(daily));
        check_reminders(REMIND_ONCE, VIGIL_PAUSED, NULL, 0);
}

/* News end a stall without a word; the next one is another. */
static void test_spells(void **state) {
        Vigil v = vigil("running");

        (void) state;
        v.told[VIGIL_STALLED] = vigil_tell(&v, VIGIL_STALLED, AT(90 * MIN_));
        assert_int_equal(due(&v, &limits, 4 * HOUR), _VIGIL_KIND_NONE);
        v.progress_usec = AT(5 * HOUR);
        assert_int_equal(due(&v, &limits, 5 * HOUR + 89 * MIN_), _VIGIL_KIND_NONE);
        assert_int_equal(due(&v, &limits, 5 * HOUR + 90 * MIN_), VIGIL_STALLED);
        VigilTold told = vigil_tell(&v, VIGIL_STALLED, AT(5 * HOUR + 90 * MIN_));
        assert_int_equal(told.spell, 2);
        assert_int_equal(told.n, 1);
}

static void test_estimates(void **state) {
        static const struct {
                int64_t estimate, status; /* seconds after creation */
                bool wild, none, sane;
        } rows[] = {
                { 2 * HOUR, 60, false, false, true },
                { 13 * DAY, 60, false, false, true },
                { 30 * DAY, 60, false, false, false },          /* the cap, and worse, as seen */
                { 116 * DAY, 60, false, false, false },
                { -60, -120, false, false, false },
                { 0, -60, false, false, false },
                { 2 * HOUR, 3 * HOUR, false, false, false },    /* passed when it began to run */
                { 2 * HOUR, 60, true, false, false },
                { 0, 60, false, true, false },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Vigil v = vigil("running");
                v.estimate = rows[i].none ? 0 : T0 + rows[i].estimate;
                v.status_usec = AT(rows[i].status);
                v.estimate_wild = rows[i].wild;
                if (vigil_estimate_is_sane(&v) != rows[i].sane)
                        fail_msg("row %zu", i);
        }
        assert_false(vigil_estimate_jumps(T0, T0 + HOUR, T0 + 7 * HOUR));
        assert_true(vigil_estimate_jumps(T0, T0 + HOUR, T0 + 8 * HOUR));
        assert_true(vigil_estimate_jumps(T0, T0 + 10 * DAY, T0 + DAY));
        assert_false(vigil_estimate_jumps(T0, T0 + 10 * DAY, T0 + 9 * DAY));
        assert_false(vigil_estimate_jumps(T0, 0, T0 + 9 * DAY));
}

/* By the server's clock, whichever way ours is off. */
static void test_overdue(void **state) {
        VigilLimits l = limits;

        (void) state;
        l.stall_after_usec = 0;
        Vigil v = vigil("running");
        v.estimate = T0 + HOUR;
        for (int64_t off = -4 * HOUR; off <= 4 * HOUR; off += HOUR) {
                int64_t ours = 3 * HOUR - off;
                usec_t next;
                assert_int_equal(vigil_due(&v, &l, AT(ours - 1), AT(3 * HOUR - 1), &next), _VIGIL_KIND_NONE);
                assert_int_equal(vigil_due(&v, &l, AT(ours), AT(3 * HOUR), &next), VIGIL_OVERDUE);
        }
        v.told[VIGIL_OVERDUE] = vigil_tell(&v, VIGIL_OVERDUE, AT(3 * HOUR));
        v.estimate = T0 + 4 * HOUR;     /* it slips: no second "first" notice */
        assert_int_equal(due(&v, &l, 7 * HOUR), _VIGIL_KIND_NONE);
        assert_int_equal(vigil_tell(&v, VIGIL_OVERDUE, AT(28 * HOUR)).n, 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first),     cmocka_unit_test(test_off),
                cmocka_unit_test(test_reminders), cmocka_unit_test(test_spells),
                cmocka_unit_test(test_estimates), cmocka_unit_test(test_overdue),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
