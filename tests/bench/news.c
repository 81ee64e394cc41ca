/* Makes every cycle of a client a changed one: each time that the simulator was asked for something and then
 * for nothing more, a cycle has ended, and the simulator's clock goes on by so many seconds. With news.conf
 * that brings one more metric event of every active job.
 *
 *      news BASE-URL SECONDS
 *
 * Runs until it is ended, also with its parent. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <curl/curl.h>
#include <json-c/json.h>

#define URL_MAX 256U
#define REPLY_MAX 1024U
#define TIMEOUT_MS 10000L
#define LOOK_EVERY_NSEC 2000000L
#define QUIET_LOOKS 4U                  /* so many looks without a request: the cycle has ended */

typedef struct Reply {
        char text[REPLY_MAX];
        size_t size;
} Reply;

static size_t on_body(char *data, size_t one, size_t size, void *userdata) {
        Reply *r = userdata;

        (void) one;
        if (size >= sizeof r->text - r->size)
                return 0;
        memcpy(r->text + r->size, data, size);
        r->size += size;
        r->text[r->size] = '\0';
        return size;
}

static int ask(CURL *easy, const char *url, long post, Reply *reply) {
        long status = 0;

        *reply = (Reply) {};
        if (curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_WRITEDATA, reply) != CURLE_OK ||
            (post && (curl_easy_setopt(easy, CURLOPT_POST, 1L) != CURLE_OK ||
                      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, 0L) != CURLE_OK)))
                return -EINVAL;
        CURLcode code = curl_easy_perform(easy);
        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (code == CURLE_OK && status == 200)
                return 0;
        (void) fprintf(stderr, "news: %s: %s, status %ld\n", url, curl_easy_strerror(code), status);
        return -EIO;
}

static int count_requests(CURL *easy, const char *url, int64_t *ret) {
        json_object *count = NULL;
        Reply reply;

        int r = ask(easy, url, 0, &reply);
        if (r < 0)
                return r;
        json_object *o = json_tokener_parse(reply.text);
        if (json_object_object_get_ex(o, "requests", &count))
                *ret = json_object_get_int64(count);
        (void) json_object_put(o);
        return count ? 0 : -EBADMSG;
}

static int run(CURL *easy, const char *base, const char *seconds) {
        char count_url[URL_MAX], advance_url[URL_MAX];
        int64_t before = -1, now = 0, last = -1;
        unsigned n_quiet = 0;
        Reply reply;

        (void) snprintf(count_url, sizeof count_url, "%s/_sim/count", base);
        (void) snprintf(advance_url, sizeof advance_url, "%s/_sim/advance?seconds=%s", base, seconds);
        for (;;) {
                int r = count_requests(easy, count_url, &now);
                if (r < 0)
                        return r;
                n_quiet = now == last ? n_quiet + 1 : 0;
                last = now;
                if (n_quiet >= QUIET_LOOKS && now != before) {
                        r = ask(easy, advance_url, 1, &reply);
                        if (r < 0)
                                return r;
                        before = now;
                }
                (void) nanosleep(&(struct timespec) { .tv_nsec = LOOK_EVERY_NSEC }, NULL);
        }
}

int main(int argc, char **argv) {
        if (argc != 3) {
                (void) fprintf(stderr, "Usage: news BASE-URL SECONDS\n");
                return 2;
        }
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return EXIT_FAILURE;
        CURL *easy = curl_easy_init();
        if (easy && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK)
                (void) run(easy, argv[1], argv[2]);
        curl_easy_cleanup(easy);
        curl_global_cleanup();
        return EXIT_FAILURE;
}
