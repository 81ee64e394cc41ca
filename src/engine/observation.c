#include "engine/observation.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/strings.h"
#include "engine/compose.h"
#include "engine/engine_internal.h"
#include "model/route.h"
#include "store/outbox.h"
#include "store/silence.h"

int observation_begin(Engine *e) {
        int r = e->broken < 0 ? e->broken : store_begin(e->ports.store);

        e->n_changes = store_n_changes(e->ports.store);
        return r < 0 ? engine_store_failed(e, r) : 0;
}

/* Deliveries of one job go in order; so do those about one source. Negative lines cannot meet job rows. */
static int64_t subject_line(const Subject *subject) {
        return subject->job > 0 ? subject->job : -subject->source;
}

/* 1: a silence keeps it back, which is written down. The journal is a record, not somebody to be spared. */
static int tell_silenced(Engine *e, const Notice *n, const ReceiverCommon *receiver, int64_t seq) {
        const Silence *s = silences_find(&e->silences, n, receiver->name, engine_now(e).real_usec);

        if (!s || streq(receiver->kind->name, "journal"))
                return 0;
        int r = store_delivery_add_silenced(e->ports.store, seq, receiver->name, s, n->created_usec);
        if (r >= 0)
                r = store_silence_count(e->ports.store, s->id);
        return r < 0 ? r : 1;
}

static int tell_receivers(Engine *e, const Notice *n, const Subject *subject, int64_t seq) {
        usec_t due =
                subject->enrich ? usec_add(n->created_usec, subject->enrich_timeout_usec) : n->created_usec;

        for (size_t i = 0; i < dispatcher_n_receivers(e->dispatcher); i++) {
                const ReceiverCommon *receiver = dispatcher_receiver(e->dispatcher, i);
                /* The journal gets everything, but no test of another: it would raise a false alarm. */
                bool implied = dispatcher_is_implied(e->dispatcher, i) && !n->test;
                if (!implied && !route_matches(e->config->rules, e->config->n_rules, n, receiver->name))
                        continue;
                int r = tell_silenced(e, n, receiver, seq);
                if (r == 0)
                        r = store_delivery_add(e->ports.store, seq, receiver->name, subject_line(subject),
                                           n->created_usec, subject->first ? 0 : due);
                if (r < 0)
                        return r;
        }
        return 0;
}

int observation_tell(Engine *e, Notice *n, const Subject *subject, int64_t *ret_seq) {
        _cleanup_(notice_freep) Notice *notice = n;
        int64_t seq = 0;

        int r = store_notice_add(e->ports.store, notice, subject->source, subject->job, subject->enrich,
                                 &seq);
        if (r <= 0)
                return r;
        r = tell_receivers(e, notice, subject, seq);
        if (r < 0)
                return r;
        Notice **told = reallocarray(e->told, e->n_told + 1, sizeof(Notice *));
        if (!told)
                return -ENOMEM;
        /* What follows within seconds is not anticipated in the log. */
        if (subject->enrich)
                notice->metrics = metrics_free(notice->metrics);
        e->told = told;
        e->told[e->n_told++] = TAKE_PTR(notice);
        if (ret_seq)
                *ret_seq = seq;
        return 1;
}

/* Where there is a journal the journal receiver writes the line, with all its fields; twice would be a false
 * echo. */
static void log_told(const Notice *n) {
        _cleanup_free_ char *line = NULL;

        if (!log_is_journal() && compose_line(n, &line) >= 0)
                log_context(NULL, notice_type_info(n->type)->priority, "%s", line);
}

static void engine_publish(const Engine *e, const Notice *n) {
        log_told(n);
        if (e->ports.on_notice && !n->test)
                e->ports.on_notice(n, e->ports.userdata);
}

int observation_end(Engine *e, int r) {
        bool news = e->n_told > 0, durable = news || e->owes;
        bool wrote = store_n_changes(e->ports.store) != e->n_changes;

        if (r >= 0)
                r = store_commit(e->ports.store);
        else
                store_rollback(e->ports.store);
        for (size_t i = 0; i < e->n_told; i++) {
                if (r >= 0)
                        engine_publish(e, e->told[i]);
                notice_free(e->told[i]);
        }
        e->n_told = 0;
        e->owes = false;
        if (r < 0)
                return engine_store_failed(e, r);
        /* It is a fact already; a power cut now would only make it be seen again, under the same id. */
        int q = durable ? store_sync(e->ports.store) : 0;
        if (q < 0)
                (void) engine_store_failed(e, q);
        else if (durable || wrote)
                engine_store_works(e, durable);
        if (news)
                dispatcher_wake(e->dispatcher);
        return 0;
}
