/* What a cycle costs without any of ftwatchd's ideas: one libcurl easy handle, its connection kept alive,
 * and json-c; every page is asked for in full and parsed whole. What `make bench` measures against.
 *
 *      BENCH_KEY=... bare BASE-URL INTERVAL-MS
 *
 * Cycles for ever, from start to start in that interval; ends with its parent. */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <curl/curl.h>
#include <json-c/json.h>

#include "base/strings.h"

#define API_VERSION "api-version=2024-10-21"
#define URL_MAX 512U
#define REPLY_MAX (8U << 20)
#define TIMEOUT_MS 10000L
#define INTERVAL_MAX_MS 60000

typedef struct Body {
        char *data;
        size_t size, capacity;
} Body;

typedef struct Client {
        CURL *easy;
        struct curl_slist *headers;
        const char *base;
        Body body;
        json_tokener *tokener;
        uint64_t n_seen;                /* what was read is used: nothing is optimised away */
} Client;

static size_t on_body(char *data, size_t one, size_t size, void *userdata) {
        Body *b = userdata;

        (void) one;
        if (size > REPLY_MAX - b->size)
                return 0;
        if (b->size + size > b->capacity) {
                size_t capacity = 2 * (b->size + size);
                char *grown = realloc(b->data, capacity);
                if (!grown)
                        return 0;
                b->data = grown;
                b->capacity = capacity;
        }
        memcpy(b->data + b->size, data, size);
        b->size += size;
        return size;
}

static json_object *client_get(Client *c, const char *url) {
        long status = 0;

        c->body.size = 0;
        if (curl_easy_setopt(c->easy, CURLOPT_URL, url) != CURLE_OK)
                return NULL;
        CURLcode code = curl_easy_perform(c->easy);
        (void) curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK || status != 200) {
                (void) fprintf(stderr, "bare: %s: %s, status %ld\n", url, curl_easy_strerror(code), status);
                return NULL;
        }
        json_tokener_reset(c->tokener);
        return json_tokener_parse_ex(c->tokener, c->body.data, (int) c->body.size);
}

static const char *text_of(json_object *o, const char *key) {
        json_object *value = NULL;
        const char *s = json_object_object_get_ex(o, key, &value) ? json_object_get_string(value) : NULL;

        return s ? s : "";
}

static int client_read_events(Client *c, const char *job) {
        char url[URL_MAX];
        json_object *data = NULL;

        (void) snprintf(url, sizeof url, "%s/openai/fine_tuning/jobs/%s/events?" API_VERSION "&limit=20",
                        c->base, job);
        json_object *page = client_get(c, url);
        if (!page)
                return -EIO;
        (void) json_object_object_get_ex(page, "data", &data);
        for (size_t i = 0; i < json_object_array_length(data); i++) {
                json_object *row = json_object_array_get_idx(data, i);
                c->n_seen += strlen(text_of(row, "id")) + strlen(text_of(row, "message"));
        }
        (void) json_object_put(page);
        return 0;
}

static bool is_finished(const char *status) {
        return strcmp(status, "succeeded") == 0 || strcmp(status, "failed") == 0 ||
               strcmp(status, "cancelled") == 0;
}

static int client_cycle(Client *c) {
        char url[URL_MAX];
        json_object *data = NULL;
        int r = 0;

        (void) snprintf(url, sizeof url, "%s/openai/fine_tuning/jobs?" API_VERSION "&limit=100", c->base);
        json_object *page = client_get(c, url);
        if (!page)
                return -EIO;
        (void) json_object_object_get_ex(page, "data", &data);
        for (size_t i = 0; r >= 0 && i < json_object_array_length(data); i++) {
                json_object *row = json_object_array_get_idx(data, i);
                c->n_seen += strlen(text_of(row, "id"));
                if (!is_finished(text_of(row, "status")))
                        r = client_read_events(c, text_of(row, "id"));
        }
        (void) json_object_put(page);
        return r;
}

static int client_open(Client *c, const char *base, const char *key) {
        char header[URL_MAX];

        c->base = base;
        c->easy = curl_easy_init();
        c->tokener = json_tokener_new();
        (void) snprintf(header, sizeof header, "api-key: %s", key);
        c->headers = curl_slist_append(NULL, header);
        if (!c->easy || !c->tokener || !c->headers)
                return -ENOMEM;
        if (curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers) != CURLE_OK ||
            curl_easy_setopt(c->easy, CURLOPT_PROXY, "") != CURLE_OK ||
            curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
            curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) != CURLE_OK ||
            curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
            curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, &c->body) != CURLE_OK)
                return -EINVAL;
        return 0;
}

static void client_close(Client *c) {
        curl_slist_free_all(c->headers);
        curl_easy_cleanup(c->easy);
        if (c->tokener)
                json_tokener_free(c->tokener);
        free(c->body.data);
}

static bool parse_interval(const char *s, int64_t *ret_ms) {
        return parse_int64(s, ret_ms) >= 0 && *ret_ms > 0 && *ret_ms <= INTERVAL_MAX_MS;
}

/* After what made it late it goes on from now, as a daemon's timer does. */
static void wait_until(struct timespec *next, int64_t interval_ms) {
        struct timespec now;

        next->tv_nsec += interval_ms % 1000 * 1000000;
        next->tv_sec += interval_ms / 1000 + next->tv_nsec / 1000000000;
        next->tv_nsec %= 1000000000;
        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > next->tv_sec || (now.tv_sec == next->tv_sec && now.tv_nsec > next->tv_nsec))
                *next = now;
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL) == EINTR)
                continue;
}

int main(int argc, char **argv) {
        const char *key = getenv("BENCH_KEY");
        struct timespec next;
        int64_t interval_ms;
        Client c = {};

        if (argc != 3 || !key || !parse_interval(argv[2], &interval_ms)) {
                (void) fprintf(stderr, "Usage: BENCH_KEY=... bare BASE-URL INTERVAL-MS\n");
                return 2;
        }
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        int r = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? client_open(&c, argv[1], key) : -ENOMEM;
        (void) clock_gettime(CLOCK_MONOTONIC, &next);
        while (r >= 0) {
                r = client_cycle(&c);
                wait_until(&next, interval_ms);
        }
        client_close(&c);
        curl_global_cleanup();
        return EXIT_FAILURE;
}
