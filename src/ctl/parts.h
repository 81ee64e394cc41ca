#pragma once
/* What more than one verb prints: events, deliveries of a notice, a loss curve. */

#include <stddef.h>

#include "ctl/ctl.h"
#include "model/metrics.h"

int ctl_print_events(const Ctl *c, const EventRows *events, size_t indent);

/* "ops-slack ✓, mail ✗ not_found"; malloc'ed, to be cleaned. */
int format_deliveries(const Ctl *c, const DeliveryRows *deliveries, char **ret);
/* What a notice is about: the job's title, or the source or receiver; borrowed, never NULL. */
const char *notice_subject(const Notice *n);
/* Its words beside the type: detail, reason, model or error; malloc'ed, to be cleaned. */
int format_notice_text(const Notice *n, char **ret);
Style notice_style(NoticeType type);

/* Draws these series if there is anything to draw (1). */
int ctl_print_plot(const Ctl *c, const MetricSeries *const *series, size_t n, size_t height, size_t indent);
/* The losses among the series: training first, then validation; at most PLOT_SERIES_MAX. */
size_t find_losses(const Metrics *m, const MetricSeries **ret, size_t max);
