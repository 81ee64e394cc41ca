/* io/curl_glue: completions come once, from the loop, whatever happens to the transfers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/time.h"
#include "io/mail.h"
#include "unit/io_peer.h"

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* Stands in front of libsystemd's: what this glue asks for is refused. */
static const CurlGlue *refused_glue;
static unsigned n_refused;

int sd_event_add_io(sd_event *e, sd_event_source **s, int fd, uint32_t events,
                    sd_event_io_handler_t callback, void *userdata) {
        static int (*real)(sd_event *, sd_event_source **, int, uint32_t, sd_event_io_handler_t, void *);

        if (refused_glue && userdata == refused_glue) {
                n_refused++;
                return -ENOSPC;
        }
        if (!real)
                *(void **) &real = dlsym(RTLD_NEXT, "sd_event_add_io");
        return real(e, s, fd, events, callback, userdata);
}

typedef struct Waiter {
        IoFixture *f;
        CurlCall *call, *other;
        CURLcode code;
        unsigned n_done, n_left;
        int error;
        bool is_inside;                 /* submit has not returned */
        char body[64];
        size_t body_size;
} Waiter;

static void answer_ok(_unused_ const char *request, _unused_ unsigned nth, PeerAnswer *ret,
                      _unused_ void *p) {
        ret->bytes = OK_REPLY;
}

static void answer_nothing(_unused_ const char *request, _unused_ unsigned nth, _unused_ PeerAnswer *ret,
                           _unused_ void *p) {
}

static size_t on_body(char *data, _unused_ size_t one, size_t size, void *userdata) {
        Waiter *w = userdata;
        size_t n = MIN(size, sizeof w->body - w->body_size);

        memcpy(w->body + w->body_size, data, n);
        w->body_size += n;
        return size;
}

static CURL *easy_new(const char *url, Waiter *w) {
        CURL *easy = curl_easy_init();

        assert_non_null(easy);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_URL, url), CURLE_OK);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L), CURLE_OK);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body), CURLE_OK);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_WRITEDATA, w), CURLE_OK);
        return easy;
}

static void on_done(_unused_ CURL *easy, CURLcode code, void *userdata) {
        Waiter *w = userdata;

        assert_false(w->is_inside);
        w->call = NULL;
        w->code = code;
        w->n_done++;
        w->f->n_done++;
}

static void submit(Waiter *w, IoFixture *f, const char *url, curl_done_t done) {
        w->f = f;
        w->is_inside = true;
        assert_return_code(curl_glue_submit(f->glue, easy_new(url, w), done, w, &w->call), 0);
        w->is_inside = false;
}

/* file: transfers end in the very step in which they begin. */
static void file_url(char *ret, size_t size) {
        char path[256];
        const char *dir = getenv("TMPDIR");

        (void) snprintf(path, sizeof path, "%s/ftwatch-glue.XXXXXX", dir ? dir : "/tmp");
        int fd = mkstemp(path);
        assert_return_code(fd, errno);
        assert_int_equal(write(fd, "content", 7), 7);
        close(fd);
        (void) snprintf(ret, size, "file://%s", path);
}

static void test_sixteen_end_in_one_step(void **state) {
        IoFixture *f = *state;
        Waiter w[16] = { 0 };
        char url[300];

        file_url(url, sizeof url);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                submit(w + i, f, url, on_done);
        assert_int_equal(f->n_done, 0);
        io_run_until(f, &f->n_done, ARRAY_SIZE(w));
        for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
                assert_int_equal(w[i].n_done, 1);
                assert_int_equal(w[i].code, CURLE_OK);
                assert_int_equal(w[i].body_size, 7);
                assert_memory_equal(w[i].body, "content", 7);
        }
        assert_return_code(unlink(url + strlen("file://")), errno);
}

static void test_fifty_at_once(void **state) {
        IoFixture *f = *state;
        Waiter w[50] = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                submit(w + i, f, io_url(f, "/"), on_done);
        io_run_until(f, &f->n_done, ARRAY_SIZE(w));
        for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
                assert_int_equal(w[i].n_done, 1);
                assert_int_equal(w[i].code, CURLE_OK);
        }
}

static void test_limits_hold(void **state) {
        IoFixture *f = *state;
        Waiter w[20] = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        assert_return_code(curl_glue_set_limits(f->glue, 3, 64), 0);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                submit(w + i, f, io_url(f, "/"), on_done);
        io_run_until(f, &f->n_done, ARRAY_SIZE(w));
        assert_in_range(peer_n_connections(f->peer), 1, 3);
}

