#pragma once
/* A token server for the engine's rig, and what the API thinks of its tokens. */

#include <stdbool.h>

#include "unit/engine_rig.h"

typedef struct Issuer {
        Rig *rig;
        unsigned n_requests;            /* tokens are tok-1 to tok-9 */
        unsigned lifetime;              /* seconds */
        unsigned refused_to;            /* tokens up to this one get a 401 from the API */
        int status;                     /* of the token server; 0: it gives tokens */
        bool hold, resets;              /* resets: the connection */
        char body[256];
} Issuer;

/* The one of the running test. */
extern Issuer issuer;

/* A rig with this credential, or NULL for a client secret, and the options `more` of its source; started. */
Rig *issuer_start(unsigned lifetime_sec, const char *credential, const char *more);
/* Conditions to wait for; `userdata`: unsigned, so many or more. */
bool issuer_was_asked(Rig *rig, void *userdata);
bool issuer_polled_badly(Rig *rig, void *userdata);
