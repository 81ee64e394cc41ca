/* Tokens: the requests for them, what comes back, and what it means when none does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "api/assertion.h"
#include "api/token.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/strings.h"

#define CLIENT "11111111-2222-3333-4444-555555555555"
#define SCOPE "https://cognitiveservices.azure.com/.default"

/* A field that is not const. */
#define S(text) ((char[]) { text })

static Secret *secret(const char *text) {
        Secret *s;

        assert_int_equal(secret_new(&s, text, strlen(text)), 0);
        return s;
}

/* --- requests ---------------------------------------------------------------------------------------- */

static const struct {
        AuthSettings auth;
        const char *secret, *proof;
        const char *url, *body, *header, *value;
} requests[] = {
        { { .kind = AUTH_CLIENT_SECRET,
            .tenant = S("t"),
            .client_id = S("c"),
            .authority = S("https://login.example"),
            .scope = S(SCOPE) },
          "s&=+ %",
          NULL,
          "https://login.example/t/oauth2/v2.0/token",
          "grant_type=client_credentials&client_id=c"
          "&scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default"
          "&client_secret=s%26%3D%2B%20%25",
          "Content-Type",
          "application/x-www-form-urlencoded" },
        { { .kind = AUTH_WORKLOAD_IDENTITY,
            .tenant = S("t"),
            .client_id = S("c"),
            .authority = S("https://login.example"),
            .scope = S(SCOPE) },
          NULL,
          "a.b.c",
          "https://login.example/t/oauth2/v2.0/token",
          "grant_type=client_credentials&client_id=c"
          "&scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default"
          "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
          "&client_assertion=a.b.c",
          "Content-Type",
          "application/x-www-form-urlencoded" },
        { { .kind = AUTH_MANAGED_IDENTITY,
            .platform = AUTH_PLATFORM_IMDS,
            .scope = S(SCOPE),
            .endpoint = S("http://169.254.169.254") },
          NULL,
          NULL,
          "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
          "&resource=https%3A%2F%2F"
          "cognitiveservices.azure.com",
          NULL,
          "Metadata",
          "true" },
        { { .kind = AUTH_MANAGED_IDENTITY,
            .platform = AUTH_PLATFORM_IMDS,
            .scope = S(SCOPE),
            .resource_id = S("/subscriptions/x"),
            .endpoint = S("http://169.254.169.254") },
          NULL,
          NULL,
          "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
          "&resource=https%3A%2F%2F"
          "cognitiveservices.azure.com&msi_res_id=%2Fsubscriptions%2Fx",
          NULL,
          "Metadata",
          "true" },
        { { .kind = AUTH_MANAGED_IDENTITY,
            .platform = AUTH_PLATFORM_APP_SERVICE,
            .scope = S(SCOPE),
            .resource_id = S("/subscriptions/x"),
            .endpoint = S("http://127.0.0.1:4/msi/token") },
          "h",
          NULL,
          "http://127.0.0.1:4/msi/token?api-version=2019-08-01"
          "&resource=https%3A%2F%2Fcognitiveservices.azure.com"
          "&mi_res_id=%2Fsubscriptions%2Fx",
          NULL,
          "X-IDENTITY-HEADER",
          "" },
        { { .kind = AUTH_MANAGED_IDENTITY,
            .platform = AUTH_PLATFORM_ARC,
            .scope = S(SCOPE),
            .endpoint = S("http://127.0.0.1:40342/metadata/identity/oauth2/token") },
          NULL,
          "key",
          "http://127.0.0.1:40342/metadata/identity/oauth2/token?api-version=2020-06-01"
          "&resource=https%3A%2F%2F"
          "cognitiveservices.azure.com",
          NULL,
          "Metadata",
          "true" },
};

static void test_requests(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
                _cleanup_(secret_freep) Secret *own = requests[i].secret ? secret(requests[i].secret) : NULL;
                _cleanup_(secret_freep) Secret *proof = requests[i].proof ? secret(requests[i].proof) : NULL;
                _cleanup_(token_request_done) TokenRequest r = {};
                AuthSettings a = requests[i].auth;
                HttpRequest http = {};
                a.client_secret = a.identity_header = own;
                assert_int_equal(token_request_make(&a, proof, &r), 0);
                token_request_fill(&r, &a, &http);
                assert_string_equal(http.url, requests[i].url);
                assert_string_equal(http.method, requests[i].body ? "POST" : "GET");
                if (requests[i].body)
                        assert_string_equal(http.body, requests[i].body);
                assert_string_equal(http.headers[0].name, requests[i].header);
                assert_string_equal(http.headers[0].value, requests[i].value);
                assert_true(http.secret_reply);
                if (a.platform == AUTH_PLATFORM_ARC) {
                        assert_string_equal(http.headers[1].value, "Basic ");
                        assert_string_equal(secret_reveal(http.headers[1].secret), "key");
                }
        }
}

