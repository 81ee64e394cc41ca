#include "unit/fake_api.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/strings.h"

#define BODY_LIMIT (32U * 1024 * 1024)
#define ID_MAX 300

typedef struct Query {
        char after[ID_MAX];
        unsigned limit;
} Query;

static char *text_copy(const char *s) {
        char *copy = s ? strdup(s) : NULL;

        assert_true(!s || copy);
        return copy;
}

static char *text_print(const char *format, ...) _printf_(1, 2);
static char *text_print(const char *format, ...) {
        char *s = NULL;
        va_list ap;

        va_start(ap, format);
        assert_true(vasprintf(&s, format, ap) >= 0);
        va_end(ap);
        return s;
}

FakeApi *fake_api_new(void) {
        FakeApi *api = calloc(1, sizeof *api);

        assert_non_null(api);
        api->inner_ids = true;
        api->page_max = 100;
        api->now = FAKE_T0;
        return api;
}

static void fake_job_free(FakeJob *j) {
        for (size_t i = 0; i < j->n_events; i++) {
                free(j->events[i].id);
                free(j->events[i].level);
                free(j->events[i].message);
        }
        free(j->events);
        free(j->id);
        free(j->status);
        free(j->extra);
        free(j->results);
        free(j->checkpoints);
        free(j);
}

FakeApi *fake_api_free(FakeApi *api) {
        for (size_t i = 0; i < api->n_jobs; i++)
                fake_job_free(api->jobs[i]);
        free(api->jobs);
        for (size_t i = 0; i < api->n_hits; i++) {
                free(api->hits[i].hook);
                free(api->hits[i].id);
                free(api->hits[i].type);
                free(api->hits[i].job);
                free(api->hits[i].body);
        }
        free(api->hits);
        for (size_t i = 0; i < ARRAY_SIZE(api->bodies); i++)
                free(api->bodies[i]);
        free(api);
        return NULL;
}

void fake_api_forget(FakeApi *api) {
        api->n_requests = api->n_lists = api->n_gets = api->n_events = api->n_files = 0;
        api->n_checkpoints = 0;
}

bool fake_fault_range(FakeApi *api, unsigned n, HttpStep *step) {
        if (n < api->fault_at || n > api->fault_to)
                return false;
        step->status = api->fault_status;
        if (api->fault_status == 0)
                step->failure = HTTP_FAILURE_RESET;
        return true;
}

/* --- the world --------------------------------------------------------------------------------------- */

FakeJob *fake_job_add(FakeApi *api, const char *status) {
        static unsigned serial;
        FakeJob *j = calloc(1, sizeof *j);

        api->jobs = reallocarray(api->jobs, api->n_jobs + 1, sizeof *api->jobs);
        assert_true(j && api->jobs);
        j->id = text_print("ftjob-%06u", ++serial);
        j->status = text_copy(status);
        j->created_at = api->now++;
        api->jobs[api->n_jobs++] = j;
        return j;
}

void fake_job_set(FakeJob *j, const char *status) {
        free(j->status);
        j->status = text_copy(status);
}

void fake_job_set_extra(FakeJob *j, const char *extra) {
        free(j->extra);
        j->extra = text_copy(extra);
}

FakeJob *fake_job_find(FakeApi *api, const char *id) {
        for (size_t i = 0; i < api->n_jobs; i++)
                if (streq(api->jobs[i]->id, id))
                        return api->jobs[i];
        return NULL;
}

void fake_job_remove(FakeApi *api, FakeJob *j) {
        for (size_t i = 0; i < api->n_jobs; i++)
                if (api->jobs[i] == j) {
                        api->n_jobs--;
                        memmove(api->jobs + i, api->jobs + i + 1, (api->n_jobs - i) * sizeof *api->jobs);
                        fake_job_free(j);
                        return;
                }
        fail_msg("no such job");
}

FakeEvent *fake_event_add(FakeApi *api, FakeJob *j, const char *level, const char *message) {
        j->events = reallocarray(j->events, j->n_events + 1, sizeof *j->events);
        assert_non_null(j->events);
        FakeEvent *e = &j->events[j->n_events++];
        *e = (FakeEvent) {
                .id = api->inner_ids && !api->bare ? text_print("ftevent-%s-%zu", j->id, j->n_events) : NULL,
                .level = text_copy(level),
                .message = text_copy(message),
                .at = api->now++,
                .step = -1,
        };
        return e;
}

void fake_metrics_add(FakeApi *api, FakeJob *j, int64_t step, double loss) {
        char *message = text_print("Step %" PRIi64 ": training loss=%g", step, loss);
        FakeEvent *e = fake_event_add(api, j, "info", message);

        e->step = step;
        e->loss = loss;
        e->at = j->created_at + step;           /* made up, as on Azure */
        free(message);
}

/* --- what is asked ----------------------------------------------------------------------------------- */

