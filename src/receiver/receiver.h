#pragma once
/* A receiver: one place notices go to. One file a kind behind one vtable; `render` is pure and its bytes are
 * kept, so that every retry sends the same; `send` only carries them. To add a kind: one file, one row in
 * receiver_kinds (receiver.c). */

#include <stdbool.h>
#include <stddef.h>

#include <systemd/sd-event.h>

#include "base/buf.h"
#include "base/macro.h"
#include "base/option.h"
#include "base/secret.h"
#include "base/time.h"
#include "io/curl_glue.h"
#include "io/http.h"
#include "model/notice.h"
#include "model/outcome.h"

typedef struct Receiver Receiver;
typedef struct ReceiverKind ReceiverKind;
typedef struct ReceiverSend ReceiverSend;

/* What every kind's settings begin with. */
typedef struct ReceiverCommon {
        const ReceiverKind *kind;
        char *name;
        usec_t timeout_usec;            /* of one attempt */
        usec_t max_age_usec;            /* a delivery older than this is given up */
        usec_t backoff_min_usec, backoff_max_usec;
        usec_t retry_after_max_usec;    /* the receiver's own wish to wait is honoured up to this */
        uint64_t concurrency;           /* deliveries in flight at once; 0: the kind's own */
} ReceiverCommon;

extern const OptionSpec receiver_common_options[];

/* What send may use. Outlives every send. */
typedef struct ReceiverPorts {
        Http *http;
        CurlGlue *glue;                 /* for mail; NULL in tests that send none */
        sd_event *event;                /* for what ends at once but may not call back from within send */
        const char *version;            /* of this program, for user agents and footers */
} ReceiverPorts;

/* One attempt to send. The struct of a kind may embed more behind it. */
typedef void (*receiver_done_t)(const Outcome *outcome, void *userdata);

typedef struct ReceiverAttempt {
        const char *notice_id;
        const void *body;               /* what render made; lives until done or cancel */
        size_t body_size;
        usec_t now_real_usec;           /* for stamps in signatures */
} ReceiverAttempt;

struct ReceiverKind {
        const char *name;               /* as in `kind = "..."` */
        size_t settings_size;           /* a struct that begins with ReceiverCommon */
        const OptionSpec *options;      /* besides receiver_common_options */
        uint64_t concurrency;           /* deliveries in flight at once by default */
        usec_t interval_usec;           /* least time between two sends, by the place's own limit; 0 none */

        /* Checks what the table cannot say (two options that exclude each other, a wrong host). 0, or
         * -EINVAL with a sentence in *ret_message, malloc'ed. May be NULL. */
        int (*check)(const ReceiverCommon *settings, char **ret_message);
        /* Frees what is in the fields that `check`/`prepare` added; the options' fields are freed by
         * receiver_settings_free(). May be NULL. */
        void (*settings_done)(ReceiverCommon *settings);
        /* Pure: notice -> the bytes to send. `degraded` asks for the plainest form that cannot be refused
         * for its shape (set after the place answered that it did not like the rich one). */
        int (*render)(const ReceiverCommon *settings, const Notice *n, bool degraded, Buf *ret);
        /* Starts one attempt; `done` runs exactly once, never before this returned, unless cancelled. */
        int (*send)(const ReceiverCommon *settings, const ReceiverPorts *ports,
                    const ReceiverAttempt *attempt, receiver_done_t done, void *userdata,
                    ReceiverSend **ret);
        /* `done` will not run. */
        void (*cancel)(ReceiverSend *send);
};

/* NULL when unknown. */
const ReceiverKind *receiver_kind_find(const char *name);
/* NULL-terminated, for messages. */
const char *const *receiver_kind_names(void);

/* Zeroed settings of a kind, with `kind` set; the fields are filled by config/ from the option tables. */
int receiver_settings_new(const ReceiverKind *kind, ReceiverCommon **ret);
/* Frees by the option tables. Takes NULL, returns NULL. */
ReceiverCommon *receiver_settings_free(ReceiverCommon *s);
DEFINE_CLEANUP(ReceiverCommon, receiver_settings_free)
