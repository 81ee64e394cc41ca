/* Whom troubles reach: the journal is no person. */
#include <errno.h>
#include <stdlib.h>

#include "base/strings.h"
#include "config/config.h"
#include "model/notice.h"

static const NoticeType source_troubles[] = {
        NOTICE_SOURCE_UNAUTHORIZED, NOTICE_SOURCE_MISCONFIGURED, NOTICE_SOURCE_UNREACHABLE,
        NOTICE_SOURCE_THROTTLED,
};

static bool is_told(const Config *c, const Notice *n, const char *receiver) {
        return route_matches(c->rules, c->n_rules, n, receiver);
}

/* Any trouble of any source, or of any other receiver. */
static bool hears_of_trouble(const Config *c, const char *receiver) {
        Notice n = {};

        for (size_t i = 0; i < c->n_sources; i++)
                for (size_t k = 0; k < ARRAY_SIZE(source_troubles); k++) {
                        n.source = c->sources[i]->name;
                        n.type = source_troubles[k];
                        if (is_told(c, &n, receiver))
                                return true;
                }
        n = (Notice) { .type = NOTICE_RECEIVER_FAILING };
        for (size_t i = 0; i < c->n_receivers; i++) {
                n.receiver = c->receivers[i]->name;
                if (is_told(c, &n, receiver))
                        return true;
        }
        return false;
}

int config_untold(const Config *c, char **ret) {
        const ReceiverKind *journal = receiver_kind_find("journal");
        size_t n_people = 0;
        char *s;

        for (size_t i = 0; i < c->n_receivers; i++) {
                if (c->receivers[i]->kind == journal)
                        continue;
                if (hears_of_trouble(c, c->receivers[i]->name)) {
                        *ret = NULL;
                        return 0;
                }
                n_people++;
        }
        s = strdup(n_people == 0 ?
                   "there are no receivers but the journal: nobody is told anything, troubles included" :
                   "no rule gives source.* or receiver.* to a receiver: troubles are told to nobody but the "
                   "journal");
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}
