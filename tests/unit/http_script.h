#pragma once
/* A scripted Http for tests: it records every request and answers from a queue of steps, or by a function
 * where the order is not known beforehand. It keeps the promises of io/http.h: a callback never runs inside
 * submit, exactly once, and not after a cancel; and it holds its callers to theirs (timeout and limit given,
 * headers within the limit).
 *
 *      HttpScript *s = http_script_new(event);         NULL: http_script_run() answers, and it alone
 *      http_script_expect(s, &(HttpStep) { .method = "POST", .url = "/hook", .status = 503 });
 *      ... http_script_http(s) goes where a Http is wanted ...
 *      http_script_run(s); or the event loop
 *      assert_int_equal(http_script_n_requests(s), 1);
 *      http_script_finish(s);                          fails the test when a step was not asked for */

#include <stdbool.h>
#include <stddef.h>

#include <systemd/sd-event.h>

#include "io/http.h"

typedef struct HttpScript HttpScript;

/* A request as it came in; everything is a copy that lives as long as the script. */
typedef struct HttpRecord {
        char *method;
        char *url;                              /* a secret one is shown: this is a test */
        char *headers[HTTP_HEADERS_MAX + 1];    /* "Name: value", secrets included; NULL-terminated */
        char *body;                             /* NUL-terminated behind body_size */
        size_t body_size;
        usec_t timeout_usec;
        size_t reply_limit;
} HttpRecord;

/* What one request is answered with. Strings must outlive the script. */
typedef struct HttpStep {
        const char *method;                     /* NULL: any; else the request must have it */
        const char *url;                        /* NULL: any; else a part of the request's URL */
        const char *body_has;                   /* NULL: any; else a part of the request's body */
        bool hold;                              /* not answered until http_script_release() */

        HttpFailure failure;
        int status;
        const char *body;                       /* NULL: "" */
        size_t body_size;                       /* 0: strlen(body) */
        const char *content_type;               /* NULL: "" */
        const char *detail;
        const char *request_id;
        usec_t retry_after_usec;
        int64_t date;
} HttpStep;

/* Fills *step for a request; called when the queue is empty. `step` is zeroed, its strings must live until
 * the next call. */
typedef void (*http_script_answer_t)(const HttpRecord *request, HttpStep *step, void *userdata);

HttpScript *http_script_new(sd_event *event);
/* Calls that are under way are forgotten; no callback runs. Takes NULL, returns NULL. */
HttpScript *http_script_free(HttpScript *s);
/* Owned by the script; http_free() on it does nothing. */
Http *http_script_http(HttpScript *s);

void http_script_expect(HttpScript *s, const HttpStep *step);
void http_script_answer(HttpScript *s, http_script_answer_t answer, void *userdata);
/* The next submit returns this errno. */
void http_script_fail_submit(HttpScript *s, int error);

/* Runs the callbacks of all calls that are due now, not of those they start. Returns how many. */
size_t http_script_run(HttpScript *s);
/* The same until nothing is left to do, for at most `budget` rounds: fails the test if that is too few. */
void http_script_run_all(HttpScript *s, size_t budget);
/* Held calls become due. */
void http_script_release(HttpScript *s);

size_t http_script_n_requests(const HttpScript *s);
size_t http_script_n_pending(const HttpScript *s);
const HttpRecord *http_script_request(const HttpScript *s, size_t i); /* fails the test when there is none */
/* The value of a header of a request, NULL when it has none; names in any case. */
const char *http_record_header(const HttpRecord *r, const char *name);
/* Frees, after failing the test if steps are left over or calls are under way. */
void http_script_finish(HttpScript *s);
