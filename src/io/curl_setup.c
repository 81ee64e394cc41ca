#include "io/curl_setup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/strings.h"
#include "base/text.h"

#define CONNECT_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define READ_BUFFER_SIZE (32L * 1024)   /* a page of 20 events at once; a TLS record is no more than 16 */

typedef struct FailureRow {
        CURLcode code;
        HttpFailure failure;
        bool quote;                     /* the error buffer names no more than host, port and certificate */
        const char *words;
} FailureRow;

static const FailureRow failure_table[] = {
        { CURLE_COULDNT_RESOLVE_HOST, HTTP_FAILURE_DNS, true, "the host name was not resolved" },
        { CURLE_COULDNT_RESOLVE_PROXY, HTTP_FAILURE_PROXY, true, "the name of the proxy was not resolved" },
        { CURLE_PROXY, HTTP_FAILURE_PROXY, true, "the proxy does not work" },
        { CURLE_COULDNT_CONNECT, HTTP_FAILURE_CONNECT, true, "no connection" },
        { CURLE_INTERFACE_FAILED, HTTP_FAILURE_CONNECT, false, "no connection" },
        { CURLE_OPERATION_TIMEDOUT, HTTP_FAILURE_TIMEOUT, true, "timed out" },
        { CURLE_SSL_CONNECT_ERROR, HTTP_FAILURE_TLS, true, "TLS handshake failed" },
        { CURLE_PEER_FAILED_VERIFICATION, HTTP_FAILURE_TLS, true, "the certificate is not trusted" },
        { CURLE_SSL_ISSUER_ERROR, HTTP_FAILURE_TLS, true, "the certificate is not trusted" },
        { CURLE_SSL_INVALIDCERTSTATUS, HTTP_FAILURE_TLS, true, "the certificate is not trusted" },
        { CURLE_SSL_CIPHER, HTTP_FAILURE_TLS, false, "no common TLS cipher" },
        { CURLE_SSL_CACERT_BADFILE, HTTP_FAILURE_TLS, false, "the file of trusted certificates is useless" },
        { CURLE_SSL_CRL_BADFILE, HTTP_FAILURE_TLS, false, "the certificate revocation list cannot be used" },
        { CURLE_SSL_CERTPROBLEM, HTTP_FAILURE_TLS, false, "the client certificate cannot be used" },
        { CURLE_SSL_ENGINE_NOTFOUND, HTTP_FAILURE_TLS, false, "TLS failed" },
        { CURLE_SSL_ENGINE_INITFAILED, HTTP_FAILURE_TLS, false, "TLS failed" },
        { CURLE_USE_SSL_FAILED, HTTP_FAILURE_TLS, false, "the server offers no TLS" },
        { CURLE_SEND_ERROR, HTTP_FAILURE_RESET, false, "the connection broke while sending" },
        { CURLE_RECV_ERROR, HTTP_FAILURE_RESET, false, "the connection broke while receiving" },
        { CURLE_GOT_NOTHING, HTTP_FAILURE_RESET, false, "the server hung up without an answer" },
        { CURLE_PARTIAL_FILE, HTTP_FAILURE_RESET, false, "the reply was cut short" },
        { CURLE_HTTP2, HTTP_FAILURE_RESET, false, "HTTP/2 protocol error" },
        { CURLE_HTTP2_STREAM, HTTP_FAILURE_RESET, false, "HTTP/2 stream error" },
        { CURLE_WEIRD_SERVER_REPLY, HTTP_FAILURE_RESET, false, "the answer was not understood" },
        { CURLE_UNSUPPORTED_PROTOCOL, HTTP_FAILURE_RESET, false, "the answer was not understood" },
        { CURLE_BAD_CONTENT_ENCODING, HTTP_FAILURE_RESET, false, "the compressed reply is damaged" },
        { CURLE_WRITE_ERROR, HTTP_FAILURE_RESET, false, "the reply is damaged" },
        { CURLE_SEND_FAIL_REWIND, HTTP_FAILURE_RESET, false, "the connection broke while sending" },
        { CURLE_FILESIZE_EXCEEDED, HTTP_FAILURE_TOO_LARGE, false, "the reply is too large" },
        { CURLE_OUT_OF_MEMORY, HTTP_FAILURE_INTERNAL, false, "out of memory" },
};

static const FailureRow *failure_find(CURLcode code) {
        static const FailureRow other = { .failure = HTTP_FAILURE_INTERNAL, .words = "the transfer failed" };

        for (size_t i = 0; i < ARRAY_SIZE(failure_table); i++)
                if (failure_table[i].code == code)
                        return failure_table + i;
        return &other;
}

HttpFailure curl_failure(CURLcode code) {
        return code == CURLE_OK ? HTTP_FAILURE_NONE : failure_find(code)->failure;
}

