#include "model/notice.h"

#include <stdlib.h>
#include <syslog.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/strings.h"

/* The identifiers are random, made once with `systemd-id128 new`, and part of the interface: journal
 * catalogs and people's filters know them. */
static const NoticeTypeInfo types[] = {
        [NOTICE_JOB_CREATED] = {
                "job.created", "fine_tuning.job.created", "created",
                "f47a1fd356724f21a6529a4d34625cb4", "🆕", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_VALIDATING_FILES] = {
                "job.validating_files", "fine_tuning.job.validating_files", "validating files",
                "72d5fadf09c04d69a18e2168ce6b5745", "🔎", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_PENDING] = {
                "job.pending", "fine_tuning.job.pending", "pending",
                "7ccbed21de8f4fe9a1887355fe3e4398", "⏳", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_QUEUED] = {
                "job.queued", "fine_tuning.job.queued", "queued",
                "acfbd2385fae4514a39c6853ca29dad6", "⏳", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_RUNNING] = {
                "job.running", "fine_tuning.job.running", "running",
                "0c39e527e4164850a2699453128585a7", "🏃", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_PAUSING] = {
                "job.pausing", "fine_tuning.job.pausing", "pausing",
                "350fde19bcfd495b9cb765ff9005bcdd", "⏸️", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_PAUSED] = {
                "job.paused", "fine_tuning.job.paused", "paused",
                "29d59c6a07354069b2989a299dd35c89", "⏸️", LOG_WARNING, TONE_WARNING, true,
        },
        [NOTICE_JOB_RESUMING] = {
                "job.resuming", "fine_tuning.job.resuming", "resuming",
                "35b71840de184db88a487ccf625a3807", "▶️", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_SUCCEEDED] = {
                "job.succeeded", "fine_tuning.job.succeeded", "succeeded",
                "1225845811d34c82bf2ca11c0601cb46", "✅", LOG_NOTICE, TONE_GOOD, true,
        },
        [NOTICE_JOB_FAILED] = {
                "job.failed", "fine_tuning.job.failed", "failed",
                "c1d7047dad0141e292d66b9774ac5f03", "❌", LOG_ERR, TONE_BAD, true,
        },
        [NOTICE_JOB_CANCELLED] = {
                "job.cancelled", "fine_tuning.job.cancelled", "cancelled",
                "00b69f910b6541048a7f5ec501aeb88e", "🚫", LOG_INFO, TONE_NEUTRAL, true,
        },
        [NOTICE_JOB_STATUS_CHANGED] = {
                "job.status_changed", "fine_tuning.job.status_changed", "changed its status",
                "e01a3cd6b973434b9888c7a3f6b8c7de", "❔", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_REMOVED] = {
                "job.removed", "fine_tuning.job.removed", "removed",
                "00b17a7cf93442a9999daf2b1e6bde43", "🗑️", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_EVENT] = {
                "job.event", "fine_tuning.job.event", "reports a problem",
                "160c9f64a5834dd3a064a1edb504a785", "⚠️", LOG_WARNING, TONE_WARNING, true,
        },
        [NOTICE_JOB_RESULTS] = {
                "job.results", "fine_tuning.job.results", "has its results",
                "76cd60d000e4401aa485ae339819180d", "📈", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_STALLED] = {
                "job.stalled", "fine_tuning.job.stalled", "shows no progress",
                "8c4502bc78b8457b9aa19cb419bc537d", "🐌", LOG_WARNING, TONE_WARNING, true,
        },
        [NOTICE_JOB_WAITING] = {
                "job.waiting", "fine_tuning.job.waiting", "waits for its start",
                "c5cb56b1b1e84f508fdf11842502f824", "⌛", LOG_WARNING, TONE_WARNING, true,
        },
        [NOTICE_JOB_OVERDUE] = {
                "job.overdue", "fine_tuning.job.overdue", "is overdue",
                "aea188985077401d9730140fe97cc60a", "⏰", LOG_WARNING, TONE_WARNING, true,
        },
        [NOTICE_JOB_CHECKPOINT] = {
                "job.checkpoint", "fine_tuning.job.checkpoint", "has a checkpoint",
                "4f8707b3d3af45cba9f760ebc9dfaa56", "📍", LOG_INFO, TONE_NEUTRAL, false,
        },
        [NOTICE_JOB_METRIC] = {
                "job.metric", "fine_tuning.job.metric", "crossed a line",
                "487f931ac2d644f6b18b40db99696524", "📊", LOG_WARNING, TONE_WARNING, false,
        },
        [NOTICE_SOURCE_UNAUTHORIZED] = {
                "source.unauthorized", "source.unauthorized", "refuses the credential",
                "b1fe3cb5cdd148439a42571d563bd98f", "🔑", LOG_ERR, TONE_BAD, true,
        },
        [NOTICE_SOURCE_MISCONFIGURED] = {
                "source.misconfigured", "source.misconfigured", "is misconfigured",
                "84e7d90cf0ab4c1299e21433b62e03ad", "🔧", LOG_ERR, TONE_BAD, true,
        },
        [NOTICE_SOURCE_UNREACHABLE] = {
                "source.unreachable", "source.unreachable", "cannot be reached",
                "7ab323a772244904b12b6aed2fa3b4b1", "🔌", LOG_WARNING, TONE_WARNING, true,
        },
        [NOTICE_SOURCE_THROTTLED] = {
                "source.throttled", "source.throttled", "is throttling",
                "ef5bf7470665423e9c7bd65b5a1c44c5", "🐢", LOG_WARNING, TONE_WARNING, true,
        },
        [NOTICE_SOURCE_RECOVERED] = {
                "source.recovered", "source.recovered", "is watched again",
                "1f1896fa340242349e315cd25af6519f", "💚", LOG_NOTICE, TONE_GOOD, true,
        },
        [NOTICE_RECEIVER_FAILING] = {
                "receiver.failing", "receiver.failing", "is failing",
                "94f7d1d43668431faae1ff8c6a34723d", "📵", LOG_ERR, TONE_BAD, true,
        },
        [NOTICE_RECEIVER_RECOVERED] = {
                "receiver.recovered", "receiver.recovered", "works again",
                "41d270a9954a43928d236f5b0f7c4648", "💚", LOG_NOTICE, TONE_GOOD, true,
        },
        [NOTICE_TEST] = {
                "test", "test", "works",
                "f339f01a705d42c09051a703d911d0ac", "🔔", LOG_INFO, TONE_NEUTRAL, true,
        },
};
_Static_assert(ARRAY_SIZE(types) == _NOTICE_TYPE_MAX, "a notice type has no row");

