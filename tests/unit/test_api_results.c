/* Result files: plain and base64, as both vendors write them, and everything that is none. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/results.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/strings.h"

/* "name step=value step=value; name ..." */
static void print_metrics(const Metrics *m, Buf *ret) {
        for (size_t i = 0; i < m->n_series; i++) {
                (void) buf_printf(ret, "%s%s", i > 0 ? "; " : "", m->series[i].name);
                for (size_t k = 0; k < m->series[i].n_points; k++)
                        (void) buf_printf(ret, " %lld=%g", (long long) m->series[i].points[k].step,
                                          m->series[i].points[k].value);
        }
}

#define BOM "\xef\xbb\xbf"

static const struct {
        const char *text, *expected;            /* NULL: -EBADMSG */
} table[] = {
        { "step,train_loss,valid_loss\n1,2.5,3.5\n2,1.5,2.5\n",
          "train_loss 1=2.5 2=1.5; valid_loss 1=3.5 2=2.5" },
        { "step,train_loss,valid_loss\r\n1,2.5,\r\n2,,2.5\r\n", "train_loss 1=2.5; valid_loss 2=2.5" },
        { "step,train_loss,valid_loss\n1,2.5,-1\n2,-1,-1.0\n3,0.5,0.25",
          "train_loss 1=2.5 3=0.5; valid_loss 3=0.25" },
        { "step,train_accuracy,validation_loss,validation_mean_token_accuracy\n1,0.5,2,0.25\n",
          "train_mean_token_accuracy 1=0.5; valid_loss 1=2; valid_mean_token_accuracy 1=0.25" },
        { "step,reward\n1,-1\n", "reward 1=-1" },
        { "train_loss,step\n6e-05,1.0\n3.814697265625E-06,2.0\n", "train_loss 1=6e-05 2=3.8147e-06" },
        { "\"step\",\"train_loss\"\n\"1\",\"2.5\"\n", "train_loss 1=2.5" },
        { BOM "step,train_loss\n1,2.5\n", "train_loss 1=2.5" },
        { BOM "\"step\",\"train_loss\"\r\n1,2.5\r\n", "train_loss 1=2.5" },
        { "step,train_loss\n1,nan\n2,inf\n", "train_loss 1=nan 2=inf" },
        { "step,train_loss\n\n1,2\n\n\n2,1\n", "train_loss 1=2 2=1" },
        { "step,train_loss\n1,2,3,4,5\n2\n3,1\n", "train_loss 1=2 3=1" },
        { "step,,train_loss\n1,7,2\n", "train_loss 1=2" },
        { "step,train_loss\n1,two\n2,1\nx,9\n-1,9\n1e99,9\n", "train_loss 2=1" },
        { "step,train_loss\n2,1\n1,2\n2,3\n", "train_loss 1=2 2=3" },
        { "step,train_loss\n", NULL },
        { "step,train_loss\n1,\n", NULL },
        { "step\n1\n2\n", NULL },
        { "train_loss,valid_loss\n1,2\n", NULL },
        { "", NULL },
        { "\n\n", NULL },
        { "<html><body>not found, sorry</body></html>", NULL },
        { "{\"error\":{\"code\":\"x\",\"message\":\"y\"}}", NULL },
        { "c3RlcCx0cmFpbl9sb3Nz", NULL },
        { "!!!!", NULL },
};

static void check(const char *body, size_t size, const char *expected) {
        Buf printed = BUF_INIT(1 << 16);
        Metrics *m = NULL;

        int r = results_read(body, size, &m);
        if (!expected) {
                assert_int_equal(r, -EBADMSG);
                assert_null(m);
                return;
        }
        if (r < 0)
                fail_msg("refused: %s", body);
        print_metrics(m, &printed);
        assert_string_equal(buf_string(&printed), expected);
        buf_done(&printed);
        metrics_free(m);
}

static void test_plain(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                check(table[i].text, strlen(table[i].text), table[i].expected);
}

/* As OpenAI serves it; also with line breaks. */
static void test_base64(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                Buf broken = BUF_INIT(1 << 16);
                char *encoded = NULL;
                assert_int_equal(base64_encode(table[i].text, strlen(table[i].text), &encoded), 0);
                check(encoded, strlen(encoded), table[i].expected);
                for (size_t k = 0; encoded[k]; k++)
                        (void) buf_printf(&broken, "%c%s", encoded[k], k % 60 == 59 ? "\r\n" : "");
                (void) buf_puts(&broken, "\n");
                check(broken.data, broken.size, table[i].expected);
                buf_done(&broken);
                free(encoded);
        }
}

static void test_huge(void **state) {
        Buf b = BUF_INIT(64 << 20);
        Metrics *m = NULL;

        (void) state;
        (void) buf_puts(&b, "step");
        for (unsigned i = 0; i < 200; i++)
                (void) buf_printf(&b, ",column_%u", i);
        (void) buf_puts(&b, "\n1");
        for (unsigned i = 0; i < 200; i++)
                (void) buf_printf(&b, ",%u", i);
        assert_int_equal(buf_puts(&b, "\n"), 0);
        assert_int_equal(results_read(b.data, b.size, &m), 0);
        assert_in_range(m->n_series, METRIC_SERIES_MAX - 1, METRIC_SERIES_MAX);
        m = metrics_free(m);
        buf_reset(&b);
        (void) buf_puts(&b, "step,train_loss\n");
        for (unsigned i = 0; i < RESULT_ROWS_MAX + 1000; i++)
                (void) buf_printf(&b, "%u,1.5\n", i);
        assert_int_equal(results_read(b.data, b.size, &m), 0);
        assert_int_equal(m->series[0].n_points, RESULT_ROWS_MAX);
        m = metrics_free(m);
        /* One cell without end. */
        buf_reset(&b);
        (void) buf_puts(&b, "step,train_loss\n1,\"");
        for (unsigned i = 0; i < 1 << 20; i++)
                (void) buf_putc(&b, 'x');
        assert_int_equal(results_read(b.data, b.size, &m), -EBADMSG);
        buf_done(&b);
}

static void test_every_truncation(void **state) {
        static const char whole[] = BOM "step,\"train_loss\",valid_loss\r\n1,2.5,-1\r\n2,\"1.5\",3.5\r\n";

        (void) state;
        for (size_t n = 0; n < sizeof whole; n++) {
                char *exact = malloc(n + 1);
                Metrics *m = NULL;
                assert_non_null(exact);
                memcpy(exact, whole, n);
                exact[n] = '\0';
                int r = results_read(exact, n, &m);
                assert_true(r == 0 || r == -EBADMSG);
                metrics_free(m);
                free(exact);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_base64),
                cmocka_unit_test(test_huge),
                cmocka_unit_test(test_every_truncation),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
