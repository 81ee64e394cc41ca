#pragma once
/* The SMTP server tests/sim/smtp_sink.py as a child process of a test. */

#include <sys/types.h>

typedef struct Sink {
        pid_t pid;
        unsigned port;
        char records[160], port_file[160];
} Sink;

/* Starts it with these options more (NULL-terminated), its files in dir; skips the test where its library is
 * missing, or fails it with CI=true. */
void sink_start(Sink *s, const char *dir, const char *const *options);
void sink_stop(Sink *s);
/* What it received, number n from 0, "eml" or "json", to be freed; NULL if there is none. */
char *sink_mail(const Sink *s, unsigned n, const char *suffix);
