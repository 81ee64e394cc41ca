#include "engine/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/dialect.h"
#include "base/json.h"
#include "base/strings.h"

#define LINE_WIDTH 109U
#define WORDS_COLUMN 33U                /* where the words of a line begin */

static const char *const check_names[] = {
        [PROBE_LIST] = "jobs",
        [PROBE_JOB] = "details",
        [PROBE_EVENTS] = "events",
        [PROBE_CHECKPOINTS] = "checkpoints",
        [PROBE_RESULTS] = "result file",
        [PROBE_CLOCK] = "clock",
};
_Static_assert(ARRAY_SIZE(check_names) == _PROBE_CHECK_MAX, "a check has no name");

static const char *const verdict_names[] = {
        [PROBE_SKIPPED] = "skipped",
        [PROBE_OK] = "ok",
        [PROBE_FAILED] = "failed",
};

static unsigned milliseconds(usec_t span) {
        return (unsigned) MIN((span + USEC_PER_MSEC / 2) / USEC_PER_MSEC, (usec_t) 9999999);
}

/* In lines of at most LINE_WIDTH columns (a longer word has its own); those that follow stand below the
 * first, which begins at column `indent`. Foreign text is clean already, and nearly all of it ASCII. */
static int put_wrapped(Buf *b, const char *text, size_t indent) {
        size_t column = indent;
        int r = 0;

        for (const char *p = text; *p && r >= 0;) {
                size_t n = strcspn(p, " ");
                if (column > indent && column + 1 + n > LINE_WIDTH) {
                        r = buf_printf(b, "\n%*s", (int) indent, "");
                        column = indent;
                } else if (column > indent) {
                        r = buf_putc(b, ' ');
                        column++;
                }
                if (r >= 0)
                        r = buf_append(b, p, n);
                column += n;
                p += n + strspn(p + n, " ");
        }
        return r < 0 ? r : buf_putc(b, '\n');
}

static int add_line(const ProbeReport *report, ProbeCheck c, Buf *b) {
        const ProbeFinding *f = &report->findings[c];
        const char *mark = f->verdict == PROBE_FAILED ? "FAILED" : f->verdict == PROBE_OK ? "ok" : "-";
        char took[32] = "";

        if (f->verdict == PROBE_SKIPPED && !f->words)
                return 0;
        if (f->took_usec > 0 && f->verdict != PROBE_SKIPPED)
                (void) snprintf(took, sizeof took, "%u ms", milliseconds(f->took_usec));
        int r = buf_printf(b, "  %-11s  %-6s  %8s  ", check_names[c], mark, took);
        if (r >= 0)
                r = put_wrapped(b, strempty(f->words), WORDS_COLUMN);
        if (r >= 0 && f->advice)
                r = buf_printf(b, "%*s-> ", (int) WORDS_COLUMN, "");
        return r < 0 || !f->advice ? r : put_wrapped(b, f->advice, WORDS_COLUMN + 3);
}

int probe_report_to_text(const ProbeReport *report, Buf *ret) {
        const SourceSettings *s = report->settings;

        int r = buf_printf(ret, "%s: %s (dialect %s%s%s)\n", s->name, s->endpoint, s->dialect->name,
                           s->api_version ? ", api_version " : "", strempty(s->api_version));
        for (ProbeCheck c = 0; r >= 0 && c < _PROBE_CHECK_MAX; c++)
                r = add_line(report, c, ret);
        return r;
}

static int finding_to_json(ProbeCheck c, const ProbeFinding *f, json_object **ret) {
        _cleanup_json_ json_object *o = json_object_new_object();
        const Outcome *outcome = &f->outcome;

        if (!o)
                return -ENOMEM;
        int r = json_add_string(o, "check", check_names[c]);
        if (r >= 0)
                r = json_add_string(o, "verdict", verdict_names[f->verdict]);
        if (r >= 0)
                r = json_add_int(o, "milliseconds", milliseconds(f->took_usec));
        if (r >= 0)
                r = json_add_string(o, "reason",
                                    outcome->reason == REASON_NONE ? NULL
                                                                   : reason_to_string(outcome->reason));
        if (r >= 0)
                r = outcome->status > 0 ? json_add_int(o, "status", outcome->status)
                                        : json_add(o, "status", NULL);
        if (r >= 0)
                r = json_add_string(o, "words", f->words);
        if (r >= 0)
                r = json_add_string(o, "advice", f->advice);
        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}

static int findings_to_json(const ProbeReport *report, json_object **ret) {
        _cleanup_json_ json_object *list = json_object_new_array_ext(_PROBE_CHECK_MAX);

        if (!list)
                return -ENOMEM;
        for (ProbeCheck c = 0; c < _PROBE_CHECK_MAX; c++) {
                json_object *o = NULL;
                int r = finding_to_json(c, &report->findings[c], &o);
                if (r < 0)
                        return r;
                if (json_object_array_add(list, o) < 0) {
                        json_object_put(o);
                        return -ENOMEM;
                }
        }
        *ret = TAKE_PTR(list);
        return 0;
}

int probe_report_to_json(const ProbeReport *report, json_object **ret) {
        const SourceSettings *s = report->settings;
        _cleanup_json_ json_object *o = json_object_new_object(), *list = NULL;

        if (!o)
                return -ENOMEM;
        int r = json_add_string(o, "source", s->name);
        if (r >= 0)
                r = json_add_string(o, "endpoint", s->endpoint);
        if (r >= 0)
                r = json_add_string(o, "dialect", s->dialect->name);
        if (r >= 0)
                r = json_add_string(o, "api_version", s->api_version);
        if (r >= 0)
                r = json_add_bool(o, "works", report->works);
        if (r >= 0)
                r = findings_to_json(report, &list);
        if (r >= 0)
                r = json_add(o, "checks", TAKE_PTR(list));
        if (r >= 0)
                *ret = TAKE_PTR(o);
        return r;
}
