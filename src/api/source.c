#include "api/source.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/dialect.h"
#include "api/endpoint.h"
#include "base/macro.h"
#include "base/strings.h"

#define IDLE_INTERVAL_DEFAULT (5 * USEC_PER_MINUTE)
#define POLL_INTERVAL_MIN (5 * USEC_PER_SEC)            /* towards a real service; it harms nobody */
#define FIELD(name) offsetof(SourceSettings, name)

const OptionSpec source_options[] = {
        { .key = "name", .type = OPTION_STRING, .flags = OPTION_REQUIRED, .offset = FIELD(name),
          .help = "what this source is called in messages, rules and the journal" },
        { .key = "dialect", .type = OPTION_STRING, .offset = FIELD(dialect_name), .fallback = "azure",
          .help = "the shape of URLs and headers: azure" },
        { .key = "endpoint", .type = OPTION_STRING, .flags = OPTION_REQUIRED, .offset = FIELD(endpoint),
          .help = "https://NAME.openai.azure.com, from \"Keys and Endpoint\" of the resource" },
        { .key = "api_version", .type = OPTION_STRING, .offset = FIELD(api_version),
          .help = "version of the API, YYYY-MM-DD or YYYY-MM-DD-preview (azure: 2024-10-21)" },
        { .key = "api_key", .type = OPTION_SECRET, .flags = OPTION_REQUIRED, .offset = FIELD(api_key),
          .help = "a key of the resource" },
        { .key = "poll_interval", .type = OPTION_SPAN, .offset = FIELD(poll_interval_usec),
          .fallback = "30s",
          .min = 10 * USEC_PER_MSEC, .max = USEC_PER_DAY,
          .help = "how often the API is asked while a job is unfinished; at least 5s" },
        { .key = "idle_interval", .type = OPTION_SPAN, .offset = FIELD(idle_interval_usec),
          .fallback = "5min",
          .min = 10 * USEC_PER_MSEC, .max = 7 * USEC_PER_DAY,
          .help = "how often while there is none; at least poll_interval" },
        { .key = "timeout", .type = OPTION_SPAN, .offset = FIELD(timeout_usec), .fallback = "30s",
          .min = 100 * USEC_PER_MSEC, .max = 10 * USEC_PER_MINUTE, .help = "how long one request may take" },
        { .key = "reply_limit", .type = OPTION_SIZE, .offset = FIELD(reply_limit), .fallback = "8M",
          .min = UINT64_C(64) << 10, .max = UINT64_C(256) << 20, .help = "how large one reply may be" },
        { .key = "enrich_timeout", .type = OPTION_SPAN, .offset = FIELD(enrich_timeout_usec),
          .fallback = "10s",
          .min = 0, .max = 10 * USEC_PER_MINUTE,
          .help = "how long the notice of a finished job waits for details and results" },
        { .key = "retry_after_max", .type = OPTION_SPAN, .offset = FIELD(retry_after_max_usec),
          .fallback = "15min",
          .min = USEC_PER_SEC, .max = USEC_PER_DAY, .help = "the longest pause that a server may ask for" },
        { .key = "trouble_after", .type = OPTION_UINT, .offset = FIELD(trouble_after), .fallback = "3",
          .min = 1, .max = 1000, .help = "polls in a row that must fail before it is told" },
        { .key = "job_url", .type = OPTION_STRING, .offset = FIELD(job_url),
          .help = "link to a job in messages; {job_id}, {model} and {source} are replaced" },
        { .key = "proxy", .type = OPTION_STRING, .offset = FIELD(proxy),
          .help = "scheme://host:port, or \"\" for none; else by https_proxy of the environment" },
        { .key = "ca_file", .type = OPTION_STRING, .offset = FIELD(ca_file),
          .help = "PEM file with the certificate authorities to trust instead of the system's" },
        {},
};

int source_settings_new(SourceSettings **ret) {
        SourceSettings *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

SourceSettings *source_settings_free(SourceSettings *s) {
        if (s) {
                options_done(source_options, s);
                free(s);
        }
        return NULL;
}

/* One run of the check. */
typedef struct Check {
        SourceSettings *settings;
        bool loopback;
        source_complain_t complain;
        void *userdata;
        unsigned n_complaints;
} Check;

_printf_(3, 4)
static int check_complain(Check *c, const char *key, const char *format, ...) {
        _cleanup_free_ char *message = NULL;
        va_list ap;

        va_start(ap, format);
        int n = vasprintf(&message, format, ap);
        va_end(ap);
        if (n < 0) {
                message = NULL;
                return -ENOMEM;
        }
        c->n_complaints++;
        return c->complain(key, message, c->userdata);
}

static int check_dialect(Check *c) {
        SourceSettings *s = c->settings;

        if (!s->dialect_name)
                return 0;
        s->dialect = dialect_find(s->dialect_name);
        if (s->dialect)
                return 0;
        const char *nearest = nearest_string(s->dialect_name, dialect_names());
        return check_complain(c, "dialect", "unknown dialect '%s'%s%s%s", s->dialect_name,
                              nearest ? "; did you mean '" : ": there is ",
                              nearest ? nearest : dialect_names()[0], nearest ? "'?" : "");
}

static int check_endpoint(Check *c) {
        SourceSettings *s = c->settings;
        const char *root = s->dialect ? s->dialect->path_root : "";
        const char *hint = s->dialect ? s->dialect->hint : NULL;
        _cleanup_(endpoint_done) Endpoint e = {};
        _cleanup_free_ char *message = NULL;

        if (!s->endpoint)
                return 0;
        int r = endpoint_parse(s->endpoint, root, &e, &message);
        if (r == 0 && s->dialect)
                r = s->dialect->check_endpoint(&e, &message);
        if (r == -EINVAL)
                return check_complain(c, "endpoint", "endpoint %s%s%s%s%s", strempty(e.host),
                                      e.host ? " " : "", message, hint ? "; " : "", strempty(hint));
        if (r < 0)
                return r;
        c->loopback = e.loopback;
        free(s->endpoint);
        s->endpoint = TAKE_PTR(e.url);
        return 0;
}

static bool digits(const char *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!isdigit((unsigned char) s[i]))
                        return false;
        return true;
}

