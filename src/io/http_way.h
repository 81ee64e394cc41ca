#pragma once
/* The way of a request to its server: proxy, trust, client certificate, addresses. Whoever has settings for
 * it embeds a HttpWay, its rows in the table of options, and has it checked. */

#include <stddef.h>

#include "base/option.h"
#include "base/secret.h"

typedef struct HttpWay {
        char *proxy;                    /* scheme://host:port; NULL: from the environment, "": none */
        char *no_proxy; /* hosts and networks, commas between them; NULL: from the environment */
        char *proxy_user;
        Secret *proxy_password;
        char *ca_file;                  /* PEM bundle; NULL: the system's */
        char *client_cert;              /* PEM; NULL: none is shown */
        char *client_key;               /* PEM; NULL: it is in client_cert */
        Secret *client_key_password;
        char **resolve;                 /* "host:port:address" */
} HttpWay;

/* Rows for the table of a struct `Type` whose member `way` is a HttpWay. */
#define HTTP_WAY_OPTIONS(Type, way) \
        { .key = "proxy", .type = OPTION_STRING, .offset = offsetof(Type, way.proxy), \
          .help = "scheme://host:port, or \"\" for none; else by https_proxy of the environment" }, \
        { .key = "no_proxy", .type = OPTION_STRING, .offset = offsetof(Type, way.no_proxy), \
          .help = "hosts and networks that need no proxy, with commas; else no_proxy of the environment" }, \
        { .key = "proxy_user", .type = OPTION_STRING, .offset = offsetof(Type, way.proxy_user), \
          .help = "to log in to the proxy with; needs proxy_password" }, \
        { .key = "proxy_password", .type = OPTION_SECRET, .offset = offsetof(Type, way.proxy_password), \
          .help = "of proxy_user" }, \
        { .key = "ca_file", .type = OPTION_STRING, .offset = offsetof(Type, way.ca_file), \
          .help = "PEM file with the certificate authorities to trust instead of the system's" }, \
        { .key = "client_cert", .type = OPTION_STRING, .offset = offsetof(Type, way.client_cert), \
          .help = "PEM file with the certificate to show to the server" }, \
        { .key = "client_key", .type = OPTION_STRING, .offset = offsetof(Type, way.client_key), \
          .help = "PEM file with its key; without, it is in client_cert" }, \
        { .key = "client_key_password", .type = OPTION_SECRET, \
          .offset = offsetof(Type, way.client_key_password), .help = "of client_key, if it is encrypted" }, \
        { .key = "resolve", .type = OPTION_STRV, .offset = offsetof(Type, way.resolve), \
          .help = "\"host:port:address\", instead of what DNS says" }

/* The same rows for a HttpWay that stands alone. */
extern const OptionSpec http_way_options[];

/* What the rows cannot say: the form of proxy and addresses, files that can be read, a key that belongs to
 * its certificate. The number of complaints, or a negative errno. */
int http_way_check(const HttpWay *w, option_complain_t complain, void *userdata);

/* "host:port:address" as CURLOPT_CONNECT_TO has it, "host:port:address:port". -EINVAL with a sentence
 * without its subject (static). */
int http_way_parse_resolve(const char *text, char **ret, const char **ret_message);
