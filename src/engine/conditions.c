#include "engine/conditions.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/strings.h"
#include "engine/compose.h"
#include "engine/engine_internal.h"
#include "model/condition.h"
#include "model/route.h"
#include "receiver/message_fact.h"
#include "store/vigil.h"

/* Calls each condition that is put on the job, once. */
static int conditions_each(Source *s, const StoredJob *stored,
                           int (*each)(Source *s, const StoredJob *stored, const char *text, void *userdata),
                           void *userdata) {
        const Config *config = s->engine->config;

        for (size_t i = 0; i < config->n_rules; i++) {
                if (!config->rules[i].metrics ||
                    !route_rule_covers(&config->rules[i], s->settings->name, stored->job))
                        continue;
                for (char **text = config->rules[i].metrics; *text; text++) {
                        int r = each(s, stored, *text, userdata);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static bool any_conditions(const Source *s) {
        const Config *config = s->engine->config;

        for (size_t i = 0; i < config->n_rules; i++)
                if (config->rules[i].metrics)
                        return true;
        return false;
}

static int begin_one(Source *s, const StoredJob *stored, const char *text, void *userdata) {
        ConditionState state = CONDITION_STATE_INIT;

        (void) userdata;
        return store_condition_save(s->engine->ports.store, stored->id, text, &state);
}

int conditions_begin(Source *s, const StoredJob *stored) {
        return stored->silent ? 0 : conditions_each(s, stored, begin_one, NULL);
}

static int tell(Source *s, const StoredJob *stored, const Condition *c, const char *text,
                const MetricPoint *point) {
        _cleanup_(notice_freep) Notice *n = NULL;
        _cleanup_free_ char *unique = NULL;
        Engine *e = s->engine;
        char value[NUMBER_MAX];

        int r = string_printf(&unique, "%s@%" PRIi64, text, point->step);
        if (r >= 0)
                r = compose_unique(s, stored->job, NOTICE_JOB_METRIC, unique, engine_now(e).real_usec, &n);
        if (r >= 0)
                r = compose_details(e->ports.store, stored->id, n);
        if (r >= 0)
                r = free_and_strdup(&n->reason, text);
        if (r >= 0)
                r = string_printf(&n->detail, "%s is %s at step %" PRIi64 ".", c->name,
                                  format_number(point->value, value), point->step);
        if (r < 0)
                return r;
        return observation_tell(e, TAKE_PTR(n),
                                &(Subject) { .source = s->stored.id, .job = stored->id }, NULL);
}

static int look_at_one(Source *s, const StoredJob *stored, const char *text, void *userdata) {
        const bool *ended = userdata;
        ConditionState state = CONDITION_STATE_INIT;
        Store *store = s->engine->ports.store;
        _cleanup_free_ MetricPoint *points = NULL;
        size_t n_points = 0;
        Condition c;

        int r = store_condition_load(store, stored->id, text, &state);
        bool is_history = r == 0;
        if (r < 0 || (is_history && *ended))
                return r;
        r = condition_parse(text, &c);          /* checked with the configuration */
        if (r >= 0)
                r = store_metric_points(store, stored->id, c.name, state.step, &points, &n_points);
        for (size_t i = 0; r >= 0 && i < n_points; i++)
                if (condition_feed(&c, &state, points[i].step, points[i].value) && !is_history)
                        r = tell(s, stored, &c, text, &points[i]);
        if (r >= 0 && (is_history || n_points > 0))
                r = store_condition_save(store, stored->id, text, &state);
        return MIN(r, 0);
}

int conditions_look(Source *s, int64_t job_row, bool ended) {
        _cleanup_(stored_job_freep) StoredJob *stored = NULL;

        if (!any_conditions(s))
                return 0;
        int r = observation_begin(s->engine);
        if (r < 0)
                return r;
        r = store_job_load_by_id(s->engine->ports.store, job_row, &stored);
        if (r > 0)
                r = conditions_each(s, stored, look_at_one, &ended);
        return observation_end(s->engine, MIN(r, 0));
}
