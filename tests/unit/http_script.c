#include "unit/http_script.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#define STEPS_MAX 512U
#define RECORDS_MAX 4096U

struct HttpCall {
        http_done_t done;
        void *userdata;
        HttpStep step;
        size_t reply_limit;
        size_t round;                   /* of http_script_run() in which it was submitted */
        HttpCall *next;
};

struct HttpScript {
        Http http;                      /* first: Http * is HttpScript * */
        sd_event_source *source;        /* NULL: only http_script_run() answers */
        HttpStep steps[STEPS_MAX];
        size_t n_steps, at;
        http_script_answer_t answer;
        void *answer_userdata;
        HttpRecord *records[RECORDS_MAX];
        size_t n_records;
        HttpCall *calls;                /* oldest first */
        size_t round;
        int submit_error;
};

static char *copy_string(const char *s, size_t size) {
        char *copy = malloc(size + 1);

        assert_non_null(copy);
        if (size > 0)
                memcpy(copy, s, size);
        copy[size] = '\0';
        return copy;
}

static char *format_header(const HttpHeader *h) {
        char *s = NULL;

        assert_non_null(h->name);
        assert_true(asprintf(&s, "%s: %s%s", h->name, h->value ? h->value : "",
                             h->secret ? secret_reveal(h->secret) : "") >= 0);
        assert_null(strpbrk(s, "\r\n"));
        return s;
}

static HttpRecord *record_new(const HttpRequest *request) {
        HttpRecord *r = calloc(1, sizeof *r);
        const char *url = request->secret_url ? secret_reveal(request->secret_url) : request->url;

        assert_non_null(r);
        assert_non_null(request->method);
        assert_non_null(url);
        assert_true(!request->url || !request->secret_url);
        assert_true(request->timeout_usec > 0);
        assert_true(request->reply_limit > 0);
        assert_true(request->n_headers <= HTTP_HEADERS_MAX);
        r->method = copy_string(request->method, strlen(request->method));
        r->url = copy_string(url, strlen(url));
        for (size_t i = 0; i < request->n_headers; i++)
                r->headers[i] = format_header(request->headers + i);
        r->body = copy_string(request->body, request->body_size);
        r->body_size = request->body_size;
        r->timeout_usec = request->timeout_usec;
        r->reply_limit = request->reply_limit;
        return r;
}

static void record_free(HttpRecord *r) {
        free(r->method);
        free(r->url);
        for (char **h = r->headers; *h; h++)
                free(*h);
        free(r->body);
        free(r);
}

static void check_step(const HttpStep *step, const HttpRecord *r) {
        if (step->method)
                assert_string_equal(r->method, step->method);
        if (step->url && !strstr(r->url, step->url))
                fail_msg("request for %s, the script expects %s", r->url, step->url);
        if (step->body_has && !strstr(r->body, step->body_has))
                fail_msg("request body without \"%s\": %s", step->body_has, r->body);
}

static HttpStep next_step(HttpScript *s, const HttpRecord *r) {
        HttpStep step = {};

        if (s->at < s->n_steps)
                step = s->steps[s->at++];
        else if (s->answer)
                s->answer(r, &step, s->answer_userdata);
        else
                fail_msg("%s %s: the script has no step left", r->method, r->url);
        check_step(&step, r);
        return step;
}

/* The source is armed only while something is due, or the loop would spin on held calls. */
static void source_arm(HttpScript *s) {
        bool due = false;

        for (HttpCall *c = s->calls; c; c = c->next)
                due = due || !c->step.hold;
        if (s->source)
                assert_int_equal(sd_event_source_set_enabled(s->source, due ? SD_EVENT_ON : SD_EVENT_OFF),
                                 0);
}

static int script_submit(Http *h, const HttpRequest *request, http_done_t done, void *userdata,
                         HttpCall **ret) {
        HttpScript *s = (HttpScript *) h;
        HttpCall **end = &s->calls;

        if (s->submit_error < 0) {
                int r = s->submit_error;
                s->submit_error = 0;
                return r;
        }
        assert_true(s->n_records < RECORDS_MAX);
        s->records[s->n_records] = record_new(request);
        HttpCall *c = calloc(1, sizeof *c);
        assert_non_null(c);
        *c = (HttpCall) {
                .done = done,
                .userdata = userdata,
                .step = next_step(s, s->records[s->n_records]),
                .reply_limit = request->reply_limit,
                .round = s->round,
        };
        s->n_records++;
        while (*end)
                end = &(*end)->next;
        *end = c;
        source_arm(s);
        *ret = c;
        return 0;
}

/* The call leaves the list; a call that is not on it was cancelled or answered before: a bug of the caller.
 */
