#pragma once
/* HTTP by libmicrohttpd, driven from one poll loop without threads: requests in, replies out, late ones when
 * their time has come. */
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "sim.h"

struct MHD_Daemon;

typedef struct Server {
        Sim *sim;
        struct MHD_Daemon *plain, *tls;
        char *certificate, *key;        /* PEM */
        gnutls_datum_t ticket_key;      /* of TLS sessions, for as long as it runs */
        Request *waiting;
        int64_t date_stamp;             /* of date_text */
        char date_text[40];
} Server;

/* Ports: 0 picks one. tls_port is ignored without certificate and key. */
int server_start(Server *s, Sim *sim, uint16_t port, uint16_t tls_port);
uint16_t server_port(const Server *s);
uint16_t server_tls_port(const Server *s);
/* Until signal_fd is readable. */
int server_run(Server *s, int signal_fd);
void server_stop(Server *s);
