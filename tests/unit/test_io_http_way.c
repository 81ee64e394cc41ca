/* The way of a request: what is complained about. That libcurl goes it is in tests/e2e/transport.bats. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/macro.h"
#include "base/strings.h"
#include "io/http_way.h"
#include "unit/io_tls.h"

static int on_complaint(const char *key, const char *message, void *userdata) {
        char **text = userdata, *joined;

        if (string_printf(&joined, "%s%s: %s\n", strempty(*text), key, message) < 0)
                return -ENOMEM;
        free(*text);
        *text = joined;
        return 0;
}

/* What is said, "" when nothing is. */
static void check(const HttpWay *w, const char *expected) {
        _cleanup_free_ char *text = NULL;

        int r = http_way_check(w, on_complaint, &text);
        assert_string_equal(strempty(text), expected);
        assert_int_equal(r > 0, *expected != '\0');
}

static const struct {
        const char *text, *complaint;
} proxies[] = {
        { "", "" },
        { "http://proxy:3128", "" },
        { "http://[fd00::1]:3128", "" },
        { "socks5h://10.0.0.1:1080/", "" },
        { "proxy:3128", "proxy: proxy has no scheme: it is http://host:port\n" },
        { "http://user:pw@proxy:3128",
          "proxy: proxy carries a user name or password: they belong into proxy_user and proxy_password\n" },
        { "http://user@proxy:3128",
          "proxy: proxy carries a user name or password: they belong into proxy_user and proxy_password\n" },
        { "http://proxy:3128/path", "proxy: proxy has a path: a proxy is scheme://host:port\n" },
        { "http://", "proxy: proxy has no valid host name\n" },
        { "ftp://proxy", "proxy: proxy is no http, https or socks proxy\n" },
};

static void test_proxy(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(proxies); i++)
                check(&(HttpWay) { .proxy = (char *) proxies[i].text }, proxies[i].complaint);
}

static void test_login(void **state) {
        _cleanup_(secret_freep) Secret *password = NULL;

        (void) state;
        assert_int_equal(secret_new(&password, "pw", 2), 0);
        check(&(HttpWay) { .proxy_user = (char *) "u", .proxy_password = password }, "");
        check(&(HttpWay) { .proxy_user = (char *) "u" }, "proxy_user: proxy_user needs proxy_password\n");
        check(&(HttpWay){ .proxy_password = password }, "proxy_password: proxy_password needs proxy_user\n");
        check(&(HttpWay) { .proxy_user = (char *) "a:b", .proxy_password = password },
              "proxy_user: proxy_user must be a name without a colon\n");
        check(&(HttpWay) { .no_proxy = (char *) ".example.org,10.0.0.0/8" }, "");
        check(&(HttpWay) { .no_proxy = (char *) "http://x" },
              "no_proxy: no_proxy is hosts and networks, as \".example.org,10.0.0.0/8\"\n");
}

static const struct {
        const char *text, *to, *message;        /* one of the last two */
} addresses[] = {
        { "c.openai.azure.com:443:10.0.0.5", "c.openai.azure.com:443:10.0.0.5:443", NULL },
        { "c.openai.azure.com:443:[fd00::5]", "c.openai.azure.com:443:[fd00::5]:443", NULL },
        { "c.openai.azure.com:8443:fd00::5", "c.openai.azure.com:8443:[fd00::5]:8443", NULL },
        { "10.0.0.5", NULL, "is \"host:port:address\", as \"contoso.openai.azure.com:443:10.0.0.5\"" },
        { "c.example:10.0.0.5", NULL,
          "is \"host:port:address\", as \"contoso.openai.azure.com:443:10.0.0.5\"" },
        { ":443:10.0.0.5", NULL, "is \"host:port:address\", as \"contoso.openai.azure.com:443:10.0.0.5\"" },
        { "c.example:0:10.0.0.5", NULL,
          "is \"host:port:address\", as \"contoso.openai.azure.com:443:10.0.0.5\"" },
        { "c.example:65536:10.0.0.5", NULL,
          "is \"host:port:address\", as \"contoso.openai.azure.com:443:10.0.0.5\"" },
        { "a b:443:10.0.0.5", NULL,
          "is \"host:port:address\", as \"contoso.openai.azure.com:443:10.0.0.5\"" },
        { "c.example:443:", NULL, "has no valid address: one of IPv4 or IPv6" },
        { "c.example:443:other.example", NULL, "has no valid address: one of IPv4 or IPv6" },
        { "c.example:443:10.0.0.5,10.0.0.6", NULL, "has no valid address: one of IPv4 or IPv6" },
        { "c.example:443:[10.0.0.5]", NULL, "has no valid address: one of IPv4 or IPv6" },
        { "c.example:443:[fd00::5", NULL, "has no valid address: one of IPv4 or IPv6" },
};

