#pragma once
/* Silences in force: in the store, and here to be matched. Their beginning and end are logged: a silence
 * does not hide. */

#include "engine/engine.h"
#include "model/silence.h"

/* At the start; those that ended meanwhile end now. */
int engine_silences_start(Engine *e);
void engine_silences_stop(Engine *e);
/* The store has them otherwise than before: the clock was set. */
void engine_silences_renew(Engine *e);

/* Keeps back what matches from now on. Sets s->id and its times. -ENOBUFS: too many. */
int engine_silence(Engine *e, Silence *s, usec_t span_usec);
/* Ends this one, or all (0). Returns how many; -ENOENT. */
int engine_unsilence(Engine *e, int64_t id);
/* As they are now. */
int engine_list_silences(Engine *e, Silences *ret);
