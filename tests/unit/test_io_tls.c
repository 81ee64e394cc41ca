/* io/http_curl over TLS, against libmicrohttpd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "base/strings.h"
#include "unit/io_peer.h"
#include "unit/io_tls.h"

static IoTls *tls;
static char *cert, *key;
static struct MHD_Daemon *server;
static unsigned port;                   /* of the server that is asked */
static gnutls_datum_t ticket_key;
static int last_fd;                     /* of the connection that was asked last, the server's end */
static bool last_resumed;               /* its session, that is without certificates */

static void on_connection(_unused_ void *userdata, struct MHD_Connection *connection,
                          _unused_ void **context, enum MHD_ConnectionNotificationCode what) {
        if (what != MHD_CONNECTION_NOTIFY_STARTED)
                return;
        gnutls_session_t session =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
        (void) gnutls_session_ticket_enable_server(session, &ticket_key);
}

static enum MHD_Result on_request(_unused_ void *userdata, struct MHD_Connection *connection,
                                  _unused_ const char *url, _unused_ const char *method,
                                  _unused_ const char *version, _unused_ const char *data,
                                  _unused_ size_t *size, void **seen) {
        static int marker;
        static char body[] = "hello";

        if (!*seen) {
                *seen = &marker;
                return MHD_YES;
        }
        if (*size > 0) {
                *size = 0;
                return MHD_YES;
        }
        last_fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        last_resumed = gnutls_session_is_resumed(
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session);
        struct MHD_Response *reply = MHD_create_response_from_buffer(5, body, MHD_RESPMEM_PERSISTENT);
        enum MHD_Result r = MHD_queue_response(connection, MHD_HTTP_OK, reply);
        MHD_destroy_response(reply);
        return r;
}

static struct MHD_Daemon *server_new(const char *its_cert, const char *its_key) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct MHD_Daemon *d = MHD_start_daemon(
                MHD_USE_TLS | MHD_USE_AUTO_INTERNAL_THREAD, 0, NULL, NULL, on_request, NULL,
                MHD_OPTION_SOCK_ADDR, &a, MHD_OPTION_HTTPS_MEM_KEY, its_key, MHD_OPTION_HTTPS_MEM_CERT,
                its_cert, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL, MHD_OPTION_END);

        assert_non_null(d);
        return d;
}

static unsigned server_port(struct MHD_Daemon *d) {
        return MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static int group_setup(void **state) {
        assert_int_equal(io_group_setup(state), 0);
        tls = io_tls_new(0);
        cert = io_read_file(tls->cert);
        key = io_read_file(tls->key);
        assert_int_equal(gnutls_session_ticket_key_generate(&ticket_key), GNUTLS_E_SUCCESS);
        server = server_new(cert, key);
        port = server_port(server);
        return 0;
}

static int group_teardown(void **state) {
        MHD_stop_daemon(server);
        gnutls_free(ticket_key.data);
        free(cert);
        free(key);
        tls = io_tls_free(tls);
        return io_group_teardown(state);
}

typedef struct Waiter {
        HttpReply reply;
        char body[32];
        unsigned n_done;
} Waiter;

static void on_done(HttpReply *reply, void *userdata) {
        Waiter *w = userdata;

        w->reply = *reply;
        w->reply.body = (Buf) { 0 };
        (void) snprintf(w->body, sizeof w->body, "%s", buf_string(&reply->body));
        w->n_done++;
}

static void get(Waiter *w, IoFixture *f, const char *host, const char *ca_file, bool is_secret) {
        Secret *secret = NULL;
        HttpWay way = { .ca_file = (char *) ca_file };
        HttpRequest request = {
                .method = "GET", .url = f->url, .timeout_usec = 60 * USEC_PER_SEC, .reply_limit = 100,
                .way = &way,
        };

        (void) snprintf(f->url, sizeof f->url, "https://%s:%u/hidden-path", host, port);
        if (is_secret) {
                assert_return_code(secret_new(&secret, f->url, strlen(f->url)), 0);
                request.url = NULL;
                request.secret_url = secret;
        }
        *w = (Waiter) { 0 };
        assert_return_code(http_submit(f->http, &request, on_done, w, NULL), 0);
        secret_free(secret);            /* copied before submit returned */
        io_run_until(f, &w->n_done, 1);
        assert_null(strstr(w->reply.detail, "hidden-path"));
}

static void test_unknown_certificate_is_refused(void **state) {
        Waiter w;

        get(&w, *state, "localhost", NULL, false);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TLS);
        assert_non_null(strstr(w.reply.detail, "certificate"));
        get(&w, *state, "localhost", NULL, true);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TLS);
        assert_null(strstr(w.reply.detail, "localhost"));
}