static void unlink_call(HttpScript *s, HttpCall *call) {
        HttpCall **at = &s->calls;

        while (*at && *at != call)
                at = &(*at)->next;
        assert_non_null(*at);
        *at = call->next;
}

static void script_cancel(Http *h, HttpCall *call) {
        HttpScript *s = (HttpScript *) h;

        unlink_call(s, call);
        free(call);
        source_arm(s);
}

static Http *script_free_nothing(Http *h) {
        (void) h;
        return NULL;
}

static void copy_text(char *to, size_t size, const char *from) {
        (void) snprintf(to, size, "%s", from ? from : "");
}

static void deliver(HttpCall *c) {
        const HttpStep *step = &c->step;
        size_t size = step->body ? step->body_size > 0 ? step->body_size : strlen(step->body) : 0;
        HttpReply reply = { .failure = step->failure, .should_retry = -1 };

        copy_text(reply.detail, sizeof reply.detail, step->detail);
        if (reply.failure == HTTP_FAILURE_NONE && size > c->reply_limit)
                reply.failure = HTTP_FAILURE_TOO_LARGE;
        reply.body = BUF_INIT(c->reply_limit);
        if (reply.failure == HTTP_FAILURE_NONE) {
                reply.status = step->status > 0 ? step->status : 200;
                assert_int_equal(buf_append(&reply.body, step->body, size), 0);
                copy_text(reply.content_type, sizeof reply.content_type, step->content_type);
                copy_text(reply.request_id, sizeof reply.request_id, step->request_id);
                reply.date = step->date;
                reply.retry_after_usec = step->retry_after_usec;
        }
        c->done(&reply, c->userdata);
        buf_done(&reply.body);
}

size_t http_script_run(HttpScript *s) {
        size_t n = 0, round = ++s->round;

        for (;;) {
                HttpCall *c = s->calls;
                while (c && (c->step.hold || c->round >= round))
                        c = c->next;
                if (!c)
                        break;
                unlink_call(s, c);
                deliver(c);
                free(c);
                n++;
        }
        source_arm(s);
        return n;
}

void http_script_run_all(HttpScript *s, size_t budget) {
        for (size_t i = 0; i < budget; i++)
                if (http_script_run(s) == 0)
                        return;
        fail_msg("requests go on after %zu rounds", budget);
}

static int on_source(sd_event_source *source, void *userdata) {
        (void) source;
        (void) http_script_run(userdata);
        return 0;
}

HttpScript *http_script_new(sd_event *event) {
        static const HttpVtable vtable = { script_submit, script_cancel, script_free_nothing };
        HttpScript *s = calloc(1, sizeof *s);

        assert_non_null(s);
        s->http.vtable = &vtable;
        if (event) {
                assert_true(sd_event_add_defer(event, &s->source, on_source, s) >= 0);
                source_arm(s);
        }
        return s;
}

HttpScript *http_script_free(HttpScript *s) {
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->source);
        while (s->calls) {
                HttpCall *c = s->calls;
                s->calls = c->next;
                free(c);
        }
        for (size_t i = 0; i < s->n_records; i++)
                record_free(s->records[i]);
        free(s);
        return NULL;
}

Http *http_script_http(HttpScript *s) {
        return &s->http;
}

void http_script_expect(HttpScript *s, const HttpStep *step) {
        if (s->at == s->n_steps)
                s->at = s->n_steps = 0;
        assert_true(s->n_steps < STEPS_MAX);
        s->steps[s->n_steps++] = *step;
}

void http_script_answer(HttpScript *s, http_script_answer_t answer, void *userdata) {
        s->answer = answer;
        s->answer_userdata = userdata;
}

void http_script_fail_submit(HttpScript *s, int error) {
        s->submit_error = error;
}

void http_script_release(HttpScript *s) {
        for (HttpCall *c = s->calls; c; c = c->next)
                c->step.hold = false;
        source_arm(s);
}

size_t http_script_n_requests(const HttpScript *s) {
        return s->n_records;
}

size_t http_script_n_pending(const HttpScript *s) {
        size_t n = 0;

        for (HttpCall *c = s->calls; c; c = c->next)
                n++;
        return n;
}

const HttpRecord *http_script_request(const HttpScript *s, size_t i) {
        assert_true(i < s->n_records);
        return s->records[i];
}

const char *http_record_header(const HttpRecord *r, const char *name) {
        size_t n = strlen(name);

        for (char *const *h = r->headers; *h; h++)
                if (strncasecmp(*h, name, n) == 0 && strncmp(*h + n, ": ", 2) == 0)
                        return *h + n + 2;
        return NULL;
}

void http_script_finish(HttpScript *s) {
        size_t left = s->n_steps - s->at, pending = http_script_n_pending(s);

        (void) http_script_free(s);
        assert_int_equal(left, 0);
        assert_int_equal(pending, 0);
}
