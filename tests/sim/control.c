#include <errno.h>
#include <math.h>
#include <string.h>

#include "job.h"
#include "jsonread.h"
#include "scenario.h"
#include "sim.h"
#include "util.h"

/* The endpoints under /_sim/ by which a test moves the world. A table of method, path and function; "rest"
 * is what follows the path's prefix. Arguments come in the query or as a JSON body. */

static void reply_text(Reply *reply, unsigned status, const char *text) {
        json_object *o = json_object_new_object();
        (void) json_object_object_add(o, status < 400 ? "result" : "error", json_object_new_string(text));
        reply_set_json(reply, status, o);
}

static void control_advance(Sim *sim, Request *req, const char *rest) {
        double seconds;

        (void) rest;
        if (!number_parse(request_argument(req, "seconds"), &seconds)) {
                reply_text(&req->reply, 400, "seconds is missing or not a number");
                return;
        }
        clock_advance(&sim->clock, seconds);
        world_update(&sim->world);
        reply_text(&req->reply, 200, "ok");
}

static void control_time(Sim *sim, Request *req, const char *rest) {
        json_object *o = json_object_new_object();

        (void) rest;
        (void) json_object_object_add(o, "seconds", json_object_new_double(sim->world.now));
        (void) json_object_object_add(o, "stamp",
                                      json_object_new_int64(world_stamp(&sim->world, sim->world.now)));
        (void) json_object_object_add(o, "clock", json_object_new_double(clock_real(&sim->clock)));
        reply_set_json(&req->reply, 200, o);
}

static void control_set_status(Sim *sim, Request *req, const char *rest) {
        const char *status = request_argument(req, "status");
        Job *job = world_find_job(&sim->world, rest);

        if (!job || !status || !*status) {
                reply_text(&req->reply, job ? 400 : 404, job ? "status is missing" : "no such job");
                return;
        }
        job_set_status(job, sim->world.now, status, request_argument(req, "code"),
                       request_argument(req, "message"), request_argument(req, "param"));
        reply_text(&req->reply, 200, "ok");
}

static void control_add_event(Sim *sim, Request *req, const char *rest) {
        const char *message = request_argument(req, "message"), *level = request_argument(req, "level");
        const char *created = request_argument(req, "created_at");
        Job *job = world_find_job(&sim->world, rest);
        int64_t stamp = world_stamp(&sim->world, sim->world.now);

        if (!job || !message || (created && !integer_parse(created, &stamp))) {
                reply_text(&req->reply, job ? 400 : 404,
                           job ? "message is missing or created_at is not a number" : "no such job");
                return;
        }
        job_fill(job);
        Event *e = job_add_event(job, sim->world.now, stamp, level ? level : "info", message);
        if (!e) {
                reply_text(&req->reply, 507, "the job has too many events");
                return;
        }
        _cleanup_(string_freep) char *id = must_strdup(e->id);
        job_sort_events(job);
        reply_text(&req->reply, 200, id);
}

static void control_add_job(Sim *sim, Request *req, const char *rest) {
        json_object *o = json_from_text(req->body ? req->body : "", req->body_size);
        Job *job;

        (void) rest;
        if (!o && req->body_size == 0)
                o = json_object_new_object();
        if (!o || scenario_read_job(&sim->world, o, "job", sim->world.now, &job) < 0)
                reply_text(&req->reply, 400,
                           "not a job description; the reason is on the simulator's stderr");
        else {
                world_add_job(&sim->world, job);
                reply_text(&req->reply, 201, job->id);
        }
        (void) json_object_put(o);
}

static void control_remove_job(Sim *sim, Request *req, const char *rest) {
        Job *job = world_find_job(&sim->world, rest);

        if (job)
                job->removed = sim->world.now;
        reply_text(&req->reply, job ? 200 : 404, job ? "ok" : "no such job");
}

/* Query arguments with the types the grammar wants. */
static json_object *fault_from_query(const Request *req) {
        static const char *const strings[] = { "path",   "method", "kind",    "retry_after",
                                               "header", "body",   "location" };
        static const char *const integers[] = { "status", "retry_after_ms", "times", "skip", "bytes" };
        static const char *const numbers[] = { "delay_ms", "from", "to", "probability" };
        json_object *o = json_object_new_object();
        int64_t integer;
        double number;

        for (size_t i = 0; i < ELEMENTSOF(strings); i++)
                if (request_argument(req, strings[i]))
                        (void) json_object_object_add(o, strings[i],
                                                      json_object_new_string(
                                                              request_argument(req, strings[i])));
        for (size_t i = 0; i < ELEMENTSOF(integers); i++)
                if (integer_parse(request_argument(req, integers[i]), &integer))
                        (void) json_object_object_add(o, integers[i], json_object_new_int64(integer));
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (number_parse(request_argument(req, numbers[i]), &number))
                        (void) json_object_object_add(o, numbers[i], json_object_new_double(number));
        return o;
}

