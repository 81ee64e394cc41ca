#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "util.h"

#define CONNECTION_TIMEOUT_SEC 120
#define CONNECTIONS_MAX 8192 /* libmicrohttpd would refuse those beyond what select() can do, 1020 */
#define BENT_POLL_MSEC 3 /* how often a shared clock is looked at while a reply waits for it */
#define CALLBACK_BLOCK 16384

void reply_take(Reply *reply, unsigned status, const char *content_type, char *body, size_t size) {
        free(reply->body);
        reply->status = status;
        reply->content_type = content_type;
        reply->body = body;
        reply->size = size;
        reply->cut = SIZE_MAX;
        reply->filler = 0;
}

void reply_set(Reply *reply, unsigned status, const char *content_type, const char *body) {
        char *copy = must_strdup(body);
        reply_take(reply, status, content_type, copy, strlen(copy));
}

void reply_set_json(Reply *reply, unsigned status, json_object *body) {
        reply_set(reply, status, "application/json",
                  json_object_to_json_string_ext(body,
                                                 JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        (void) json_object_put(body);
}

void reply_add_header(Reply *reply, const char *name, const char *value) {
        if (reply->n_headers >= REPLY_HEADERS_MAX)
                return;
        reply->headers[reply->n_headers++] = (Header) { must_strdup(name), must_strdup(value) };
}

void reply_done(Reply *reply) {
        for (size_t i = 0; i < reply->n_headers; i++) {
                free(reply->headers[i].name);
                free(reply->headers[i].value);
        }
        free(reply->body);
        *reply = (Reply) {};
}

const char *request_header(const Request *req, const char *name) {
        return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

const char *request_argument(const Request *req, const char *name) {
        return MHD_lookup_connection_value(req->connection, MHD_GET_ARGUMENT_KIND, name);
}

static void *request_begin(void *userdata, const char *uri, struct MHD_Connection *connection) {
        Request *req = must_calloc(1, sizeof *req);
        size_t n = strcspn(uri, "?");

        (void) userdata;
        req->connection = connection;
        req->uri = must_strdup(uri);
        req->path = must_strdup(uri);
        req->path[n] = 0;
        req->query = req->uri + n + (req->uri[n] == '?');
        return req;
}

static void request_end(void *userdata, struct MHD_Connection *connection, void **req_cls,
                        enum MHD_RequestTerminationCode code) {
        Server *s = userdata;
        Request *req = *req_cls;

        (void) connection;
        (void) code;
        if (!req)
                return;
        for (Request **p = &s->waiting; *p; p = &(*p)->next)
                if (*p == req) {
                        *p = req->next;
                        break;
                }
        (void) json_object_put(req->entry);
        reply_done(&req->reply);
        free(req->uri);
        free(req->path);
        free(req->body);
        free(req);
        *req_cls = NULL;
}

static void request_append(Request *req, const char *data, size_t size) {
        if (size > BODY_MAX - req->body_size) {
                req->too_large = true;
                return;
        }
        req->body = must_realloc(req->body, req->body_size + size + 1, 1);
        memcpy(req->body + req->body_size, data, size);
        req->body_size += size;
        req->body[req->body_size] = 0;
}

/* Makes the proper reply, then what a fault makes of it. */
static void request_answer(Sim *sim, Request *req) {
        Reply *reply = &req->reply;

        world_update(&sim->world);
        if (req->too_large) {
                reply_set(reply, 413, "text/plain", "the body is too large");
                return;
        }
        if (control_answer(sim, req))
                return;
        bool is_api = api_answer(sim, req);
        if (!is_api && !token_answer(sim, req) && !sink_answer(sim, req))
                reply_set(reply, 404, "application/json",
                          "{\"error\":{\"code\":\"404\",\"message\":\"Resource not found\"}}");
        const Fault *f =
                fault_list_match(&sim->faults, req->method, req->path, sim->world.now, &sim->random);
        if (f)
                fault_apply(f, reply, &sim->random);
        if (is_api)
                journal_set_last_status(&sim->journal, reply->status);
        sink_record_answer(sim, req);
}

/* A reply that is not simply a buffer: broken off, or very long. */
typedef struct Stream {
        char *body;
        size_t size, cut;
} Stream;

static ssize_t stream_read(void *userdata, uint64_t position, char *buffer, size_t max) {
        const Stream *stream = userdata;

        if (position >= stream->cut)
                return MHD_CONTENT_READER_END_WITH_ERROR;
        if (position < stream->size) {
                size_t n = stream->size - (size_t) position, until_cut = stream->cut - (size_t) position;
                n = n < max ? n : max;
                n = n < until_cut ? n : until_cut;
                memcpy(buffer, stream->body + position, n);
                return (ssize_t) n;
        }
        memset(buffer, 'x', max);
        return (ssize_t) max;
}

static void stream_free(void *userdata) {
        Stream *stream = userdata;
        free(stream->body);
        free(stream);
}

static struct MHD_Response *reply_to_response(Reply *reply) {
        size_t size = reply->size;
        char *body = TAKE_PTR(reply->body);

        if (reply->cut == SIZE_MAX && reply->filler == 0)
                return MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
        Stream *stream = must_calloc(1, sizeof *stream);
        *stream = (Stream) { .body = body, .size = size, .cut = reply->cut };
        return MHD_create_response_from_callback(size + reply->filler, CALLBACK_BLOCK, stream_read, stream,
                                                 stream_free);
}

static const char *server_date(Server *s) {
        const World *w = &s->sim->world;
        int64_t stamp = world_stamp(w, w->now) + (int64_t) w->settings.date_skew;

        if (stamp != s->date_stamp) {
                struct tm tm;
                time_t t = (time_t) stamp;
                s->date_stamp = stamp;
                (void) gmtime_r(&t, &tm);
                (void) strftime(s->date_text, sizeof s->date_text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        }
        return s->date_text;
}

/* connect() to AF_UNSPEC makes Linux send a reset at once; a close would be an orderly end. */
static void connection_reset(struct MHD_Connection *connection) {
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct sockaddr nobody = { .sa_family = AF_UNSPEC };

        if (info)
                (void) connect(info->connect_fd, &nobody, sizeof nobody);
}

static enum MHD_Result request_send(Server *s, Request *req) {
        Reply *reply = &req->reply;

        req->sent = true;
        if (reply->status == 0) {
                connection_reset(req->connection);
                return MHD_NO;
        }
        struct MHD_Response *response = reply_to_response(reply);
        if (!response)
                return MHD_NO;
        if (reply->content_type)
                (void) MHD_add_response_header(response, "Content-Type", reply->content_type);
        if (!s->sim->world.settings.no_date)
                (void) MHD_add_response_header(response, "Date", server_date(s));
        for (size_t i = 0; i < reply->n_headers; i++)
                (void) MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
        enum MHD_Result result = MHD_queue_response(req->connection, reply->status, response);
        MHD_destroy_response(response);
        return result;
}

static enum MHD_Result on_request(void *userdata, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **req_cls) {
        Server *s = userdata;
        Request *req = *req_cls;

        (void) url;
        (void) version;
        if (!req)
                return MHD_NO;
        if (!req->started) {
                req->started = true;
                req->method = method;
                return MHD_YES;
        }
        if (*upload_size > 0) {
                request_append(req, upload, *upload_size);
                *upload_size = 0;
                return MHD_YES;
        }
        if (req->waiting || req->sent)
                return MHD_YES;
        if (!req->answered) {
                req->answered = true;
                request_answer(s->sim, req);
                if (req->reply.delay_sec > 0) {
                        req->waiting = true;
                        req->due = clock_unbent(&s->sim->clock) + req->reply.delay_sec;
                        req->next = s->waiting;
                        s->waiting = req;
                        MHD_suspend_connection(connection);
                        return MHD_YES;
                }
        }
        return request_send(s, req);
}

static void server_resume(Server *s, double now) {
        for (Request **p = &s->waiting; *p;) {
                Request *req = *p;
                if (req->due > now) {
                        p = &req->next;
                        continue;
                }
                *p = req->next;
                req->waiting = false;
                MHD_resume_connection(req->connection);
        }
}

/* libmicrohttpd itself gives out no tickets; servers of the real API do. */
static void connection_begin(void *userdata, struct MHD_Connection *connection, void **context,
                             enum MHD_ConnectionNotificationCode what) {
        const Server *s = userdata;
        const union MHD_ConnectionInfo *info =
                what == MHD_CONNECTION_NOTIFY_STARTED
                        ? MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)
                        : NULL;

        (void) context;
        if (info && info->tls_session)
                (void) gnutls_session_ticket_enable_server(info->tls_session, &s->ticket_key);
}

static struct MHD_Daemon *daemon_start(Server *s, uint16_t port, bool tls) {
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) },
        };
        struct MHD_OptionItem tls_options[] = {
                { MHD_OPTION_HTTPS_MEM_CERT, 0, s->certificate },
                { MHD_OPTION_HTTPS_MEM_KEY, 0, s->key },
                { MHD_OPTION_END, 0, NULL },
        };
        struct MHD_OptionItem no_options[] = { { MHD_OPTION_END, 0, NULL } };
        unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;

        return MHD_start_daemon(flags | (tls ? MHD_USE_TLS : 0), port, NULL, NULL, on_request, s,
                                MHD_OPTION_SOCK_ADDR, (struct sockaddr *) &address,
                                MHD_OPTION_URI_LOG_CALLBACK, request_begin, s,
                                MHD_OPTION_NOTIFY_COMPLETED, request_end, s,
                                MHD_OPTION_NOTIFY_CONNECTION, connection_begin, s,
                                MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U,
                                MHD_OPTION_CONNECTION_LIMIT, (unsigned) CONNECTIONS_MAX,
                                MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) CONNECTION_TIMEOUT_SEC,
                                MHD_OPTION_ARRAY, tls ? tls_options : no_options,
                                MHD_OPTION_END);
}

