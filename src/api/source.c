#include "api/source.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "model/vigil.h"

#define FIELD(name) offsetof(SourceSettings, name)

const OptionSpec source_options[] = {
        { .key = "name", .type = OPTION_STRING, .flags = OPTION_REQUIRED, .offset = FIELD(name),
          .help = "what this source is called in messages, rules and the journal" },
        { .key = "dialect", .type = OPTION_STRING, .offset = FIELD(dialect_name), .fallback = "azure",
          .help = "the shape of URLs and headers: azure, azure-v1, foundry or openai" },
        { .key = "endpoint", .type = OPTION_STRING, .flags = OPTION_REQUIRED, .offset = FIELD(endpoint),
          .help = "base URL of the API, as https://NAME.openai.azure.com" },
        { .key = "api_version", .type = OPTION_STRING, .offset = FIELD(api_version),
          .help = "version of the API; without, what the dialect says" },
        { .key = "api_key", .type = OPTION_SECRET, .flags = OPTION_REQUIRED, .offset = FIELD(api_key),
          .instead = "auth", .help = "a key of the resource" },
        { .key = "auth", .type = OPTION_GROUP, .offset = FIELD(auth), .group = auth_options,
          .group_size = sizeof(AuthSettings), .help = "another credential than a key, or where it is from" },
        { .key = "organization", .type = OPTION_STRING, .offset = FIELD(organization),
          .help = "dialect openai: the organization that the key is used for" },
        { .key = "project", .type = OPTION_STRING, .offset = FIELD(project),
          .help = "dialect openai: the project that the key is used for" },
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
        { .key = "requests_per_minute", .type = OPTION_UINT, .offset = FIELD(requests_per_minute),
          .fallback = "1200",
          .min = 10, .max = 100000,
          .help = "how many requests one source may cost; jobs beyond are asked about in the next poll" },
        { .key = "trouble_after", .type = OPTION_UINT, .offset = FIELD(trouble_after), .fallback = "3",
          .min = 1, .max = 1000, .help = "polls in a row that must fail before it is told" },
        { .key = "stall_after", .type = OPTION_SPAN, .offset = FIELD(stall_after_usec), .fallback = "90min",
          .min = 0, .max = 30 * USEC_PER_DAY,
          .help = "a running job without news for so long is told; at least 10min, 0: never" },
        { .key = "wait_after", .type = OPTION_SPAN, .offset = FIELD(wait_after_usec), .fallback = "6h",
          .min = 0, .max = 30 * USEC_PER_DAY,
          .help = "a job that has not begun after so long is told; at least 10min, 0: never" },
        { .key = "overdue_grace", .type = OPTION_SPAN, .offset = FIELD(overdue_grace_usec),
          .fallback = "2h",
          .min = 0, .max = 30 * USEC_PER_DAY,
          .help = "a job running so long past its estimated end is told; at least 10min, 0: never" },
        { .key = "remind", .type = OPTION_ENUM, .offset = FIELD(remind), .names = remind_names,
          .fallback = "diminishing",
          .help = "how often these and pauses are told: once, daily, or diminishing (after 1, 2, 4 days)" },
        { .key = "checkpoints", .type = OPTION_BOOL, .offset = FIELD(checkpoints), .fallback = "true",
          .help = "whether checkpoints are asked for and told" },
        { .key = "job_url", .type = OPTION_STRING, .offset = FIELD(job_url),
          .help = "link to a job in messages; {job_id}, {model} and {source} are replaced" },
        HTTP_WAY_OPTIONS(SourceSettings, way),
        {},
};

const Secret *source_settings_key(const SourceSettings *s) {
        return s->auth ? s->auth->api_key : s->api_key;
}

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
