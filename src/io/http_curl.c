/* One easy handle a request, new or reset (curl_glue_take_easy()); connections are the multi handle's. */
#include "io/http_curl.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <utlist.h>

#include "base/strings.h"
#include "io/curl_setup.h"
#include "io/tls_cache.h"

#define LINK_LOCAL "169.254."             /* RFC 3927: never leaves the link */

typedef struct HttpCurl {
        Http http;
        CurlGlue *glue;
        TlsCache *tls;
        char *user_agent;
        HttpCall *calls;
} HttpCurl;

struct HttpCall {
        HttpCurl *owner;
        CurlCall *call;
        CURL *easy;                     /* the call's */
        http_done_t done;
        void *userdata;
        CURLU *url;
        struct curl_slist *headers;     /* may hold secrets */
        struct curl_slist *addresses;   /* CURLOPT_CONNECT_TO */
        TlsUse tls;
        char *hidden_host;              /* not to be named, because the URL is a secret */
        HttpReply reply;
        char error[CURL_ERROR_SIZE];
        bool has_head;                  /* the head of the reply came to its end */
        bool running;                   /* its callback is */
        HttpCall *prev, *next;
};

/* libcurl's list, but what it held is wiped. */
static void headers_erase_free(struct curl_slist *list) {
        for (struct curl_slist *i = list; i; i = i->next)
                explicit_bzero(i->data, strlen(i->data));
        curl_slist_free_all(list);
}

