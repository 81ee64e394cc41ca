#include "unit/io_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/buf.h"
#include "base/strings.h"
#include "base/time.h"
#include "io/http_curl.h"

#define DEADLINE_USEC (90 * USEC_PER_SEC) /* all authorities of a system are read, below valgrind */
#define IDLE_USEC (50 * USEC_PER_MSEC)
#define IDLE_STEPS_MAX 10000U

typedef struct Connection Connection;

struct Connection {
        Peer *peer;
        int fd;
        sd_event_source *io;
        Buf in;
        PeerAnswer answer;              /* being sent */
        size_t sent;
        unsigned n_requests;
        Connection *prev, *next;
};

struct Peer {
        sd_event *event;
        sd_event_source *io;
        int fd;
        PeerMode mode;
        peer_answer_t answer;
        void *userdata;
        Connection *connections;
        unsigned port, n_connections, n_requests;
};

static void connection_free(Connection *c) {
        DL_DELETE(c->peer->connections, c);
        sd_event_source_disable_unref(c->io);
        assert_int_equal(close(c->fd), 0);
        buf_done(&c->in);
        free(c);
}

/* Sends what is left of the answer; true when the connection is gone. */
static bool connection_send(Connection *c) {
        while (c->sent < c->answer.size) {
                ssize_t n = send(c->fd, (const char *) c->answer.bytes + c->sent, c->answer.size - c->sent,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n < 0 && errno == EAGAIN) {
                        assert_return_code(sd_event_source_set_io_events(c->io, EPOLLIN | EPOLLOUT), 0);
                        return false;
                }
                if (n < 0) {            /* the client has had enough */
                        connection_free(c);
                        return true;
                }
                c->sent += (size_t) n;
        }
        assert_return_code(sd_event_source_set_io_events(c->io, EPOLLIN), 0);
        if (c->answer.after == PEER_KEEP)
                return false;
        if (c->answer.after == PEER_RESET) {
                struct linger now = { .l_onoff = 1 };
                assert_return_code(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), errno);
        }
        connection_free(c);
        return true;
}

static bool connection_answer(Connection *c, const char *request) {
        c->answer = (PeerAnswer) { 0 };
        c->sent = 0;
        c->peer->answer(request, c->n_requests++, &c->answer, c->peer->userdata);
        if (c->answer.bytes && c->answer.size == 0)
                c->answer.size = strlen(c->answer.bytes);
        return connection_send(c);
}

/* Length of the first whole request in the buffer, 0 if it is not complete. */
static size_t connection_request_size(const Connection *c) {
        const char *s = buf_string(&c->in);
        const char *end = strstr(s, c->peer->mode == PEER_HTTP ? "\r\n\r\n" : "\r\n");
        uint64_t body = 0;

        if (!end)
                return 0;
        if (c->peer->mode == PEER_LINES)
                return (size_t) (end - s) + 2;
        const char *field = strcasestr(s, "\r\ncontent-length: ");
        if (field && field < end) {
                field += strlen("\r\ncontent-length: ");
                _cleanup_free_ char *digits = strndup(field, strspn(field, "0123456789"));
                assert_return_code(parse_uint64(digits, &body), 0);
        }
        size_t size = (size_t) (end - s) + 4 + body;
        return size <= c->in.size ? size : 0;
}