static void test_known_certificate(void **state) {
        Waiter w;

        for (unsigned i = 0; i < 3; i++) {
                get(&w, *state, "localhost", tls->cert, i == 2);
                assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
                assert_int_equal(w.reply.status, 200);
                assert_string_equal(w.body, "hello");
        }
}

/* libcurl 7.88 sends on the dead connection, sends again, and counts that for ever in the easy handle. */
static void test_server_hangs_up_between_requests(void **state) {
        Waiter w;

        for (unsigned i = 0; i < 12; i++) {
                get(&w, *state, "localhost", tls->cert, false);
                assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
                assert_int_equal(w.reply.status, 200);
                assert_return_code(shutdown(last_fd, SHUT_RDWR), errno);
        }
}

static void get_anew(Waiter *w, IoFixture *f, const char *ca_file) {
        get(w, f, "localhost", ca_file, false);
        if (w->reply.failure == HTTP_FAILURE_NONE)
                assert_return_code(shutdown(last_fd, SHUT_RDWR), errno);
}

/* A connection that is new shows no certificate again, unless another authority vouches for it. */
static void test_session_is_resumed(void **state) {
        char copy[sizeof tls->cert + 5];
        Waiter w;

        (void) snprintf(copy, sizeof copy, "%s.copy", tls->cert);
        FILE *f = fopen(copy, "we");
        assert_non_null(f);
        assert_true(fputs(cert, f) >= 0);
        assert_int_equal(fclose(f), 0);
        for (unsigned i = 0; i < 4; i++) {
                get_anew(&w, *state, tls->cert);
                assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
                assert_int_equal(last_resumed, i > 0);
        }
        get_anew(&w, *state, copy);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
        assert_false(last_resumed);
        get_anew(&w, *state, NULL);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TLS);
        get_anew(&w, *state, tls->cert);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
        assert_true(last_resumed);
}

#define CERT_SIZE ((size_t) 60 * 1000)
#define N_SERVERS 80U
#define ROOM (4096U * 1024)             /* for sessions, each of which has the server's certificate */

/* One server, for which eighty files vouch: eighty, as far as what is kept is concerned. Returns of how many
 * the session was resumed. */
static unsigned n_resumed(IoFixture *f, const IoTls *large) {
        unsigned n = 0;
        Waiter w;

        for (unsigned i = 0; i < N_SERVERS; i++) {
                char file[sizeof large->dir + 16];
                (void) snprintf(file, sizeof file, "%s/%u.pem", large->dir, i);
                get_anew(&w, f, file);
                assert_int_equal(w.reply.failure, HTTP_FAILURE_NONE);
                /* What came first is kept, what found no room never is. */
                assert_true(!last_resumed || n == i);
                n += last_resumed;
        }
        return n;
}

static void test_sessions_have_a_limit(void **state) {
        IoTls *large = io_tls_new(CERT_SIZE);
        char *its_cert = io_read_file(large->cert), *its_key = io_read_file(large->key);
        struct MHD_Daemon *d = server_new(its_cert, its_key);

        port = server_port(d);
        for (unsigned i = 0; i < N_SERVERS; i++) {
                char file[sizeof large->dir + 16];
                (void) snprintf(file, sizeof file, "%s/%u.pem", large->dir, i);
                assert_return_code(link(large->cert, file), errno);
        }
        assert_int_equal(n_resumed(*state, large), 0);
        unsigned n = n_resumed(*state, large);
        assert_true(n * CERT_SIZE <= ROOM && (n + 2) * CERT_SIZE > ROOM);
        assert_int_equal(n_resumed(*state, large), n);
        port = server_port(server);
        MHD_stop_daemon(d);
        free(its_cert);
        free(its_key);
        io_tls_free(large);
}

/* The right certificate for another name. */
static void test_wrong_name(void **state) {
        Waiter w;

        get(&w, *state, "127.0.0.1", tls->cert, false);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TLS);
        assert_non_null(strstr(w.reply.detail, "127.0.0.1"));
}

static void test_unusable_ca_file(void **state) {
        Waiter w;

        get(&w, *state, "localhost", "/nonexistent/ca.pem", false);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TLS);
        get(&w, *state, "localhost", tls->key, false);
        assert_int_equal(w.reply.failure, HTTP_FAILURE_TLS);
}

#define io_test(name) cmocka_unit_test_setup_teardown(name, io_setup, io_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                io_test(test_unknown_certificate_is_refused),
                io_test(test_known_certificate),
                io_test(test_server_hangs_up_between_requests),
                io_test(test_session_is_resumed),
                io_test(test_sessions_have_a_limit),
                io_test(test_wrong_name),
                io_test(test_unusable_ca_file),
        };

        return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