int server_start(Server *s, Sim *sim, uint16_t port, uint16_t tls_port) {
        s->sim = sim;
        s->plain = daemon_start(s, port, false);
        if (!s->plain)
                return -EADDRNOTAVAIL;
        if (!s->certificate || !s->key)
                return 0;
        if (gnutls_session_ticket_key_generate(&s->ticket_key) < 0)
                return -ENOMEM;
        s->tls = daemon_start(s, tls_port, true);
        return s->tls ? 0 : -EADDRNOTAVAIL;
}

static uint16_t daemon_port(struct MHD_Daemon *daemon) {
        const union MHD_DaemonInfo *info =
                daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
        return info ? info->port : 0;
}

uint16_t server_port(const Server *s) {
        return daemon_port(s->plain);
}

uint16_t server_tls_port(const Server *s) {
        return daemon_port(s->tls);
}

static int daemon_fd(struct MHD_Daemon *daemon) {
        const union MHD_DaemonInfo *info =
                daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
        return info ? info->epoll_fd : -1;
}

static int timeout_min(int timeout, double msec) {
        int other = msec < 0 ? 0 : msec > 60000 ? 60000 : (int) msec + 1;
        return timeout < 0 || other < timeout ? other : timeout;
}

static int server_timeout(const Server *s) {
        struct MHD_Daemon *daemons[] = { s->plain, s->tls };
        double now = clock_unbent(&s->sim->clock);
        int timeout = -1;

        for (size_t i = 0; i < ELEMENTSOF(daemons); i++) {
                MHD_UNSIGNED_LONG_LONG msec;
                if (daemons[i] && MHD_get_timeout(daemons[i], &msec) == MHD_YES)
                        timeout = msec == 0 ? 0 : timeout_min(timeout, (double) msec);
        }
        for (const Request *req = s->waiting; req; req = req->next) {
                timeout = timeout_min(timeout, (req->due - now) * 1000);
                if (s->sim->clock.shared)
                        timeout = timeout_min(timeout, BENT_POLL_MSEC);
        }
        return timeout;
}

int server_run(Server *s, int signal_fd) {
        for (;;) {
                struct pollfd fds[] = {
                        { .fd = signal_fd, .events = POLLIN },
                        { .fd = daemon_fd(s->plain), .events = POLLIN },
                        { .fd = daemon_fd(s->tls), .events = POLLIN },
                };
                if (poll(fds, ELEMENTSOF(fds), server_timeout(s)) < 0 && errno != EINTR)
                        return -errno;
                if (fds[0].revents)
                        return 0;
                server_resume(s, clock_unbent(&s->sim->clock));
                if (MHD_run(s->plain) != MHD_YES || (s->tls && MHD_run(s->tls) != MHD_YES))
                        return -EIO;
        }
}

void server_stop(Server *s) {
        server_resume(s, 1e300);        /* a daemon must not be stopped over suspended connections */
        if (s->plain) {
                (void) MHD_run(s->plain);
                MHD_stop_daemon(s->plain);
        }
        if (s->tls) {
                (void) MHD_run(s->tls);
                MHD_stop_daemon(s->tls);
        }
        gnutls_memset(s->ticket_key.data, 0, s->ticket_key.size);
        gnutls_free(s->ticket_key.data);
        free(s->certificate);
        free(s->key);
        *s = (Server) {};
}