static void control_add_fault(Sim *sim, Request *req, const char *rest) {
        json_object *o =
                req->body_size > 0 ? json_from_text(req->body, req->body_size) : fault_from_query(req);

        (void) rest;
        if (!o || fault_list_add(&sim->faults, o, "fault") < 0)
                reply_text(&req->reply, 400, "not a fault; the reason is on the simulator's stderr");
        else
                reply_text(&req->reply, 201, "ok");
        (void) json_object_put(o);
}

static void control_remove_faults(Sim *sim, Request *req, const char *rest) {
        (void) rest;
        fault_list_done(&sim->faults);
        reply_text(&req->reply, 200, "ok");
}

static void control_requests(Sim *sim, Request *req, const char *rest) {
        (void) rest;
        reply_set_json(&req->reply, 200, journal_requests(&sim->journal));
}

static void control_received(Sim *sim, Request *req, const char *rest) {
        (void) rest;
        reply_set_json(&req->reply, 200, journal_received(&sim->journal, request_argument(req, "sink")));
}

static void control_count(Sim *sim, Request *req, const char *rest) {
        json_object *o = json_object_new_object();

        (void) rest;
        (void) json_object_object_add(o, "requests",
                                      json_object_new_int64((int64_t) sim->journal.n_requests));
        (void) json_object_object_add(o, "received",
                                      json_object_new_int64((int64_t) sim->journal.n_received));
        reply_set_json(&req->reply, 200, o);
}

static void control_set_key(Sim *sim, Request *req, const char *rest) {
        const char *key = req->body_size > 0 ? req->body : NULL;
        char **target =
                strcmp(rest, "token") == 0 ? &sim->world.settings.token : &sim->world.settings.api_key;

        if (!key) {
                reply_text(&req->reply, 400, "the body must be the new key");
                return;
        }
        string_freep(target);
        *target = must_strdup(key);
        reply_text(&req->reply, 200, "ok");
}

static void control_reset(Sim *sim, Request *req, const char *rest) {
        (void) rest;
        int r = sim_load(sim);
        reply_text(&req->reply, r < 0 ? 500 : 200, r < 0 ? "the scenario can no longer be loaded" : "ok");
}

static const struct {
        const char *method, *path;      /* a path that ends in "/" is a prefix */
        void (*run)(Sim *sim, Request *req, const char *rest);
} commands[] = {
        { "POST",   "/_sim/advance",  control_advance },
        { "GET",    "/_sim/time",     control_time },
        { "POST",   "/_sim/job/",     control_set_status },
        { "DELETE", "/_sim/job/",     control_remove_job },
        { "POST",   "/_sim/job",      control_add_job },
        { "POST",   "/_sim/event/",   control_add_event },
        { "POST",   "/_sim/fault",    control_add_fault },
        { "DELETE", "/_sim/fault",    control_remove_faults },
        { "GET",    "/_sim/requests", control_requests },
        { "GET",    "/_sim/received", control_received },
        { "GET",    "/_sim/count",    control_count },
        { "POST",   "/_sim/key/",     control_set_key },
        { "POST",   "/_sim/token",    token_control_set },
        { "GET",    "/_sim/token",    token_control_get },
        { "DELETE", "/_sim/token",    token_control_revoke },
        { "POST",   "/_sim/reset",    control_reset },
};

bool control_answer(Sim *sim, Request *req) {
        static const char prefix[] = "/_sim/";
        if (strncmp(req->path, prefix, strlen(prefix)) != 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                size_t n = strlen(commands[i].path);
                bool is_prefix = commands[i].path[n - 1] == '/';
                if (strcmp(req->method, commands[i].method) != 0 ||
                    (is_prefix ? strncmp(req->path, commands[i].path, n) != 0 || !req->path[n]
                               : strcmp(req->path, commands[i].path) != 0))
                        continue;
                const char *rest = is_prefix ? req->path + n : "";
                _cleanup_(string_freep) char *decoded = percent_decode(rest, strlen(rest));
                commands[i].run(sim, req, decoded);
                return true;
        }
        reply_text(&req->reply, 404, "no such control endpoint");
        return true;
}