static int on_connection(_unused_ sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Connection *c = userdata;
        char chunk[65536];

        if (revents & EPOLLOUT && connection_send(c))
                return 0;
        if (!(revents & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                return 0;
        ssize_t n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
                return 0;
        if (n <= 0) {
                connection_free(c);
                return 0;
        }
        assert_return_code(buf_append(&c->in, chunk, (size_t) n), 0);
        for (size_t size; (size = connection_request_size(c)) > 0;) {
                _cleanup_free_ char *request = strndup(c->in.data, size);
                if (c->peer->mode == PEER_LINES)
                        request[size - 2] = '\0';
                memmove(c->in.data, c->in.data + size, c->in.size - size + 1);
                c->in.size -= size;
                c->peer->n_requests++;
                if (connection_answer(c, request))
                        break;
        }
        return 0;
}

static int on_listen(_unused_ sd_event_source *s, int fd, _unused_ uint32_t revents, void *userdata) {
        Peer *p = userdata;
        int new_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (new_fd < 0)
                return 0;               /* gone already */
        Connection *c = calloc(1, sizeof *c);
        assert_non_null(c);
        *c = (Connection) { .peer = p, .fd = new_fd, .in = BUF_INIT(16U << 20) };
        DL_APPEND(p->connections, c);
        p->n_connections++;
        assert_return_code(sd_event_add_io(p->event, &c->io, new_fd, EPOLLIN, on_connection, c), 0);
        if (p->mode == PEER_LINES && !connection_answer(c, NULL))
                c->n_requests = 0;
        return 0;
}

Peer *peer_new(sd_event *event, PeerMode mode, peer_answer_t answer, void *userdata) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof a;
        Peer *p = calloc(1, sizeof *p);

        assert_non_null(p);
        *p = (Peer) { .event = event, .mode = mode, .answer = answer, .userdata = userdata };
        p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_return_code(p->fd, errno);
        assert_return_code(bind(p->fd, (struct sockaddr *) &a, sizeof a), errno);
        assert_return_code(listen(p->fd, 128), errno);
        assert_return_code(getsockname(p->fd, (struct sockaddr *) &a, &size), errno);
        p->port = ntohs(a.sin_port);
        assert_return_code(sd_event_add_io(event, &p->io, p->fd, EPOLLIN, on_listen, p), 0);
        return p;
}

void peer_hang_up(Peer *p) {
        while (p->connections)
                connection_free(p->connections);
}

Peer *peer_free(Peer *p) {
        if (!p)
                return NULL;
        peer_hang_up(p);
        sd_event_source_disable_unref(p->io);
        close(p->fd);
        free(p);
        return NULL;
}

unsigned peer_port(const Peer *p) {
        return p->port;
}

unsigned peer_n_connections(const Peer *p) {
        return p->n_connections;
}

unsigned peer_n_requests(const Peer *p) {
        return p->n_requests;
}

int io_group_setup(_unused_ void **state) {
        /* Of the environment the tests are run in nothing may count. */
        static const char *const foreign[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                               "ALL_PROXY", "no_proxy", "NO_PROXY" };

        for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
                assert_return_code(unsetenv(foreign[i]), errno);
        (void) signal(SIGPIPE, SIG_IGN);
        return curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK ? 0 : -1;
}

int io_group_teardown(_unused_ void **state) {
        curl_global_cleanup();
        return 0;
}

int io_setup(void **state) {
        IoFixture *f = calloc(1, sizeof *f);

        assert_non_null(f);
        assert_return_code(sd_event_new(&f->event), 0);
        assert_return_code(curl_glue_new(&f->glue, f->event), 0);
        assert_return_code(http_curl_new(&f->http, f->glue, "test/1.0"), 0);
        *state = f;
        return 0;
}

int io_teardown(void **state) {
        IoFixture *f = *state;

        f->http = http_free(f->http);
        f->glue = curl_glue_free(f->glue);
        f->peer = peer_free(f->peer);
        f->event = sd_event_unref(f->event);
        free(f);
        return 0;
}

const char *io_url(IoFixture *f, const char *path) {
        (void) snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u%s", peer_port(f->peer), path);
        return f->url;
}

void io_run_until(IoFixture *f, const unsigned *counter, unsigned n) {
        usec_t deadline = usec_add(clock_usec(CLOCK_MONOTONIC), DEADLINE_USEC);

        while (*counter < n) {
                usec_t left = usec_sub(deadline, clock_usec(CLOCK_MONOTONIC));
                assert_true(left > 0);
                assert_return_code(sd_event_run(f->event, left), 0);
        }
}

unsigned io_run_idle(IoFixture *f) {
        for (unsigned n = 0; n < IDLE_STEPS_MAX; n++) {
                int r = sd_event_run(f->event, IDLE_USEC);
                assert_return_code(r, 0);
                if (r == 0)
                        return n;
        }
        fail_msg("the loop does not come to rest");
        return 0;
}
