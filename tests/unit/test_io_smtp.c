/* io/smtp: the dialogue as a function of bytes; the server's come whole and one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/strings.h"
#include "io/smtp.h"

static char *const two[] = { (char *) "a@example.org", (char *) "b@example.org", NULL };

/* Takes what is to be sent, as the network would. */
static void take_output(Smtp *s, Buf *log) {
        if (s->out_at < s->out.size)
                assert_return_code(buf_append(log, s->out.data + s->out_at, s->out.size - s->out_at), 0);
        s->out_at = s->out.size;
}

typedef struct Row {
        const char *message;
        const char *server[8];          /* a reply each, to what was sent last */
        int error;
        int code;
        unsigned n_refused;
        bool is_accepted;
        const char *client;             /* all that was sent */
        const char *words;
} Row;

#define HEAD "MAIL FROM:<f@example.org>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"

#define OK "250 ok\r\n"
#define GO "354 go\r\n"

static const Row rows[] = {
        { "x\r\n", { OK, OK, OK, GO, "250 taken\r\n" }, 0, 250, 0, true,
          HEAD "DATA\r\nx\r\n.\r\n", "" },
        { ".\r\n..\r\na.\r\n.b", { "250-a\r\n250-b\r\n250 c\r\n", "251 ok\n", "250\r\n", GO, OK },
          0, 250, 0, true, HEAD "DATA\r\n..\r\n...\r\na.\r\n..b\r\n.\r\n", "" },
        { "x\r\n", { OK, "550 no a\r\n", OK, GO, "250 taken\r\n" }, 0, 250, 1, true,
          HEAD "DATA\r\nx\r\n.\r\n", "550 no a" },
        { "x\r\n", { OK, "550 no a\r\n", "450-no b\r\n450 later\r\n" }, 0, 450, 2, false, HEAD,
          "450 later" },
        { "x\r\n", { OK, "451 not yet\r\n", "550 no b\r\n" }, 0, 451, 2, false, HEAD, "451 not yet" },
        { "x\r\n", { OK, "550 no a\r\n", "551 no b\r\n" }, 0, 550, 2, false, HEAD, "550 no a" },
        { "x\r\n", { OK, OK, "421 closing\r\n" }, 0, 421, 0, false, HEAD, "421 closing" },
        { "x\r\n", { "553 who\r\n" }, 0, 553, 0, false, "MAIL FROM:<f@example.org>\r\n", "553 who" },
        { "x\r\n", { OK, OK, OK, "554 no\r\n" }, 0, 554, 0, false, HEAD "DATA\r\n",
          "554 no" },
        { "x\r\n", { OK, OK, OK, GO, "552 big\r\n" }, 0, 552, 0, false,
          HEAD "DATA\r\nx\r\n.\r\n", "552 big" },
        /* two replies to one command; no reply; a success of the wrong kind */
        { "x\r\n", { "250 ok\r\n250 ok\r\n" }, -EBADMSG, 250, 0, false, NULL, "" },
        { "x\r\n", { "hello\r\n" }, -EBADMSG, 0, 0, false, NULL, "" },
        { "x\r\n", { "\r\n" }, -EBADMSG, 0, 0, false, NULL, "" },
        { "x\r\n", { "2500 ok\r\n" }, -EBADMSG, 0, 0, false, NULL, "" },
        { "x\r\n", { GO }, -EBADMSG, 0, 0, false, NULL, "" },
        { "x\r\n", { OK, OK, OK, OK }, -EBADMSG, 250, 0, false, NULL, "" },
};

static void play(size_t i, bool bytewise) {
        const Row *row = rows + i;
        Buf log = BUF_INIT(4096);
        Smtp s;
        int r = 0;

        assert_return_code(smtp_init(&s, "f@example.org", two, row->message, strlen(row->message)), 0);
        take_output(&s, &log);
        for (const char *const *reply = row->server; *reply && r >= 0; reply++) {
                size_t step = bytewise ? 1 : strlen(*reply);
                assert_int_not_equal(s.step, SMTP_STEP_END);
                for (size_t at = 0; (*reply)[at] && r >= 0; at += step)
                        r = smtp_feed(&s, *reply + at, step);
                if (r >= 0)
                        take_output(&s, &log);
        }
        if (r != row->error || s.code != row->code || s.n_refused != row->n_refused ||
            s.is_accepted != row->is_accepted || !streq(s.words, row->words) ||
            (row->client && !streq(buf_string(&log), row->client)))
                fail_msg("row %zu: %d, %d, %u refused, \"%s\":\n%s", i, r, s.code, s.n_refused, s.words,
                         buf_string(&log));
        assert_int_equal(s.step == SMTP_STEP_END, r >= 0);
        smtp_done(&s);
        buf_done(&log);
}

static void test_dialogues(_unused_ void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                play(i, false);
                play(i, true);
        }
}

/* A server that never comes to the point. */
static void test_endless_server(_unused_ void **state) {
        static const char *const lines[] = { "250-more\r\n", "more " };

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                Smtp s;
                int r = smtp_init(&s, "f@example.org", two, "x\r\n", 3);
                unsigned n = 0;
                for (; r >= 0 && n < 100000; n++)
                        r = smtp_feed(&s, lines[i], strlen(lines[i]));
                assert_int_equal(r, -EBADMSG);
                assert_in_range(n, 100, 10000);
                smtp_done(&s);
        }
}

static void test_addresses(_unused_ void **state) {
        static const char *const good[] = {
                "a@example.org", "a.b+c@example.org", "root", "\"a\"@example.org",
        };
        static const char *const bad[] = {
                "", "a b@example.org", "a@b>", "<a@b", "a\r\nDATA", "a\tb", "\x7f", "\xc3\xa9@example.org",
        };

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                assert_true(smtp_address_is_clean(good[i]));
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_false(smtp_address_is_clean(bad[i]));
        char longest[400];
        memset(longest, 'a', sizeof longest - 1);
        longest[sizeof longest - 1] = '\0';
        assert_false(smtp_address_is_clean(longest));
        longest[320] = '\0';
        assert_true(smtp_address_is_clean(longest));
}

static void test_words(_unused_ void **state) {
        char words[SMTP_WORDS_MAX], line[1000];

        smtp_clean_words("550 \x1b[2Jno\x07 \xff", 13, words);
        assert_string_equal(words, "550  [2Jno  \xef\xbf\xbd");
        memset(line, 'x', sizeof line);
        smtp_clean_words(line, sizeof line, words);
        assert_in_range(strlen(words), 100, SMTP_WORDS_MAX - 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dialogues),
                cmocka_unit_test(test_endless_server),
                cmocka_unit_test(test_addresses),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
