#pragma once
/* Conditions on a metric, as rules have them: "train_loss > 5", "valid_loss rising for 3",
 * "train_loss is nan". Fed with one value after the other; a condition is crossed when it comes true, and
 * again only after it was false. */

#include <stdbool.h>
#include <stdint.h>

#include "model/metrics.h"

#define CONDITION_TEXT_MAX (METRIC_NAME_MAX + 64U)
#define CONDITION_RUN_MAX 1000U
/* For messages. */
#define CONDITION_FORMS "NAME > NUMBER (or >=, <, <=), NAME is nan, NAME rising for N, NAME falling for N"

typedef enum ConditionForm {
        CONDITION_ABOVE,
        CONDITION_AT_LEAST,
        CONDITION_BELOW,
        CONDITION_AT_MOST,
        CONDITION_NAN,                  /* no finite number */
        CONDITION_RISING,               /* n steps in a row, each above the one before */
        CONDITION_FALLING,
} ConditionForm;

typedef struct Condition {
        char name[METRIC_NAME_MAX + 1];
        ConditionForm form;
        double limit;
        unsigned n;
} Condition;

/* -EINVAL */
int condition_parse(const char *text, Condition *ret);
/* One spelling for each: what two rules share is one condition. Returns buf. */
char *condition_to_text(const Condition *c, char buf[static CONDITION_TEXT_MAX]);

typedef struct ConditionState {
        int64_t step;                   /* looked at up to here; -1: nothing yet */
        double value;                   /* there; NaN: none to compare with */
        unsigned n;                     /* so often in a row it rose, or fell */
        bool met;
} ConditionState;
#define CONDITION_STATE_INIT { .step = -1, .value = NAN }

/* The value of a later step. true: crossed by it. */
bool condition_feed(const Condition *c, ConditionState *s, int64_t step, double value);