static void test_connections_are_kept(void **state) {
        IoFixture *f = *state;
        Waiter w[8] = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        for (unsigned round = 1; round <= 3; round++) {
                for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                        submit(w + i, f, io_url(f, "/"), on_done);
                io_run_until(f, &f->n_done, round * ARRAY_SIZE(w));
        }
        assert_in_range(peer_n_connections(f->peer), 1, ARRAY_SIZE(w));
}

/* So many hosts, asked one round after the other: connections for each, how many are opened. */
static unsigned rounds(IoFixture *f, unsigned max_kept, unsigned n_hosts, unsigned n_rounds) {
        struct curl_slist *to_peer = curl_slist_append(NULL, "::127.0.0.1:");
        unsigned before = peer_n_connections(f->peer);

        assert_non_null(to_peer);
        assert_return_code(curl_glue_set_limits(f->glue, 2, max_kept), 0);
        for (unsigned i = 0; i < n_rounds * n_hosts; i++) {
                Waiter w = { .f = f };
                char url[64];
                (void) snprintf(url, sizeof url, "http://h%u.example:%u/", i % n_hosts, peer_port(f->peer));
                CURL *easy = easy_new(url, &w);
                assert_int_equal(curl_easy_setopt(easy, CURLOPT_CONNECT_TO, to_peer), CURLE_OK);
                assert_return_code(curl_glue_submit(f->glue, easy, on_done, &w, &w.call), 0);
                io_run_until(f, &w.n_done, 1);
                assert_int_equal(w.code, CURLE_OK);
        }
        curl_slist_free_all(to_peer);
        return peer_n_connections(f->peer) - before;
}

static void test_connections_of_many_hosts(void **state) {
        IoFixture *f = *state;

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        assert_int_equal(rounds(f, 100, 80, 3), 80);
        assert_int_equal(rounds(f, 100, 80, 1), 0);
        /* Fewer are kept than there are hosts: the one that was not used for the longest goes. */
        assert_in_range(rounds(f, 20, 80, 2), 80, 160);
        assert_int_equal(rounds(f, 20, 15, 3), 15);
}

/* Those that wait for their turn may be cancelled, in any order, and all go at the end. */
static void test_cancel_in_the_queue(void **state) {
        IoFixture *f = *state;
        Waiter w[8] = { 0 };
        f->peer = peer_new(f->event, PEER_HTTP, answer_nothing, NULL);
        assert_return_code(curl_glue_set_limits(f->glue, 2, 64), 0);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                submit(w + i, f, io_url(f, "/"), on_done);
        while (peer_n_requests(f->peer) < 2)
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        w[5].call = curl_call_cancel(w[5].call);
        w[2].call = curl_call_cancel(w[2].call);
        w[0].call = curl_call_cancel(w[0].call);        /* which is under way: the next one's turn */
        while (peer_n_requests(f->peer) < 3)
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        (void) io_run_idle(f);
        assert_int_equal(peer_n_requests(f->peer), 3);
        assert_return_code(curl_glue_set_limits(f->glue, 100, 64), 0);  /* more room: all of them */
        while (peer_n_requests(f->peer) < 6)
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        assert_int_equal(f->n_done, 0);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                assert_null(curl_call_cancel(w[i].call));
}

static void test_refused(void **state) {
        IoFixture *f = *state;
        Waiter w[16] = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        (void) io_url(f, "/");
        f->peer = peer_free(f->peer);   /* nobody listens there any more */
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                submit(w + i, f, f->url, on_done);
        io_run_until(f, &f->n_done, ARRAY_SIZE(w));
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                assert_int_equal(w[i].code, CURLE_COULDNT_CONNECT);
}

static void test_cancel(void **state) {
        IoFixture *f = *state;
        Waiter gone = { 0 }, under_way = { 0 }, other = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        submit(&gone, f, io_url(f, "/"), on_done);
        assert_null(curl_call_cancel(gone.call));       /* before it began */
        submit(&under_way, f, io_url(f, "/"), on_done);
        submit(&other, f, io_url(f, "/"), on_done);
        while (peer_n_requests(f->peer) == 0)
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        assert_null(curl_call_cancel(under_way.call));
        io_run_until(f, &other.n_done, 1);
        (void) io_run_idle(f);
        assert_int_equal(gone.n_done + under_way.n_done, 0);
        assert_int_equal(other.code, CURLE_OK);
        assert_null(curl_call_cancel(NULL));
}

static void on_done_cancel_other(CURL *easy, CURLcode code, void *userdata) {
        Waiter *w = userdata;

        w->other = curl_call_cancel(w->other);
        assert_null(curl_call_cancel(w->call));         /* itself: nothing happens */
        on_done(easy, code, userdata);
}

