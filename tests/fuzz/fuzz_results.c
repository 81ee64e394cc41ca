/* A result file: any bytes. What is read has steps in order and names that can be shown. */
#include <stdint.h>
#include <stdlib.h>

#include "api/results.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(metrics_freep) Metrics *m = NULL;

        if (results_read((const char *) data, size, &m) < 0)
                return 0;
        if (metrics_is_empty(m) || m->n_series > METRIC_SERIES_MAX)
                abort();
        for (size_t i = 0; i < m->n_series; i++)
                for (size_t k = 0; k < m->series[i].n_points; k++)
                        if (m->series[i].points[k].step < 0 ||
                            (k > 0 && m->series[i].points[k].step <= m->series[i].points[k - 1].step))
                                abort();
        return 0;
}