void curl_failure_describe(CURLcode code, const char *error, const char *hidden, char *ret, size_t size) {
        const FailureRow *row = failure_find(code);
        const char *theirs = curl_easy_strerror(code);

        if (row->quote && !isempty(error) && !(hidden && strcasestr(error, hidden)))
                theirs = error;
        _cleanup_free_ char *clean = text_clean(theirs, size, false);
        (void) snprintf(ret, size, "%s (%s)", row->words, strempty(clean));
        text_shorten_bytes(ret, size - 1);
}

/* Debian's libcurl looks into a bundle and into a directory. With the directory it neither keeps the parsed
 * bundle nor gets by without reading it: 50 ms of CPU a connection instead of 3. The bundle holds the same
 * certificates. */
static CURLcode setup_trust(CURL *easy, const char *ca_file) {
        const char *bundle = ca_file;

        if (!bundle) {
                const char *built_in = curl_version_info(CURLVERSION_NOW)->cainfo;
                if (built_in && access(built_in, R_OK) == 0)
                        bundle = built_in;
        }
        if (!bundle)                    /* as libcurl was built: a directory, the system's own store */
                return CURLE_OK;
        CURLcode c = curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
        if (c == CURLE_OK)
                c = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        if (c == CURLE_OK)
                c = curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, bundle);
        if (c == CURLE_OK)
                c = curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
        /* Libraries without OpenSSL may not know the options. */
        return c == CURLE_UNKNOWN_OPTION || c == CURLE_NOT_BUILT_IN ? CURLE_OK : c;
}

static long span_to_ms(usec_t span) {
        usec_t ms = span / USEC_PER_MSEC + (span % USEC_PER_MSEC > 0);

        return (long) MIN(ms, (usec_t) INT_MAX);
}

int curl_setup_apply(CURL *easy, const CurlSetup *setup) {
        CURLcode c = CURLE_OK;

        /* QUICK_EXIT: a transfer that ends while a name is being looked up does not wait for the resolver's
         * thread. */
        const struct { CURLoption option; long value; } numbers[] = {
                { CURLOPT_NOSIGNAL, 1 },
                { CURLOPT_QUICK_EXIT, 1 },
                { CURLOPT_FOLLOWLOCATION, 0 },
                { CURLOPT_NETRC, CURL_NETRC_IGNORED },
                { CURLOPT_BUFFERSIZE, READ_BUFFER_SIZE },
                { CURLOPT_TIMEOUT_MS, span_to_ms(setup->timeout_usec) },
                { CURLOPT_CONNECTTIMEOUT_MS, span_to_ms(MIN(setup->timeout_usec, CONNECT_TIMEOUT_USEC)) },
        };

        for (size_t i = 0; i < ARRAY_SIZE(numbers) && c == CURLE_OK; i++)
                c = curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
        if (c == CURLE_OK)
                c = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, setup->protocols);
        if (c == CURLE_OK)
                c = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, setup->error);
        if (c == CURLE_OK && setup->proxy)
                c = curl_easy_setopt(easy, CURLOPT_PROXY, setup->proxy);
        if (c == CURLE_OK && !streq(setup->protocols, "http"))
                c = setup_trust(easy, setup->ca_file);
        if (c != CURLE_OK)
                return c == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
        return 0;
}

static int url_part(CURLU *u, CURLUPart part, char **ret) {
        char *s = NULL;

        CURLUcode c = curl_url_get(u, part, &s, 0);
        if (c != CURLUE_OK)
                return c == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
        char *copy = strdup(s);         /* theirs may not be freed by free(3) */
        curl_free(s);
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

int curl_setup_parse_url(const char *url, CURLU **ret_parsed, char **ret_scheme, char **ret_host) {
        _cleanup_free_ char *scheme = NULL, *host = NULL;
        _cleanup_(curl_url_freep) CURLU *u = curl_url();

        if (!u)
                return -ENOMEM;
        /* Where nothing is to be folded libcurl 7.88 would copy the path byte by byte. */
        CURLUcode c = curl_url_set(u, CURLUPART_URL, url, strstr(url, "/.") ? 0 : CURLU_PATH_AS_IS);
        int r = c == CURLUE_OK ? 0 : c == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
        if (r >= 0)
                r = url_part(u, CURLUPART_SCHEME, &scheme);
        if (r >= 0)
                r = url_part(u, CURLUPART_HOST, &host);
        if (r < 0)
                return r;
        if (!*host)
                return -EINVAL;
        if (ret_parsed)
                *ret_parsed = TAKE_PTR(u);
        if (ret_scheme)
                *ret_scheme = TAKE_PTR(scheme);
        *ret_host = TAKE_PTR(host);
        return 0;
}

bool host_is_loopback(const char *host) {
        struct in_addr a;

        if (strcasecmp(host, "localhost") == 0 || streq(host, "[::1]"))
                return true;
        return inet_pton(AF_INET, host, &a) == 1 && ntohl(a.s_addr) >> 24 == 127;
}
