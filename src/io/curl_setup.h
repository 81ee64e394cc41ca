#pragma once
/* What every transfer of ours has in common, HTTP or mail: options of the easy handle, and libcurl's result
 * codes as an HttpFailure with words that give nothing away. */

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "base/secret.h"
#include "base/time.h"
#include "io/http.h"

static inline void curl_easy_freep(CURL **easy) {
        curl_easy_cleanup(*easy);
}

static inline void curl_url_freep(CURLU **url) {
        curl_url_cleanup(*url);
}

typedef struct CurlSetup {
        const char *protocols;          /* CURLOPT_PROTOCOLS_STR */
        usec_t timeout_usec;
        const char *ca_file;            /* NULL: the system's */
        const char *proxy;              /* NULL: from the environment, "": none */
        char *error;                    /* CURL_ERROR_SIZE bytes, until the transfer's callback has run */
} CurlSetup;

/* -ENOMEM, or -EINVAL for what libcurl refuses. */
int curl_setup_apply(CURL *easy, const CurlSetup *setup);

/* The host of a URL as libcurl reads it, normalised; ret_parsed (for CURLOPT_CURLU) and ret_scheme may be
 * NULL. -EINVAL for what is no absolute URL. */
int curl_setup_parse_url(const char *url, CURLU **ret_parsed, char **ret_scheme, char **ret_host);
bool host_is_loopback(const char *host);

HttpFailure curl_failure(CURLcode code);
/* One line for a person. `error` is libcurl's error buffer: quoted where it can name no more than host and
 * port, and not at all when it contains `hidden`, a host name (NULL: nothing is hidden). */
void curl_failure_describe(CURLcode code, const char *error, const char *hidden, char *ret, size_t size);
