#include "receiver/receiver.h"

#include <errno.h>
#include <stdlib.h>

#include "base/strings.h"
#include "receiver/kinds.h"

const OptionSpec receiver_common_options[] = {
        { .key = "name",
          .type = OPTION_STRING,
          .flags = OPTION_REQUIRED,
          .offset = offsetof(ReceiverCommon, name),
          .help = "what rules and messages call it" },
        { .key = "timeout",
          .type = OPTION_SPAN,
          .offset = offsetof(ReceiverCommon, timeout_usec),
          .fallback = "30s",
          .min = USEC_PER_SEC,
          .max = 10 * USEC_PER_MINUTE,
          .help = "longest time one attempt may take" },
        { .key = "max_age",
          .type = OPTION_SPAN,
          .offset = offsetof(ReceiverCommon, max_age_usec),
          .fallback = "3d",
          .min = USEC_PER_MINUTE,
          .max = 365 * USEC_PER_DAY,
          .help = "an older delivery is given up" },
        { .key = "backoff_min",
          .type = OPTION_SPAN,
          .offset = offsetof(ReceiverCommon, backoff_min_usec),
          .fallback = "2s",
          .min = 10 * USEC_PER_MSEC,
          .max = USEC_PER_HOUR,
          .help = "wait after the first failure; doubles with each" },
        { .key = "backoff_max",
          .type = OPTION_SPAN,
          .offset = offsetof(ReceiverCommon, backoff_max_usec),
          .fallback = "15min",
          .min = 10 * USEC_PER_MSEC,
          .max = USEC_PER_DAY,
          .help = "longest wait between two attempts" },
        { .key = "retry_after_max",
          .type = OPTION_SPAN,
          .offset = offsetof(ReceiverCommon, retry_after_max_usec),
          .fallback = "15min",
          .min = USEC_PER_SEC,
          .max = USEC_PER_DAY,
          .help = "longest wait that a Retry-After of the receiver is honoured for" },
        { .key = "concurrency",
          .type = OPTION_UINT,
          .offset = offsetof(ReceiverCommon, concurrency),
          .fallback = "0",
          .min = 0,
          .max = 64,
          .help = "deliveries in flight at once; 0: what suits the kind" },
        {}
};

/* Every kind there is; a new one is a row. */
static const ReceiverKind *const receiver_kinds[] = {
        &receiver_kind_slack,   &receiver_kind_teams,   &receiver_kind_email,
        &receiver_kind_webhook, &receiver_kind_journal,
};

const ReceiverKind *receiver_kind_find(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(receiver_kinds); i++)
                if (streq(receiver_kinds[i]->name, name))
                        return receiver_kinds[i];
        return NULL;
}

const char *const *receiver_kind_names(void) {
        static const char
                *names[ARRAY_SIZE(receiver_kinds) + 1]; /* written with the same values every time */

        for (size_t i = 0; i < ARRAY_SIZE(receiver_kinds); i++)
                names[i] = receiver_kinds[i]->name;
        return names;
}

int receiver_settings_new(const ReceiverKind *kind, ReceiverCommon **ret) {
        ReceiverCommon *s = calloc(1, kind->settings_size);

        if (!s)
                return -ENOMEM;
        s->kind = kind;
        *ret = s;
        return 0;
}

ReceiverCommon *receiver_settings_free(ReceiverCommon *s) {
        if (!s)
                return NULL;
        if (s->kind->settings_done)
                s->kind->settings_done(s);
        options_done(s->kind->options, s);
        options_done(receiver_common_options, s);
        free(s);
        return NULL;
}
