#pragma once
/* The Adaptive Card of a message, in the envelope that Workflows expects. Used by teams.c only. */

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "receiver/message.h"

typedef struct CardLimits {
        size_t fact_chars, text_chars;  /* characters of a fact, of a text */
        size_t n_events;                /* the newest */
        bool curves, facts;
        bool plain;                     /* one TextBlock, nothing else counts */
} CardLimits;

int teams_card_new(const Message *m, const CardLimits *limits, json_object **ret);
