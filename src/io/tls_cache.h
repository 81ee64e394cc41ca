#pragma once
/* TLS sessions, to be resumed by the next connection to the same server: libcurl itself would keep those of
 * five servers, for one handle. What is resumed spares both sides certificates and signatures; the name is
 * compared again each time, and after an hour all is verified anew. */

#include <stddef.h>

#include <curl/curl.h>

#include "base/macro.h"

typedef struct TlsCache TlsCache;

/* Of one transfer, and at least as long-lived. */
typedef struct TlsUse {
        TlsCache *cache;
        char *key;
} TlsUse;

int tls_cache_new(TlsCache **ret);
/* Connections may outlive it: they keep what they need. */
TlsCache *tls_cache_free(TlsCache *c);
DEFINE_CLEANUP(TlsCache, tls_cache_free)

/* The transfer offers what is kept under use->key, and keeps there what it is given. The key has all that
 * tells servers, and this side to them, apart: origin, authorities, client certificate. */
int tls_cache_apply(CURL *easy, TlsUse *use);
/* Of the connection of a transfer that is receiving, not from below OpenSSL: 17 kB, which it would hold from
 * the server's ticket to the next request. */
void tls_cache_release_buffers(const TlsCache *c, CURL *easy);
/* The next one verifies all. */
void tls_cache_forget(TlsCache *c, const char *key);