static void test_challenge(void **state) {
        static const struct {
                const char *challenge, *path;
        } rows[] = {
                { "Basic realm=/d/tokens/a.key", "/d/tokens/a.key" },
                { "basic realm=\"/d/tokens/a.key\"", "/d/tokens/a.key" },
                { "Basic realm=/d/tokens/../a.key", NULL },
                { "Basic realm=/d/tokens/x/a.key", NULL },
                { "Basic realm=/d/tokens/.key", NULL },
                { "Basic realm=/d/tokens/a.pem", NULL },
                { "Basic realm=/d/tokensa.key", NULL },
                { "Basic realm=/etc/shadow", NULL },
                { "Basic realm=", NULL },
                { "Bearer", NULL },
                { "", NULL },
        };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                _cleanup_free_ char *path = NULL;
                int r = token_challenge_path(rows[i].challenge, "/d/tokens", &path);
                if (r != (rows[i].path ? 0 : -EBADMSG))
                        fail_msg("%s: %d", rows[i].challenge, r);
                if (rows[i].path)
                        assert_string_equal(path, rows[i].path);
        }
}

/* --- replies ----------------------------------------------------------------------------------------- */

#define NOW INT64_C(1506484173)         /* 2017-09-27T03:49:33Z */
#define GOOD(expiry) "{\"access_token\":\"eyJ.x.y\",\"token_type\":\"Bearer\"," expiry "}"

static const struct {
        const char *text;
        int64_t lifetime;               /* 0: refused */
} replies[] = {
        { GOOD("\"expires_in\":3599,\"ext_expires_in\":3599"), 3599 },
        { GOOD("\"expires_in\":\"3599\",\"expires_on\":\"1\""), 3599 },
        { GOOD("\"expires_on\":\"1506487773\""), 3600 },
        { GOOD("\"expires_on\":1506487773"), 3600 },
        { GOOD("\"expires_on\":\"09/27/2017 04:49:33\""), 3600 },
        { GOOD("\"expires_on\":\"9/27/2017 4:49:33 AM +00:00\""), 3600 },
        { GOOD("\"expires_on\":\"2017-09-27 04:49:33\""), 3600 },
        { GOOD("\"expires_on\":\"2017-09-27T04:49:33Z\""), 3600 },
        { GOOD("\"expires_on\":\"2017-09-27T06:49:33.123+02:00\""), 3600 },
        { GOOD("\"expires_on\":\"soon\""), 600 },
        { GOOD("\"x\":1"), 600 },
        { GOOD("\"expires_in\":99999999999"), 7 * 24 * 3600 },
        { GOOD("\"expires_in\":0"), 0 },
        { GOOD("\"expires_in\":-5"), 0 },
        { GOOD("\"expires_on\":\"1506480000\""), 0 },
        { "{\"access_token\":\"a b\",\"expires_in\":1}", 0 },
        { "{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":1}", 0 },
        { "{\"access_token\":\"\",\"expires_in\":1}", 0 },
        { "{\"access_token\":5}", 0 },
        { "{\"access_token\":\"x\",\"token_type\":\"pop\"}", 0 },
        { "[]", 0 }, { "null", 0 }, { "", 0 }, { "<html>", 0 },
};

static void test_replies(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
                _cleanup_(secret_freep) Secret *token = NULL;
                const char *reason = NULL;
                usec_t lifetime = 0;
                int r = token_reply_read(replies[i].text, strlen(replies[i].text), NOW, &token, &lifetime,
                                         &reason);
                if (r != (replies[i].lifetime > 0 ? 0 : -EBADMSG) || (r < 0 && !reason))
                        fail_msg("%s: %d", replies[i].text, r);
                if (r < 0)
                        continue;
                assert_string_equal(secret_reveal(token), "eyJ.x.y");
                if ((int64_t) (lifetime / USEC_PER_SEC) != replies[i].lifetime)
                        fail_msg("%s: %llu", replies[i].text, (unsigned long long) lifetime / USEC_PER_SEC);
        }
}

#define TRACE " Trace ID: 1234 Correlation ID: 5678 Timestamp: 2026-01-01 00:00:00Z"
#define FLAT(code, text) "{\"error\":\"" code "\",\"error_description\":\"" text "\"}"

