#pragma once
/* Judges a reply of the API: ok, worth another try, or a matter for a person. Pure. What is in a good body
 * is read by api/page and api/results. */

#include <stdbool.h>

#include "io/http.h"
#include "model/outcome.h"

/* By transport failure, status and error body (three shapes of it, HTML from gateways too). A 404 that names
 * no thing of the API is routing, not a missing job. */
Outcome api_reply_outcome(const HttpReply *reply);
/* Asked for the page behind an item, the server says that it does not know it: it may have been deleted. */
bool api_outcome_refuses_cursor(const Outcome *o);
