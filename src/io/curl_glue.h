#pragma once
/* Runs libcurl transfers on an sd-event loop.
 *
 * Completion callbacks run from an event source of their own, never inside libcurl and never before submit
 * returned, so they may submit and cancel freely. CURLOPT_* callbacks do run inside libcurl and may do
 * neither (-EDEADLK). sd_event_add_io and curl_multi_socket_action(3) pitfalls: see the note at the top of
 * the .c. */

#include <curl/curl.h>
#include <systemd/sd-event.h>

#include "base/macro.h"

typedef struct CurlGlue CurlGlue;
typedef struct CurlCall CurlCall;
/* easy is valid during the callback and gone after it. */
typedef void (*curl_done_t)(CURL *easy, CURLcode code, void *userdata);

int curl_glue_new(CurlGlue **ret, sd_event *event);
/* Cancels what is in flight; no completion callback runs. Not from a completion callback. */
CurlGlue *curl_glue_free(CurlGlue *g);
DEFINE_CLEANUP(CurlGlue, curl_glue_free)
/* Transfers under way at a time; those beyond wait for their turn, and their own deadline does not run
 * meanwhile. Connections that are kept open for the next transfer when one has ended. */
int curl_glue_set_limits(CurlGlue *g, unsigned max_running, unsigned max_kept);
/* A handle without any option set: one that served before and was reset, or a new one. NULL: no memory. It
 * ends by a submit or by curl_easy_cleanup(3). */
CURL *curl_glue_take_easy(CurlGlue *g);
/* Takes easy on success only. The call ends itself after done ran: the holder clears its pointer there. Uses
 * CURLOPT_PRIVATE. */
int curl_glue_submit(CurlGlue *g, CURL *easy, curl_done_t done, void *userdata, CurlCall **ret);
/* For CURLOPT_CONNECT_ONLY: after a success the call and its connection stay, for curl_easy_send and
 * curl_easy_recv, until the holder cancels it. Should the connection be lost with the glue's, done runs
 * again, with an error. */
int curl_glue_submit_held(CurlGlue *g, CURL *easy, curl_done_t done, void *userdata, CurlCall **ret);
sd_event *curl_glue_get_event(CurlGlue *g);
/* The callback will not run. Takes NULL, returns NULL. Does nothing to the call whose callback is running.
 */
CurlCall *curl_call_cancel(CurlCall *c);
