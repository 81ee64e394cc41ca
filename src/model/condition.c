#include "model/condition.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

static const struct {
        const char *words[2];           /* between the name and what follows */
        ConditionForm form;
        bool limit, run;                /* a number follows; a count */
} forms[] = {
        { { ">", NULL }, CONDITION_ABOVE, true, false },
        { { ">=", NULL }, CONDITION_AT_LEAST, true, false },
        { { "<", NULL }, CONDITION_BELOW, true, false },
        { { "<=", NULL }, CONDITION_AT_MOST, true, false },
        { { "is", "nan" }, CONDITION_NAN, false, false },
        { { "rising", "for" }, CONDITION_RISING, false, true },
        { { "falling", "for" }, CONDITION_FALLING, false, true },
};

#define WORDS_MAX 4U

/* Words between spaces; operators stand alone with or without them. Returns how many, WORDS_MAX + 1 for too
 * many. */
static size_t split(const char *text, char words[WORDS_MAX][CONDITION_TEXT_MAX]) {
        size_t n = 0;

        while (*(text += strspn(text, " "))) {
                size_t size = strspn(text, "<>=");
                if (size == 0)
                        size = strcspn(text, " <>=");
                if (n == WORDS_MAX || size >= CONDITION_TEXT_MAX)
                        return WORDS_MAX + 1;
                memcpy(words[n], text, size);
                words[n++][size] = '\0';
                text += size;
        }
        return n;
}

static int parse_rest(const char *word, size_t form, Condition *c) {
        uint64_t n;

        if (forms[form].limit)
                return parse_double(word, &c->limit) < 0 || !isfinite(c->limit) ? -EINVAL : 0;
        if (parse_uint64(word, &n) < 0 || n < 1 || n > CONDITION_RUN_MAX)
                return -EINVAL;
        c->n = (unsigned) n;
        return 0;
}

int condition_parse(const char *text, Condition *ret) {
        char words[WORDS_MAX][CONDITION_TEXT_MAX];
        Condition c = {};

        size_t n = split(text, words);
        if (n < 3 || n > WORDS_MAX || strlen(words[0]) > METRIC_NAME_MAX || strchr("<>=", words[0][0]))
                return -EINVAL;
        (void) stpcpy(c.name, words[0]);
        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                size_t n_words = forms[i].words[1] ? 2 : 1;
                bool more = forms[i].limit || forms[i].run;
                if (n != 1 + n_words + more || strcasecmp(words[1], forms[i].words[0]) != 0 ||
                    (n_words == 2 && strcasecmp(words[2], forms[i].words[1]) != 0))
                        continue;
                c.form = forms[i].form;
                if (more && parse_rest(words[n - 1], i, &c) < 0)
                        return -EINVAL;
                *ret = c;
                return 0;
        }
        return -EINVAL;
}

char *condition_to_text(const Condition *c, char buf[static CONDITION_TEXT_MAX]) {
        char number[DOUBLE_TEXT_MAX] = "";

        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                if (forms[i].form != c->form)
                        continue;
                if (forms[i].limit)
                        (void) format_double(c->limit, number);
                else if (forms[i].run)
                        (void) snprintf(number, sizeof number, "%u", c->n);
                (void) snprintf(buf, CONDITION_TEXT_MAX, "%s %s%s%s%s%s", c->name, forms[i].words[0],
                                forms[i].words[1] ? " " : "", strempty(forms[i].words[1]),
                                *number ? " " : "", number);
        }
        return buf;
}

static bool is_met(const Condition *c, const ConditionState *s) {
        switch (c->form) {
        case CONDITION_ABOVE:
                return s->value > c->limit;
        case CONDITION_AT_LEAST:
                return s->value >= c->limit;
        case CONDITION_BELOW:
                return s->value < c->limit;
        case CONDITION_AT_MOST:
                return s->value <= c->limit;
        case CONDITION_NAN:
                return !isfinite(s->value);
        default:
                return s->n >= c->n;
        }
}

bool condition_feed(const Condition *c, ConditionState *s, int64_t step, double value) {
        bool was_met = s->met;

        if (step <= s->step)                    /* late, or seen */
                return false;
        /* A comparison with NaN is false: what has no number ends the row. */
        bool goes_on = c->form == CONDITION_RISING ? value > s->value : value < s->value;
        s->n = goes_on ? MIN(s->n + 1, CONDITION_RUN_MAX) : 0;
        s->step = step;
        s->value = value;
        s->met = is_met(c, s);
        return s->met && !was_met;
}