static void test_resolve(void **state) {
        (void) state;
        for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
                char *list[] = { (char *) addresses[i].text, NULL };
                _cleanup_free_ char *to = NULL, *expected = NULL;
                const char *message = NULL;
                int r = http_way_parse_resolve(addresses[i].text, &to, &message);
                if (addresses[i].to && (r < 0 || !streq(to, addresses[i].to)))
                        fail_msg("%s: %s", addresses[i].text, r < 0 ? message : to);
                if (addresses[i].message)
                        assert_true(string_printf(&expected, "resolve: resolve: '%s' %s\n",
                                                  addresses[i].text, addresses[i].message) >= 0);
                check(&(HttpWay) { .resolve = list }, strempty(expected));
        }
}

/* The key of t, encrypted, beside it. */
static void write_encrypted(const IoTls *t, const char *path) {
        FILE *in = fopen(t->key, "re"), *out = fopen(path, "we");

        assert_non_null(in);
        assert_non_null(out);
        EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
        assert_non_null(key);
        assert_int_equal(PEM_write_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), (char *) "open", 4, NULL,
                                                   NULL),
                         1);
        EVP_PKEY_free(key);
        assert_int_equal(fclose(in), 0);
        assert_int_equal(fclose(out), 0);
}

static void test_certificates(void **state) {
        IoTls *t = io_tls_new(0), *other = io_tls_new(0);
        _cleanup_(secret_freep) Secret *right = NULL, *wrong = NULL;
        _cleanup_free_ char *text = NULL, *locked = NULL;

        (void) state;
        assert_int_equal(secret_new(&right, "open", 4), 0);
        assert_int_equal(secret_new(&wrong, "shut", 4), 0);
        assert_true(string_printf(&locked, "%s/locked.pem", t->dir) >= 0);
        write_encrypted(t, locked);

        check(&(HttpWay) { .ca_file = t->cert, .client_cert = t->cert, .client_key = t->key }, "");
        check(&(HttpWay) { .client_cert = t->cert, .client_key = locked, .client_key_password = right }, "");
        check(&(HttpWay) { .client_key = t->key }, "client_key: client_key needs client_cert\n");
        check(&(HttpWay) { .client_cert = t->cert, .client_key = other->key },
              "client_key: client_key is not the key of client_cert\n");
        check(&(HttpWay){ .ca_file = (char *) "relative.pem" },
              "ca_file: ca_file must be an absolute path\n");
        check(&(HttpWay) { .ca_file = (char *) "/nowhere/ca.pem" },
              "ca_file: ca_file /nowhere/ca.pem: No such file or directory\n");
        assert_true(string_printf(&text, "ca_file: ca_file %s: no certificate in it (PEM is wanted)\n",
                                  t->key) >= 0);
        check(&(HttpWay) { .ca_file = t->key }, text);
        free(text);
        assert_true(string_printf(&text,
                                  "client_key: client_key %s: no private key in it (PEM is wanted), or "
                                  "client_key_password is missing\n",
                                  locked) >= 0);
        check(&(HttpWay) { .client_cert = t->cert, .client_key = locked }, text);
        free(text);
        assert_true(string_printf(&text,
                                  "client_key: client_key %s: no private key in it (PEM is wanted), or "
                                  "client_key_password is wrong\n",
                                  locked) >= 0);
        check(&(HttpWay){ .client_cert = t->cert, .client_key = locked, .client_key_password = wrong },
              text);
        free(text);
        assert_true(string_printf(&text,
                                  "client_cert: client_cert %s: no private key in it (PEM is wanted), or "
                                  "client_key_password is missing\n",
                                  t->cert) >= 0);
        check(&(HttpWay) { .client_cert = t->cert }, text);
        io_tls_free(t);
        io_tls_free(other);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_proxy),
                cmocka_unit_test(test_login),
                cmocka_unit_test(test_resolve),
                cmocka_unit_test(test_certificates),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
