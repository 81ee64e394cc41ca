/* How it works. libcurl makes an SSL_CTX for each connection and hands it to on_ssl_ctx(). From there two
 * callbacks of OpenSSL do the rest: at the start of a handshake the session is offered (on_info), and one
 * that comes is stored (on_session), maybe long after the transfer that made the connection. What they need
 * to know is ex_data of the SSL_CTX. A proxy that speaks TLS has an SSL_CTX of its own under the same use:
 * so the name that is asked for is part of the key.
 *
 * Sessions are kept as they are written out, in a fifth of the memory. What is written has no chain of
 * certificates, only the server's own, which is what libcurl compares the name with. Nine tenths of reading
 * it again would be the public key in it, which a session that is resumed has no use for: so it is read
 * under a library context without algorithms, where OpenSSL leaves the key alone. */
#include "io/tls_cache.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <uthash.h>

#include "base/strings.h"
#include "base/time.h"

#define VERIFIED_USEC USEC_PER_HOUR
/* 4,000 servers whose certificates are short, or 1,500 that have long ones. What finds no room is not
 * kept. */
#define SESSIONS_SIZE_MAX ((size_t) 4096 * 1024)
#define NAME_SEPARATOR "\n"             /* between what was given as a key and the name */

typedef struct TlsEntry {
        UT_hash_handle hh;
        unsigned char *session;         /* a secret */
        size_t size;
        usec_t verified_usec;           /* boottime, of the handshake that had certificates */
        char *key;
} TlsEntry;

struct TlsCache {
        unsigned n_refs;                /* its owner, and each SSL_CTX */
        bool usable;
        size_t size;                    /* of all */
        TlsEntry *entries;
        OSSL_LIB_CTX *bare;             /* NULL until a session is read */
        OSSL_PROVIDER *nothing;         /* all that is in it */
};

static int ctx_index = -1;              /* where an SSL_CTX has its TlsUse */
static int ssl_index = -1;              /* where an SSL is marked when it has given a session */

static void entry_free(TlsCache *c, TlsEntry *e) {
        HASH_DEL(c->entries, e);
        c->size -= e->size;
        OPENSSL_clear_free(e->session, e->size);
        free(e->key);
        free(e);
}

static void bare_free(TlsCache *c) {
        if (c->nothing)
                (void) OSSL_PROVIDER_unload(c->nothing);
        OSSL_LIB_CTX_free(c->bare);
        c->nothing = NULL;
        c->bare = NULL;
}

static int bare_open(TlsCache *c) {
        if (c->bare)
                return 0;
        c->bare = OSSL_LIB_CTX_new();
        c->nothing = c->bare ? OSSL_PROVIDER_load(c->bare, "null") : NULL;
        if (c->nothing)
                return 0;
        bare_free(c);
        return -ENOMEM;
}

static void cache_unref(TlsCache *c) {
        TlsEntry *e, *next;

        if (--c->n_refs > 0)
                return;
        HASH_ITER(hh, c->entries, e, next)
                entry_free(c, e);
        bare_free(c);
        free(c);
}

static void use_free(TlsUse *u) {
        if (!u)
                return;
        cache_unref(u->cache);
        free(u->key);
        free(u);
}

static void on_ctx_free(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp) {
        (void) parent;
        (void) data;
        (void) index;
        (void) argl;
        (void) argp;
        use_free(ptr);
}

/* NULL: no memory, or no use of it. */
static char *key_of(const SSL *ssl, const TlsUse *u) {
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        char *key = NULL;

        return string_printf(&key, "%s" NAME_SEPARATOR "%s", u->key, strempty(name)) < 0 ? NULL : key;
}

static TlsEntry *entry_find(TlsCache *c, const char *key) {
        TlsEntry *e;

        HASH_FIND_STR(c->entries, key, e);
        if (e && clock_usec(CLOCK_BOOTTIME) >= usec_add(e->verified_usec, VERIFIED_USEC)) {
                entry_free(c, e);
                return NULL;
        }
        return e;
}

/* NULL if that fails: then all is verified anew. */
static SSL_SESSION *entry_read(TlsCache *c, const TlsEntry *e) {
        const unsigned char *p = e->session;

        if (bare_open(c) < 0)
                return NULL;
        OSSL_LIB_CTX *usual = OSSL_LIB_CTX_set0_default(c->bare);
        SSL_SESSION *session = usual ? d2i_SSL_SESSION(NULL, &p, (long) e->size) : NULL;
        if (usual)
                (void) OSSL_LIB_CTX_set0_default(usual);
        return session;
}

static void on_info(const SSL *ssl, int where, int value) {
        TlsUse *u = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ctx_index);

        (void) value;
        if (where != SSL_CB_HANDSHAKE_START || !u || SSL_get_session(ssl))
                return;
        _cleanup_free_ char *key = key_of(ssl, u);
        TlsEntry *e = key ? entry_find(u->cache, key) : NULL;
        SSL_SESSION *session = e ? entry_read(u->cache, e) : NULL;
        if (session) {
                (void) SSL_set_session((SSL *) ssl, session);
                SSL_SESSION_free(session);
        }
        ERR_clear_error();
}

