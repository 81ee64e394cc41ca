/* Conditions on metrics: their grammar, and when they are crossed. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "model/condition.h"

#define N NAN

static void test_grammar(void **state) {
        static const struct {
                const char *text, *spelling;    /* NULL: refused */
        } rows[] = {
                { "train_loss > 5", "train_loss > 5" },
                { "train_loss>5", "train_loss > 5" },
                { "  train_loss   >=  0.50 ", "train_loss >= 0.5" },
                { "reward < -1", "reward < -1" },
                { "reward<=1e-3", "reward <= 0.001" },
                { "train_loss is NaN", "train_loss is nan" },
                { "train_loss IS nan", "train_loss is nan" },
                { "valid_loss rising for 3", "valid_loss rising for 3" },
                { "valid_mean_token_accuracy falling for 1000",
                  "valid_mean_token_accuracy falling for 1000" },
                { "eval/reward.mean > 1", "eval/reward.mean > 1" },
                { "", NULL },
                { "train_loss", NULL },
                { "train_loss >", NULL },
                { "> 5", NULL },
                { "train_loss > five", NULL },
                { "train_loss > nan", NULL },
                { "train_loss > inf", NULL },
                { "train_loss = 5", NULL },
                { "train_loss == 5", NULL },
                { "train_loss => 5", NULL },
                { "train_loss > 5 6", NULL },
                { "train_loss is bad", NULL },
                { "train_loss is nan now", NULL },
                { "train_loss rising", NULL },
                { "train_loss rising for", NULL },
                { "train_loss rising for 0", NULL },
                { "train_loss rising for 1001", NULL },
                { "train_loss rising for 2.5", NULL },
                { "train_loss rising for 3 steps", NULL },
                { "a_name_that_is_longer_than_sixty_four_characters_is_nobodys_metric_at_all > 5", NULL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char text[CONDITION_TEXT_MAX];
                Condition c, again;
                int r = condition_parse(rows[i].text, &c);
                if (r != (rows[i].spelling ? 0 : -EINVAL))
                        fail_msg("'%s': %d", rows[i].text, r);
                if (r < 0)
                        continue;
                assert_string_equal(condition_to_text(&c, text), rows[i].spelling);
                assert_int_equal(condition_parse(text, &again), 0);
        }
}

/* The steps (from 1) at which each is crossed, as bits. */
static void test_crossings(void **state) {
        static const struct {
                const char *text;
                double values[10];
                unsigned crossed;
        } rows[] = {
                { "m > 5", { 1, 6, 7, 5, 6, 1, 1, 1, 1, 1 }, 1U << 2 | 1U << 5 },
                { "m >= 5", { 5, 5, 5, 4, 5, 1, 1, 1, 1, 1 }, 1U << 1 | 1U << 5 },
                { "m < 0", { 1, -1, -1, 0, -1, 0, 0, 0, 0, 0 }, 1U << 2 | 1U << 5 },
                { "m <= 0", { 1, 0, 1, 1, 1, 1, 1, 1, 1, -2 }, 1U << 2 | 1U << 10 },
                { "m > 5", { N, 6, N, 6, 1, 1, 1, 1, 1, 1 }, 1U << 2 | 1U << 4 },
                { "m > 5", { INFINITY, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 1U << 1 },
                { "m is nan", { 1, N, N, 1, INFINITY, 1, 1, 1, 1, 1 }, 1U << 2 | 1U << 5 },
                { "m rising for 3", { 1, 2, 3, 4, 5, 6, 5, 6, 7, 8 }, 1U << 4 | 1U << 10 },
                { "m rising for 3", { 1, 2, 2, 3, 4, 5, 1, 1, 1, 1 }, 1U << 6 },
                { "m rising for 2", { 1, 2, N, 3, 4, 5, 1, 1, 1, 1 }, 1U << 6 },
                { "m falling for 1", { 3, 2, 3, 2, 1, 1, 0, 0, 0, 0 }, 1U << 2 | 1U << 4 | 1U << 7 },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                ConditionState s = CONDITION_STATE_INIT;
                unsigned crossed = 0;
                Condition c;
                assert_int_equal(condition_parse(rows[i].text, &c), 0);
                for (int64_t step = 1; step <= 10; step++) {
                        if (condition_feed(&c, &s, step, rows[i].values[step - 1]))
                                crossed |= 1U << step;
                        /* What comes late or again changes nothing. */
                        assert_false(condition_feed(&c, &s, step, 1e9));
                        assert_false(condition_feed(&c, &s, step - 1, -1e9));
                }
                if (crossed != rows[i].crossed)
                        fail_msg("row %zu, '%s': %#x, expected %#x", i, rows[i].text, crossed,
                                 rows[i].crossed);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_grammar),
                cmocka_unit_test(test_crossings),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
