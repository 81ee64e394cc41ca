#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/buf.h"
#include "base/strings.h"
#include "base/text.h"

#define LINE_CHARS_MAX 2000U

/* The one piece of global state of the program (a log line has no caller to take a handle from). */
static struct {
        const char *identifier;
        int max_level;
        bool journal, null;
} state = { .identifier = "ftwatchd", .max_level = LOG_INFO };

/* systemd.exec(5): $JOURNAL_STREAM is the "device:inode" of the stream that stderr must be to go to the
 * journal. */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        char own[64];
        struct stat st;

        if (!stream || fstat(STDERR_FILENO, &st) < 0)
                return false;
        (void) snprintf(own, sizeof own, "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
        return streq(own, stream);
}

void log_open(const char *identifier, int max_level) {
        state.identifier = identifier;
        state.max_level = max_level;
        state.journal = stderr_is_journal();
}

void log_set_max_level(int level) {
        state.max_level = level;
}

int log_get_max_level(void) {
        return state.max_level;
}

bool log_is_journal(void) {
        return state.journal;
}

int log_set_target(const char *name) {
        static const char *const names[] = { "auto", "console", "journal", "null" };
        size_t i = 0;

        while (i < ARRAY_SIZE(names) && !streq(names[i], name))
                i++;
        if (i == ARRAY_SIZE(names))
                return -EINVAL;
        state.journal = i == 0 ? stderr_is_journal() : i == 2;
        state.null = i == 3;
        return 0;
}

const char *log_get_target(void) {
        return state.null ? "null" : state.journal ? "journal" : "console";
}

const char *const log_level_names[] = { "emerg",   "alert",  "crit", "err",  "warning",
                                        "notice",  "info",   "debug", NULL };

const char *log_level_to_string(int level) {
        return log_level_names[level & 7];
}

int log_level_from_string(const char *name) {
        for (size_t i = 0; log_level_names[i]; i++)
                if (streq(log_level_names[i], name))
                        return (int) i;
        return -EINVAL;
}

static const struct {
        const char *field;
        size_t offset;
} context_fields[] = {
        { "FTWATCH_SOURCE", offsetof(LogContext, source) },
        { "FTWATCH_JOB_ID", offsetof(LogContext, job_id) },
        { "FTWATCH_RECEIVER", offsetof(LogContext, receiver) },
        { "FTWATCH_NOTICE_ID", offsetof(LogContext, notice_id) },
};

static const char *context_value(const LogContext *c, size_t i) {
        return c ? *(const char *const *) ((const char *) c + context_fields[i].offset) : NULL;
}

static void log_to_stderr(const LogContext *c, int level, const char *text) {
        Buf line = BUF_INIT(16 * 1024);

        (void) buf_printf(&line, "%s[%s]: ", state.identifier,
                          level == LOG_ERR ? "error" : log_level_to_string(level));
        for (size_t i = 0; i < 3; i++)                  /* the notice id is for machines: journal only */
                if (context_value(c, i))
                        (void) buf_printf(&line, "%s: ", context_value(c, i));
        (void) buf_puts(&line, text);
        char *clean = text_clean(buf_string(&line), LINE_CHARS_MAX, false);
        if (clean)
                fprintf(stderr, "%s\n", clean);
        free(clean);
        buf_done(&line);
}

static void log_to_journal(const LogContext *c, int level, const char *text) {
        Buf fields[ARRAY_SIZE(context_fields) + 3];
        struct iovec iov[ARRAY_SIZE(fields)];
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                fields[i] = BUF_INIT(16 * 1024);
        (void) buf_puts(&fields[n], "MESSAGE=");
        const char *first = c && c->receiver ? c->receiver : context_value(c, 0);
        if (first)
                (void) buf_printf(&fields[n], "%s: ", first);
        (void) buf_puts(&fields[n++], text);
        (void) buf_printf(&fields[n++], "PRIORITY=%d", level & 7);
        (void) buf_printf(&fields[n++], "SYSLOG_IDENTIFIER=%s", state.identifier);
        for (size_t i = 0; i < ARRAY_SIZE(context_fields); i++)
                if (context_value(c, i))
                        (void) buf_printf(&fields[n++], "%s=%s", context_fields[i].field,
                                          context_value(c, i));
        for (size_t i = 0; i < n; i++)
                iov[i] = (struct iovec) { .iov_base = fields[i].data, .iov_len = fields[i].size };
        if (sd_journal_sendv(iov, (int) n) < 0)
                log_to_stderr(c, level, text);
        for (size_t i = 0; i < n; i++)
                buf_done(&fields[i]);
}

void log_context(const LogContext *context, int level, const char *format, ...) {
        Buf text = BUF_INIT(8 * 1024);
        va_list ap;

        if (level > state.max_level || state.null)
                return;
        va_start(ap, format);
        (void) buf_vprintf(&text, format, ap);
        va_end(ap);
        char *clean = text_clean(buf_string(&text), LINE_CHARS_MAX, false);
        if (clean)
                (state.journal ? log_to_journal : log_to_stderr)(context, level, clean);
        free(clean);
        buf_done(&text);
}
