/* What the table of options cannot say about a source. */
#include "api/source.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/dialect.h"
#include "api/endpoint.h"
#include "base/macro.h"
#include "base/strings.h"

#define IDLE_INTERVAL_DEFAULT (5 * USEC_PER_MINUTE)     /* as in the table of options */
#define LASTING_MIN (10 * USEC_PER_MINUTE)
#define POLL_INTERVAL_MIN (5 * USEC_PER_SEC)            /* towards a real service; it harms nobody */

/* One run of the check. */
typedef struct Check {
        SourceSettings *settings;
        bool loopback;
        bool sovereign;                 /* below azure.us */
        OptionComplaints complaints;
} Check;

#define check_complain(c, ...) option_complain(&(c)->complaints, __VA_ARGS__)

static int check_dialect(Check *c) {
        SourceSettings *s = c->settings;
        char list[128] = "";

        if (!s->dialect_name)
                return 0;
        s->dialect = dialect_find(s->dialect_name);
        if (s->dialect)
                return 0;
        const char *nearest = nearest_string(s->dialect_name, dialect_names());
        if (nearest)
                return check_complain(c, "dialect", "unknown dialect '%s'; did you mean '%s'?",
                                      s->dialect_name, nearest);
        for (const char *const *name = dialect_names(); *name; name++)
                if (strlen(list) + strlen(*name) + 3 < sizeof list)
                        (void) stpcpy(stpcpy(list + strlen(list), *list ? ", " : ""), *name);
        return check_complain(c, "dialect", "unknown dialect '%s': there are %s", s->dialect_name, list);
}

/* Whether what answers at a host can be the dialect's: 0, or -EINVAL with a sentence without its subject. */
static int check_host(const Dialect *d, const Endpoint *e, char **ret_message) {
        _cleanup_free_ char *fit = NULL;
        const char *what;

        HostClass class = host_classify(e, &what);
        if (class != HOST_OTHER && class != d->host) {
                int r = class == HOST_USELESS ? -ENOENT : dialect_names_for_host(class, &fit);
                if (r < 0 && r != -ENOENT)
                        return r;
                r = string_printf(ret_message, "%s%s%s%s", what, fit ? ": dialect = " : "", strempty(fit),
                                  fit ? " fits it" : "");
                return r < 0 ? r : -EINVAL;
        }
        what = NULL;
        if (!host_path_fits(class, e->path))
                what = "has a path that the service does not have";
        else if (d->path_keep && !strstr(e->path, d->path_keep))
                what = "lacks the project: the path is /api/projects/PROJECT";
        if (!what)
                return 0;
        int r = free_and_strdup(ret_message, what);
        return r < 0 ? r : -EINVAL;
}

