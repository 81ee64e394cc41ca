#include "unit/token_issuer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/strings.h"
#include "engine/engine_internal.h"

#define ENTRA                                                                                               \
        "auth = { kind = \"client-secret\"; tenant = \"t.example\"; client_secret = \"the-client-secret\";" \
        " client_id = \"11111111-2222-3333-4444-555555555555\"; authority = \"http://127.0.0.1:3\"; };"

Issuer issuer;

static void answer(const HttpRecord *request, HttpStep *step, void *userdata) {
        Issuer *i = userdata;
        const char *bearer = http_record_header(request, "Authorization");

        if (strstr(request->url, "/oauth2/v2.0/token")) {
                i->n_requests++;
                assert_null(bearer);
                (void) snprintf(i->body, sizeof i->body,
                                i->status ? "{\"error\":\"invalid_client\",\"error_description\":\""
                                            "AADSTS7000215: the-client-secret is wrong\"}"
                                          : "{\"access_token\":\"tok-%u-of-the-issuer\",\"expires_in\":%u}",
                                i->n_requests, i->lifetime);
                *step = (HttpStep){ .status = i->status ? i->status : 200,
                                    .body = i->body,
                                    .hold = i->hold,
                                    .failure = i->resets ? HTTP_FAILURE_RESET : HTTP_FAILURE_NONE };
                return;
        }
        if (strstr(request->url, "/hook/")) {
                fake_api_answer(request, step, i->rig->api);
                return;
        }
        unsigned n = bearer && startswith(bearer, "Bearer tok-") ? (unsigned) (bearer[11] - '0') : 0;
        if (n == 0)
                fail_msg("the API was asked with %s", strempty(bearer));
        if (n <= i->refused_to)
                *step = (HttpStep) { .status = 401, .body = "{\"statusCode\":401,\"message\":\"expired\"}" };
        else
                fake_api_answer(request, step, i->rig->api);
}

Rig *issuer_start(unsigned lifetime_sec, const char *credential, const char *more) {
        const RigOptions options = { .credential = credential ? credential : ENTRA, .source = more };
        Rig *rig = rig_new(&options);

        issuer = (Issuer) { .rig = rig, .lifetime = lifetime_sec };
        http_script_answer(rig->script, answer, &issuer);
        rig_start(rig);
        return rig;
}

bool issuer_was_asked(Rig *rig, void *userdata) {
        (void) rig;
        return issuer.n_requests >= *(unsigned *) userdata;
}

bool issuer_polled_badly(Rig *rig, void *userdata) {
        return rig_source(rig)->n_failed >= *(unsigned *) userdata;
}