static void read_query(const char *url, Query *ret) {
        const char *after = strstr(url, "after="), *limit = strstr(url, "limit=");

        *ret = (Query) { .limit = 20 };
        if (after)
                (void) snprintf(ret->after, sizeof ret->after, "%.*s", (int) strcspn(after + 6, "&"),
                                after + 6);
        if (limit)
                ret->limit = (unsigned) strtoul(limit + 6, NULL, 10);
}

static char *keep(FakeApi *api, Buf *body) {
        char **slot = &api->bodies[api->n_bodies++ % ARRAY_SIZE(api->bodies)];

        free(*slot);
        *slot = NULL;
        assert_int_equal(buf_take(body, slot), 0);
        return *slot;
}

static void answer_error(HttpStep *step, int status) {
        step->status = status;
        step->body = status == 404 ? "{\"error\":{\"code\":\"notFound\",\"message\":\"no such thing\"}}" :
                     "{\"error\":{\"code\":\"x\",\"message\":\"broken\"}}";
}

static void put_job(Buf *b, const FakeJob *j) {
        (void) buf_printf(
                b,
                "{\"object\":\"fine_tuning.job\",\"id\":\"%s\",\"status\":\"%s\",\"created_at\":%" PRIi64
                ",\"model\":\"gpt-4o-mini-2024-07-18\"",
                j->id, j->status, j->created_at);
        (void) buf_printf(b, "%s}",
                          j->extra ? j->extra : ",\"suffix\":\"demo\",\"result_files\":null,\"error\":null");
}

static void put_event(Buf *b, const FakeApi *api, const FakeEvent *e) {
        (void) buf_puts(b, "{\"object\":\"fine_tuning.job.event\"");
        if (e->id)
                (void) buf_printf(b, ",\"id\":\"%s\"", e->id);
        (void) buf_printf(b, ",\"created_at\":%" PRIi64 ",\"level\":\"%s\",\"message\":\"%s\"", e->at,
                          e->level, e->message);
        if (!api->bare && e->step >= 0)
                (void) buf_printf(b,
                                  ",\"type\":\"metrics\",\"data\":{\"step\":%" PRIi64
                                  ",\"train_loss\":%.17g}",
                                  e->step, e->loss);
        else if (!api->bare)
                (void) buf_puts(b, ",\"type\":\"message\",\"data\":{}");
        (void) buf_putc(b, '}');
}

/* One list: item(i) of n, oldest first, in the order of the server, after the cursor. */
typedef const char *(*item_id_t)(const void *list, size_t i);
typedef void (*item_put_t)(Buf *b, const FakeApi *api, const void *list, size_t i);

static void answer_list(FakeApi *api, HttpStep *step, const char *url, FakeOrder order, const void *list,
                        size_t n, item_id_t id, item_put_t put) {
        Buf b = BUF_INIT(BODY_LIMIT);
        size_t from = 0;
        Query q;

        read_query(url, &q);
        if (*q.after && !api->after_ignored) {
                size_t i = 0;
                while (i < n && !streq_null(id(list, order == FAKE_OLDEST_FIRST ? i : n - 1 - i), q.after))
                        i++;
                if (i == n && !api->cursor_to_top) {
                        answer_error(step, 404);
                        return;
                }
                from = i == n ? 0 : i + 1;
        }
        size_t to = MIN(n, from + MIN(q.limit, api->page_max));
        (void) buf_puts(&b, "{\"object\":\"list\",\"data\":[");
        for (size_t i = from; i < to; i++) {
                if (i > from)
                        (void) buf_puts(&b, ",");
                put(&b, api, list, order == FAKE_OLDEST_FIRST ? i : n - 1 - i);
        }
        (void) buf_puts(&b, "]");
        if (!api->bare)
                (void) buf_printf(&b, ",\"has_more\":%s", to < n ? "true" : "false");
        (void) buf_puts(&b, "}");
        step->body = keep(api, &b);
}

static const char *job_id_at(const void *list, size_t i) {
        return ((const FakeApi *) list)->jobs[i]->id;
}

static void job_put_at(Buf *b, const FakeApi *api, const void *list, size_t i) {
        (void) api;
        put_job(b, ((const FakeApi *) list)->jobs[i]);
}

static const char *event_id_at(const void *list, size_t i) {
        return ((const FakeJob *) list)->events[i].id;
}

static void event_put_at(Buf *b, const FakeApi *api, const void *list, size_t i) {
        put_event(b, api, &((const FakeJob *) list)->events[i]);
}

static void answer_checkpoints(FakeApi *api, HttpStep *step, const FakeJob *j) {
        Buf b = BUF_INIT(BODY_LIMIT);

        if (!api->has_checkpoints) {
                answer_error(step, 404);
                return;
        }
        (void) buf_printf(&b, "{\"object\":\"list\",\"data\":[%s],\"has_more\":false}",
                          j->checkpoints ? j->checkpoints : "");
        step->body = keep(api, &b);
}