static int check_endpoint(Check *c) {
        SourceSettings *s = c->settings;
        EndpointShape shape = {};
        const char *hint = s->dialect ? s->dialect->hint : NULL;
        _cleanup_(endpoint_done) Endpoint e = {};
        _cleanup_free_ char *message = NULL;

        if (!s->endpoint)
                return 0;
        if (s->dialect)
                shape = (EndpointShape) { s->dialect->path_root, s->dialect->path_keep };
        int r = endpoint_parse(s->endpoint, &shape, &e, &message);
        if (r == 0 && s->dialect)
                r = check_host(s->dialect, &e, &message);
        if (r == -EINVAL)
                return check_complain(c, "endpoint", "endpoint %s%s%s%s%s", strempty(e.host),
                                      e.host ? " " : "", message, hint ? "; " : "", strempty(hint));
        if (r < 0)
                return r;
        c->loopback = e.loopback;
        c->sovereign = endswith(e.host, ".azure.us");
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

static int complain_about_version(Check *c, const Dialect *d) {
        if (d->takes_dates)
                return check_complain(c, "api_version",
                                      "api_version is YYYY-MM-DD or YYYY-MM-DD-preview, as \"%s\"",
                                      d->api_version);
        if (d->api_versions)
                return check_complain(c, "api_version",
                                      "api_version is \"%s\" or \"%s\" with the dialect %s, or left out",
                                      d->api_versions[0], d->api_versions[1], d->name);
        return check_complain(c, "api_version", "the dialect %s takes no api_version", d->name);
}

static int check_api_version(Check *c) {
        SourceSettings *s = c->settings;
        const Dialect *d = s->dialect;

        if (!d)
                return 0;
        if (!s->api_version)
                return d->api_version ? free_and_strdup(&s->api_version, d->api_version) : 0;
        if ((d->takes_dates && api_version_is_valid(s->api_version)) ||
            (d->api_versions && strv_contains((char *const *) d->api_versions, s->api_version)))
                return 0;
        return complain_about_version(c, d);
}

/* They become headers: printable ASCII without spaces. */
static int check_organization(Check *c) {
        const struct {
                const char *key, *value;
        } rows[] = {
                { "organization", c->settings->organization },
                { "project", c->settings->project },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *p = rows[i].value;
                int r = 0;
                while (p && *p > ' ' && *p <= '~')
                        p++;
                if (p && c->settings->dialect && !c->settings->dialect->takes_organization)
                        r = check_complain(c, rows[i].key, "%s is for the dialect openai, not for %s",
                                           rows[i].key, c->settings->dialect->name);
                else if (p && (*p || p == rows[i].value))
                        r = check_complain(c, rows[i].key, "%s is an id without spaces, as \"%s\"",
                                           rows[i].key, i == 0 ? "org-..." : "proj_...");
                if (r < 0)
                        return r;
        }
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

/* Services are silent for up to an hour in the best of health. */
static int check_lasting(Check *c) {
        const SourceSettings *s = c->settings;
        const struct {
                const char *key;
                usec_t span;
        } spans[] = {
                { "stall_after", s->stall_after_usec },
                { "wait_after", s->wait_after_usec },
                { "overdue_grace", s->overdue_grace_usec },
        };
        char least[SPAN_MAX];

        for (size_t i = 0; s->endpoint && !c->loopback && i < ARRAY_SIZE(spans); i++) {
                if (spans[i].span == 0 || spans[i].span >= LASTING_MIN)
                        continue;
                int r = check_complain(c, spans[i].key, "%s must be at least %s, or 0 for never",
                                       spans[i].key, format_span(LASTING_MIN, least));
                if (r < 0)
                        return r;
        }
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

static int check_way(Check *c) {
        int r = http_way_check(&c->settings->way, c->complaints.complain, c->complaints.userdata);

        if (r > 0)
                c->complaints.n += (unsigned) r;
        return MIN(r, 0);
}

static int check_auth(Check *c) {
        SourceSettings *s = c->settings;
        const char *scope = NULL;

        if (!s->auth)
                return 0;
        if (s->api_key)
                return check_complain(c, "auth",
                                      "api_key and auth are both set: a source has one credential");
        if (s->dialect)
                scope = c->sovereign && s->dialect->token_scope_us ? s->dialect->token_scope_us
                                                                    : s->dialect->token_scope;
        int r = auth_settings_check(s->auth, scope, c->sovereign, c->complaints.complain,
                                    c->complaints.userdata);
        if (r != -EINVAL)
                return r;
        c->complaints.n++;
        return 0;
}

int source_settings_check(SourceSettings *s, option_complain_t complain, void *userdata) {
        static int (*const steps[])(Check *) = {
                check_dialect, check_endpoint, check_api_version, check_organization, check_intervals,
                check_lasting, check_job_url, check_way, check_auth,
        };
        Check c = { .settings = s, .complaints = { complain, userdata, 0 } };

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                int r = steps[i](&c);
                if (r < 0)
                        return r;
        }
        return c.complaints.n > 0 ? -EINVAL : 0;
}
