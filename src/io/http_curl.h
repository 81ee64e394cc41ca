#pragma once
/* Http over libcurl on an sd-event loop. */

#include "io/curl_glue.h"
#include "io/http.h"

/* The glue must outlive it; user_agent is copied. */
int http_curl_new(Http **ret, CurlGlue *glue, const char *user_agent);