static const struct {
        int status;
        const char *body;
        OutcomeKind kind;
        Reason reason;
        const char *detail;
} failures[] = {
        { 401, FLAT("invalid_client", "AADSTS7000215: Invalid client secret provided. Ensure x." TRACE),
          OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "no token: HTTP 401: AADSTS7000215: Invalid client secret provided; client_secret is wrong: it "
          "takes "
          "the secret's value, not its id" },
        { 401,
          FLAT("invalid_client", "AADSTS7000222: The provided client secret keys are expired.\\r\\n" TRACE),
          OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "no token: HTTP 401: AADSTS7000222: The provided client secret keys are expired; the client "
          "secret "
          "has expired: make a new one for the app registration, then restart ftwatchd" },
        { 400, FLAT("invalid_request", "AADSTS90002: Tenant 'x' not found. Check." TRACE), OUTCOME_REJECTED,
          REASON_MISCONFIGURED,
          "no token: HTTP 400: AADSTS90002: Tenant 'x' not found; there is no such tenant: check tenant, "
          "and "
          "authority if the cloud is another" },
        { 400, FLAT("invalid_request", "AADSTS900023: Tenant identifier 'a b' is no domain." TRACE),
          OUTCOME_REJECTED, REASON_MISCONFIGURED,
          "no token: HTTP 400: AADSTS900023: Tenant identifier 'a b' is no domain; tenant is no "
          "id and no domain" },
        { 400, FLAT("access_denied", "AADSTS53003: Access has been blocked. The policy." TRACE),
          OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "no token: HTTP 400: AADSTS53003: Access has been blocked; a conditional access policy blocks "
          "it" },
        { 400, FLAT("invalid_client", "AADSTS900384: JWT token failed signature validation." TRACE),
          OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "no token: HTTP 400: AADSTS900384: JWT token failed signature validation; the signature of the "
          "assertion is wrong" },
        { 400, FLAT("invalid_request", "AADSTS90038: Tenant is in X." TRACE), OUTCOME_REJECTED,
          REASON_MISCONFIGURED,
          "no token: HTTP 400: AADSTS90038: Tenant is in X; the tenant is in another cloud: check "
          "authority" },
        { 400, FLAT("invalid_grant", "AADSTS50034: The account must be added." TRACE), OUTCOME_REJECTED,
          REASON_UNAUTHORIZED,
          "no token: HTTP 400: AADSTS50034: The account must be added; check the credential" },
        { 400, FLAT("invalid_request", "Identity not found"), OUTCOME_REJECTED, REASON_UNAUTHORIZED,
          "no token: HTTP 400: Identity not found; this machine has no such identity: assign it (az vm "
          "identity "
          "assign)" },
        { 400, "{\"error\":{\"code\":\"invalid_scope\",\"message\":\"nested\"}}", OUTCOME_REJECTED,
          REASON_MISCONFIGURED, "no token: HTTP 400: nested; check scope" },
        { 404, "", OUTCOME_RETRY, REASON_SERVER_ERROR, "no token: HTTP 404" },
        { 410, "", OUTCOME_RETRY, REASON_SERVER_ERROR, "no token: HTTP 410" },
        { 429, "", OUTCOME_RETRY, REASON_THROTTLED, "no token: HTTP 429" },
        { 503, "<html>", OUTCOME_RETRY, REASON_SERVER_ERROR, "no token: HTTP 503" },
};

static void test_failures(void **state) {
        const AuthSettings a = { .kind = AUTH_MANAGED_IDENTITY, .platform = AUTH_PLATFORM_IMDS };

        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
                HttpReply reply = { .status = failures[i].status,
                                    .should_retry = -1,
                                    .body = BUF_INIT(4096) };
                assert_int_equal(buf_puts(&reply.body, failures[i].body), 0);
                Outcome o = token_reply_outcome(&a, &reply);
                assert_string_equal(o.detail, failures[i].detail);
                assert_int_equal(o.kind, failures[i].kind);
                assert_int_equal(o.reason, failures[i].reason);
                buf_done(&reply.body);
        }
}

static void test_retries(void **state) {
        static const unsigned seconds[] = { 0, 2, 6, 14, 30, 0 };
        const AuthSettings imds = { .kind = AUTH_MANAGED_IDENTITY, .platform = AUTH_PLATFORM_IMDS };
        const AuthSettings entra = { .kind = AUTH_CLIENT_SECRET };

        (void) state;
        for (unsigned n = 0; n < ARRAY_SIZE(seconds); n++)
                for (int status = 400; status < 510; status++) {
                        HttpReply reply = { .status = status };
                        bool again = status == 404 || status == 410 || status == 429 || status >= 500;
                        assert_int_equal(token_retry_delay(&imds, &reply, n),
                                         again ? seconds[n] * USEC_PER_SEC : 0);
                        assert_int_equal(token_retry_delay(&entra, &reply, n), 0);
                }
}

/* --- the assertion ----------------------------------------------------------------------------------- */

