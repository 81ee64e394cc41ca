#include "ctl/parts.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/strings.h"
#include "ctl/format.h"
#include "ctl/plot.h"
#include "ctl/table.h"

#define TEXT_LIMIT ((size_t) 256 * 1024)
#define PLOT_LIMIT ((size_t) 1024 * 1024)

/* --- events ---------------------------------------------------------------------------------------- */

int ctl_print_events(const Ctl *c, const EventRows *events, size_t indent) {
        static const Column columns[] = {
                { .title = "TIME" },
                { .title = "LEVEL" },
                { .title = "MESSAGE", .width_min = 20, .wrap = true },
        };
        _cleanup_(table_freep) Table *table = NULL;

        int r = table_new(&c->out, columns, ARRAY_SIZE(columns), &table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < events->n; i++) {
                const Event *e = events->list[i];
                Style style = event_level_style(e->level);
                usec_t at = stamp_usec(e->created_at);
                char stamp[STAMP_MAX];
                table_add(table, STYLE_DIM, at > 0 ? format_stamp(at, stamp) : NULL);
                table_add(table, style, event_level_to_string(e->level));
                table_add(table, style, e->message);
        }
        return events->n > 0 ? table_print(table, indent, true) : 0;
}

/* --- notices --------------------------------------------------------------------------------------- */

static Symbol delivery_symbol(DeliveryState state) {
        return state == DELIVERY_DONE ? SYMBOL_DONE : state == DELIVERY_DEAD ? SYMBOL_DEAD : SYMBOL_OWED;
}

int format_deliveries(const Ctl *c, const DeliveryRows *deliveries, char **ret) {
        _cleanup_(buf_done) Buf buf = BUF_INIT(TEXT_LIMIT);

        for (size_t i = 0; i < deliveries->n; i++) {
                const DeliveryRow *d = &deliveries->list[i];
                bool silenced = d->state == DELIVERY_SILENCED;
                (void) buf_printf(&buf, "%s%s %s", i > 0 ? ", " : "", d->receiver,
                                  silenced ? "silenced" : term_symbol(&c->out, delivery_symbol(d->state)));
                if (d->state != DELIVERY_DONE && !isempty(d->reason))
                        (void) buf_printf(&buf, " %s", d->reason);
        }
        return buf_take(&buf, ret);
}

const char *notice_subject(const Notice *n) {
        if (n->job)
                return job_title(n->job);
        return strempty(n->receiver ? n->receiver : n->source);
}

int format_notice_text(const Notice *n, char **ret) {
        if (!isempty(n->detail))
                return string_printf(ret, "%s", n->detail);
        const JobError *e = n->job && n->type == NOTICE_JOB_FAILED ? &n->job->error : NULL;
        if (e && (e->message || e->code))
                return string_printf(ret, "%s", e->message ? e->message : e->code);
        if (n->job && n->type == NOTICE_JOB_SUCCEEDED && n->job->fine_tuned_model)
                return string_printf(ret, "%s", n->job->fine_tuned_model);
        if (n->checkpoint && n->checkpoint->model)
                return string_printf(ret, "%s", n->checkpoint->model);
        if (n->job && n->previous_status)
                return string_printf(ret, "was %s", n->previous_status);
        return string_printf(ret, "%s", strempty(n->reason));
}

Style notice_style(NoticeType type) {
        static const Style styles[] = {
                [TONE_GOOD] = STYLE_GOOD,
                [TONE_BAD] = STYLE_BAD,
                [TONE_WARNING] = STYLE_WARNING,
                [TONE_NEUTRAL] = STYLE_NONE,
        };
        const NoticeTypeInfo *info = notice_type_info(type);

        return info && (size_t) info->tone < ARRAY_SIZE(styles) ? styles[info->tone] : STYLE_NONE;
}

/* --- curves ---------------------------------------------------------------------------------------- */

int ctl_print_plot(const Ctl *c, const MetricSeries *const *series, size_t n, size_t height, size_t indent) {
        _cleanup_(buf_done) Buf buf = BUF_INIT(PLOT_LIMIT);
        size_t width = c->out.width > 0 ? c->out.width : TERM_WIDTH_FALLBACK;
        PlotOptions options = {
                .width = width > indent ? width - indent : width,
                .height = height,
                .utf8 = c->out.utf8,
                .color = c->out.color,
        };

        int r = plot_render(&options, series, n, &buf);
        if (r <= 0)
                return r;
        const char *line = buf_string(&buf);
        while (*line) {
                size_t size = strcspn(line, "\n");
                term_pad(&c->out, indent);
                term_printf(&c->out, "%.*s\n", (int) size, line);
                line += size + (line[size] ? 1 : 0);
        }
        return 1;
}

size_t find_losses(const Metrics *m, const MetricSeries **ret, size_t max) {
        static const char *const names[] = { "train_loss", "valid_loss", "full_valid_loss" };
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(names) && n < max; i++) {
                const MetricSeries *s = metrics_find(m, names[i]);
                if (s && s->n_points > 0)
                        ret[n++] = s;
        }
        return n;
}
