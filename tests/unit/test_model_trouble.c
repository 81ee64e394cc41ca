/* When trouble is told, and its end: sequences of outcomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "model/advice.h"
#include "model/trouble.h"

#define START (1700000000 * USEC_PER_SEC)

/* One letter an attempt: what comes in, and below it what is told ('.' nothing, '+' recovered). */
static Outcome outcome_of(char letter) {
        static const struct {
                char letter;
                OutcomeKind kind;
                Reason reason;
        } table[] = {
                { 'o', OUTCOME_OK, REASON_NONE },
                { 'u', OUTCOME_REJECTED, REASON_UNAUTHORIZED },
                { 'm', OUTCOME_REJECTED, REASON_MISCONFIGURED },
                { 't', OUTCOME_RETRY, REASON_TIMEOUT },
                { 'd', OUTCOME_RETRY, REASON_DNS },
                { '5', OUTCOME_RETRY, REASON_SERVER_ERROR },
                { '9', OUTCOME_RETRY, REASON_THROTTLED },
                { 'b', OUTCOME_RETRY, REASON_BAD_REPLY },
                { 'g', OUTCOME_REJECTED, REASON_GONE },
                { 'r', OUTCOME_REJECTED, REASON_BAD_REQUEST },
                { 'l', OUTCOME_REJECTED, REASON_TOO_LARGE },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (table[i].letter == letter)
                        return (Outcome) { .kind = table[i].kind, .reason = table[i].reason };
        fail_msg("no outcome %c", letter);
        return outcome_ok();
}

static char news_letter(const Trouble *t, TroubleNews news) {
        if (news == TROUBLE_RECOVERED)
                return '+';
        if (news == TROUBLE_NO_NEWS)
                return '.';
        switch (t->told_type) {
        case NOTICE_SOURCE_UNAUTHORIZED: return 'U';
        case NOTICE_SOURCE_MISCONFIGURED: return 'M';
        case NOTICE_SOURCE_UNREACHABLE: return 'R';
        case NOTICE_SOURCE_THROTTLED: return 'T';
        case NOTICE_RECEIVER_FAILING: return 'F';
        default: return '?';
        }
}

static void test_polls(void **state) {
        static const struct {
                const char *in, *out;
                uint64_t after;
        } table[] = {
                { "ooo", "...", 3 },
                { "tto", "...", 3 },
                { "ttto", "..R+", 3 },
                { "ttttttto", "..R....+", 3 },
                { "td5to", "..R.+", 3 },                /* one kind of trouble, however it shows */
                { "uo", "..", 3 },
                { "uuo", ".U+", 3 },
                { "uuuuo", ".U..+", 3 },
                { "to", "R+", 1 },
                { "999o", "..T+", 3 },
                { "tttuuo", "..R.U+", 3 },              /* another kind is told too */
                { "tttuuttto", "..R.U...+", 3 },        /* and once */
                { "uutttuumm999ouuttto", ".U..R...M..T+.U..R+", 3 },
                { "t9b5t9o", ".....T+", 3 },            /* taking turns is blindness too */
                { "tttu9tu9to", "..R......+", 3 },      /* and no storm */
                { "ttotto", "......", 3 },
                { "tttotttott", "..R+..R+..", 3 },
                { "ggo", ".M+", 3 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                Trouble t = {};
                for (size_t k = 0; table[i].in[k]; k++) {
                        usec_t blind = 0;
                        Outcome o = outcome_of(table[i].in[k]);
                        TroubleNews news = trouble_take_poll(&t, &o, table[i].after,
                                                             START + k * 30 * USEC_PER_SEC, &blind);
                        if (news_letter(&t, news) != table[i].out[k])
                                fail_msg("%s: %c at %zu", table[i].in, news_letter(&t, news), k);
                        if (news == TROUBLE_RECOVERED)
                                assert_true(blind > 0 && blind <= k * 30 * USEC_PER_SEC);
                }
        }
}

static void test_reminded_daily(void **state) {
        Outcome o = outcome_of('t');
        unsigned n_told = 0;
        usec_t blind;
        Trouble t = {};

        (void) state;
        for (unsigned hour = 0; hour < 10 * 24; hour++)
                n_told += trouble_take_poll(&t, &o, 3, START + hour * USEC_PER_HOUR, &blind) == TROUBLE_TELL;
        assert_int_equal(n_told, 10);
        assert_true(t.since_usec == START);
}

/* Two kinds that take turns are told daily each, not at every turn; no less after the clock was set. */
static void test_taking_turns(void **state) {
        unsigned n_told[_NOTICE_TYPE_MAX] = {};
        int64_t step = 0;
        Trouble t = {};
        usec_t blind;

        (void) state;
        for (unsigned minute = 0; minute < 10 * 24 * 60; minute++) {
                Outcome o = outcome_of(minute % 10 < 5 ? 't' : 'u');
                if (minute == 5 * 24 * 60) {
                        step = (int64_t) (10 * USEC_PER_DAY);
                        trouble_shift(&t, step);
                }
                usec_t now = usec_shift(START + minute * USEC_PER_MINUTE, step);
                if (trouble_take_poll(&t, &o, 3, now, &blind) == TROUBLE_TELL)
                        n_told[t.told_type]++;
        }
        assert_int_equal(n_told[NOTICE_SOURCE_UNREACHABLE], 10);
        assert_int_equal(n_told[NOTICE_SOURCE_UNAUTHORIZED], 10);
}

static void test_deliveries(void **state) {
        static const struct {
                const char *in, *out;
                unsigned seconds;       /* between attempts */
        } table[] = {
                { "ooo", "...", 1 },
                { "tttto", ".....", 1 },                /* not for a minute yet */
                { "tto", "...", 100 },
                { "ttttto", "..F..+", 40 },
                { "t5d9to", "..F..+", 40 },
                { "go", "F+", 1 },                      /* for good: at once */
                { "ggggo", "F...+", 1 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                Trouble t = {};
                for (size_t k = 0; table[i].in[k]; k++) {
                        usec_t blind = 0;
                        Outcome o = outcome_of(table[i].in[k]);
                        TroubleNews news =
                                trouble_take_delivery(&t, &o, START + k * table[i].seconds * USEC_PER_SEC,
                                                      &blind);
                        if (news_letter(&t, news) != table[i].out[k])
                                fail_msg("%s: %c at %zu", table[i].in, news_letter(&t, news), k);
                }
        }
}

/* A message refused is told once a day, and never to be over. */
static void test_refusals(void **state) {
        Trouble t = {};
        unsigned n_told = 0;

        (void) state;
        for (unsigned hour = 0; hour < 72; hour++) {
                Outcome o = outcome_of(hour % 2 ? 'r' : 'l');
                assert_true(trouble_is_refusal(&o));
                n_told += trouble_take_refusal(&t, &o, START + hour * USEC_PER_HOUR) == TROUBLE_TELL;
                assert_int_equal(t.n_row, hour + 1);
        }
        assert_int_equal(n_told, 3);
        for (const char *p = "o5g9u"; *p; p++) {
                Outcome o = outcome_of(*p);
                assert_false(trouble_is_refusal(&o));
        }
}

/* Every reason leads to a source.* notice, and each of those has an advice. */
static void test_reasons(void **state) {
        (void) state;
        for (int r = 0; r < _REASON_MAX; r++) {
                uint64_t after = 99;
                NoticeType type = trouble_type_for_source((Reason) r, &after);
                assert_in_range(type, NOTICE_SOURCE_UNAUTHORIZED, NOTICE_SOURCE_THROTTLED);
                assert_in_range(after, 0, 2);
                assert_non_null(advice_find(type, (Reason) r, NULL));
                assert_non_null(advice_find(NOTICE_RECEIVER_FAILING, (Reason) r, NULL));
        }
        assert_null(advice_find(NOTICE_SOURCE_RECOVERED, REASON_NONE, NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_polls),
                cmocka_unit_test(test_reminded_daily),
                cmocka_unit_test(test_taking_turns),
                cmocka_unit_test(test_deliveries),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_reasons),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