/* Of three primes: shorter ones are found in a fraction of the time, below valgrind above all. */
static EVP_PKEY *key_new(int bits) {
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
        EVP_PKEY *k = NULL;

        assert_non_null(c);
        assert_int_equal(EVP_PKEY_keygen_init(c), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(c, bits), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_primes(c, 3), 1);
        assert_int_equal(EVP_PKEY_generate(c, &k), 1);
        EVP_PKEY_CTX_free(c);
        return k;
}

static X509 *certificate_new(EVP_PKEY *key) {
        X509 *x = X509_new();

        assert_non_null(x);
        assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 1), 1);
        assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
        assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
        assert_int_equal(X509_set_pubkey(x, key), 1);
        assert_true(X509_sign(x, key, EVP_sha256()) > 0);
        return x;
}

static Secret *pem_of(EVP_PKEY *key, const char *pass, X509 *certificate) {
        BIO *b = BIO_new(BIO_s_mem());
        char *data;

        if (key)
                assert_int_equal(PEM_write_bio_PrivateKey(b, key, pass ? EVP_aes_128_cbc() : NULL,
                                                          (const unsigned char *) pass,
                                                          pass ? (int) strlen(pass) : 0, NULL, NULL), 1);
        if (certificate)
                assert_int_equal(PEM_write_bio_X509(b, certificate), 1);
        long n = BIO_get_mem_data(b, &data);
        Secret *s;
        assert_int_equal(secret_new(&s, data, (size_t) n), 0);
        BIO_free(b);
        return s;
}

static void check_pem(EVP_PKEY *key, const char *pass, X509 *certificate, const char *wanted) {
        _cleanup_(secret_freep) Secret *pem = pem_of(key, pass, certificate);
        _cleanup_free_ char *message = NULL;

        int r = assertion_check_certificate(pem, &message);
        assert_int_equal(r, wanted ? -EINVAL : 0);
        if (wanted && !strstr(message, wanted))
                fail_msg("%s; wanted: %s", message, wanted);
}

static void check_jwt(char *jwt, EVP_PKEY *key) {
        _cleanup_free_ char *header = NULL, *claims = NULL, *signature = NULL, *first = NULL;
        _cleanup_json_ json_object *o = NULL;
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pkey;
        size_t n, size;

        for (char *p = jwt; *p; p++)
                *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
        char *dot = strchr(jwt, '.'), *last = strrchr(jwt, '.');
        assert_int_equal(base64_decode(jwt, (size_t) (dot - jwt), &header, &n), 0);
        assert_non_null(strstr(header, "\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":"));
        assert_int_equal(base64_decode(dot + 1, (size_t) (last - dot - 1), &claims, &n), 0);
        assert_int_equal(json_parse_bounded(claims, n, &o, NULL), 0);
        assert_string_equal(json_member_string(o, "aud"), "https://login.example/t/oauth2/v2.0/token");
        assert_string_equal(json_member_string(o, "iss"), CLIENT);
        assert_string_equal(json_member_string(o, "sub"), CLIENT);
        assert_int_equal(base64_decode(last + 1, strlen(last + 1), &signature, &size), 0);
        first = strndup(jwt, (size_t) (last - jwt));
        for (char *p = first; *p; p++)
                *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
        assert_int_equal(EVP_DigestVerifyInit(md, &pkey, EVP_sha256(), NULL, key), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_DigestVerify(md, (unsigned char *) signature, size, (unsigned char *) first,
                                          strlen(first)), 1);
        EVP_MD_CTX_free(md);
}

static void test_assertion(void **state) {
        EVP_PKEY *key = key_new(2048), *other = key_new(2048), *short_key = key_new(1024);
        X509 *certificate = certificate_new(key), *weak = certificate_new(short_key);
        _cleanup_(secret_freep) Secret *pem = pem_of(key, NULL, certificate), *jwt = NULL;

        (void) state;
        check_pem(key, NULL, certificate, NULL);
        check_pem(NULL, NULL, certificate, "holds no private key");
        check_pem(key, NULL, NULL, "holds no certificate");
        check_pem(key, "secret", certificate, "behind a pass phrase");
        check_pem(other, NULL, certificate, "belongs to another certificate");
        check_pem(short_key, NULL, weak, "no RSA key of at least 2048 bits");
        assert_int_equal(assertion_make(pem, CLIENT, "https://login.example/t/oauth2/v2.0/token", NOW, &jwt),
                         0);
        _cleanup_free_ char *text = strdup(secret_reveal(jwt));
        check_jwt(text, key);
        X509_free(weak);
        X509_free(certificate);
        EVP_PKEY_free(short_key);
        EVP_PKEY_free(other);
        EVP_PKEY_free(key);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests), cmocka_unit_test(test_challenge),
                cmocka_unit_test(test_replies),  cmocka_unit_test(test_failures),
                cmocka_unit_test(test_retries),  cmocka_unit_test(test_assertion),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