/* YYYY-MM-DD or YYYY-MM-DD-preview. */
static bool api_version_is_valid(const char *v) {
        if (strnlen(v, 10) < 10 || !digits(v, 4) || v[4] != '-' || !digits(v + 5, 2) || v[7] != '-' ||
            !digits(v + 8, 2))
                return false;
        unsigned month = (unsigned) (v[5] - '0') * 10 + (unsigned) (v[6] - '0');
        unsigned day = (unsigned) (v[8] - '0') * 10 + (unsigned) (v[9] - '0');
        return month >= 1 && month <= 12 && day >= 1 && day <= 31 && (!v[10] || streq(v + 10, "-preview"));
}

static int check_api_version(Check *c) {
        SourceSettings *s = c->settings;

        if (!s->dialect)
                return 0;
        if (!s->api_version)
                return free_and_strdup(&s->api_version, s->dialect->api_version);
        if (!s->dialect->api_version)
                return check_complain(c, "api_version", "the dialect %s takes no api_version",
                                      s->dialect->name);
        if (!api_version_is_valid(s->api_version))
                return check_complain(c, "api_version",
                                      "api_version is YYYY-MM-DD or YYYY-MM-DD-preview, as \"%s\"",
                                      s->dialect->api_version);
        return 0;
}

static int check_intervals(Check *c) {
        SourceSettings *s = c->settings;
        char span[SPAN_MAX];

        if (s->poll_interval_usec == 0 || s->idle_interval_usec == 0)
                return 0;
        if (s->endpoint && !c->loopback && s->poll_interval_usec < POLL_INTERVAL_MIN)
                return check_complain(c, "poll_interval", "poll_interval must be at least %s",
                                      format_span(POLL_INTERVAL_MIN, span));
        if (s->idle_interval_usec >= s->poll_interval_usec)
                return 0;
        /* Whoever raises only poll_interval above the default means both. */
        if (s->idle_interval_usec != IDLE_INTERVAL_DEFAULT)
                return check_complain(c, "idle_interval", "idle_interval must be at least poll_interval, %s",
                                      format_span(s->poll_interval_usec, span));
        s->idle_interval_usec = s->poll_interval_usec;
        return 0;
}

static int check_job_url(Check *c) {
        static const char *const names[] = { "job_id", "model", "source", NULL };
        const char *url = c->settings->job_url;

        if (!url)
                return 0;
        if (!startswith(url, "https://") && !startswith(url, "http://"))
                return check_complain(c, "job_url", "job_url is not a link: it begins with https://");
        for (const char *p = url; (p = strpbrk(p, "{} ")); p++) {
                char name[16] = "";
                size_t n = strcspn(p + 1, "}");
                if (*p == '{' && p[1 + n] == '}' && n < sizeof name) {
                        memcpy(name, p + 1, n);
                        if (strv_contains((char *const *) names, name)) {
                                p += n + 1;
                                continue;
                        }
                }
                return check_complain(c, "job_url",
                                      "job_url: only {job_id}, {model} and {source} are replaced, "
                                      "and it has no other braces or spaces");
        }
        return 0;
}

static int check_transport(Check *c) {
        SourceSettings *s = c->settings;
        _cleanup_free_ char *message = NULL;

        if (s->ca_file && s->ca_file[0] != '/') {
                int r = check_complain(c, "ca_file", "ca_file must be an absolute path");
                if (r < 0)
                        return r;
        } else if (s->ca_file && access(s->ca_file, R_OK) < 0) {
                int r = check_complain(c, "ca_file", "ca_file %s: %s", s->ca_file, strerrordesc_np(errno));
                if (r < 0)
                        return r;
        }
        int r = s->proxy ? endpoint_check_proxy(s->proxy, &message) : 0;
        return r == -EINVAL ? check_complain(c, "proxy", "proxy %s", message) : r;
}

int source_settings_check(SourceSettings *s, source_complain_t complain, void *userdata) {
        static int (*const steps[])(Check *) = {
                check_dialect, check_endpoint, check_api_version, check_intervals, check_job_url,
                check_transport,
        };
        Check c = { .settings = s, .complain = complain, .userdata = userdata };

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                int r = steps[i](&c);
                if (r < 0)
                        return r;
        }
        return c.n_complaints > 0 ? -EINVAL : 0;
}
