#include "api/endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include <curl/curl.h>

#include "base/macro.h"
#include "base/strings.h"
#include "io/http.h"

static void curlu_cleanupp(CURLU **u) {
        if (*u)
                curl_url_cleanup(*u);
}
static void curl_freep(char **p) {
        curl_free(*p);
}
#define _cleanup_curlu_ _cleanup_(curlu_cleanupp)
#define _cleanup_curl_ _cleanup_(curl_freep)

void endpoint_done(Endpoint *e) {
        free(e->url);
        free(e->host);
        free(e->path);
        *e = (Endpoint) {};
}

static int complain(char **ret_message, const char *message) {
        int r = free_and_strdup(ret_message, message);
        return r < 0 ? r : -EINVAL;
}

/* NULL when the part is absent. */
static char *url_part(CURLU *u, CURLUPart part, unsigned flags) {
        char *s = NULL;

        return curl_url_get(u, part, &s, flags) == CURLUE_OK ? s : NULL;
}

static bool host_is_plausible(const char *host) {
        size_t n = strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]");

        return n > 0 && !host[n] && host[0] != '.';
}

static bool zone_is_plausible(const char *zone) {
        size_t n = strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_~");

        return n > 0 && !zone[n];
}

static int url_open(const char *text, CURLU **ret, char **ret_message) {
        _cleanup_curlu_ CURLU *u = curl_url();

        if (!u)
                return -ENOMEM;
        if (!*text)
                return complain(ret_message, "is empty");
        const char *host_begin = strstr(text, "://");
        if (!host_begin)
                return complain(ret_message, "has no scheme: a URL begins with https://");
        if (host_begin[3] == '/')       /* libcurl forgives it and takes the path for a host */
                return complain(ret_message, "has no valid host name");
        CURLUcode code = curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
        if (code == CURLUE_OUT_OF_MEMORY)
                return -ENOMEM;
        if (code != CURLUE_OK)
                return complain(ret_message, "is not a URL");
        _cleanup_curl_ char *user = url_part(u, CURLUPART_USER, 0);
        _cleanup_curl_ char *password = url_part(u, CURLUPART_PASSWORD, 0);
        if (user || password)
                return complain(ret_message,
                                "carries a user name or password: it does not belong into a URL");
        _cleanup_curl_ char *host = url_part(u, CURLUPART_HOST, 0);
        if (!host || !host_is_plausible(host))
                return complain(ret_message, "has no valid host name");
        _cleanup_curl_ char *zone = url_part(u, CURLUPART_ZONEID, 0);
        if (zone && !zone_is_plausible(zone))
                return complain(ret_message, "has no valid zone: it is the name of an interface");
        *ret = TAKE_PTR(u);
        return 0;
}

static void path_squeeze(char *path) {
        char *to = path;

        for (const char *p = path; *p; p++)
                if (*p != '/' || p[1] != '/')
                        *to++ = *p;
        *to = '\0';
}

/* The end of what is kept of a path, without slashes at the end: before the first `root` that is a whole
 * segment, behind the segment that follows `keep`. */
static size_t path_length(const char *path, const EndpointShape *shape) {
        const char *kept = shape->keep ? strstr(path, shape->keep) : NULL;
        size_t n = strlen(path), m = shape->root ? strlen(shape->root) : 0;

        if (kept) {
                kept += strlen(shape->keep);
                n = (size_t) (kept - path) + strcspn(kept, "/");
        }
        for (const char *p = path; m > 0 && (p = strstr(p, shape->root)); p++)
                if (p[m] == '\0' || p[m] == '/') {
                        n = (size_t) (p - path);
                        break;
                }
        while (n > 0 && path[n - 1] == '/')
                n--;
        return n;
}

static int fill(CURLU *u, const EndpointShape *shape, Endpoint *e) {
        _cleanup_curl_ char *scheme = url_part(u, CURLUPART_SCHEME, 0);
        _cleanup_curl_ char *host = url_part(u, CURLUPART_HOST, 0);
        _cleanup_curl_ char *zone = url_part(u, CURLUPART_ZONEID, 0);
        _cleanup_curl_ char *port = url_part(u, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
        _cleanup_curl_ char *path = url_part(u, CURLUPART_PATH, 0);

        if (!scheme || !host)
                return -ENOMEM;
        for (char *p = host; *p; p++)
                *p = (char) tolower((unsigned char) *p);
        if (path)
                path_squeeze(path);
        size_t n = path ? path_length(path, shape) : 0;
        int r = string_printf(&e->path, "%.*s", (int) n, strempty(path));
        if (r < 0)
                return r;
        size_t bracket = host[0] == '[', inner = strlen(host) - bracket;
        /* RFC 6874: the % of a zone is written %25. */
        r = string_printf(&e->url, "%s://%.*s%s%s%s%s%s%s", scheme, (int) inner, host, zone ? "%25" : "",
                          strempty(zone), bracket ? "]" : "", port ? ":" : "", strempty(port), e->path);
        if (r < 0)
                return r;
        return string_printf(&e->host, "%.*s", (int) (strlen(host) - 2 * bracket), host + bracket);
}

/* http_url_is_safe() knows what loopback is; asked with http it says just that. */
static int find_out_loopback(Endpoint *e) {
        _cleanup_free_ char *url = NULL;

        int r = string_printf(&url, "http%s", strchr(e->url, ':'));
        if (r < 0)
                return r;
        e->loopback = http_url_is_safe(url);
        return 0;
}

int endpoint_parse(const char *text, const EndpointShape *shape, Endpoint *ret, char **ret_message) {
        _cleanup_curlu_ CURLU *u = NULL;
        _cleanup_(endpoint_done) Endpoint e = {};

        int r = url_open(text, &u, ret_message);
        if (r < 0)
                return r;
        r = fill(u, shape, &e);
        if (r < 0)
                return r;
        r = find_out_loopback(&e);
        if (r < 0)
                return r;
        if (!startswith(e.url, "https://") && !startswith(e.url, "http://"))
                return complain(ret_message, "has another scheme than https");
        if (startswith(e.url, "http://") && !e.loopback)
                return complain(ret_message,
                                "is plain http: that is accepted towards loopback only, use https://");
        *ret = e;
        e = (Endpoint) {};
        return 0;
}
