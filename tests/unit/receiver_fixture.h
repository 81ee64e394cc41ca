#pragma once
/* Settings of receivers for tests, filled by their option tables as the configuration does it. */

#include "receiver/receiver.h"

/* Key, value, ..., NULL. A list is given by repeating its key; what is not given has its fallback. Required
 * options that are not given get something usable, so `receiver_fixture_new("slack", NULL)` is enough. Fails
 * the test on a mistake. */
ReceiverCommon *receiver_fixture_new(const char *kind, ...) __attribute__((sentinel));