static HttpCall *call_free(HttpCall *c) {
        if (!c)
                return NULL;
        curl_call_cancel(c->call);
        curl_url_cleanup(c->url);
        headers_erase_free(c->headers);
        curl_slist_free_all(c->addresses);
        string_erase_free(c->tls.key);
        string_erase_free(c->hidden_host);
        buf_done(&c->reply.body);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(HttpCall, call_free)

static size_t on_body(char *data, _unused_ size_t one, size_t size, void *userdata) {
        HttpCall *c = userdata;

        return buf_append(&c->reply.body, data, size) < 0 ? 0 : size;
}

/* A head that the server cut short is a success for libcurl 7.88, with an empty body: so watch for the empty
 * line. */
static size_t on_header(char *line, _unused_ size_t one, size_t size, void *userdata) {
        HttpCall *c = userdata;

        if (size >= 5 && memcmp(line, "HTTP/", 5) == 0)
                c->has_head = false;
        else if (size > 0 && (line[0] == '\r' || line[0] == '\n')) {
                c->has_head = true;
                tls_cache_release_buffers(c->owner->tls, c->easy);
        }
        return size;
}

/* Foreign text into a field: what is printable ASCII of it, cut to fit. */
static void copy_printable(char *ret, size_t size, const char *s) {
        size_t n = 0;

        for (; s && *s && n + 1 < size; s++)
                if (*s >= ' ' && *s <= '~')
                        ret[n++] = *s;
        ret[n] = '\0';
}

/* The last one of that name in the last reply, or NULL. */
static const char *reply_header(CURL *easy, const char *name) {
        struct curl_header *h;

        return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

static void reply_read_headers(HttpReply *reply, CURL *easy) {
        const char *id = reply_header(easy, "apim-request-id");
        if (!id)
                id = reply_header(easy, "x-request-id");
        const char *date = reply_header(easy, "date");
        const char *should = reply_header(easy, "x-should-retry");

        copy_printable(reply->content_type, sizeof reply->content_type, reply_header(easy, "content-type"));
        copy_printable(reply->request_id, sizeof reply->request_id, id);
        copy_printable(reply->challenge, sizeof reply->challenge, reply_header(easy, "www-authenticate"));
        if (date)
                reply->date = http_parse_date(date);
        if (should && strcasecmp(should, "true") == 0)
                reply->should_retry = 1;
        else if (should && strcasecmp(should, "false") == 0)
                reply->should_retry = 0;
        reply->retry_after_usec = http_parse_retry_after(reply_header(easy, "retry-after-ms"),
                                                         reply_header(easy, "retry-after"), reply->date,
                                                         clock_usec(CLOCK_REALTIME));
}

/* libcurl says of a proxy and of a server alike that it could not connect; only the name tells which. */
static bool proxy_was_not_reached(const HttpCall *c, CURLcode code) {
        const char *name = startswith(c->error, "Failed to connect to ");
        char *host = NULL;

        if (code != CURLE_COULDNT_CONNECT || !name || c->addresses ||
            curl_url_get(c->url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
                return false;
        size_t bracket = host[0] == '[', n = strlen(host) - 2 * bracket;
        bool other = strncasecmp(name, host + bracket, n) != 0 || name[n] != ' ';
        curl_free(host);
        return other;
}

static void reply_set_failure(HttpCall *c, CURL *easy, CURLcode code) {
        HttpReply *reply = &c->reply;
        long proxy_status = 0;

        (void) curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
        if (reply->body.error == -EFBIG || code == CURLE_FILESIZE_EXCEEDED) {
                reply->failure = HTTP_FAILURE_TOO_LARGE;
                (void) snprintf(reply->detail, sizeof reply->detail, "the reply is larger than %zu bytes",
                                reply->body.limit);
        } else if (reply->body.error < 0) {
                reply->failure = HTTP_FAILURE_INTERNAL;
                (void) snprintf(reply->detail, sizeof reply->detail, "out of memory");
        } else if (proxy_status >= 300 && code != CURLE_OPERATION_TIMEDOUT) {
                reply->failure = HTTP_FAILURE_PROXY;
                (void) snprintf(reply->detail, sizeof reply->detail, "the proxy answered %ld", proxy_status);
        } else if (proxy_was_not_reached(c, code)) {
                reply->failure = HTTP_FAILURE_PROXY;
                curl_failure_describe(CURLE_PROXY, c->error, c->hidden_host, reply->detail,
                                      sizeof reply->detail);
        } else {
                reply->failure = curl_failure(code);
                if (reply->failure == HTTP_FAILURE_TLS && c->tls.key)
                        tls_cache_forget(c->tls.cache, c->tls.key);
                curl_failure_describe(code, c->error, c->hidden_host, reply->detail, sizeof reply->detail);
        }
        buf_done(&reply->body);
}

static void on_done(CURL *easy, CURLcode code, void *userdata) {
        HttpCall *c = userdata;
        long status = 0;

        c->call = NULL;
        DL_DELETE(c->owner->calls, c);
        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (code == CURLE_OK && (status <= 0 || !c->has_head))
                code = CURLE_PARTIAL_FILE;
        if (code == CURLE_OK) {
                c->reply.status = (int) status;
                reply_read_headers(&c->reply, easy);
        } else
                reply_set_failure(c, easy, code);
        c->running = true;
        c->done(&c->reply, c->userdata);
        call_free(c);
}

static bool header_is_clean(const HttpHeader *h) {
        static const char bad_name[] = "\r\n: ", bad_value[] = "\r\n";

        if (isempty(h->name) || strpbrk(h->name, bad_name) || strpbrk(strempty(h->value), bad_value))
                return false;
        return !h->secret || (!strpbrk(secret_reveal(h->secret), bad_value) &&
                              strlen(secret_reveal(h->secret)) == secret_size(h->secret));
}

static int call_add_header(HttpCall *c, const HttpHeader *h) {
        const char *secret = h->secret ? secret_reveal(h->secret) : "";
        const char *value = strempty(h->value);
        _cleanup_(string_erase_freep) char *line = NULL;

        if (!header_is_clean(h))
                return -EINVAL;
        /* "Name;" is libcurl's word for an empty value, "Name:" would take the header away. */
        int r = *value || *secret ? string_printf(&line, "%s: %s%s", h->name, value, secret)
                                  : string_printf(&line, "%s;", h->name);
        if (r < 0)
                return r;
        struct curl_slist *list = curl_slist_append(c->headers, line);
        if (!list)
                return -ENOMEM;
        c->headers = list;
        return 0;
}

static int call_set_headers(HttpCall *c, CURL *easy, const HttpRequest *request) {
        for (size_t i = 0; i < request->n_headers; i++) {
                int r = call_add_header(c, request->headers + i);
                if (r < 0)
                        return r;
        }
        if (request->body_size > 0) {   /* "100-continue" costs a second with servers that ignore it */
                struct curl_slist *list = curl_slist_append(c->headers, "Expect:");
                if (!list)
                        return -ENOMEM;
                c->headers = list;
        }
        return curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK ? 0 : -ENOMEM;
}

static CURLcode call_set_method(CURL *easy, const HttpRequest *request) {
        const char *body = request->body ? request->body : "";
        const char *method = request->method;
        CURLcode code = CURLE_OK;

        if (streq(method, "HEAD"))
                return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        if (streq(method, "POST") || request->body_size > 0) {
                code = curl_easy_setopt(easy, CURLOPT_POST, 1L);
                if (code == CURLE_OK)
                        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                                (curl_off_t) request->body_size);
                if (code == CURLE_OK)
                        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
        }
        if (code == CURLE_OK && !streq(method, "POST") && !streq(method, "GET"))
                code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
        return code;
}

static bool host_is_link_local(const char *host) {
        struct in_addr a;

        return inet_pton(AF_INET, host, &a) == 1 && startswith(host, LINK_LOCAL);
}

static int call_set_addresses(HttpCall *c, CURL *easy, char *const *resolve) {
        for (; resolve && *resolve; resolve++) {
                _cleanup_free_ char *address = NULL;
                const char *ignored;
                int r = http_way_parse_resolve(*resolve, &address, &ignored);
                if (r < 0)
                        return r;
                struct curl_slist *list = curl_slist_append(c->addresses, address);
                if (!list)
                        return -ENOMEM;
                c->addresses = list;
        }
        return curl_easy_setopt(easy, CURLOPT_CONNECT_TO, c->addresses) == CURLE_OK ? 0 : -ENOMEM;
}

/* libcurl copies the strings, and reuses no connection that was made with another certificate, authority or
 * address. A password is always given: without, OpenSSL would ask for it on the terminal. */
static int call_set_way(HttpCall *c, CURL *easy, const HttpWay *way, bool is_near) {
        const char *key_password = way->client_key_password ? secret_reveal(way->client_key_password) : "";
        const struct {
                CURLoption option;
                const char *value;
        } strings[] = {
                { CURLOPT_NOPROXY, way->no_proxy },
                { CURLOPT_PROXYUSERNAME, is_near ? NULL : way->proxy_user },
                { CURLOPT_PROXYPASSWORD,
                  way->proxy_password && !is_near ? secret_reveal(way->proxy_password) : NULL },
                { CURLOPT_SSLCERT, way->client_cert },
                { CURLOPT_SSLKEY, way->client_key ? way->client_key : way->client_cert },
                { CURLOPT_KEYPASSWD, way->client_cert ? key_password : NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
                if (strings[i].value &&
                    curl_easy_setopt(easy, strings[i].option, strings[i].value) != CURLE_OK)
                        return -ENOMEM;
        return way->resolve ? call_set_addresses(c, easy, way->resolve) : 0;
}

static int call_set_tls(HttpCall *c, CURL *easy, const char *url, const HttpWay *way) {
        size_t origin = strcspn(url, ":");

        origin += strspn(url + origin, ":/");
        origin += strcspn(url + origin, "/?#");
        c->tls.cache = c->owner->tls;
        int r = string_printf(&c->tls.key, "%.*s\n%s\n%s\n%s", (int) origin, url,
                              strempty(way ? way->ca_file : NULL), strempty(way ? way->client_cert : NULL),
                              strempty(way ? way->client_key : NULL));
        return r < 0 ? r : tls_cache_apply(easy, &c->tls);
}

/* Where it goes, and by which way: refuses what is not safe. */
static int call_set_url(HttpCall *c, CURL *easy, const HttpRequest *request) {
        const char *url = request->url ? request->url : secret_reveal(request->secret_url);
        _cleanup_(string_erase_freep) char *scheme = NULL, *host = NULL;

        int r = curl_setup_parse_url(url, &c->url, &scheme, &host);
        if (r < 0)
                return r == -ENOMEM ? r : -EPROTO;
        bool is_near = host_is_loopback(host) || host_is_link_local(host);
        bool is_plain = streq(scheme, "http") && is_near;
        if (!is_plain && !streq(scheme, "https"))
                return -EPROTO;

        r = curl_setup_apply(easy, &(CurlSetup) {
                                .protocols = is_plain ? "http" : "https",
                                .timeout_usec = request->timeout_usec,
                                .ca_file = request->way ? request->way->ca_file : NULL,
                                .proxy = is_near ? "" : request->way ? request->way->proxy : NULL,
                                .error = c->error,
                        });
        if (r >= 0 && request->way)
                r = call_set_way(c, easy, request->way, is_near);
        if (r >= 0 && !is_plain)
                r = call_set_tls(c, easy, url, request->way);
        if (r < 0)
                return r;
        /* The first is what counts; with the second libcurl 7.88 need not make a text of it again. */
        if (curl_easy_setopt(easy, CURLOPT_CURLU, c->url) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
                return -ENOMEM;
        if (!request->url)
                c->hidden_host = TAKE_PTR(host);
        return 0;
}

static int call_set_options(HttpCall *c, CURL *easy, const HttpRequest *request) {
        int r = call_set_url(c, easy, request);

        if (r < 0)
                return r;
        r = call_set_headers(c, easy, request);
        if (r < 0)
                return r;
        /* The limit is on decoded bytes (on_body); MAXFILESIZE ends early what announces more, compressed or
         * not. */
        if (call_set_method(easy, request) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_USERAGENT, c->owner->user_agent) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip") != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                             (curl_off_t) MIN(request->reply_limit, (size_t) INT64_MAX)) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_HEADERDATA, c) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_WRITEDATA, c) != CURLE_OK)
                return -ENOMEM;
        return 0;
}

static bool request_is_valid(const HttpRequest *request) {
        if (isempty(request->method) || !request->url == !request->secret_url)
                return false;
        if (request->method[strspn(request->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')
                return false;
        if (request->body_size > 0 && (!request->body || streq(request->method, "GET")))
                return false;
        if (request->n_headers > HTTP_HEADERS_MAX)
                return false;
        return request->timeout_usec > 0 && request->reply_limit > 0;
}

static int http_curl_submit(Http *http, const HttpRequest *request, http_done_t done, void *userdata,
                            HttpCall **ret) {
        HttpCurl *h = (HttpCurl *) http;

        if (!request_is_valid(request))
                return -EINVAL;
        _cleanup_(call_freep) HttpCall *c = calloc(1, sizeof *c);
        _cleanup_(curl_easy_freep) CURL *easy = curl_glue_take_easy(h->glue);
        if (!c || !easy)
                return -ENOMEM;
        c->owner = h;
        c->easy = easy;
        c->done = done;
        c->userdata = userdata;
        c->reply.body = BUF_INIT(request->reply_limit);
        c->reply.body.wipe = request->secret_reply;
        c->reply.should_retry = -1;
        int r = call_set_options(c, easy, request);
        if (r >= 0)
                r = curl_glue_submit(h->glue, easy, on_done, c, &c->call);
        if (r < 0)
                return r;
        TAKE_PTR(easy);
        DL_APPEND(h->calls, c);
        if (ret)
                *ret = c;
        TAKE_PTR(c);
        return 0;
}

static void http_curl_cancel(_unused_ Http *http, HttpCall *c) {
        if (c->running)
                return;
        DL_DELETE(c->owner->calls, c);
        call_free(c);
}

static Http *http_curl_free(Http *http) {
        HttpCurl *h = (HttpCurl *) http;

        while (h->calls)
                http_curl_cancel(http, h->calls);
        tls_cache_free(h->tls);
        free(h->user_agent);
        free(h);
        return NULL;
}

int http_curl_new(Http **ret, CurlGlue *glue, const char *user_agent) {
        static const HttpVtable vtable = {
                .submit = http_curl_submit,
                .cancel = http_curl_cancel,
                .free = http_curl_free,
        };
        HttpCurl *h = calloc(1, sizeof *h);

        if (!h)
                return -ENOMEM;
        h->http.vtable = &vtable;
        h->glue = glue;
        h->user_agent = strdup(user_agent);
        int r = h->user_agent ? tls_cache_new(&h->tls) : -ENOMEM;
        if (r < 0) {
                free(h->user_agent);
                free(h);
                return r;
        }
        *ret = &h->http;
        return 0;
}
