/* Addresses by CURLOPT_CONNECT_TO, not CURLOPT_RESOLVE: what that one sets is kept in the cache of the multi
 * handle for good, where every other transfer to the same host and port finds it, also after a reload. With
 * CONNECT_TO libcurl reuses only connections that were made to the same address. */
#include "io/http_way.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/macro.h"
#include "base/strings.h"
#include "io/certificate.h"

typedef struct Alone {
        HttpWay way;
} Alone;

const OptionSpec http_way_options[] = {
        HTTP_WAY_OPTIONS(Alone, way),
        {},
};

typedef struct Check {
        const HttpWay *way;
        OptionComplaints complaints;
} Check;

#define check_complain(c, ...) option_complain(&(c)->complaints, __VA_ARGS__)

/* --- proxy --------------------------------------------------------------------------------------------- */

static void curlu_cleanupp(CURLU **u) {
        curl_url_cleanup(*u);
}

/* Whether the part is there; -1 without memory. */
static bool url_has(CURLU *u, CURLUPart part) {
        char *s = NULL;
        bool is = curl_url_get(u, part, &s, 0) == CURLUE_OK && s && *s;

        curl_free(s);
        return is;
}

static const char *proxy_mistake(const char *text) {
        static const char *const schemes[] = { "http://", "https://", "socks4://", "socks4a://",
                                               "socks5://", "socks5h://" };
        _cleanup_(curlu_cleanupp) CURLU *u = curl_url();
        bool known = false;
        char *path = NULL;

        if (!strstr(text, "://"))
                return "has no scheme: it is http://host:port";
        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
                known = known || startswith(text, schemes[i]);
        if (!known)
                return "is no http, https or socks proxy";
        if (!u || curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
            !url_has(u, CURLUPART_HOST))
                return "has no valid host name";
        if (url_has(u, CURLUPART_USER) || url_has(u, CURLUPART_PASSWORD))
                return "carries a user name or password: they belong into proxy_user and proxy_password";
        bool bare = curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK || streq(path, "/");
        curl_free(path);
        return bare ? NULL : "has a path: a proxy is scheme://host:port";
}

static bool is_clean(const char *s) {
        for (; *s; s++)
                if ((unsigned char) *s < ' ' || *s == '\177')
                        return false;
        return true;
}

static int check_proxy(Check *c) {
        const HttpWay *w = c->way;
        const char *mistake = isempty(w->proxy) ? NULL : proxy_mistake(w->proxy);

        int r = mistake ? check_complain(c, "proxy", "proxy %s", mistake) : 0;
        if (r >= 0 && !w->proxy_user != !w->proxy_password)
                r = w->proxy_user ? check_complain(c, "proxy_user", "proxy_user needs proxy_password") :
                                    check_complain(c, "proxy_password", "proxy_password needs proxy_user");
        if (r >= 0 && w->proxy_user &&
            (!*w->proxy_user || strchr(w->proxy_user, ':') || !is_clean(w->proxy_user)))
                r = check_complain(c, "proxy_user", "proxy_user must be a name without a colon");
        if (r >= 0 && w->no_proxy && (!is_clean(w->no_proxy) || strchr(w->no_proxy, '/') == w->no_proxy ||
                                      strstr(w->no_proxy, "://")))
                r = check_complain(c, "no_proxy",
                                   "no_proxy is hosts and networks, as \".example.org,10.0.0.0/8\"");
        return r;
}

/* --- addresses ----------------------------------------------------------------------------------------- */

static bool host_is_name(const char *s, size_t n) {
        return n > 0 && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_") >= n;
}

/* An address, IPv6 with or without brackets; *ret_family. */
static int parse_address(const char *s, char ret[static INET6_ADDRSTRLEN], int *ret_family) {
        unsigned char a[sizeof(struct in6_addr)];
        size_t n = strlen(s);
        bool bracket = n >= 2 && s[0] == '[' && s[n - 1] == ']';

        if (n - 2 * bracket >= INET6_ADDRSTRLEN)
                return -EINVAL;
        (void) snprintf(ret, INET6_ADDRSTRLEN, "%.*s", (int) (n - 2 * bracket), s + bracket);
        *ret_family = inet_pton(AF_INET6, ret, a) == 1 ? AF_INET6 : AF_INET;
        return *ret_family == AF_INET && (bracket || inet_pton(AF_INET, ret, a) != 1) ? -EINVAL : 0;
}

