/* What each kind makes of each sample notice, against files below tests/unit/golden/receiver/. JSON is kept
 * indented, to be read, and compared by value; everything else byte by byte. UPDATE_GOLDEN=1 writes the
 * files anew: look at the diff. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/strings.h"
#include "unit/notice_samples.h"
#include "unit/receiver_fixture.h"

#define GOLDEN_DIR "tests/unit/golden/receiver"
#define GOLDEN_MAX (1024U * 1024U)

static const struct {
        const char *kind, *extension;
        bool is_json;
} kinds[] = {
        { "webhook", "json", true },
        { "slack", "json", true },
        { "teams", "json", true },
        { "email", "eml", false },
        { "journal", "txt", false },
};

static bool updating(void) {
        const char *s = getenv("UPDATE_GOLDEN");

        return s && streq(s, "1");
}

static Buf file_read(const char *path) {
        Buf b = BUF_INIT(GOLDEN_MAX);
        char chunk[4096];
        size_t n;
        FILE *f = fopen(path, "re");

        if (!f)
                fail_msg("%s: %s (UPDATE_GOLDEN=1 writes it)", path, strerror(errno));
        while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
                assert_int_equal(buf_append(&b, chunk, n), 0);
        fclose(f);
        return b;
}

static void file_write(const char *path, const void *data, size_t size) {
        FILE *f = fopen(path, "we");

        if (!f)
                fail_msg("%s: %s", path, strerror(errno));
        assert_int_equal(fwrite(data, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
}

static json_object *parse(const char *path, const Buf *b) {
        json_object *o = NULL;
        const char *why = "";

        if (json_parse_bounded(buf_string(b), b->size, &o, &why) < 0)
                fail_msg("%s: %s", path, why);
        return o;
}

static void check_json(const char *path, const Buf *rendered) {
        json_object *ours = parse(path, rendered);
        const char *pretty = json_object_to_json_string_ext(
                ours, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
        _cleanup_free_ char *text = NULL;

        assert_true(string_printf(&text, "%s\n", pretty) >= 0);
        if (updating())
                file_write(path, text, strlen(text));
        Buf b = file_read(path);
        json_object *golden = parse(path, &b);
        if (!json_object_equal(ours, golden))
                fail_msg("%s differs; now it is:\n%s", path, text);
        json_object_put(golden);
        json_object_put(ours);
        buf_done(&b);
}

static void check_bytes(const char *path, const Buf *rendered) {
        if (updating())
                file_write(path, rendered->data, rendered->size);
        Buf b = file_read(path);
        if (b.size != rendered->size || memcmp(b.data, rendered->data, b.size) != 0)
                fail_msg("%s differs; now it is:\n%s", path, buf_string(rendered));
        buf_done(&b);
}

static void check_one(size_t kind, const char *sample, bool degraded) {
        ReceiverCommon *s = receiver_fixture_new(kinds[kind].kind, NULL);
        Notice *n = notice_sample_new(sample);
        Buf b = BUF_INIT(GOLDEN_MAX);
        char path[256];

        (void) snprintf(path, sizeof path, GOLDEN_DIR "/%s/%s%s.%s", kinds[kind].kind, sample,
                        degraded ? "-degraded" : "", kinds[kind].extension);
        assert_int_equal(s->kind->render(s, n, degraded, &b), 0);
        if (kinds[kind].is_json)
                check_json(path, &b);
        else
                check_bytes(path, &b);
        buf_done(&b);
        (void) notice_free(n);
        (void) receiver_settings_free(s);
}

static void test_kind(void **state) {
        size_t kind = (size_t) *state;

        if (updating()) {
                char dir[128];
                (void) mkdir(GOLDEN_DIR, 0755);
                (void) snprintf(dir, sizeof dir, GOLDEN_DIR "/%s", kinds[kind].kind);
                (void) mkdir(dir, 0755);
        }
        for (const char *const *sample = notice_sample_names; *sample; sample++)
                check_one(kind, *sample, false);
        check_one(kind, "succeeded", true);
        check_one(kind, "hostile", true);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                { "webhook", test_kind, NULL, NULL, (void *)0 },
                { "slack", test_kind, NULL, NULL, (void *)1 },
                { "teams", test_kind, NULL, NULL, (void *)2 },
                { "email", test_kind, NULL, NULL, (void *)3 },
                { "journal", test_kind, NULL, NULL, (void *)4 },
        };

        (void) setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);  /* needs no zone files */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
