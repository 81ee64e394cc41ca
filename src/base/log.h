#pragma once
/* The log: to the journal with fields when stderr is connected to it, else to stderr as text lines. Only
 * config/, engine/, daemon/ and ctl/ may include this. Foreign text in messages is cleaned here (one line,
 * no control characters). */

#include <stdarg.h>
#include <stdbool.h>
#include <syslog.h>

#include "base/macro.h"

/* What a line is about. Each field that is not NULL is written as FTWATCH_...= to the journal and in front
 * of the text. */
typedef struct LogContext {
        const char *source;
        const char *job_id;
        const char *receiver;
        const char *notice_id;
} LogContext;

/* Chooses journal or stderr by $JOURNAL_STREAM; max_level is the least urgent that is written (LOG_INFO). */
void log_open(const char *identifier, int max_level);
void log_set_max_level(int level);
int log_get_max_level(void);
bool log_is_journal(void);

/* Where lines go: "auto" (as log_open() chooses), "console" (stderr), "journal", "null". -EINVAL. */
int log_set_target(const char *name);
/* "console", "journal" or "null". */
const char *log_get_target(void);

/* "emerg" .. "debug" by their numbers, then NULL, as LogLevel of org.freedesktop.LogControl1 spells them. */
extern const char *const log_level_names[];
const char *log_level_to_string(int level);
int log_level_from_string(const char *name);    /* -EINVAL */

void log_context(const LogContext *context, int level, const char *format, ...) _printf_(3, 4);
#define log_error(...) log_context(NULL, LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_context(NULL, LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_context(NULL, LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_context(NULL, LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_context(NULL, LOG_DEBUG, __VA_ARGS__)