static void answer_one_job(FakeApi *api, HttpStep *step, const char *url, const char *id) {
        FakeJob *j = fake_job_find(api, id);
        Buf b = BUF_INIT(BODY_LIMIT);

        if (!j || (api->has_no_events && strstr(url, "/events?"))) {
                answer_error(step, 404);
        } else if (strstr(url, "/checkpoints?")) {
                answer_checkpoints(api, step, j);
        } else if (strstr(url, "/events?")) {
                answer_list(api, step, url, api->events_order, j, j->n_events, event_id_at, event_put_at);
        } else {
                put_job(&b, j);
                step->body = keep(api, &b);
        }
}

static void answer_file(FakeApi *api, HttpStep *step, const char *id) {
        for (size_t i = 0; i < api->n_jobs; i++)
                if (api->jobs[i]->results && api->jobs[i]->extra && strstr(api->jobs[i]->extra, id)) {
                        step->body = api->jobs[i]->results;
                        return;
                }
        answer_error(step, 404);
}

static void answer_api(FakeApi *api, const HttpRecord *request, HttpStep *step) {
        const char *jobs = strstr(request->url, "/openai/fine_tuning/jobs"),
                   *file = strstr(request->url, "/openai/files/");
        const char *one = jobs ? startswith(jobs, "/openai/fine_tuning/jobs/") : NULL;
        char id[ID_MAX] = "";

        assert_true(http_record_header(request, "api-key") || http_record_header(request, "authorization"));
        assert_string_equal(request->method, "GET");
        if (one || file)
                (void) snprintf(id, sizeof id, "%.*s", (int) strcspn(one ? one : file + 14, "/?"),
                                one ? one : file + 14);
        api->n_lists += jobs && !one;
        api->n_events += one && strstr(one, "/events?");
        api->n_checkpoints += one && strstr(one, "/checkpoints?");
        api->n_gets += one && !strstr(one, "/events?") && !strstr(one, "/checkpoints?");
        api->n_files += file != NULL;
        step->date = api->now;
        if (api->fault && api->fault(api, ++api->n_requests, step))
                return;
        api->n_requests += !api->fault;
        if (one)
                answer_one_job(api, step, request->url, id);
        else if (jobs)
                answer_list(api, step, request->url, api->order, api, api->n_jobs, job_id_at, job_put_at);
        else if (file)
                answer_file(api, step, id);
        else
                fail_msg("nobody asks for %s", request->url);
}

/* --- the hooks --------------------------------------------------------------------------------------- */

static void take_hit(FakeApi *api, const HttpRecord *request, HttpStep *step) {
        _cleanup_json_ json_object *o = NULL;
        const char *id = http_record_header(request, "webhook-id");

        assert_int_equal(json_parse_bounded(request->body, request->body_size, &o, NULL), 0);
        assert_non_null(id);
        assert_string_equal(json_member_string(o, "id"), id);
        api->hits = reallocarray(api->hits, api->n_hits + 1, sizeof *api->hits);
        assert_non_null(api->hits);
        FakeHit *h = &api->hits[api->n_hits++];
        *h = (FakeHit) {
                .hook = text_copy(strstr(request->url, "/hook/") + 6),
                .id = text_copy(id),
                .type = text_copy(json_member_string(o, "type")),
                .job = text_copy(json_member_string(json_member_object(o, "data"), "id")),
                .body = text_copy(request->body),
        };
        h->taken = !(api->hook_fault && api->hook_fault(api, h, step));
        if (h->taken)
                step->status = 204;
}

void fake_api_answer(const HttpRecord *request, HttpStep *step, void *userdata) {
        FakeApi *api = userdata;

        if (strstr(request->url, "/hook/"))
                take_hit(api, request, step);
        else
                answer_api(api, request, step);
}

static bool hit_matches(const FakeHit *h, const char *hook, const char *type, const char *job) {
        return h->taken && (!hook || streq(h->hook, hook)) && (!type || streq(h->type, type)) &&
               (!job || streq_null(h->job, job));
}

size_t fake_api_count(const FakeApi *api, const char *hook, const char *type, const char *job) {
        size_t n = 0;

        for (size_t i = 0; i < api->n_hits; i++) {
                bool repeated = false;
                if (!hit_matches(&api->hits[i], hook, type, job))
                        continue;
                for (size_t k = 0; k < i && !repeated; k++)
                        repeated = api->hits[k].taken && streq(api->hits[k].id, api->hits[i].id) &&
                                   streq(api->hits[k].hook, api->hits[i].hook);
                n += !repeated;
        }
        return n;
}

const FakeHit *fake_api_hit(const FakeApi *api, const char *hook, const char *type, const char *job) {
        for (size_t i = api->n_hits; i > 0; i--)
                if (hit_matches(&api->hits[i - 1], hook, type, job))
                        return &api->hits[i - 1];
        fail_msg("no %s about %s arrived", type ? type : "notice", job ? job : "anything");
        return NULL;
}

void fake_api_check_repeats(const FakeApi *api) {
        for (size_t i = 0; i < api->n_hits; i++)
                for (size_t k = 0; k < i; k++)
                        if (streq(api->hits[k].id, api->hits[i].id) &&
                            streq(api->hits[k].hook, api->hits[i].hook))
                                assert_string_equal(api->hits[k].body, api->hits[i].body);
}