/* Both have ended in the same step: the second one's completion is queued when it is cancelled. */
static void test_cancel_other_from_callback(void **state) {
        IoFixture *f = *state;
        Waiter first = { 0 }, second = { 0 }, sentinel = { 0 };
        char url[300];

        file_url(url, sizeof url);
        submit(&first, f, url, on_done_cancel_other);
        submit(&second, f, url, on_done);
        first.other = second.call;
        submit(&sentinel, f, url, on_done);
        io_run_until(f, &sentinel.n_done, 1);
        (void) io_run_idle(f);
        assert_int_equal(first.n_done, 1);
        assert_int_equal(second.n_done, 0);
        assert_return_code(unlink(url + strlen("file://")), errno);
}

static void on_done_chain(CURL *easy, CURLcode code, void *userdata) {
        Waiter *w = userdata;

        assert_int_equal(code, CURLE_OK);
        on_done(easy, code, userdata);
        if (--w->n_left > 0)
                submit(w, w->f, w->f->url, on_done_chain);
}

static void test_chain_of_submits(void **state) {
        IoFixture *f = *state;
        Waiter w = { .n_left = 200 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        submit(&w, f, io_url(f, "/"), on_done_chain);
        io_run_until(f, &w.n_done, 200);
        assert_int_equal(peer_n_connections(f->peer), 1);
}

static size_t on_body_submit(_unused_ char *data, _unused_ size_t one, size_t size, void *userdata) {
        Waiter *w = userdata;
        CURL *easy = easy_new(w->f->url, w);

        w->error = curl_glue_submit(w->f->glue, easy, on_done, w, NULL);
        if (w->error < 0)
                curl_easy_cleanup(easy);
        return size;
}

static void test_submit_inside_libcurl(void **state) {
        IoFixture *f = *state;
        Waiter w = { .f = f };

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        CURL *easy = easy_new(io_url(f, "/"), &w);
        assert_int_equal(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body_submit), CURLE_OK);
        assert_return_code(curl_glue_submit(f->glue, easy, on_done, &w, &w.call), 0);
        io_run_until(f, &w.n_done, 1);
        assert_int_equal(w.error, -EDEADLK);
        assert_int_equal(w.n_done, 1);
}

static void test_free_in_flight(void **state) {
        IoFixture *f = *state;
        Waiter w[8] = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_nothing, NULL);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                submit(w + i, f, io_url(f, "/"), on_done);
        while (peer_n_requests(f->peer) < 4)
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        f->http = http_free(f->http);
        f->glue = curl_glue_free(f->glue);
        (void) io_run_idle(f);
        assert_int_equal(f->n_done, 0);
}

static void on_done_exit(CURL *easy, CURLcode code, void *userdata) {
        Waiter *w = userdata;

        on_done(easy, code, userdata);
        assert_return_code(sd_event_exit(w->f->event, 0), 0);
}

/* The rest has ended too, but nobody may be called any more; and the loop is over when the glue is freed. */
static void test_free_after_exit(void **state) {
        IoFixture *f = *state;
        Waiter w[8] = { 0 }, hanging = { 0 };
        char url[300];

        file_url(url, sizeof url);
        f->peer = peer_new(f->event, PEER_HTTP, answer_nothing, NULL);
        submit(&hanging, f, io_url(f, "/"), on_done);
        while (peer_n_requests(f->peer) == 0)
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                submit(w + i, f, url, on_done_exit);
        assert_return_code(sd_event_loop(f->event), 0);
        assert_int_equal(f->n_done, 1);
        f->peer = peer_free(f->peer);
        f->http = http_free(f->http);
        f->glue = curl_glue_free(f->glue);
        assert_int_equal(f->n_done, 1);
        assert_return_code(unlink(url + strlen("file://")), errno);
}

/* No timer stays armed and no descriptor stays in the loop, also when the server closes the idle connection.
 */
static void test_idle_is_idle(void **state) {
        IoFixture *f = *state;
        Waiter w = { 0 };
        uint64_t before, after;

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        submit(&w, f, io_url(f, "/"), on_done);
        io_run_until(f, &w.n_done, 1);
        (void) io_run_idle(f);
        peer_hang_up(f->peer);
        (void) io_run_idle(f);
        assert_return_code(sd_event_get_iteration(f->event, &before), 0);
        assert_int_equal(sd_event_run(f->event, 300 * USEC_PER_MSEC), 0);
        assert_return_code(sd_event_get_iteration(f->event, &after), 0);
        assert_in_range(after - before, 0, 1);
}

