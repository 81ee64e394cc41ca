#pragma once
/* What goes wrong on purpose: which requests are hit (fault.c) and what then becomes of their reply
 * (fault_body.c). The reply is always made properly first and spoilt afterwards. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Reply Reply;
typedef struct Fault Fault;

struct Fault {
        char *path, *method;            /* globs over the path without query; NULL: every method */
        void (*apply)(const Fault *f, Reply *reply, uint64_t dice);
        unsigned status;                /* 0: what the kind says */
        char *retry_after, *body, *location;
        int64_t retry_after_ms;         /* -1: none */
        json_object *headers;           /* array of "Name: value" */
        double delay_sec;
        double from, to;                /* scenario seconds */
        int64_t times, skip;            /* hits left, -1: no end; matches let through first */
        double probability;
        size_t bytes;                   /* of huge, depth of deep */
};

typedef struct FaultList {
        Fault *faults;
        size_t n;
} FaultList;

void fault_list_done(FaultList *list);
/* Says on stderr what is wrong with o. */
int fault_list_add(FaultList *list, json_object *o, const char *where);
/* The first fault that hits; counts the hit. */
const Fault *fault_list_match(FaultList *list, const char *method, const char *path, double now,
                              uint64_t *random);
void fault_apply(const Fault *f, Reply *reply, uint64_t *random);

/* fault_body.c: one function a kind; dice is a random number of its own */
void fault_apply_status(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_slow(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_truncate(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_reset(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_garbage(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_html(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_null(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_huge(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_deep(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_wrong_type(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_bad_utf8(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_empty(const Fault *f, Reply *reply, uint64_t dice);
void fault_apply_redirect(const Fault *f, Reply *reply, uint64_t dice);
