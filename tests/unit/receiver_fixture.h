#pragma once
/* Settings of receivers for tests, filled by their option tables as the configuration does it. */

#include "receiver/receiver.h"

/* Kind, then key, value, ... . A list is given by repeating its key; what is not given has its fallback.
 * Required options that are not given get something usable, so receiver_fixture_new("slack") is enough.
 * Fails the test on a mistake. */
#define receiver_fixture_new(...) receiver_fixture_make(__VA_ARGS__, (char *) NULL)
ReceiverCommon *receiver_fixture_make(const char *kind, ...) __attribute__((sentinel));