/* Of a session that was verified just now. NULL: no memory. */
static TlsEntry *entry_add(TlsCache *c, const char *key) {
        TlsEntry *e = calloc(1, sizeof *e);

        if (!e)
                return NULL;
        e->key = strdup(key);
        if (!e->key) {
                free(e);
                return NULL;
        }
        e->verified_usec = clock_usec(CLOCK_BOOTTIME);
        HASH_ADD_KEYPTR(hh, c->entries, e->key, strlen(e->key), e);
        return e;
}

/* Takes what is written out over. What is resumed keeps the hour of what it came from: nothing is kept if
 * that has ended meanwhile. */
static void cache_put(TlsCache *c, const char *key, unsigned char *session, size_t size, bool resumed) {
        TlsEntry *e = entry_find(c, key);

        if (e && (!resumed || size > SESSIONS_SIZE_MAX - (c->size - e->size))) {
                entry_free(c, e);
                e = NULL;
        }
        if (!resumed && size <= SESSIONS_SIZE_MAX - c->size)
                e = entry_add(c, key);
        if (!e) {
                OPENSSL_clear_free(session, size);
                return;
        }
        OPENSSL_clear_free(e->session, e->size);
        c->size += size - e->size;
        e->session = session;
        e->size = size;
}

/* A server sends two or more after a handshake with certificates: the first will do. 0: not taken over. */
static int on_session(SSL *ssl, SSL_SESSION *session) {
        TlsUse *u = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ctx_index);
        unsigned char *data = NULL;

        if (!u || !SSL_SESSION_is_resumable(session) || SSL_get_verify_result(ssl) != X509_V_OK ||
            SSL_get_ex_data(ssl, ssl_index))
                return 0;
        _cleanup_free_ char *key = key_of(ssl, u);
        int size = key ? i2d_SSL_SESSION(session, &data) : 0;
        if (size > 0) {
                (void) SSL_set_ex_data(ssl, ssl_index, u);
                cache_put(u->cache, key, data, (size_t) size, SSL_session_reused(ssl));
        }
        ERR_clear_error();
        return 0;
}

/* From libcurl, before it makes the connection's SSL. */
static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *userdata) {
        const TlsUse *use = userdata;
        SSL_CTX *ctx = ssl_ctx;

        (void) easy;
        TlsUse *u = calloc(1, sizeof *u);
        char *key = strdup(use->key);
        if (!u || !key || SSL_CTX_set_ex_data(ctx, ctx_index, u) != 1) {
                free(key);
                free(u);
                return CURLE_OUT_OF_MEMORY;
        }
        *u = (TlsUse) { .cache = use->cache, .key = key };
        u->cache->n_refs++;
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ctx, on_session);
        SSL_CTX_set_info_callback(ctx, on_info);
        return CURLE_OK;
}

/* libcurl may be built with another library for TLS, or with another OpenSSL than this program. */
static bool library_is_ours(void) {
        const char *version = strempty(curl_version_info(CURLVERSION_NOW)->ssl_version);
        char ours[16];

        (void) snprintf(ours, sizeof ours, "OpenSSL/%u.", OPENSSL_version_major());
        return startswith(version, ours) != NULL;
}

int tls_cache_new(TlsCache **ret) {
        TlsCache *c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        c->n_refs = 1;
        c->usable = library_is_ours();
        if (ctx_index < 0)
                ctx_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_ctx_free);
        if (ssl_index < 0)
                ssl_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
        if (ctx_index < 0 || ssl_index < 0) {
                free(c);
                return -ENOMEM;
        }
        *ret = c;
        return 0;
}

TlsCache *tls_cache_free(TlsCache *c) {
        if (c)
                cache_unref(c);
        return NULL;
}

int tls_cache_apply(CURL *easy, TlsUse *use) {
        if (!use->cache->usable)
                return 0;
        return curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
                               curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, use) == CURLE_OK &&
                               curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx) == CURLE_OK
                       ? 0
                       : -ENOMEM;
}

void tls_cache_release_buffers(const TlsCache *c, CURL *easy) {
        struct curl_tlssessioninfo *info = NULL;

        if (c->usable && curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) == CURLE_OK && info &&
            info->backend == CURLSSLBACKEND_OPENSSL && info->internals)
                (void) SSL_free_buffers(info->internals);       /* none that is in use */
}

void tls_cache_forget(TlsCache *c, const char *key) {
        size_t size = strlen(key);
        TlsEntry *e, *next;

        HASH_ITER(hh, c->entries, e, next)
                if (strncmp(e->key, key, size) == 0 && startswith(e->key + size, NAME_SEPARATOR))
                        entry_free(c, e);
}
