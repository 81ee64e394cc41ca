#pragma once
/* What a person may ask of a running engine, beside what it does by itself. Nothing here waits: how it ended
 * comes by the ports (on_poll, on_notice). */

#include <json-c/json.h>

#include "engine/engine.h"
#include "engine/probe.h"

size_t engine_n_sources(const Engine *e);
const char *engine_source_name(const Engine *e, size_t i);
bool engine_has_source(const Engine *e, const char *name);

/* Polls this source, or every one (NULL), now. -ENOENT: no such source; -EAGAIN: it asked for a pause (of
 * all sources: every one did), whose rest is in *ret_wait_usec. */
int engine_poll(Engine *e, const char *source, usec_t *ret_wait_usec);

/* One look at a source (engine/probe.h), beside its polls; free it before the engine. -ENOENT. */
int engine_probe(Engine *e, const char *source, usec_t limit_usec, probe_done_t done, void *userdata,
                 Probe **ret);

size_t engine_n_receivers(const Engine *e);
const char *engine_receiver_name(const Engine *e, size_t i);
bool engine_has_receiver(const Engine *e, const char *name);
/* Sends a made-up notice of the type to this receiver, once, before all else that is owed to it; how that
 * ended comes by on_delivery. -ENOENT: no such receiver; -EAGAIN as above. */
int engine_test(Engine *e, const char *receiver, NoticeType type, char ret_id[static NOTICE_ID_SIZE],
                usec_t *ret_wait_usec);

/* Owes again what was given up (or silenced) of one notice, and what waits of it is due now. The id may be
 * cut short. Returns how many; -ENOENT: no such notice; -ENOTUNIQ. */
int engine_retry(Engine *e, const char *notice_id);
/* The same for all that was given up, to receivers that match (NULL: all), created since then. */
int engine_retry_dead(Engine *e, const char *receiver_glob, usec_t since_real_usec);

/* The state of things: { "running", "sources": [], "receivers": [], "troubles": [], "owed" }, times in Unix
 * seconds. */
int engine_status_json(Engine *e, json_object **ret);
/* What the state on disk knows of it, while there is no daemon: no receivers, of sources the jobs only. */
int store_status_json(Store *store, json_object **ret);
