#pragma once
/* The silences on disk. */

#include "model/silence.h"
#include "store/store.h"

/* All that there are, also those that are over. */
int store_silences_load(Store *s, Silences *ret);
/* Sets id. */
int store_silence_add(Store *s, Silence *silence);
int store_silence_remove(Store *s, int64_t id);
/* One more delivery was kept back. */
int store_silence_count(Store *s, int64_t id);
/* In the outbox, marked, and not owed. */
int store_delivery_add_silenced(Store *s, int64_t notice, const char *receiver, const Silence *silence,
                                usec_t created_usec);