/* By canonical status. */
static const struct {
        const char *status;
        NoticeType type;
} status_types[] = {
        { "created", NOTICE_JOB_CREATED },
        { "validating_files", NOTICE_JOB_VALIDATING_FILES },
        { "pending", NOTICE_JOB_PENDING },
        { "queued", NOTICE_JOB_QUEUED },
        { "running", NOTICE_JOB_RUNNING },
        { "pausing", NOTICE_JOB_PAUSING },
        { "paused", NOTICE_JOB_PAUSED },
        { "resuming", NOTICE_JOB_RESUMING },
        { "succeeded", NOTICE_JOB_SUCCEEDED },
        { "failed", NOTICE_JOB_FAILED },
        { "cancelled", NOTICE_JOB_CANCELLED },
};

const NoticeTypeInfo *notice_type_info(NoticeType type) {
        return type >= 0 && type < _NOTICE_TYPE_MAX ? &types[type] : NULL;
}

NoticeType notice_type_from_string(const char *name) {
        for (size_t i = 0; name && i < ARRAY_SIZE(types); i++)
                if (streq(types[i].name, name))
                        return (NoticeType) i;
        return _NOTICE_TYPE_INVALID;
}

NoticeType notice_type_for_status(const char *status) {
        const char *canonical = status_canonical(status);

        for (size_t i = 0; i < ARRAY_SIZE(status_types); i++)
                if (streq(status_types[i].status, canonical))
                        return status_types[i].type;
        return NOTICE_JOB_STATUS_CHANGED;
}

Notice *notice_free(Notice *n) {
        if (!n)
                return NULL;
        free(n->source);
        free(n->status);
        free(n->previous_status);
        job_free(n->job);
        metrics_free(n->metrics);
        checkpoint_free(n->checkpoint);
        for (size_t i = 0; i < n->n_events; i++)
                event_free(n->events[i]);
        free(n->events);
        free(n->receiver);
        free(n->reason);
        free(n->detail);
        free(n->advice);
        free(n->url);
        free(n);
        return NULL;
}

int notice_id_make(const char *endpoint, const char *subject, NoticeType type, const char *unique,
                   char ret[static NOTICE_ID_SIZE]) {
        const char *const parts[] = { endpoint, subject, types[type].name, unique };
        _cleanup_(buf_done) Buf text = BUF_INIT(64 * 1024);
        uint8_t digest[SHA256_SIZE];

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                (void) buf_printf(&text, "%zu:%s\n", strlen(parts[i]), parts[i]);
        if (text.error < 0)
                return text.error;
        int r = sha256(text.data, text.size, digest);
        if (r < 0)
                return r;
        memcpy(ret, "evt_", 4);
        base32_encode(digest, NOTICE_ID_SIZE - 5, ret + 4);
        return 0;
}