static void on_done_resubmit(CURL *easy, CURLcode code, void *userdata) {
        Waiter *w = userdata;

        assert_int_equal(code, CURLE_SEND_ERROR);
        refused_glue = NULL;
        on_done(easy, code, userdata);
        submit(w, w->f, w->f->url, on_done);
}

/* A loop that takes no more descriptors breaks the whole multi handle: all end, from the loop, and the next
 * ones work. */
static void test_all_end_when_libcurl_fails(void **state) {
        IoFixture *f = *state;
        Waiter w[5] = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        refused_glue = f->glue;
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                submit(w + i, f, io_url(f, "/"), on_done_resubmit);
        io_run_until(f, &f->n_done, 2 * ARRAY_SIZE(w));
        (void) io_run_idle(f);
        for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
                assert_int_equal(w[i].n_done, 2);
                assert_int_equal(w[i].code, CURLE_OK);
        }
}

/* Broken and not yet told: cancelled, or freed with the glue. */
static void test_cancel_when_libcurl_fails(void **state) {
        IoFixture *f = *state;
        Waiter w[3] = { 0 };

        f->peer = peer_new(f->event, PEER_HTTP, answer_ok, NULL);
        refused_glue = f->glue;
        for (size_t i = 0; i < ARRAY_SIZE(w); i++)
                submit(w + i, f, io_url(f, "/"), on_done);
        n_refused = 0;
        io_run_until(f, &n_refused, 1);
        refused_glue = NULL;
        for (size_t i = 0; i + 1 < ARRAY_SIZE(w); i++)
                w[i].call = curl_call_cancel(w[i].call);
        f->http = http_free(f->http);
        f->glue = curl_glue_free(f->glue);
        (void) io_run_idle(f);
        assert_int_equal(f->n_done, 0);
}

static void answer_mail(const char *request, _unused_ unsigned nth, PeerAnswer *ret, _unused_ void *p) {
        if (!request)
                ret->bytes = "220 hello\r\n";
        else if (startswith(request, "EHLO"))
                ret->bytes = "250 hello\r\n";
}

static void on_mail_done(const MailReply *reply, void *userdata) {
        Waiter *w = userdata;

        assert_int_equal(reply->failure, HTTP_FAILURE_RESET);
        assert_int_equal(reply->code, 0);
        w->n_done++;
}

/* A mail under way uses its connection behind libcurl's back: it must hear of the end, too. */
static void test_held_call_hears_of_the_end(void **state) {
        static char *const to[] = { (char *) "a@example.org", NULL };
        IoFixture *f = *state;
        Waiter mail = { 0 }, w = { 0 };

        f->peer = peer_new(f->event, PEER_LINES, answer_mail, NULL);
        (void) snprintf(f->url, sizeof f->url, "smtp://127.0.0.1:%u", peer_port(f->peer));
        const MailRequest request = {
                .server = f->url, .from = "b@example.org", .to = to, .message = "x\r\n", .message_size = 3,
                .timeout_usec = 10 * USEC_PER_SEC,
        };
        assert_return_code(mail_submit(f->glue, &request, on_mail_done, &mail, NULL), 0);
        while (peer_n_requests(f->peer) < 2)    /* EHLO, MAIL */
                assert_return_code(sd_event_run(f->event, USEC_PER_SEC), 0);
        refused_glue = f->glue;
        submit(&w, f, io_url(f, "/"), on_done);
        io_run_until(f, &mail.n_done, 1);
        io_run_until(f, &w.n_done, 1);
        refused_glue = NULL;
        (void) io_run_idle(f);
        assert_int_equal(mail.n_done, 1);
        assert_int_equal(w.code, CURLE_SEND_ERROR);
}

#define io_test(name) cmocka_unit_test_setup_teardown(name, io_setup, io_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                io_test(test_sixteen_end_in_one_step),
                io_test(test_fifty_at_once),
                io_test(test_limits_hold),
                io_test(test_connections_are_kept),
                io_test(test_connections_of_many_hosts),
                io_test(test_cancel_in_the_queue),
                io_test(test_refused),
                io_test(test_cancel),
                io_test(test_cancel_other_from_callback),
                io_test(test_chain_of_submits),
                io_test(test_submit_inside_libcurl),
                io_test(test_free_in_flight),
                io_test(test_free_after_exit),
                io_test(test_idle_is_idle),
                io_test(test_all_end_when_libcurl_fails),
                io_test(test_cancel_when_libcurl_fails),
                io_test(test_held_call_hears_of_the_end),
        };

        return cmocka_run_group_tests(tests, io_group_setup, io_group_teardown);
}
