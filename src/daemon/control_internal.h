#pragma once
/* What the files of the control share. control.c: the objects, properties and signals; control_methods.c:
 * what is asked; control_silence.c, control_probe.c: of that, silences and probes; control_request.c: what
 * is still to be answered; log_control.c: org.freedesktop.LogControl1. */

#include <systemd/sd-bus.h>

#include "daemon/bus.h"
#include "daemon/control.h"

#define REQUESTS_MAX 64U                /* open at once; nobody needs more */

typedef enum RequestKind {
        REQUEST_POLL,
        REQUEST_PROBE,
        REQUEST_RELOAD,
        REQUEST_TEST,
        _REQUEST_MAX,
} RequestKind;

typedef struct Found Found;

/* A call that is answered later. */
typedef struct Request {
        RequestKind kind;
        sd_bus_message *call;
        sd_bus_slot *gone, *there;      /* its caller left; whether it was still there */
        Control *control;
        char *subject;                  /* POLL, PROBE: the source, NULL for all; TEST: the receiver */
        char notice_id[NOTICE_ID_SIZE]; /* TEST */
        usec_t asked_usec;              /* boottime: what began before it is no answer */
        sd_bus_message *reply;          /* POLL: filled source by source */
        char **done;                    /* POLL: the sources in it */
        Found *found;                   /* POLL: notices since */
        Probe *probe;                   /* PROBE: NULL between two engines */
        struct Request *prev, *next;
} Request;

/* The properties that change, in the types of D-Bus. */
typedef struct ControlStatus {
        uint32_t n_sources, n_answering, n_unfinished, n_owed;
        char *trouble;                  /* as engine_describe_troubles() says it, or "" */
} ControlStatus;

void control_status_done(ControlStatus *s);
int control_status_read(const Control *c, ControlStatus *ret);

struct Control {
        sd_event *event;
        ControlPorts ports;
        Bus *bus;
        Engine *engine;
        Request *requests;
        unsigned n_requests;
        sd_event_source *late;          /* emits PropertiesChanged, when that was done just now */
        const char *version;
        ControlStatus told;             /* what PropertiesChanged said last */
        usec_t told_usec;               /* boottime */
};

extern const sd_bus_vtable control_vtable[];    /* of Control */
extern const sd_bus_vtable log_control_vtable[];

/* Between two engines: for the moment of a reload, or for good. */
int control_fail_no_engine(sd_bus_error *error);
int control_fail_no_source(const Control *c, const char *name, sd_bus_error *error);
/* request_new() failed so. */
int control_fail_request(sd_bus_error *error, int r);
/* Something in the engine returned r. */
int control_fail(const Control *c, int r, sd_bus_error *error);
/* control_silence.c */
int method_silence(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_unsilence(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_silences(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* control_probe.c */
int method_probe(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* Its settings are about to go. */
void probes_stop(Control *c);
/* With the settings that there are now. */
int probe_start(Control *c, Request *r);

/* Keeps the call open, until it is answered or who asked has gone. Frees nothing on failure. */
int request_new(Control *c, RequestKind kind, sd_bus_message *call, const char *subject, Request **ret);
Request *request_free(Control *c, Request *r);
void requests_free(Control *c);
void request_fail(Control *c, Request *r, const char *name, const char *message);
/* An error to all of the kind. */
void requests_fail(Control *c, RequestKind kind, const char *name, const char *message);
void requests_take_poll(Control *c, const PollReport *report);
void requests_take_delivery(Control *c, const DeliveryReport *report);
void requests_take_notice(Control *c, const Notice *n);
/* There is another engine: what it cannot answer is answered now. */
void requests_check(Control *c);
