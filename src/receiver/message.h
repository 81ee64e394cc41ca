#pragma once
/* What a notice says to a person, computed once for every kind: title, facts, advice, events, curves. Plain
 * UTF-8, cleaned of control characters and bounded in length, but not escaped: each kind does that for the
 * place it writes to. The order is the order people want: what happened, to which job, what now, how it
 * went. */

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"
#include "model/notice.h"

#define MESSAGE_TITLE_MAX 120U          /* characters */
#define MESSAGE_VALUE_MAX 240U          /* of a fact */
#define MESSAGE_TEXT_MAX 1200U          /* of an error's message, a detail, an advice */
#define MESSAGE_EVENT_MAX 240U
#define MESSAGE_FACTS_MAX 12U
#define MESSAGE_CURVES_MAX 2U

typedef enum FactForm {
        FACT_PLAIN,
        FACT_CODE,                      /* an identifier that people copy */
        FACT_TEXT,                      /* foreign sentences, too long for a table */
} FactForm;

typedef struct MessageFact {
        const char *name;               /* ours, or a clean metric's name */
        char *value;
        FactForm form;
} MessageFact;

typedef struct MessageFacts {
        MessageFact list[MESSAGE_FACTS_MAX];
        size_t n;
} MessageFacts;

typedef struct MessageEvent {
        char *time;                     /* "14:03:09 UTC", "" when unknown */
        EventLevel level;
        char *text;
} MessageEvent;

typedef struct MessageCurve {
        char *name;                     /* "Training loss" */
        MetricPoint *points;
        size_t n_points;
        MetricSummary summary;
        char *sparkline;
} MessageCurve;

typedef struct Message {
        const NoticeTypeInfo *info;
        NoticeTone tone;
        char *title;                    /* "support-bot-v3 failed" */
        char *brief; /* title and the essentials in one line: for a lock screen, a log line */
        MessageFacts about;             /* which job or source */
        char *detail;                   /* what was seen, in a sentence; NULL */
        char *advice;                   /* what a person should do now; NULL */
        MessageFacts act;               /* what one needs for it: the model to deploy; the error */
        MessageEvent events[NOTICE_EVENTS_MAX];         /* oldest first */
        size_t n_events;
        bool events_last;               /* they explain nothing: they stand behind how it went */
        MessageFacts went;              /* how it went */
        MessageCurve curves[MESSAGE_CURVES_MAX];
        size_t n_curves;
        char *footer;                   /* program, time with zone, notice id */
        const char *url;                /* borrowed from the notice; NULL unless it is http(s) and clean */
} Message;

int message_new(const Notice *n, Message **ret);
Message *message_free(Message *m);
DEFINE_CLEANUP(Message, message_free)
