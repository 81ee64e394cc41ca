#pragma once
/* Where tokens come from: Entra's token endpoint, the metadata service of virtual machines, App Service and
 * the agent of Azure Arc. What is issued is accepted by the API until it expires or is revoked. */
#include <stdbool.h>
#include <stdint.h>

#define TOKENS_MAX 64

typedef struct Issued {
        char *value;
        double until;                   /* clock_elapsed() */
} Issued;

typedef struct Issuer {
        const char *folder;             /* certificate.pem, federated, arc/; NULL: none of these */
        Issued issued[TOKENS_MAX];      /* a ring */
        uint64_t n_issued, n_requests, n_refused;
        double lifetime;                /* seconds */
        char *expires;                  /* form of expires_on; NULL: expires_in is there as well */
        char *refuse;                   /* an AADSTS code that every request gets; NULL: none */
        char *challenges[8];            /* a ring: what the key files of Arc hold */
        uint64_t n_challenges;
} Issuer;

typedef struct Sim Sim;
typedef struct Request Request;

void issuer_reset(Issuer *i);
bool issuer_accepts(const Sim *sim, const char *token);
/* false: the path is no token server's. */
bool token_answer(Sim *sim, Request *req);
/* /_sim/token */
void token_control_set(Sim *sim, Request *req, const char *rest);
void token_control_get(Sim *sim, Request *req, const char *rest);
void token_control_revoke(Sim *sim, Request *req, const char *rest);