int http_way_parse_resolve(const char *text, char **ret, const char **ret_message) {
        const char *colon = strchr(text, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
        _cleanup_free_ char *port_text = NULL;
        char address[INET6_ADDRSTRLEN];
        uint64_t port;
        int family;

        *ret_message = "is \"host:port:address\", as \"contoso.openai.azure.com:443:10.0.0.5\"";
        if (!second || !host_is_name(text, (size_t) (colon - text)))
                return -EINVAL;
        port_text = strndup(colon + 1, (size_t) (second - colon - 1));
        if (!port_text)
                return -ENOMEM;
        if (parse_uint64(port_text, &port) < 0 || port < 1 || port > 65535)
                return -EINVAL;
        if (parse_address(second + 1, address, &family) < 0) {
                *ret_message = "has no valid address: one of IPv4 or IPv6";
                return -EINVAL;
        }
        return string_printf(ret, "%.*s:%u:%s%s%s:%u", (int) (colon - text), text, (unsigned) port,
                             family == AF_INET6 ? "[" : "", address, family == AF_INET6 ? "]" : "",
                             (unsigned) port);
}

static int check_resolve(Check *c) {
        for (char *const *p = c->way->resolve; p && *p; p++) {
                _cleanup_free_ char *ignored = NULL;
                const char *message;
                int r = http_way_parse_resolve(*p, &ignored, &message);
                if (r == -EINVAL)
                        r = check_complain(c, "resolve", "resolve: '%s' %s", *p, message);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- certificates -------------------------------------------------------------------------------------- */

static void file_closep(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

static void x509_freep(X509 **x) {
        X509_free(*x);
}

static void pkey_freep(EVP_PKEY **k) {
        EVP_PKEY_free(*k);
}

/* NULL with a complaint when it cannot be read. */
static int open_pem(Check *c, const char *key, const char *path, FILE **ret) {
        *ret = NULL;
        if (path[0] != '/')
                return check_complain(c, key, "%s must be an absolute path", key);
        *ret = fopen(path, "re");
        return *ret ? 0 : check_complain(c, key, "%s %s: %s", key, path, strerrordesc_np(errno));
}

static int read_certificate(Check *c, const char *key, const char *path, X509 **ret) {
        _cleanup_(file_closep) FILE *f = NULL;
        PassPhrase none = {};

        *ret = NULL;
        int r = open_pem(c, key, path, &f);
        if (r < 0 || !f)
                return r;
        *ret = PEM_read_X509(f, NULL, pass_phrase_give, &none);
        ERR_clear_error();
        return *ret ? 0 : check_complain(c, key, "%s %s: no certificate in it (PEM is wanted)", key, path);
}

static int read_key(Check *c, const char *key, const char *path, EVP_PKEY **ret) {
        PassPhrase password = { .secret = c->way->client_key_password };
        _cleanup_(file_closep) FILE *f = NULL;

        *ret = NULL;
        int r = open_pem(c, key, path, &f);
        if (r < 0 || !f)
                return r;
        *ret = PEM_read_PrivateKey(f, NULL, pass_phrase_give, &password);
        ERR_clear_error();
        if (*ret)
                return 0;
        return check_complain(c, key, "%s %s: no private key in it (PEM is wanted), or client_key_password "
                              "is %s", key, path, c->way->client_key_password ? "wrong" : "missing");
}

static int check_certificates(Check *c) {
        const HttpWay *w = c->way;
        const char *key_name = w->client_key ? "client_key" : "client_cert";
        _cleanup_(x509_freep) X509 *authority = NULL, *own = NULL;
        _cleanup_(pkey_freep) EVP_PKEY *key = NULL;

        int r = w->ca_file ? read_certificate(c, "ca_file", w->ca_file, &authority) : 0;
        if (r >= 0 && w->client_key && !w->client_cert)
                return check_complain(c, "client_key", "client_key needs client_cert");
        if (r < 0 || !w->client_cert)
                return r;
        r = read_certificate(c, "client_cert", w->client_cert, &own);
        if (r >= 0 && (own || w->client_key))
                r = read_key(c, key_name, w->client_key ? w->client_key : w->client_cert, &key);
        if (r < 0 || !own || !key)
                return r;
        bool fits = X509_check_private_key(own, key) == 1;
        ERR_clear_error();
        return fits ? 0 : check_complain(c, key_name, "%s is not the key of client_cert", key_name);
}

int http_way_check(const HttpWay *w, option_complain_t complain, void *userdata) {
        static int (*const steps[])(Check *) = { check_certificates, check_proxy, check_resolve };
        Check c = { .way = w, .complaints = { complain, userdata, 0 } };

        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                int r = steps[i](&c);
                if (r < 0)
                        return r;
        }
        return (int) c.complaints.n;
}
