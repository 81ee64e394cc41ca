#pragma once
/* Some servers repeat the credential that they refuse. */

#include "base/secret.h"
#include "io/http.h"
#include "model/outcome.h"

/* The outcome of that reply, but without its words if they repeat the secret (NULL: there is none), as it is
 * or escaped for a form, JSON or HTML: they go to no log, no store and nobody. */
Outcome outcome_hide(const Outcome *o, const HttpReply *reply, const Secret *secret);
