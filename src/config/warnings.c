/* What is no mistake, and still not as it should be. A certificate that has expired, or soon will, is only
 * warned of: as a mistake it would keep every other source from being watched. */
#include <errno.h>
#include <stdlib.h>

#include "base/strings.h"
#include "config/config.h"
#include "io/certificate.h"

typedef struct Warnings {
        usec_t now_usec;                /* realtime */
        char **list;
} Warnings;

static int warn_of_span(Warnings *w, const char *what, const char *name, const char *key,
                        const CertificateSpan *span) {
        _cleanup_free_ char *flaw = NULL, *text = NULL;

        int r = certificate_judge(span, w->now_usec, &flaw);
        if (r < 0 || !flaw)
                return r;
        r = string_printf(&text, "%s '%s': the certificate of %s %s", what, name, key, flaw);
        return r < 0 ? r : strv_extend(&w->list, text);
}

/* What cannot be read was a mistake when the configuration was loaded. */
static int warn_of_client_cert(Warnings *w, const char *what, const char *name, const OptionSpec *options,
                               const void *settings) {
        static const char key[] = "client_cert";
        CertificateSpan span;

        for (const OptionSpec *o = options; o->key; o++) {
                const char *path =
                        streq(o->key, key) ? *(char *const *) ((const char *) settings + o->offset) : NULL;
                if (path && certificate_read_span_of_file(path, &span) >= 0)
                        return warn_of_span(w, what, name, key, &span);
        }
        return 0;
}

static int warn_of_source(Warnings *w, const SourceSettings *s) {
        const Secret *pem = s->auth ? s->auth->certificate : NULL;
        CertificateSpan span;

        int r = warn_of_client_cert(w, "source", s->name, source_options, s);
        if (r >= 0 && pem && certificate_read_span(secret_reveal(pem), secret_size(pem), &span) >= 0)
                r = warn_of_span(w, "source", s->name, "auth", &span);
        return r;
}

int config_warnings(const Config *c, usec_t now_real_usec, char ***ret) {
        Warnings w = { .now_usec = now_real_usec };
        _cleanup_free_ char *untold = NULL;

        int r = config_untold(c, &untold);
        if (r >= 0 && untold)
                r = strv_extend(&w.list, untold);
        for (size_t i = 0; r >= 0 && i < c->n_sources; i++)
                r = warn_of_source(&w, c->sources[i]);
        for (size_t i = 0; r >= 0 && i < c->n_receivers; i++)
                r = warn_of_client_cert(&w, "receiver", c->receivers[i]->name,
                                        c->receivers[i]->kind->options, c->receivers[i]);
        if (r < 0)
                strv_free(w.list);
        else
                *ret = w.list;
        return r;
}
