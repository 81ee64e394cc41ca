#pragma once
/* The kinds of receivers, one file each; receiver.c has the table. */

#include "receiver/receiver.h"

extern const ReceiverKind receiver_kind_slack;
extern const ReceiverKind receiver_kind_teams;
extern const ReceiverKind receiver_kind_email;
extern const ReceiverKind receiver_kind_webhook;
extern const ReceiverKind receiver_kind_journal;
