/* Checkpoints as servers send them. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/strings.h"
#include "model/checkpoint.h"

static int read(const char *text, Checkpoint **ret) {
        _cleanup_json_ json_object *o = NULL;

        assert_int_equal(json_parse_bounded(text, strlen(text), &o, NULL), 0);
        return checkpoint_from_json(o, ret);
}

/* OpenAI has a string among the numbers, Azure a float for the step and -1 for no value. */
static void test_read(void **state) {
        static const char openai[] =
                "{\"object\":\"fine_tuning.job.checkpoint\",\"id\":\"ftckpt_1\",\"created_at\":1700000000,"
                "\"fine_tuned_model_checkpoint\":\"ft:m:o::1:ckpt-step-20\",\"fine_tuning_job_id\":\"j\","
                "\"step_number\":20,\"metrics\":{\"step\":20,\"train_loss\":0.5,\"type\":\"supervised\"}}";
        static const char azure[] =
                "{\"id\":\"ftchkpt-2\",\"created_at\":1700000000,\"fine_tuned_model_checkpoint\":\"m.ft-1\","
                "\"metrics\":{\"step\":100.0,\"train_loss\":NaN,\"valid_loss\":-1,\"reward\":-1}}";
        Checkpoint *c = NULL;
        Metrics *m = NULL;

        (void) state;
        assert_int_equal(read(openai, &c), 0);
        assert_string_equal(c->id, "ftckpt_1");
        assert_string_equal(c->model, "ft:m:o::1:ckpt-step-20");
        assert_int_equal(c->step, 20);
        assert_int_equal(checkpoint_metrics(c, &m), 0);
        assert_int_equal(m->n_series, 1);
        assert_int_equal(m->series[0].points[0].step, 20);
        m = metrics_free(m);
        c = checkpoint_free(c);

        assert_int_equal(read(azure, &c), 0);
        assert_int_equal(c->step, 100);
        assert_int_equal(checkpoint_metrics(c, &m), 0);
        assert_int_equal(m->n_series, 2);
        assert_true(isnan(metrics_find(m, "train_loss")->points[0].value));
        assert_true(metrics_find(m, "reward")->points[0].value == -1);
        m = metrics_free(m);
        c = checkpoint_free(c);
}

static void test_refused(void **state) {
        static const char *const texts[] = { "[]", "{}", "{\"id\":\"\"}", "{\"id\":7}", "null" };
        Checkpoint *c = NULL;

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (read(texts[i], &c) != -EBADMSG)
                        fail_msg("%s was taken", texts[i]);
        assert_int_equal(read("{\"id\":\"c\",\"step_number\":-4}", &c), 0);
        assert_int_equal(c->step, -1);
        c = checkpoint_free(c);
}

static void test_round_trip(void **state) {
        Checkpoint *c = NULL, *back = NULL;
        _cleanup_json_ json_object *o = NULL;

        (void) state;
        assert_int_equal(read("{\"id\":\"c\",\"step_number\":\"40\",\"created_at\":\"1700000000\","
                              "\"fine_tuned_model_checkpoint\":\"m\"}", &c), 0);
        assert_int_equal(checkpoint_to_json(c, 100, &o), 0);
        assert_int_equal(checkpoint_from_json(o, &back), 0);
        assert_string_equal(back->model, "m");
        assert_int_equal(back->step, 40);
        assert_int_equal(back->created_at, 1700000000);
        c = checkpoint_free(c);
        back = checkpoint_free(back);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_round_trip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
